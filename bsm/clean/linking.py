"""Union-find over records, the evidence that links them, and near-duplicates by MinHash.

Records are numbers here; ``Links`` collects evidence while the corpora stream by and never holds a sequence.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH

_MIN_SHARED = 2
"""One shared sampled k-mer is chance or a repeat; two at the asked containment are not."""
_LSH_SLACK = 0.25
"""The LSH asks for so much less Jaccard than the threshold, because at its own threshold it misses half."""


class Links:
    """Which records belong together."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._by_key: dict[Hashable, int] = {}
        self._hashes: list[np.ndarray] = []
        self._unit_record: list[int] = []
        self.n_repeats = 0

    def add_record(self) -> int:
        """Number of a new record, alone in its group."""
        self._parent.append(len(self._parent))
        return len(self._parent) - 1

    def root(self, record: int) -> int:
        while self._parent[record] != record:
            self._parent[record] = self._parent[self._parent[record]]
            record = self._parent[record]
        return record

    def join(self, a: int, b: int) -> None:
        a, b = sorted((self.root(a), self.root(b)))
        self._parent[b] = a

    def add_key(self, record: int, key: Hashable) -> bool:
        """Link the record with all that share this key; True where the key is new."""
        first = self._by_key.setdefault(key, record)
        self.join(first, record)
        return first == record

    def add_hashes(self, record: int, hashes: np.ndarray) -> None:
        """Sampled k-mer hashes of one of the record's sequences, for ``join_contained``."""
        if hashes.size >= _MIN_SHARED:
            self._hashes.append(hashes)
            self._unit_record.append(record)

    def join_contained(self, share: float, max_occurrences: int) -> None:
        """Link records of which one sequence holds at least ``share`` of the other's sampled k-mers.

        k-mers in more than ``max_occurrences`` sequences are repeats and link nothing (``n_repeats`` counts them).
        """
        if not self._hashes:
            return
        sizes = np.array([h.size for h in self._hashes], dtype=np.int64)
        hashes, units = np.concatenate(self._hashes), np.repeat(np.arange(sizes.size), sizes)
        order = np.argsort(hashes, kind="stable")
        hashes, units = hashes[order], units[order]
        bounds = np.concatenate(([0], np.flatnonzero(np.diff(hashes)) + 1, [hashes.size]))
        lengths = np.diff(bounds)
        self.n_repeats = int((lengths > max_occurrences).sum())
        pairs = [np.zeros(0, dtype=np.int64)]
        for length in range(2, int(min(lengths.max(), max_occurrences)) + 1):
            runs = units[bounds[:-1][lengths == length][:, None] + np.arange(length)]
            for i in range(length):
                for j in range(i + 1, length):
                    pairs.append(runs[:, i] * sizes.size + runs[:, j])
        keys, n_shared = np.unique(np.concatenate(pairs), return_counts=True)
        a, b = keys // sizes.size, keys % sizes.size
        enough = (n_shared >= _MIN_SHARED) & (n_shared >= share * np.minimum(sizes[a], sizes[b]))
        for first, second in zip(a[enough].tolist(), b[enough].tolist(), strict=True):
            self.join(self._unit_record[first], self._unit_record[second])


def near_duplicates(signatures: Sequence[tuple[int, MinHash]], jaccard: float, n_permutations: int
                    ) -> dict[int, int]:  # fmt: skip
    """Record -> the representative it nearly equals, for records given in order of preference.

    Each record is compared with the representatives before it, never with other duplicates: similarity is not
    transitive, and a chain of small differences must not swallow a family.
    """
    lsh = MinHashLSH(threshold=max(0.1, jaccard - _LSH_SLACK), num_perm=n_permutations)
    representatives: dict[int, MinHash] = {}
    found: dict[int, int] = {}
    for record, minhash in signatures:
        rivals = [r for r in lsh.query(minhash) if minhash.jaccard(representatives[r]) >= jaccard]
        if rivals:
            found[record] = max(rivals, key=lambda r: (minhash.jaccard(representatives[r]), -r))
        else:
            representatives[record] = minhash
            lsh.insert(record, minhash)
    return found
