"""What is left of records in the clean corpora: where hits were, and whether planted letters are gone.

A nucleotide record is cut where something is removed, and its rests are named after its accession and their span on
it; a gene or a document (several rows under one id) goes whole or loses whole pieces.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from bsm.base.alphabet import reverse_complement
from bsm.base.tables import CLEAN, iter_tables

STILL_THERE = 0.8
"""Share of planted letters in one stretch that counts as still there: clean's own default of ``min_coverage``."""
_SPAN = re.compile(r"^(.*):(\d+)-\d+$")
_COLUMNS = ("record_id", "source", "accession", "piece", "start", "end")


class Remains:
    """Spans (and letters, of ``spelt`` records) that the clean corpora hold of the wanted records.

    Records are asked for by the id they had before cleaning.
    """

    def __init__(self, corpora: Iterable[Path], wanted: Collection[str], spelt: Collection[str] = ()) -> None:
        self._spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._letters: dict[str, list[str]] = defaultdict(list)
        self._joint: set[str] = set()
        names = pa.array(sorted({name for record in (*wanted, *spelt) for name in _names(record)}), pa.string())
        columns = (*_COLUMNS, "sequence") if spelt else _COLUMNS
        for path in corpora:
            for table in iter_tables(path, CLEAN, columns):
                self._add(table, names, frozenset(spelt))

    def _add(self, table: pa.Table, names: pa.Array, spelt: frozenset[str]) -> None:
        """Rows whose id, or source and accession, are wanted."""
        by_accession = pc.binary_join_element_wise(table["source"], table["accession"], ":")
        chosen = pc.or_(pc.is_in(by_accession, names), pc.is_in(table["record_id"], names))
        for row in table.filter(pc.fill_null(chosen, False)).to_pylist():
            name = f"{row['source']}:{row['accession']}"
            key = name if f"{row['record_id']}:".startswith(f"{name}:") else row["record_id"]
            self._spans[key].append((row["start"] or 0, row["end"] or 0))
            if row["piece"]:
                self._joint.add(key)
            if key in spelt:
                self._letters[key].append(row["sequence"])

    def is_joint(self, record_id: str) -> bool:
        """Whether the record has several pieces: a gene or a document."""
        return record_id in self._joint

    def holds(self, record_id: str, start: int, end: int) -> bool:
        """Whether letters start..end of the record all stand there; of joint records, whether any row does."""
        if self.is_joint(record_id):
            return True
        name, offset = placed(record_id, self._spans)
        return any(first <= offset + start and offset + end <= last for first, last in self._spans.get(name, ()))

    def spells(self, record_id: str, letters: str, is_nucleotide: bool) -> bool:
        """Whether a stretch of STILL_THERE of the letters, on either strand, stands in what is left of the record."""
        n = math.ceil(STILL_THERE * len(letters))
        both = (letters, reverse_complement(letters)) if is_nucleotide else (letters,)
        stretches = [strand[i : i + n] for strand in both for i in range(len(letters) - n + 1)]
        return any(stretch in rest for rest in self._letters.get(record_id, ()) for stretch in stretches)


def placed(record_id: str, known: Collection[str]) -> tuple[str, int]:
    """(name, offset): the record's name among the known ones, and where its letters begin on that accession."""
    match = _SPAN.match(record_id)
    return (match[1], int(match[2])) if match and record_id not in known else (record_id, 0)


def _names(record_id: str) -> Iterator[str]:
    """The id itself, and without the span of a record that sample split at a run of n."""
    yield record_id
    if match := _SPAN.match(record_id):
        yield match[1]
