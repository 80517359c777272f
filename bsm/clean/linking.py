"""Evidence that records belong together, collected while the corpora stream by; near-duplicates by MinHash.

Records are numbers here. ``Evidence`` holds hashes of sampled k-mers and keys, never a sequence.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from datasketch import MinHash, MinHashLSH

from bsm.clean.sketch import Sketch

_MIN_SHARED = 2
"""One shared sampled k-mer is chance or a repeat; two at the asked containment are not."""
_N_HUBS = 4
_FAMILY_SIZE, _COPY_SIZE = 0.5, 0.8
_LSH_SLACK = 0.25
"""The LSH asks for so much less Jaccard than the threshold, because at its own threshold it misses half."""


class Kind(IntEnum):
    """How two records are alike: one holds the other, or they are of similar size (family), or of equal size (copy)."""

    INSIDE = 0
    FAMILY = 1
    COPY = 2


class Link(NamedTuple):
    """``inner`` stands in ``outer`` (of a family or copy: the smaller one in the larger one)."""

    inner: int
    outer: int
    kind: Kind


class Evidence:
    """What is known of the likeness of records: equal keys, and shared k-mers of their sequences (units)."""

    def __init__(self) -> None:
        self.n_records = 0
        self._first: dict[Hashable, int] = {}
        self.same: list[tuple[int, int]] = []
        self._sketches: list[Sketch] = []
        self._unit_record: list[int] = []

    def add_record(self) -> int:
        self.n_records += 1
        return self.n_records - 1

    def add_key(self, record: int, key: Hashable) -> bool:
        """Note that the record is the same as all with this key; True where the key is new."""
        first = self._first.setdefault(key, record)
        if first != record:
            self.same.append((first, record))
        return first == record

    def first_with(self, key: Hashable) -> int | None:
        return self._first.get(key)

    def add_sketch(self, record: int, sketch: Sketch) -> None:
        """k-mers of one of the record's sequences, or of an open frame in it."""
        if sketch.hashes.size >= _MIN_SHARED:
            self._sketches.append(sketch)
            self._unit_record.append(record)

    def links(self, share: float, all_pairs_up_to: int, without: frozenset[int] = frozenset()) -> list[Link]:
        """Distinct pairs of records of which one holds at least ``share`` of the other's k-mers, sorted.

        A k-mer in more than ``all_pairs_up_to`` sequences compares them with the longest few only (Linclust:
        Steinegger and Soeding 2018) and with the next in size, so that a family of any size costs linear time and
        stays linked. ``without`` are records that are left out, so that they are nobody's longest.
        """
        records = np.array(self._unit_record, dtype=np.int64)
        used = np.flatnonzero(~np.isin(records, sorted(without)))
        if not used.size:
            return []
        a, b, n_shared = self._shared(used, all_pairs_up_to)
        dense = np.array([s.dense for s in self._sketches])
        size = np.array([s.hashes.size for s in self._sketches])
        coarse = np.array([s.n_coarse for s in self._sketches])
        whole = np.array([s.whole for s in self._sketches])
        fine = dense[a] & dense[b]
        size_a, size_b = np.where(fine, size[a], coarse[a]), np.where(fine, size[b], coarse[b])
        a_inside = whole[a] & (n_shared >= share * size_a)
        b_inside = whole[b] & (n_shared >= share * size_b)
        keep = (n_shared >= _MIN_SHARED) & (a_inside | b_inside) & (records[a] != records[b])
        swapped = b_inside & (~a_inside | (size_b < size_a))
        inner, outer = np.where(swapped, records[b], records[a]), np.where(swapped, records[a], records[b])
        ratio = np.minimum(size_a, size_b) / np.maximum(np.maximum(size_a, size_b), 1)
        kind = np.where(a_inside & b_inside, (ratio >= _FAMILY_SIZE).astype(int) + (ratio >= _COPY_SIZE), 0)
        best: dict[tuple[int, int], int] = {}
        for i, o, k in zip(inner[keep].tolist(), outer[keep].tolist(), kind[keep].tolist(), strict=True):
            best[i, o] = max(k, best.get((i, o), 0))
        return [Link(i, o, Kind(k)) for (i, o), k in sorted(best.items())]

    def _shared(self, used: np.ndarray, all_pairs_up_to: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of units with the number of k-mers they share."""
        sizes = np.array([self._sketches[unit].hashes.size for unit in used], dtype=np.int64)
        longest = np.argsort(-sizes, kind="stable")  # first, also among those that share a k-mer
        used, sizes = used[longest], sizes[longest]
        hashes, units = np.concatenate([self._sketches[unit].hashes for unit in used]), np.repeat(used, sizes)
        order = np.argsort(hashes, kind="stable")
        hashes, units = hashes[order], units[order]
        bounds = np.concatenate(([0], np.flatnonzero(np.diff(hashes)) + 1, [hashes.size]))
        n_units = len(self._sketches)
        keys = list(_pairs(units, bounds[:-1], np.diff(bounds), n_units, all_pairs_up_to))
        distinct, n_shared = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *keys]), return_counts=True)
        return distinct // n_units, distinct % n_units, n_shared


def _pairs(units: np.ndarray, starts: np.ndarray, lengths: np.ndarray, n_units: int, limit: int
           ) -> Iterator[np.ndarray]:  # fmt: skip
    """Pairs of units in each run, as ``lower * n_units + higher``: all, or in long runs each with the first few and
    the next few."""
    for length in range(2, int(min(lengths.max(), limit)) + 1):
        runs = units[starts[lengths == length][:, None] + np.arange(length)]
        for i in range(length - 1):
            yield _keys(runs[:, i : i + 1], runs[:, i + 1 :], n_units)
    for start, length in zip(starts[lengths > limit].tolist(), lengths[lengths > limit].tolist(), strict=True):
        run = units[start : start + length]
        for hub in range(_N_HUBS):
            yield _keys(run[hub : hub + 1], run[hub + 1 :], n_units)
            yield _keys(run[_N_HUBS : length - hub - 1], run[_N_HUBS + hub + 1 :], n_units)


def _keys(a: np.ndarray, b: np.ndarray, n_units: int) -> np.ndarray:
    return (np.minimum(a, b) * n_units + np.maximum(a, b)).ravel()


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
