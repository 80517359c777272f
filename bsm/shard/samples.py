"""Samples: which stretches of which pieces make one training document, before tokens exist.

A document is ``<bos> piece <sep> piece ... <eos>``. ``joined_samples`` makes the samples of single-modal
and web records (and of genes under ``window: whole``); genes have their own rules in pairs.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

N_END_TOKENS = 2  # <bos> and <eos>
WHOLE = -1


@dataclass(frozen=True)
class Samples:
    """Samples of one batch. Pieces ``offsets[i]`` to ``offsets[i + 1]`` belong to sample i, in sample order."""

    offsets: np.ndarray
    """int64[n_samples + 1]."""
    row: np.ndarray
    """int64[n_pieces]: row of the batch that a piece is cut from."""
    start: np.ndarray
    """int64[n_pieces]: first letter inside the row."""
    length: np.ndarray
    """int64[n_pieces]: letters."""
    record: np.ndarray
    """int64[n_samples]: record of the batch."""
    window: np.ndarray
    """int32[n_samples]: number of the window inside its record; WHOLE where the record was not cut."""

    @property
    def n_samples(self) -> int:
        return len(self.record)

    def n_letters(self) -> np.ndarray:
        """int64[n_samples]: letters of each sample."""
        total = np.concatenate([[0], np.cumsum(self.length)])
        return total[self.offsets[1:]] - total[self.offsets[:-1]]

    def n_tokens(self) -> np.ndarray:
        """int64[n_samples]: tokens of each document, special tokens included."""
        return self.n_letters() + np.diff(self.offsets) - 1 + N_END_TOKENS


def select(samples: Samples, chosen: np.ndarray) -> Samples:
    """The samples where ``chosen`` (bool) holds, in order."""
    n_pieces = np.diff(samples.offsets)
    pieces = np.repeat(chosen, n_pieces)
    return Samples(
        np.concatenate([[0], np.cumsum(n_pieces[chosen])]),
        samples.row[pieces], samples.start[pieces], samples.length[pieces],
        samples.record[chosen], samples.window[chosen],
    )  # fmt: skip


def joined_samples(lengths: np.ndarray, first_row: np.ndarray, context_tokens: int, chop: bool) -> Samples:
    """Join the rows of each record, in order, into as few samples as fit the context.

    A record that is too long is cut between rows; a row that alone is too long becomes successive windows
    of its own. With ``chop`` the joined record is cut wherever the context is full, and a ``<sep>`` that would
    stand at a cut is left out.
    """
    bound = len(lengths) + (int(lengths.sum()) + len(lengths)) // (context_tokens - N_END_TOKENS) + 1
    row, start, length, ends, record = (np.empty(bound, dtype=np.int64) for _ in range(5))
    n_pieces, n_samples = _join(
        lengths, first_row, context_tokens - N_END_TOKENS, chop, row, start, length, ends, record
    )
    record = record[:n_samples]
    return Samples(
        offsets=np.concatenate([[0], ends[:n_samples]]).astype(np.int64),
        row=row[:n_pieces], start=start[:n_pieces], length=length[:n_pieces],
        record=record, window=number_windows(record),
    )  # fmt: skip


def number_windows(record: np.ndarray) -> np.ndarray:
    """int32 number of each sample inside its record (records are contiguous); WHOLE for a record's only one."""
    if not len(record):
        return np.zeros(0, dtype=np.int32)
    first = np.concatenate([[True], record[1:] != record[:-1]])
    start_of = np.flatnonzero(first)[np.cumsum(first) - 1]
    number = np.arange(len(record)) - start_of
    only = first & np.concatenate([first[1:], [True]])
    return np.where(only, WHOLE, number).astype(np.int32)


@njit(cache=True, nogil=True)
def _join(lengths, first_row, budget, chop, row, start, length, ends, record):  # type: ignore[no-untyped-def]
    n_pieces = n_samples = 0
    for index in range(len(first_row) - 1):
        used = opened = 0
        for r in range(first_row[index], first_row[index + 1]):
            left, position = lengths[r], 0
            if opened and not chop and used + 1 + left > budget:
                ends[n_samples], record[n_samples] = n_pieces, index
                n_samples, used, opened = n_samples + 1, 0, 0
            while left > 0:
                space = budget - used - (1 if opened else 0)
                if space <= 0:
                    ends[n_samples], record[n_samples] = n_pieces, index
                    n_samples, used, opened = n_samples + 1, 0, 0
                    space = budget
                take = min(space, left)
                row[n_pieces], start[n_pieces], length[n_pieces] = r, position, take
                n_pieces, used, opened = n_pieces + 1, budget - space + take, 1
                left, position = left - take, position + take
            if lengths[r] > budget and not chop:
                # The last window of a long row stands alone: its neighbours are other sequences.
                ends[n_samples], record[n_samples] = n_pieces, index
                n_samples, used, opened = n_samples + 1, 0, 0
        if opened:
            ends[n_samples], record[n_samples] = n_pieces, index
            n_samples += 1
    return n_pieces, n_samples
