"""A seeded sample of records under a budget of letters, in one pass and in bounded memory.

The sample is defined on the whole input, whatever its order: records sorted by the hash of their
accession, taken from the smallest hash on while the letters fit into the budget. Records are held in
2^16 buckets by the top bits of the hash; as soon as the buckets below one hold more than the budget, that
bucket and all above it can never be needed and are forgotten. Memory: 16 bytes per record that can still be taken.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Literal

_BUCKET_BITS = 16
_BUCKET_SHIFT = 64 - _BUCKET_BITS
HASH_LIMIT = 1 << 64

Verdict = Literal["candidate", "not_sampled", "duplicate_accession"]


class HashSample:
    """Decides record by record; ``cut`` then says which candidates are in the sample (hash < cut)."""

    def __init__(self, max_letters: int | None) -> None:
        self.max_letters = max_letters
        self._last = (1 << _BUCKET_BITS) - 1
        """Highest bucket that can still hold records of the sample."""
        self._hashes: dict[int, array[int]] = {}
        self._lengths: dict[int, array[int]] = {}
        self._totals: dict[int, int] = {}
        self._total = 0

    def offer(self, name_hash: int, n_letters: int) -> Verdict:
        """``candidate``: may be in the sample, store it. Two equal hashes are the same accession."""
        bucket = name_hash >> _BUCKET_SHIFT
        if bucket > self._last:
            return "not_sampled"
        hashes = self._hashes.setdefault(bucket, array("Q"))
        position = bisect_left(hashes, name_hash)
        if position < len(hashes) and hashes[position] == name_hash:
            return "duplicate_accession"
        hashes.insert(position, name_hash)
        self._lengths.setdefault(bucket, array("Q")).insert(position, n_letters)
        self._totals[bucket] = self._totals.get(bucket, 0) + n_letters
        self._total += n_letters
        self._forget()
        return "candidate" if bucket <= self._last else "not_sampled"

    def _forget(self) -> None:
        """Drop buckets from the top while those below alone exceed the budget."""
        if self.max_letters is None:
            return
        while self._last > 0 and self._total - self._totals.get(self._last, 0) > self.max_letters:
            self._total -= self._totals.pop(self._last, 0)
            self._hashes.pop(self._last, None)
            self._lengths.pop(self._last, None)
            self._last -= 1

    @property
    def cut(self) -> int:
        """The sample is every candidate with a hash below this: the first one, in hash order, that does not fit."""
        if self.max_letters is None or self._total <= self.max_letters:
            return HASH_LIMIT
        taken = 0
        for bucket in sorted(self._hashes):
            if taken + self._totals[bucket] <= self.max_letters:
                taken += self._totals[bucket]
                continue
            for name_hash, n_letters in zip(self._hashes[bucket], self._lengths[bucket], strict=True):
                taken += n_letters
                if taken > self.max_letters:
                    return name_hash
        return HASH_LIMIT
