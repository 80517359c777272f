"""A clean corpus in batches of whole records, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bsm.base.alphabet import MODALITY_CODES
from bsm.base.errors import InputError
from bsm.base.randomness import stable_hash64
from bsm.base.tables import CLEAN, iter_tables

SPLITS = ("train", "valid")
_COLUMNS = ("record_id", "part", "modality", "sequence", "genetic_code", "blocks", "split")
_KIN_COLUMNS = ("gene_id", "group_id")
_MODALITY_NAMES = [str(modality) for modality in MODALITY_CODES]


@dataclass(frozen=True)
class Batch:
    """Whole records of a corpus. Rows are pieces; rows ``first_row[i]`` to ``first_row[i + 1]`` are record i."""

    record_ids: pa.StringArray
    """One per record."""
    first_row: np.ndarray
    """int64[n_records + 1]."""
    letters: np.ndarray
    """uint8: the letters of all rows, one after the other."""
    row_start: np.ndarray
    """int64[n_rows + 1]: where each row's letters begin in ``letters``."""
    modality: np.ndarray
    """int8[n_rows]: 1 dna, 2 rna, 3 protein."""
    part: np.ndarray
    """int64[n_records]: index into ``parts``."""
    parts: list[str]
    split: np.ndarray
    """int8[n_records]: index into SPLITS."""
    genetic_code: np.ndarray
    """int16[n_rows]; the standard code where the corpus states none."""
    blocks: pa.ListArray
    kin: np.ndarray | None = None
    """uint64[n_records, 2]: hashes of gene and group, where they were asked for; the record's own id where unknown."""

    @property
    def n_records(self) -> int:
        return len(self.first_row) - 1

    @property
    def row_length(self) -> np.ndarray:
        """int64[n_rows]: letters of each row."""
        return np.diff(self.row_start)

    def sequence(self, row: int) -> str:
        return self.letters[self.row_start[row] : self.row_start[row + 1]].tobytes().decode()

    def blocks_of(self, row: int) -> np.ndarray | None:
        """int64[n_blocks, 2] on the record's dna piece, or None."""
        value = self.blocks[row]
        return None if not value.is_valid else np.asarray(value.values, dtype=np.int64).reshape(-1, 2)


def read_batches(path: Path | str, with_kin: bool = False) -> Iterator[Batch]:
    """Yield a CLEAN table as batches, about one row group each; a record is never split between two.

    Raises InputError for a missing column, an unknown modality or split, and rows without letters or id.
    """
    held: pa.Table | None = None
    for group in iter_tables(path, CLEAN, (*_COLUMNS, *_KIN_COLUMNS) if with_kin else _COLUMNS):
        if not group.num_rows:
            continue
        if held is not None and held["record_id"][-1] != group["record_id"][0]:
            yield _batch(held, path)
        elif held is not None:  # a record goes on in the next row group
            last = int(_record_starts(_one_chunk(held["record_id"]))[-1])
            if last:
                yield _batch(held.slice(0, last), path)
            group = pa.concat_tables([held.slice(last), group])
        held = group
    if held is not None:
        yield _batch(held, path)


def _record_starts(ids: pa.StringArray) -> np.ndarray:
    changes = pc.not_equal(ids[1:], ids[:-1]).fill_null(True).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)


def _batch(table: pa.Table, path: Path | str) -> Batch:
    columns = {name: _one_chunk(table[name]) for name in table.column_names}
    for name in ("record_id", "part", "modality", "sequence", "split"):
        if columns[name].null_count:
            raise InputError(f"rows without {name}", where=str(path), value=columns[name].null_count,
                             way_out="Run bsm clean again")  # fmt: skip
    starts = _record_starts(columns["record_id"])
    first = pa.array(starts)
    letters, row_start = string_buffers(columns["sequence"])
    if (np.diff(row_start) == 0).any():
        empty = columns["record_id"][int(np.argmin(np.diff(row_start)))].as_py()
        raise InputError("a sequence without letters", where=str(path), value=empty, way_out="Run bsm clean again")
    part = columns["part"].take(first).dictionary_encode()
    return Batch(
        record_ids=columns["record_id"].take(first),
        first_row=np.append(starts, table.num_rows),
        letters=letters,
        row_start=row_start,
        modality=_codes(columns["modality"], _MODALITY_NAMES, path).astype(np.int8) + np.int8(1),
        part=part.indices.to_numpy().astype(np.int64),
        parts=part.dictionary.to_pylist(),
        split=_codes(columns["split"].take(first), list(SPLITS), path).astype(np.int8),
        genetic_code=columns["genetic_code"].fill_null(1).to_numpy(),
        blocks=columns["blocks"],
        kin=_kin(columns, first) if "gene_id" in columns else None,
    )


def _kin(columns: dict[str, pa.Array], first: pa.Array) -> np.ndarray:
    own = columns["record_id"].take(first)
    names = [(name, pc.coalesce(columns[name].take(first), own).to_pylist()) for name in _KIN_COLUMNS]
    hashes = [[stable_hash64(kind, value) for value in values] for kind, values in names]
    return np.array(hashes, dtype=np.uint64).T


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _codes(values: pa.Array, names: list[str], path: Path | str) -> np.ndarray:
    codes = pc.index_in(values, pa.array(names))
    if codes.null_count:
        unknown = values.filter(codes.is_null())[0].as_py()
        raise InputError("unknown value", where=str(path), value=unknown, way_out=f"Expected {', '.join(names)}")
    return codes.to_numpy()


def string_buffers(array: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Bytes (uint8) and int64[n + 1] offsets of a string or binary array, without a copy of the letters."""
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    letters = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return letters, bounds
