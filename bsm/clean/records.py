"""A corpus as whole records: batches of rows that never part a record, and their pieces as the search wants them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bsm.base import tables
from bsm.base.alphabet import AMINO_ACIDS, NUCLEOTIDES, RARE_AMINO_ACIDS, Modality
from bsm.base.errors import InputError
from bsm.clean.leaks import Piece

_BATCH_BYTES = 16 << 20
_LETTERS = {True: NUCLEOTIDES.encode(), False: (AMINO_ACIDS + RARE_AMINO_ACIDS).encode()}


class Batch(NamedTuple):
    """Consecutive rows of a corpus that hold whole records; ``starts[i]:starts[i + 1]`` are the rows of record i."""

    table: pa.Table
    starts: np.ndarray

    @property
    def n_records(self) -> int:
        return self.starts.size - 1

    def record_rows(self, record: int) -> list[dict[str, Any]]:
        first, last = int(self.starts[record]), int(self.starts[record + 1])
        return self.table.slice(first, last - first).to_pylist()

    def record_of_row(self) -> np.ndarray:
        """int64[n_rows]: the record each row belongs to."""
        return np.repeat(np.arange(self.n_records), np.diff(self.starts))

    def pieces(self) -> list[Piece]:
        columns = (self.table.column(name).to_pylist() for name in ("modality", "sequence", "genetic_code"))
        return [Piece(Modality(m), s, code) for m, s, code in zip(*columns, strict=True)]


def batches(path: Path | str, schema: pa.Schema = tables.PIECES) -> Iterator[Batch]:
    """Whole records of a corpus, some megabytes at a time; a record may span row groups.

    InputError where a sequence has a letter that its modality does not have.
    """
    held: list[pa.Table] = []
    n_bytes = 0
    for group in tables.iter_tables(path, schema):
        for table in _slices(group):
            _check_letters(table, path)
            held.append(table)
            n_bytes += table.nbytes
            if n_bytes < _BATCH_BYTES:
                continue
            rows = pa.concat_tables(held)
            starts = _starts(rows)
            if starts.size > 2:  # the last record may go on in the next rows
                cut = int(starts[-2])
                yield Batch(rows.slice(0, cut), starts[:-1])
                held = [rows.slice(cut)]
                n_bytes = held[0].nbytes
    rows = pa.concat_tables(held) if held else schema.empty_table()
    if rows.num_rows:
        yield Batch(rows, _starts(rows))


def _check_letters(table: pa.Table, path: Path | str) -> None:
    modalities = table.column("modality")
    for modality in pc.unique(modalities).to_pylist():
        allowed = _LETTERS[Modality(modality).is_nucleotide]
        rows = table.filter(pc.equal(modalities, modality))
        if not "".join(rows.column("sequence").to_pylist()).encode().translate(None, allowed):
            continue
        for name, sequence in zip(*(rows.column(c).to_pylist() for c in ("record_id", "sequence")), strict=True):
            strange = sequence.encode().translate(None, allowed)
            if strange:
                raise InputError(
                    f"letters that are no internal letters of {modality}", where=f"{path}, record {name}",
                    value="".join(sorted(set(strange.decode()))), way_out="Make the corpus with bsm sample, pair or "
                    "interleave, or pass foreign letters through bsm.base.alphabet.normalise",
                )  # fmt: skip


def _slices(table: pa.Table) -> Iterator[pa.Table]:
    n_rows = max(1, int(table.num_rows * _BATCH_BYTES / max(table.nbytes, 1)))
    for first in range(0, table.num_rows, n_rows):
        yield table.slice(first, n_rows)


def _starts(table: pa.Table) -> np.ndarray:
    ids = np.array(table.column("record_id").to_pylist(), dtype=object)
    return np.concatenate(([0], np.flatnonzero(ids[1:] != ids[:-1]) + 1, [ids.size])).astype(np.int64)
