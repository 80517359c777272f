"""Which rows make up the batch of a step: a pure function of (sources, mix, seed, step).

Not of ranks, workers, or what was read before, so a run that is cut off, moved to other hardware or continued on a
different number of devices reads the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from bsm.base.config.training import Mix
from bsm.base.errors import BsmError, ConfigError
from bsm.base.randomness import generator, unit_interval
from bsm.engine.sources import ShardSource

BLOCK_SLOTS = 1024
"""In every block of so many contexts each source has the same whole number of slots."""
BUFFER_ROW_GROUPS = 4
"""Rows are shuffled within so many row groups, which a loader then holds in memory (a row group has at most 16,384 rows
and 32 MB of tokens)."""
_CACHED_BUFFERS = 64


class Sampler:
    """Rows of every step, drawn from ``sources`` in the proportions of ``mix``.

    Shares. The mix weighs groups by tokens; inside a group, sources share in proportion to their tokens, so that all
    are passed over equally often (as ``bsm shard plan`` plans it). A row of a source with more padding holds fewer
    tokens, so slots are weighed by tokens over mean tokens per row. Slots come in blocks of 1,024: every source has its
    share of each block by largest remainder, at least one slot, spread evenly with a phase hashed from (seed, source).

    Order. The j-th row drawn from a source belongs to pass j // n_rows, and every pass visits every row once: row
    groups in random order, rows shuffled within buffers of BUFFER_ROW_GROUPS of them, so that reading stays sequential
    by row group at any size.

    ``already_drawn``: rows that earlier rounds drew from each source by name; the passes go on behind them, so a source
    that is larger than one round's share gives unseen rows first. See ``draws``.
    """

    def __init__(
        self, sources: Sequence[ShardSource], mix: Mix, seed: int, batch_sequences: int,
        already_drawn: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.sources = tuple(sources)
        self.batch_sequences = batch_sequences
        self.slots = slots_of(self.sources, mix)
        self._seed = seed
        before = already_drawn or {}
        self._first_draw = np.array([before.get(source.name, 0) for source in self.sources], dtype=np.int64)
        self._source, self._rank = _pattern(self.sources, self.slots, seed)
        self._buffer = lru_cache(_CACHED_BUFFERS)(self._buffer_rows)
        self._pass_order = lru_cache(_CACHED_BUFFERS)(self._row_groups_of_pass)

    def rows(self, step: int) -> list[tuple[int, int]]:
        """(index into ``sources``, row) of the step's ``batch_sequences`` contexts, in order. Steps count from 0."""
        slot = step * self.batch_sequences + np.arange(self.batch_sequences, dtype=np.int64)
        block, place = np.divmod(slot, BLOCK_SLOTS)
        source = self._source[place]
        draw = self._first_draw[source] + block * self.slots[source] + self._rank[place]
        return [(int(s), self._row(int(s), int(j))) for s, j in zip(source, draw, strict=True)]

    def draws(self, n_steps: int) -> dict[str, int]:
        """Rows drawn from each source once ``n_steps`` are done, those of ``already_drawn`` included; every source."""
        block, place = divmod(n_steps * self.batch_sequences, BLOCK_SLOTS)
        in_block = np.bincount(self._source[:place], minlength=len(self.sources))
        total = self._first_draw + block * self.slots + in_block
        return {source.name: int(n) for source, n in zip(self.sources, total, strict=True)}

    def planned(self, n_steps: int) -> dict[str, tuple[float, float]]:
        """(tokens, passes) of each source in ``n_steps``, without ``already_drawn``.

        Tokens are the mean of the source's rows times the rows drawn: exact for whole passes.
        """
        planned = {}
        for source, first in zip(self.sources, self._first_draw, strict=True):
            passes = (self.draws(n_steps)[source.name] - int(first)) / source.n_rows
            planned[source.name] = (passes * source.n_tokens, passes)
        return planned

    def _row(self, index: int, draw: int) -> int:
        """Row of a source's ``draw``-th draw."""
        number, place = divmod(draw, self.sources[index].n_rows)
        ends = self._pass_order(index, number)[1]
        buffer = int(np.searchsorted(ends, place, side="right"))
        start = int(ends[buffer - 1]) if buffer else 0
        return int(self._buffer(index, number, buffer)[place - start])

    def _row_groups_of_pass(self, index: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(row groups in the order of the pass, end of each buffer of them in rows)."""
        source = self.sources[index]
        sizes = np.diff(source.first_rows)
        order = generator("pass", self._seed, source.name, number).permutation(len(sizes))
        ends = np.cumsum(sizes[order])
        last = np.arange(BUFFER_ROW_GROUPS, len(order) + BUFFER_ROW_GROUPS, BUFFER_ROW_GROUPS).clip(max=len(order)) - 1
        return order, ends[last]

    def _buffer_rows(self, index: int, number: int, buffer: int) -> np.ndarray:
        """int64: the rows of one buffer of a pass, shuffled."""
        source = self.sources[index]
        first = buffer * BUFFER_ROW_GROUPS
        groups = self._pass_order(index, number)[0][first : first + BUFFER_ROW_GROUPS]
        rows = np.concatenate([np.arange(source.first_rows[g], source.first_rows[g + 1]) for g in groups])
        return generator("buffer", self._seed, source.name, number, buffer).permutation(rows)


def slots_of(sources: Sequence[ShardSource], mix: Mix) -> np.ndarray:
    """int64[n_sources]: slots of each source in every block of BLOCK_SLOTS; 0 only where its group weighs nothing."""
    weights = np.zeros(len(sources))
    wanted = {group: weight for group, weight in mix.weights.items() if weight > 0}
    for group, weight in wanted.items():
        members = [i for i, source in enumerate(sources) if source.group == group]
        if not members:
            raise BsmError(f"mix {mix.name} weighs a group without training rows", value=group,
                           way_out="Add a source of that group, or set its weight to 0")  # fmt: skip
        # Tokens wanted of a source are weight * n_tokens / (tokens of the group); over tokens per row, that is rows.
        n_group_tokens = sum(sources[i].n_tokens for i in members)
        for i in members:
            weights[i] = weight * sources[i].n_rows / n_group_tokens
    if np.count_nonzero(weights) > BLOCK_SLOTS:
        raise ConfigError("more sources than slots in a block", value=len(sources), way_out="Merge small sources")
    return _largest_remainder(weights / weights.sum() * BLOCK_SLOTS)


def _largest_remainder(quotas: np.ndarray) -> np.ndarray:
    """Whole numbers beside the quotas, of the same sum; at least 1 where a quota is positive."""
    whole = np.where(quotas > 0, np.maximum(np.floor(quotas), 1), 0).astype(np.int64)
    while (spare := round(quotas.sum()) - whole.sum()) != 0:
        step = int(np.sign(spare))
        may_change = (quotas > 0) if step > 0 else (whole > 1)
        gap = np.where(may_change, (quotas - whole) * step, -np.inf)
        whole[np.argmax(gap)] += step
    return whole


def _pattern(sources: Sequence[ShardSource], slots: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(source, how many slots of that source stand before) of every slot of a block."""
    source = np.repeat(np.arange(len(sources)), slots)
    rank = np.concatenate([np.arange(n) for n in slots])
    phase = np.array([unit_interval("phase", seed, s.name) for s in sources])
    order = np.lexsort((source, (rank + phase[source]) / slots[source]))
    return source[order], rank[order]
