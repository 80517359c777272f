"""What a publisher's files hold, before anything is dropped, against what was published about them.

The published side stands in registry.csv as ``fact=value`` entries joined by ``; ``; a value is a number or a range
``low..high``. Facts, with SPLIT one of train, valid, test, all:

* ``SPLIT`` rows, ``SPLIT.CLASS`` rows of a class, ``SPLIT.n_classes``, ``SPLIT.class.max`` and ``.min`` (largest and
  smallest class), ``SPLIT.value.min``, ``.max`` and ``.mean``, ``SPLIT.not_positive`` (values of 0 or less);
* ``assay.NAME`` rows of an assay; ``names.MODALITY`` distinct sequence names; ``repeated`` rows that say the same
  again; ``both_labels`` pairs that occur with both labels;
* ``length.max``, ``.min`` and ``.mean`` in letters over all splits. Table 6 of the ICLR text does not say which side of
  a pair it measures (for ncRPI, 3,678 and 49 are the proteins' extremes, and no protein set has a mean of 1,920, while
  its RNAs come close), so a statement holds where it is true of the first sequences, the second, or both together.

Published numbers are rounded: values are compared at the digits given, a mean length may be rounded or cut.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from bsm.acquire.registry import FILES
from bsm.base.config.sources import Benchmark
from bsm.base.errors import ConfigError, InputError

ALL = "all"
_NAMED = {"train", "valid", "test"}


@dataclass
class Published:
    """Tallies over the rows of a publisher's files."""

    n_rows: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    assays: Counter[str] = field(default_factory=Counter)
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    lengths: dict[str, list[int]] = field(default_factory=lambda: {"a": [], "b": []})
    n_repeated: int = 0
    n_both_labels: int = 0

    def note(
        self, split: str, *, label: str | None = None, value: float | None = None, assay: str | None = None,
        sequence_a: str | None = None, sequence_b: str | None = None,
    ) -> None:  # fmt: skip
        """Take up one row."""
        self.n_rows[split] += 1
        if label is not None:
            self.classes[split][label] += 1
        if value is not None:
            self.values[split].append(value)
        if assay is not None:
            self.assays[assay] += 1
        for side, sequence in (("a", sequence_a), ("b", sequence_b)):
            if sequence is not None:
                self.lengths[side].append(len(sequence))

    def facts(self) -> dict[str, list[float]]:
        """Every fact -> its possible values (several for lengths, see above)."""
        facts: dict[str, list[float]] = {
            "repeated": [self.n_repeated], "both_labels": [self.n_both_labels], ALL: [self.n_rows.total()],
        }  # fmt: skip
        for split, n_rows in self.n_rows.items():
            facts[split] = [n_rows]
        for split, classes in self.classes.items():
            facts |= {f"{split}.{name}": [n] for name, n in classes.items()}
            facts |= {f"{split}.n_classes": [len(classes)], f"{split}.class.max": [max(classes.values())],
                      f"{split}.class.min": [min(classes.values())]}  # fmt: skip
        for split, values in self.values.items():
            facts |= {f"{split}.value.min": [min(values)], f"{split}.value.max": [max(values)],
                      f"{split}.value.mean": [sum(values) / len(values)],
                      f"{split}.not_positive": [sum(v <= 0 for v in values)]}  # fmt: skip
        facts |= {f"assay.{name}": [n] for name, n in self.assays.items()}
        facts |= {f"names.{modality}": [len(names)] for modality, names in self.names.items()}
        sides = [s for s in (self.lengths["a"], self.lengths["b"], self.lengths["a"] + self.lengths["b"]) if s]
        if sides:
            facts |= {"length.max": [max(s) for s in sides], "length.min": [min(s) for s in sides],
                      "length.mean": [sum(s) / len(s) for s in sides]}  # fmt: skip
        return facts


def parse_expected(text: str) -> dict[str, str]:
    """``fact=value; fact=value`` -> mapping; ConfigError for an entry that is neither."""
    facts = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = entry.rpartition("=")
        try:
            [float(bound) for bound in value.split("..")]
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigError("not fact=number or fact=low..high", where="published counts", value=entry,
                              way_out="See bsm/acquire/benchmarks/published.py")  # fmt: skip
        facts[name] = value
    return facts


def check_published(benchmark: Benchmark, published: Published) -> None:
    """Stop where the files do not reproduce the config's or the register's counts, naming every one that differs."""
    found = published.facts()
    wrong = []
    for fact, stated in _expected(benchmark).items():
        values = found.get(fact, [0.0])
        if not any(_agrees(fact, stated, value) for value in values):
            wrong.append(f"{_words(fact)} {' or '.join(map(_text, dict.fromkeys(values)))}, published {stated}")
    if wrong:
        raise InputError(
            "; ".join(wrong), where=f"benchmark {benchmark.name}",
            way_out="This is not the published set; choose another version, or correct `expected` or `published` "
            "if you mean this one",
        )  # fmt: skip


def _expected(benchmark: Benchmark) -> dict[str, str]:
    stated = {split: str(n) for split, n in benchmark.expected.model_dump().items() if n is not None}
    if benchmark.published is None:
        return stated
    row = FILES.get(benchmark.published)
    if row is None or not row.expected:
        known = [file.name for file in FILES.values() if file.expected]
        raise ConfigError("no such row with published counts", where=f"benchmarks[{benchmark.name}].published",
                          value=benchmark.published, way_out=f"Known: {', '.join(known)}")  # fmt: skip
    return parse_expected(row.expected) | stated


def _agrees(fact: str, stated: str, value: float) -> bool:
    low, _, high = stated.partition("..")
    if high:
        return float(low) <= value <= float(high)
    if fact == "length.mean":
        return abs(value - float(stated)) < 1
    digits = len(low.partition(".")[2])
    return round(value, digits) == float(low)


def _words(fact: str) -> str:
    return f"{fact} rows" if fact in _NAMED else fact


def _text(value: float) -> str:
    return f"{value:.4f}" if value % 1 else f"{int(value)}"


def classes_of(published: Published) -> Iterator[str]:
    """One line per split: how many rows of which class, for the log."""
    for split, classes in sorted(published.classes.items()):
        largest = ", ".join(f"{name} {n:,}" for name, n in classes.most_common(13))
        yield f"{split}: {classes.total():,} rows; {largest}"
