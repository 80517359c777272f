"""Sets of pairs that name their sequences: names and labels in one file, letters in others.

Formats (roles in brackets; a role that names a modality is a FASTA file or a two-column dictionary, plain or gzip):

* ``pairs`` [pairs, MODALITY...]: lines of two names and 0/1 (RPITER, EDLMFC, LGFC-CNN, seq_ppi), with or without a
  header. Sets differ in the order of the names, and some mix it, so names are looked up on both sides.
* ``index_pairs`` [pairs, MODALITY_names..., MODALITY...]: comma-separated rows that end in two 0-based indices and 0/1
  (NPI-RGCNAE's generated data), into lists of names.
* ``matrix`` [matrix, rna_names, protein_names, rna, protein]: 0/1 by rows (RNAs) and columns (proteins). A zero is an
  unknown, not a negative: as many zeros as there are ones are taken as negatives, those with the smallest hash.

None comes with splits; a pair's split is a seeded hash of its names. Left out and counted: rows that repeat a pair,
pairs with both labels, rows whose sequence is missing (named in the log). Names may carry a taxon (``9606.ENSP...``)
that the sequence file lacks. RNAs of PDB chains hold letters of modified residues (F, I, X...), which become ``n``.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsm.acquire.benchmarks.items import Converted, Files, Item, letters_of, split_of
from bsm.acquire.benchmarks.published import ALL, Published
from bsm.base.benchmarks import TASKS, Task
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import ConfigError, InputError
from bsm.base.fasta import read_fasta
from bsm.base.files import reading_text
from bsm.base.randomness import unit_interval

_TAXON = re.compile(r"^\d+\.")
_MODIFIED_RESIDUES = re.compile("[EFIJLOPQXZefijlopqxz]")
_N_NAMED = 5


@dataclass(frozen=True)
class NamedPair:
    """One row: where it stands, its names in the order of the task's modalities, its label."""

    where: str
    name_a: str
    name_b: str
    label: str


def read_pairs(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items of a ``pairs`` set."""
    library = _Library(files, TASKS[benchmark.task])
    rows = [library.in_order(*row) for row in _name_rows(files["pairs"])]
    return _converted(rows, library, benchmark, counts)


def read_index_pairs(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items of an ``index_pairs`` set."""
    library = _Library(files, TASKS[benchmark.task])
    first, second = library.lists_of_names(files)
    rows = []
    for where, fields in _rows(files["pairs"]):
        if not any(field.isdigit() for field in fields):
            continue  # a header
        try:
            a, b, label = (int(field) for field in fields[-3:])
            rows.append(NamedPair(where, first[a], second[b], str(label)))
        except (ValueError, IndexError):
            raise InputError(
                "row does not end in two indices and 0/1", where=where, value=",".join(fields)[:60],
                way_out=f"Indices count from 0 into {len(first):,} and {len(second):,} names",
            ) from None  # fmt: skip
    return _converted(rows, library, benchmark, counts)


def read_matrix(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items of a ``matrix`` set: every 1, and as many 0 chosen by hash."""
    library = _Library(files, TASKS[benchmark.task])
    first, second = library.lists_of_names(files)
    ones: list[NamedPair] = []
    zeros: list[NamedPair] = []
    n_rows = 0
    for row, (where, cells) in enumerate(_rows(files["matrix"])):
        if row >= len(first) or len(cells) != len(second) or not set(cells) <= {"0", "1"}:
            raise InputError(f"not a row of {len(second):,} zeros and ones", where=where, value=" ".join(cells)[:40],
                             way_out=f"The lists have {len(first):,} and {len(second):,} names")  # fmt: skip
        n_rows += 1
        for name, cell in zip(second, cells, strict=True):
            (ones if cell == "1" else zeros).append(NamedPair(where, first[row], name, cell))
    if n_rows != len(first):
        raise InputError(f"{n_rows:,} rows for {len(first):,} names", where=str(files["matrix"]),
                         way_out="Matrix and lists must be of the same set")  # fmt: skip
    zeros.sort(key=lambda p: unit_interval("negative", benchmark.name, p.name_a, p.name_b))
    return _converted(ones + zeros[: len(ones)], library, benchmark, counts)


class _Library:
    """Raw letters by modality and name."""

    def __init__(self, files: Files, task: Task) -> None:
        if task.modality_b is None or task.kind != "binary":
            raise ConfigError("the format is for tasks of pairs", value=task.name,
                              way_out="Use it with ncrpi, ppi or central_dogma")  # fmt: skip
        self.modalities = (task.modality_a, task.modality_b)
        self._letters = {m: _sequences(files[m.value]) if m.value in files else {} for m in set(self.modalities)}

    def find(self, name: str, side: int) -> str | None:
        letters = self._letters[self.modalities[side]]
        return letters.get(name) or letters.get(_TAXON.sub("", name))

    def lists_of_names(self, files: Files) -> tuple[list[str], list[str]]:
        """The names that indices (or rows and columns) stand for, one list per side."""
        roles = [f"{modality.value}_names" for modality in self.modalities]
        if missing := [role for role in roles if role not in files]:
            raise ConfigError(f"no list of names: {', '.join(missing)}", where="files of the benchmark",
                              value=sorted(files), way_out="Name the file of each list")  # fmt: skip
        first, second = (list(_names(files[role])) for role in roles)
        return first, second

    def in_order(self, where: str, first: str, second: str, label: str) -> NamedPair:
        """The names in the order of the task; as they stand where neither order can be told."""
        as_it_stands = (self.find(first, 0) is not None) + (self.find(second, 1) is not None)
        swapped = (self.find(second, 0) is not None) + (self.find(first, 1) is not None)
        if swapped > as_it_stands:
            first, second = second, first
        return NamedPair(where, first, second, label)


def _converted(rows: Sequence[NamedPair], library: _Library, benchmark: Benchmark, counts: Counts) -> Converted:
    labels = defaultdict(set)
    for pair in rows:
        labels[_key(pair, library)].add(pair.label)
    converted = Converted([], Published())
    published = converted.published
    published.n_both_labels = sum(len(found) > 1 for found in labels.values())
    seen: set[tuple[str, ...]] = set()
    missing: dict[str, set[str]] = defaultdict(set)
    for number, pair in enumerate(rows):
        key = _key(pair, library)
        published.note(ALL, label=pair.label)
        for modality, name in zip(library.modalities, (pair.name_a, pair.name_b), strict=True):
            published.names[modality.value].add(name)
        reason = "both_labels" if len(labels[key]) > 1 else "repeated_pair" if key in seen else ""
        published.n_repeated += key in seen
        seen.add(key)
        absent = [side for side in (0, 1) if library.find((pair.name_a, pair.name_b)[side], side) is None]
        for side in absent:
            missing[library.modalities[side].value].add((pair.name_a, pair.name_b)[side])
        if not reason and absent:
            reason = f"no_{library.modalities[absent[0]].value}_sequence"
        if reason:
            counts.drop(reason)
        else:
            converted.items.append(_item(number, pair, library, benchmark, counts))
    converted.missing = _describe_missing(missing, benchmark.name)
    for item in converted.items:
        published.lengths["a"].append(len(item["sequence_a"]))
        published.lengths["b"].append(len(item["sequence_b"]))
    return converted


def _key(pair: NamedPair, library: _Library) -> tuple[str, ...]:
    """Pairs of the same kind of molecule have no order."""
    names = (pair.name_a, pair.name_b)
    return tuple(sorted(names)) if library.modalities[0] is library.modalities[1] else names


def _item(number: int, pair: NamedPair, library: _Library, benchmark: Benchmark, counts: Counts) -> Item:
    item: Item = {
        "task": benchmark.task, "dataset": benchmark.name, "item_id": f"{number}", "label": pair.label,
        "split": split_of(benchmark, *_key(pair, library)), "id_a": pair.name_a, "id_b": pair.name_b,
    }  # fmt: skip
    for side, (letter, name) in enumerate((("a", pair.name_a), ("b", pair.name_b))):
        modality, raw = library.modalities[side], library.find(name, side)
        assert raw is not None
        if modality.is_nucleotide:
            raw, n_modified = _MODIFIED_RESIDUES.subn("N", raw)
            if n_modified:
                counts.change("modified_residues", n_modified)
        item[f"modality_{letter}"] = modality.value
        item[f"sequence_{letter}"] = letters_of(raw, modality, f"{pair.where} ({name})", counts)
    return item


def _describe_missing(missing: Mapping[str, set[str]], name: str) -> str:
    text = "; ".join(
        f"{len(names):,} names without a {modality} sequence ({', '.join(sorted(names)[:_N_NAMED])}, ...): give "
        f"files.{modality}, FASTA under these names"
        for modality, names in sorted(missing.items())
    )
    if text:
        print(f"warning: {name}: {text}; their pairs are left out", file=sys.stderr)
    return text


def _name_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for number, (where, fields) in enumerate(_rows(path)):
        if len(fields) != 3 or (fields[2] not in ("0", "1") and number):
            raise InputError("not a row of two names and 0/1", where=where, value=" ".join(fields)[:60],
                             way_out="Is this the file of pairs?")  # fmt: skip
        if fields[2] in ("0", "1"):  # else a header
            yield where, fields[0], fields[1], fields[2]


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    with reading_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line.strip():
                yield f"{path}:{number}", re.split(r"\s*[,\t ]\s*", line.strip())


def _names(path: Path) -> Iterator[str]:
    with reading_text(path) as handle:
        yield from (line.split()[0] for line in handle if line.strip())


def _sequences(path: Path) -> dict[str, str]:
    """Letters by name, of a FASTA file or of ``name<TAB>letters`` lines; InputError for a name with two sequences."""
    found: dict[str, str] = {}
    for name, letters in _named_letters(path):
        if found.setdefault(name, letters) != letters:
            raise InputError(
                "two sequences under one name", where=str(path), value=name, way_out="Names must be unique"
            )
    return found


def _named_letters(path: Path) -> Iterator[tuple[str, str]]:
    with reading_text(path) as handle:
        is_fasta = handle.read(1) == ">"
    if is_fasta:
        yield from ((record.name, record.sequence) for record in read_fasta(path))
        return
    for where, fields in _rows(path):
        if len(fields) != 2:
            raise InputError("neither FASTA nor a line of name and letters", where=where, value=" ".join(fields)[:60],
                             way_out="Give a sequence file")  # fmt: skip
        yield fields[0], fields[1]
