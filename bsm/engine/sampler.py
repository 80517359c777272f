"""Which rows make up the batch of a step: a pure function of (sources, mix, seed, step).

Not of ranks, workers, or what was read before, so a run that is cut off, moved to other hardware or continued on a
different number of devices reads the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from bsm.base.config.training import Mix
from bsm.base.errors import BsmError
from bsm.base.randomness import generator, unit_interval
from bsm.engine.sources import ShardSource

BLOCK_SLOTS = 1024
"""Contexts are dealt out in blocks of so many; in each, a source has its share of slots, rounded down or up."""
BUFFER_ROW_GROUPS = 4
"""Rows are shuffled within so many row groups, which a loader then holds in memory (a row group has at most 16,384 rows
and 32 MB of tokens)."""
_CACHED_BUFFERS = 64
_FRACTION_BITS = 32
"""Shares of a block are whole multiples of 2^-32 slots."""


class Sampler:
    """Rows of every step, drawn from ``sources`` in the proportions of ``mix``.

    Shares. The mix weighs groups by tokens; inside a group, sources share in proportion to their tokens, so that all
    are passed over equally often (as ``bsm shard plan`` plans it). A row of a source with more padding holds fewer
    tokens, so slots are weighed by tokens over mean tokens per row. Of the 1,024 slots of a block a source has its
    share rounded down or up, such that over blocks it neither gains nor loses (``_dealt``): a source with a thousandth
    of a slot has one in every thousandth block. Inside a block its slots are spread evenly, with a phase hashed from
    (seed, source).

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
        self.shares = shares_of(self.sources, mix)
        self._seed = seed
        before = already_drawn or {}
        self._first_draw = np.array([before.get(source.name, 0) for source in self.sources], dtype=np.int64)
        self._phase = np.array([unit_interval("phase", seed, source.name) for source in self.sources])
        self._by_name = np.argsort([source.name for source in self.sources], kind="stable")
        bounds = np.concatenate([[0.0], np.cumsum(self.shares[self._by_name])]) * (BLOCK_SLOTS << _FRACTION_BITS)
        bounds[-1] = BLOCK_SLOTS << _FRACTION_BITS
        self._bounds = np.rint(bounds).astype(np.int64)
        self._block = lru_cache(2)(self._slots_of_block)
        self._buffer = lru_cache(_CACHED_BUFFERS)(self._buffer_rows)
        self._pass_order = lru_cache(_CACHED_BUFFERS)(self._row_groups_of_pass)

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a step reads in the mean, without padding."""
        tokens_per_row = np.array([source.n_tokens / source.n_rows for source in self.sources])
        return self.batch_sequences * float(self.shares @ tokens_per_row)

    def n_steps(self, n_tokens: int) -> int:
        """Steps after which ``n_tokens`` tokens without padding have been read, in the mean."""
        return max(1, math.ceil(n_tokens / self.tokens_per_step))

    def rows(self, step: int) -> list[tuple[int, int]]:
        """(index into ``sources``, row) of the step's ``batch_sequences`` contexts, in order. Steps count from 0."""
        rows = []
        for slot in range(step * self.batch_sequences, (step + 1) * self.batch_sequences):
            block, place = divmod(slot, BLOCK_SLOTS)
            source, draw = (int(column[place]) for column in self._block(block))
            rows.append((source, self._row(source, draw)))
        return rows

    def draws(self, n_steps: int) -> dict[str, int]:
        """Rows drawn from each source once ``n_steps`` are done, those of ``already_drawn`` included; every source."""
        block, place = divmod(n_steps * self.batch_sequences, BLOCK_SLOTS)
        in_block = np.bincount(self._block(block)[0][:place], minlength=len(self.sources))
        total = self._first_draw + self._dealt(block) + in_block
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

    def _dealt(self, n_blocks: int) -> np.ndarray:
        """int64[n_sources]: slots of each source in the first ``n_blocks`` blocks together.

        The sources divide a block's line from 0 to 1,024 at ``_bounds``. Block b puts its slots at k + v(b), k = 0 to
        1,023, where v(b) is b's van der Corput number, and a slot belongs to the source on whose part it falls. So a
        block's slots of a source are its share rounded down or up, and the sum over blocks stays within about log2 of
        the blocks of the exact share.
        """
        below = n_blocks * (self._bounds >> _FRACTION_BITS) + _visits(
            n_blocks, self._bounds & ((1 << _FRACTION_BITS) - 1)
        )
        dealt = np.empty(len(self.sources), dtype=np.int64)
        dealt[self._by_name] = np.diff(below)
        return dealt

    def _slots_of_block(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """(source, draw of that source) of every slot of a block, int64[BLOCK_SLOTS] both."""
        before = self._dealt(block)
        slots = self._dealt(block + 1) - before
        source = np.repeat(np.arange(len(self.sources)), slots)
        rank = np.concatenate([np.arange(n) for n in slots])
        order = np.lexsort((source, (rank + self._phase[source]) / slots[source]))
        source, rank = source[order], rank[order]
        return source, self._first_draw[source] + before[source] + rank

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


def shares_of(sources: Sequence[ShardSource], mix: Mix) -> np.ndarray:
    """float64[n_sources]: share of each source in the rows that are read; 0 only where its group weighs nothing."""
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
    return weights / math.fsum(weights)


def _visits(n: int, bounds: np.ndarray) -> np.ndarray:
    """int64: how many of the van der Corput numbers v(0) to v(n - 1) lie below each bound (in units of 2^-32).

    v(b) is b's binary digits mirrored at the point: 0, 1/2, 1/4, 3/4, 1/8, ... Below a bound lie dyadic intervals, one
    for each of its digits 1, and v(b) is in one of 2^-m exactly where b has a certain remainder modulo 2^m.
    """
    visits, remainder = np.zeros_like(bounds), np.zeros_like(bounds)
    for place in range(_FRACTION_BITS):
        digit = bounds >> (_FRACTION_BITS - 1 - place) & 1
        visits += digit * ((n - remainder + (2 << place) - 1) >> (place + 1))
        remainder += digit << place
    return visits
