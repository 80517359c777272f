"""What the readers of all benchmark formats share: rows of tables, letters, the published counts."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bsm.base.alphabet import Modality, normalise
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.files import reading_text

Item = dict[str, Any]
"""One row of BENCHMARK_ITEMS."""

_LONGEST_FIELD = 1 << 30
SPLITS = ("train", "valid", "test")


@dataclass
class Converted:
    """Items of a benchmark, and how many rows its publisher's files hold per split (before anything is dropped)."""

    items: list[Item]
    n_published: Counter[str]


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


def check_expected(benchmark: Benchmark, n_published: Counter[str]) -> None:
    """Stop where the files do not hold the published numbers of rows, naming each count."""
    wrong = [
        f"{split} has {n_published[split]:,} rows, published are {expected:,}"
        for split in SPLITS
        if (expected := getattr(benchmark.expected, split)) is not None and n_published[split] != expected
    ]
    if wrong:
        raise InputError(
            "; ".join(wrong), where=f"benchmark {benchmark.name}",
            way_out="This is not the published set; choose another version, or correct `expected` if you mean this one",
        )  # fmt: skip


def n_letters(item: Item) -> int:
    return len(item["sequence_a"]) + len(item.get("sequence_b") or "")
