"""A hash of what a table says, not of how Parquet wrote it: equal rows, equal hash, whatever the row groups."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class ContentHash:
    """Streams tables of one schema; ``hexdigest`` covers names, types, order and values of all columns."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._columns = [[hashlib.sha256() for _ in range(4)] for _ in schema]

    def update(self, table: pa.Table) -> None:
        """Add the rows of ``table``, in order."""
        for column, hashers in zip(table.select(self._schema.names).columns, self._columns, strict=True):
            for chunk in column.chunks:
                self._add(chunk, hashers)

    def _add(self, values: pa.Array, hashers: list[hashlib._Hash]) -> None:
        """Validity, lengths and letters go to hashers of their own, so that chunk borders leave no trace."""
        validity, lengths, letters, inner = hashers
        validity.update(values.is_valid().to_numpy(zero_copy_only=False).astype(np.uint8).tobytes())
        if pa.types.is_list(values.type):
            filled = pc.fill_null(pc.list_value_length(values), 0)
            lengths.update(filled.to_numpy(zero_copy_only=False).astype("<i8").tobytes())
            inner.update(_fixed(values.flatten()))
        elif pa.types.is_string(values.type):
            filled = pc.fill_null(values, "")
            lengths.update(pc.binary_length(filled).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
            letters.update("".join(filled.to_pylist()).encode())
        else:
            inner.update(_fixed(values))

    def hexdigest(self) -> str:
        total = hashlib.sha256(str([(f.name, str(f.type)) for f in self._schema]).encode())
        for hashers in self._columns:
            for hasher in hashers:
                total.update(hasher.digest())
        return total.hexdigest()


def _fixed(values: pa.Array) -> bytes:
    """Bytes of a column of integers (or floats), nulls as 0."""
    filled = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
    return filled.astype(filled.dtype.newbyteorder("<")).tobytes()
