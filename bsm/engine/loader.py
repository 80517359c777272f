"""Rows of shards in memory: exactly the rows asked for, whole row groups read, a few of them kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from bsm.base.alphabet import VOCABULARY_SIZE
from bsm.base.errors import InputError
from bsm.base.randomness import generator
from bsm.base.tables import SHARD_ROWS, read_table
from bsm.engine.batch import Batch, Row, batch_of_rows
from bsm.engine.sampler import BUFFER_ROW_GROUPS
from bsm.engine.sources import ShardSource, open_shard

CACHED_ROW_GROUPS = BUFFER_ROW_GROUPS
"""Row groups kept per source: those of one buffer of the sampler, about 4 x 17 MB at a context of 1,024."""
_COLUMNS = ("tokens", "n_tokens", "document_ends", "span_ends", "span_modality")
RowId = tuple[int, int]
"""(index of the source, row of the source)."""
Item = TypeVar("Item")
Made = TypeVar("Made")


class Loader:
    """Reads rows of ``sources`` as batches; memory is bounded by CACHED_ROW_GROUPS row groups per source."""

    def __init__(self, sources: Sequence[ShardSource]) -> None:
        self.sources = tuple(sources)
        self._names = tuple((source.name, source.group) for source in sources)
        self._cache: list[OrderedDict[int, _RowGroup]] = [OrderedDict() for _ in sources]
        self._lock = threading.Lock()

    def batch(self, rows: Sequence[RowId]) -> Batch:
        """The batch of the rows, in their order. InputError where a shard is damaged."""
        with self._lock:
            # In the order given: the sampler leaves one buffer before it enters the next, so none is read twice.
            found = [self._row(source, row) for source, row in rows]
        return batch_of_rows(found, self._names)

    def batches(self, rows: Sequence[RowId], batch_tokens: int) -> Iterator[Batch]:
        """The rows in batches of as many whole contexts as ``batch_tokens`` holds, at least one."""
        n = max(1, batch_tokens // self.sources[0].context_tokens) if rows else 1
        for start in range(0, len(rows), n):
            yield self.batch(rows[start : start + n])

    def _row(self, index: int, row: int) -> Row:
        source, cache = self.sources[index], self._cache[index]
        if not 0 <= row < source.n_rows:
            raise IndexError(f"row {row} of source {source.name}, which has {source.n_rows}")
        number = int(np.searchsorted(source.first_rows, row, side="right")) - 1
        if number not in cache:
            while len(cache) >= CACHED_ROW_GROUPS:
                cache.popitem(last=False)
            cache[number] = _read_row_group(source, number)
        cache.move_to_end(number)
        return cache[number].row(index, f"{source.name}:{row}", row - int(source.first_rows[number]))


def ahead(items: Iterable[Item], read: Callable[[Item], Made]) -> Iterator[Made]:
    """``read`` of every item in order, the next one in a thread while the caller works on the current."""
    with ThreadPoolExecutor(1, "loader") as thread:
        waiting = None
        for item in items:
            coming = thread.submit(read, item)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()


def held_out(source: ShardSource, *, n_rows: int | None = None, n_tokens: int | None = None) -> list[int]:
    """Rows of a held-out split to measure on, ascending: the same for every caller, model, arm and round.

    The first ``n_rows`` of an order hashed from the source's name, or as many as hold ``n_tokens`` at most (at least
    one row); all rows where neither is given or the source has no more. A smaller choice is part of a larger one.
    """
    order = generator("held out", source.name).permutation(source.n_rows)
    if n_tokens is not None:
        tokens = np.concatenate([
            read_table(source.folder / shard.name, SHARD_ROWS, ["n_tokens"])["n_tokens"].to_numpy()
            for shard in source.shards
        ])  # fmt: skip
        within = int(np.searchsorted(np.cumsum(tokens[order], dtype=np.int64), n_tokens, side="right"))
        n_rows = min(max(1, within), source.n_rows if n_rows is None else n_rows)
    return sorted(order[:n_rows].tolist())


@dataclass(frozen=True)
class _RowGroup:
    tokens: np.ndarray  # uint8[n_rows, context_tokens]
    n_tokens: np.ndarray  # int32[n_rows]
    document_ends: tuple[np.ndarray, np.ndarray]  # (int32[n_rows + 1] offsets, values) each
    span_ends: tuple[np.ndarray, np.ndarray]
    span_modality: tuple[np.ndarray, np.ndarray]

    def row(self, source: int, name: str, index: int) -> Row:
        lists = (self.document_ends, self.span_ends, self.span_modality)
        ends = (values[offsets[index] : offsets[index + 1]] for offsets, values in lists)
        return Row(source, name, self.tokens[index, : self.n_tokens[index]], *ends)


def _read_row_group(source: ShardSource, number: int) -> _RowGroup:
    path, index = source.row_groups[number]
    try:
        # One thread: training jobs run side by side, one core each, and a prefetched read is never waited for.
        table = open_shard(path).read_row_group(index, columns=list(_COLUMNS), use_threads=False)
        columns = {name: _one_chunk(table[name]) for name in _COLUMNS}
        group = _decode(columns, table.num_rows, source.context_tokens)
        problem = _problem(group)
    except (pa.ArrowException, OSError, ValueError) as error:
        problem = str(error)
    if problem:
        raise InputError(f"damaged shard, row group {index}: {problem}", where=str(path),
                         way_out="Delete it and run bsm shard again")  # fmt: skip
    return group


def _one_chunk(column: pa.ChunkedArray) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _decode(columns: dict[str, Any], n_rows: int, context_tokens: int) -> _RowGroup:
    if any(column.null_count for column in columns.values()):
        raise ValueError("empty cells")
    tokens = columns["tokens"].cast(pa.binary(context_tokens))  # ArrowInvalid where a row has another length
    flat = np.frombuffer(tokens.buffers()[1], dtype=np.uint8)[tokens.offset * context_tokens :]
    return _RowGroup(
        flat[: n_rows * context_tokens].reshape(n_rows, context_tokens), columns["n_tokens"].to_numpy(),
        *((columns[name].offsets.to_numpy(), columns[name].values.to_numpy()) for name in _COLUMNS[2:]),
    )  # fmt: skip


def _problem(group: _RowGroup) -> str:
    """What makes the rows unusable; empty where they are sound."""
    if (group.n_tokens < 1).any() or (group.n_tokens > group.tokens.shape[1]).any():
        return "n_tokens outside the context"
    if group.tokens.max(initial=0) >= VOCABULARY_SIZE:
        return f"token id {group.tokens.max()} outside the vocabulary"
    for name, (offsets, values) in (("document_ends", group.document_ends), ("span_ends", group.span_ends)):
        if (np.diff(offsets) < 1).any() or (values[offsets[1:] - 1] != group.n_tokens).any():
            return f"{name} do not end where the tokens end"
        inner = np.ones(len(values), dtype=np.bool_)
        inner[offsets[:-1]] = False
        if (np.diff(values, prepend=0)[inner] <= 0).any() or (values[offsets[:-1]] < 1).any():
            return f"{name} do not ascend"
    offsets, values = group.span_modality
    if not np.array_equal(np.diff(offsets), np.diff(group.span_ends[0])) or not np.isin(values, range(4)).all():
        return "span_modality does not fit span_ends"
    return ""
