"""What the readers of all benchmark formats share: rows of tables, letters, mutants, splits."""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bsm.acquire.benchmarks.published import Published
from bsm.base.alphabet import Modality, normalise
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.files import reading_text
from bsm.base.randomness import unit_interval

Item = dict[str, Any]
"""One row of BENCHMARK_ITEMS."""

_LONGEST_FIELD = 1 << 30
SPLITS = ("train", "valid", "test")


@dataclass
class Converted:
    """Items of a benchmark, and what its publisher's files hold before anything is dropped."""

    items: list[Item]
    published: Published
    missing: str = ""
    """Which sequences could not be had, in words."""


Files = Mapping[str, Path]
"""Role -> file of a benchmark."""
Reader = Callable[[Files, Benchmark, Counts], Converted]


def read_rows(path: Path | str, required: Iterable[str], delimiter: str = ",") -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (``file:line``, row by column name) of a table with a header; InputError for an odd one."""
    with reading_text(path) as handle:
        yield from rows_of(handle, str(path), required, delimiter)


def rows_of(
    handle: IO[str], name: str, required: Iterable[str], delimiter: str = ","
) -> Iterator[tuple[str, dict[str, str]]]:
    """``read_rows`` for an open text."""
    csv.field_size_limit(_LONGEST_FIELD)  # a protein of 33,423 letters stands in one field, a genome may
    reader = csv.reader(handle, delimiter=delimiter)
    header = [column.strip().lstrip("\ufeff") for column in next(reader, [])]
    missing = [column for column in required if column not in header]
    if missing:
        raise InputError(f"missing column(s) {', '.join(missing)}", where=f"{name}:1", value=header[:12],
                         way_out="Is this the file that the benchmark's format expects?")  # fmt: skip
    for fields in reader:
        where = f"{name}:{reader.line_num}"
        if len(fields) != len(header):
            raise InputError(f"row of {len(fields)} fields under {len(header)} columns", where=where,
                             value=",".join(fields)[:60], way_out="The file is damaged; fetch it again")  # fmt: skip
        yield where, dict(zip(header, fields, strict=True))


def letters_of(raw: str, modality: Modality, where: str, counts: Counts) -> str:
    """Internal letters of a benchmark's sequence; unknown letters follow the stated policy and are counted."""
    if not raw.strip():
        raise InputError("empty sequence", where=where, way_out="The row is damaged; fetch the file again")
    letters, n_changed = normalise(raw.strip(), modality, where)
    if n_changed:
        counts.change("ambiguous_letters", n_changed)
    return letters


def number_of(text: str, where: str) -> float | None:
    """A measured value; None for an empty or not-a-number field, InputError for any other text."""
    if text.strip().lower() in ("", "na", "nan"):
        return None
    try:
        value = float(text)
    except ValueError:
        raise InputError("not a number", where=where, value=text, way_out="The row is damaged") from None
    return value if math.isfinite(value) else None


def mutant_of(wild: str, mutant: str) -> str:
    """Substitutions in the usual notation (``A24G:K30R``, 1-based), ``WT``, or ``indel`` where lengths differ."""
    if wild == mutant:
        return "WT"
    if len(wild) != len(mutant):
        return "indel"
    changes = ((i, a, b) for i, (a, b) in enumerate(zip(wild.upper(), mutant.upper(), strict=True), 1) if a != b)
    return ":".join(f"{a}{i}{b}" for i, a, b in changes)


def split_of(benchmark: Benchmark, *names: str) -> str:
    """Split of an item of a set that comes without one, by seeded hash of the names: the same for repeated pairs."""
    position = unit_interval("split", benchmark.name, *names)
    if position >= benchmark.train_share:
        return "test"
    return "train" if position < 0.9 * benchmark.train_share else "valid"


def drop_leaks(items: list[Item], counts: Counts, name: str) -> list[Item]:
    """Leave out items of train (and valid) whose sequences are those of a test (or valid) item; named and counted."""
    seen: dict[object, str] = {}
    kept: list[Item] = []
    dropped: Counter[str] = Counter()
    for split in reversed(SPLITS):
        for item in (i for i in items if i["split"] == split):
            content = (item["sequence_a"], item.get("sequence_b"))
            other = seen.setdefault(content, split)
            if other == split:
                kept.append(item)
            else:
                dropped[f"{split}_identical_to_{other}"] += 1
                counts.drop(f"{split}_identical_to_{other}", n_letters(item))
    for reason, n in sorted(dropped.items()):
        print(f"warning: {name}: {n:,} items left out: {reason}", file=sys.stderr)
    order = {split: index for index, split in enumerate(SPLITS)}
    return sorted(kept, key=lambda i: order[i["split"]])


def n_letters(item: Item) -> int:
    return len(item["sequence_a"]) + len(item.get("sequence_b") or "")
