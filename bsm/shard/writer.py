"""Shard files of even size, their content hashes, and a folder that is replaced as a whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bsm.base.errors import InputError
from bsm.base.tables import ROW_GROUP_BYTES, ROW_GROUP_ROWS, SHARD_ROWS, TableWriter

SHARD_NAME = re.compile(r"^(train|valid)-\d{5}\.parquet$")


@dataclass(frozen=True)
class Shard:
    """One shard file as the manifest lists it."""

    name: str
    n_rows: int
    n_tokens: int
    content_sha256: str


class ShardWriter:
    """Writes rows of one split as ``<split>-00000.parquet`` ... into a folder; holds at most two shards in memory.

    Every shard has ``rows_per_shard`` rows, but the last two share the rest evenly, so that none is tiny.
    """

    def __init__(self, folder: Path, split: str, rows_per_shard: int, context_tokens: int) -> None:
        self._folder, self._split, self._rows_per_shard = folder, split, rows_per_shard
        self._group_rows = max(1, min(ROW_GROUP_ROWS, ROW_GROUP_BYTES // context_tokens))
        self._pending: list[pa.Table] = []
        self._n_pending = 0
        self.shards: list[Shard] = []

    def add(self, rows: pa.Table) -> None:
        self._pending.append(rows)
        self._n_pending += rows.num_rows
        while self._n_pending >= 2 * self._rows_per_shard:
            self._write(self._rows_per_shard)

    def finish(self) -> list[Shard]:
        """Write what is left and return all shards of the split."""
        n_last = -(-self._n_pending // self._rows_per_shard)
        for remaining in range(n_last, 0, -1):
            self._write(-(-self._n_pending // remaining))
        return self.shards

    def _write(self, n_rows: int) -> None:
        table = pa.concat_tables(self._pending)
        shard, rest = table.slice(0, n_rows), table.slice(n_rows)
        self._pending, self._n_pending = [rest], rest.num_rows
        name = f"{self._split}-{len(self.shards):05d}.parquet"
        with TableWriter(self._folder / name, SHARD_ROWS) as writer:
            for start in range(0, n_rows, self._group_rows):
                writer.add_table(shard.slice(start, self._group_rows).combine_chunks())
        n_tokens = int(np.sum(shard["n_tokens"].to_numpy(), dtype=np.int64))
        self.shards.append(Shard(name, n_rows, n_tokens, content_hash([shard])))


def content_hash(tables: Iterable[pa.Table]) -> str:
    """SHA-256 of the rows' content: independent of compression, row groups, chunks and library versions.

    Each column is hashed as its values and, where they vary in length, their lengths; the digests are hashed together.
    """
    columns: dict[str, Any] = {}
    for table in tables:
        for name in table.column_names:
            for chunk in table[name].chunks:
                for leaf, data in _leaves(name, chunk):
                    columns.setdefault(leaf, hashlib.sha256()).update(data)
    return hashlib.sha256(
        "".join(f"{leaf}:{columns[leaf].hexdigest()};" for leaf in sorted(columns)).encode()
    ).hexdigest()


def combined_hash(shards: Iterable[Shard], *facts: object) -> str:
    """One hash over shards (names and contents) and the facts that a reader relies on."""
    lines = [*map(str, facts), *(f"{shard.name} {shard.content_sha256}" for shard in shards)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _leaves(name: str, array: pa.Array) -> Iterator[tuple[str, Any]]:
    if pa.types.is_list(array.type):
        offsets = np.diff(array.offsets.to_numpy()).astype("<i4")
        yield f"{name}.lengths", offsets.tobytes()
        yield from _leaves(f"{name}.values", array.flatten())
    elif pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
        yield f"{name}.lengths", np.diff(bounds).astype("<i4").tobytes()
        yield f"{name}.values", memoryview(data or b"")[bounds[0] : bounds[-1]] if len(array) else b""
    else:
        values = array.to_numpy(zero_copy_only=False)
        yield name, values.astype(values.dtype.newbyteorder("<")).tobytes()


@contextlib.contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``folder`` that takes its place when all went well: no old shard survives.

    Raises InputError where ``folder`` holds anything but shards, so that a wrong path costs nobody a file.
    """
    _refuse_foreign_files(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    partial.mkdir()
    try:
        yield partial
        if folder.exists():
            os.replace(folder, old)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _refuse_foreign_files(folder: Path) -> None:
    if not folder.exists():
        return
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else [folder.name]
    foreign = sorted(name for name in names if not SHARD_NAME.match(name) and not name.startswith(".snakemake"))
    if foreign:
        raise InputError(
            "the output folder holds other files and would be replaced", where=str(folder), value=foreign[:5],
            way_out="Choose an empty or new folder for --out",
        )  # fmt: skip
