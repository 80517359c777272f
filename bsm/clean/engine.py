"""Search of many short queries in many sequences: indexed seeds, ungapped segments, chains, alignment.

The index stands over the queries (the small side); targets stream past it. The rule for "found": some stretch of
the best alignment spans at least the asked share of the query at the asked identity, where identity is equal
letters over alignment columns (gaps included).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from bsm.clean import kernels
from bsm.clean.letters import Alphabet, join

REPORT_IDENTITY = 0.9
"""Everything found at this identity is listed, whatever the removal level."""
SEED_BLOCK = 16
"""Among so many k-mers in a row at least one seeds, however frequent."""
_LOOKBACK = 64
_MAX_DRIFT = 400
_MAX_INDEX_BITS = 24


class Demand(NamedTuple):
    """What it takes to find one query: identity and share of its letters."""

    identity: float
    coverage: float


class Match(NamedTuple):
    """A query in a target; coordinates on query and target as searched. ``meets``: the removal demand is met."""

    query: int
    target: int
    query_start: int
    query_end: int
    start: int
    end: int
    identity: float
    coverage: float
    meets: bool


@dataclass(frozen=True)
class Queries:
    """Encoded queries. ``demands`` decide removal; ``exact`` queries are too short for anything but containment."""

    letters: list[np.ndarray]
    demands: list[Demand]
    exact: np.ndarray  # bool[n]


class Engine:
    """An index of queries over one alphabet, and the search of target sequences against it."""

    def __init__(self, queries: Queries, alphabet: Alphabet, k: int, max_occurrences: int, min_coverage: float) -> None:
        self.queries, self.alphabet, self.k = queries, alphabet, k
        self.listing = Demand(REPORT_IDENTITY, min_coverage)
        self.joined, self.starts = join(queries.letters)
        self.lengths = np.array([q.size for q in queries.letters], dtype=np.int64)
        own = np.concatenate(([0], np.cumsum(alphabet.scores.diagonal().clip(0)[self.joined])))
        self.self_scores = own[self.starts + self.lengths] - own[self.starts]
        self._weakest = np.array([min(d.identity, REPORT_IDENTITY) for d in queries.demands])
        self._build_index(max_occurrences)

    def _build_index(self, max_occurrences: int) -> None:
        """Seeds sorted by code (once, for their counts and for the index), and where each bucket of codes begins."""
        codes = kernels.kmer_codes(self.joined, self.alphabet.base, self.k, self.alphabet.max_period)
        order = np.argsort(codes, kind="stable")
        order = order[np.searchsorted(codes[order], 0) :]
        bounds = np.concatenate(([0], np.flatnonzero(np.diff(codes[order])) + 1, [order.size]))
        n_same = np.zeros(codes.size, dtype=np.int64)
        n_same[order] = np.repeat(np.diff(bounds), np.diff(bounds))
        keep = kernels.choose_seeds(codes, n_same, self.starts, self.starts + self.lengths, self.queries.exact,
                                    max_occurrences, SEED_BLOCK)  # fmt: skip
        self._positions = order[keep[order]]
        self._codes = codes[self._positions]
        owner = np.repeat(np.arange(self.starts.size), self.lengths + 1)[self._positions - 1]
        self.has_seed = np.bincount(owner, minlength=self.starts.size) > 0
        self._demands = np.minimum(self.alphabet.min_score, self.self_scores[owner] * 9 // 20).astype(np.int32)
        n_codes = self.alphabet.base**self.k
        bits = min(_MAX_INDEX_BITS, max(8, int(self._positions.size).bit_length() + 3))
        self._shift = max(0, (n_codes - 1).bit_length() - bits)
        filled = np.bincount(self._codes >> self._shift, minlength=(n_codes >> self._shift) + 1)
        self._buckets = np.concatenate(([0], np.cumsum(filled)))

    def segments(self, targets: Sequence[np.ndarray]) -> Segments:
        """Ungapped segments of all queries in the targets, grouped by (target, query)."""
        joined, starts = join(targets)
        raw = kernels.seed_and_extend(
            joined, self.joined, self._buckets, self._codes, self._positions, self._demands, self._shift,
            self.alphabet.base, self.k, self.alphabet.scores, self.alphabet.x_drop,
        )  # fmt: skip
        query = np.searchsorted(self.starts, raw[:, 0], side="right") - 1
        target = np.searchsorted(starts, raw[:, 2], side="right") - 1
        raw[:, 0:2] -= self.starts[query, None]
        raw[:, 2:4] -= starts[target, None]
        return Segments.sorted(raw, query, target)

    def search(self, targets: Sequence[np.ndarray], others: Callable[[int], Iterable[np.ndarray]] | None = None
               ) -> tuple[list[Match], Segments]:  # fmt: skip
        """Compact matches (copies with small indels) of all queries in the targets, and the segments they came from.

        ``others`` gives further readings of a target (translations under other genetic codes, equally long): seeds
        come from the target itself, the alignment from whichever reading meets the demand first.
        """
        segments = self.segments(targets)
        group_query = segments.query[segments.group_starts[:-1]]
        lengths = self.lengths[group_query]
        band = np.minimum(np.maximum(16, lengths * 15 // 100), _MAX_DRIFT)
        chains = kernels.chain_segments(
            segments.fields, segments.group_starts, band, 0, self._min_totals(group_query), _LOOKBACK
        )
        matches: list[Match] = []
        for members in _members(chains):
            query, target = int(segments.query[members[0]]), int(segments.target[members[0]])
            found = None
            for whole in chain([targets[target]], others(target) if others else ()):
                found = self._verify(segments.fields[members], query, target, whole) or found
                if found is not None and found.meets:
                    break
            if found is not None:
                matches.append(found)
        return _without_repeats(matches), segments

    def _min_totals(self, group_query: np.ndarray) -> np.ndarray:
        """Least chain score worth an alignment: far below what the weakest accepted copy scores."""
        share = np.where(self._weakest[group_query] < 0.8, 0.08, 0.2)
        share = np.where(self.queries.exact[group_query], 1.0, share)
        return np.ceil(share * self.self_scores[group_query]).astype(np.int64)

    def _verify(self, segments: np.ndarray, query: int, target: int, whole: np.ndarray) -> Match | None:
        letters = self.queries.letters[query]
        if segments[0, 5] == letters.size:  # letter by letter the same: nothing to align
            return Match(query, target, 0, letters.size, int(segments[0, 2]), int(segments[0, 3]), 1.0, 1.0, True)
        if self.queries.exact[query]:
            return None
        pad = min(64, 8 + letters.size // 32)
        diagonals = segments[:, 2] - segments[:, 0]
        low, high = int(diagonals.min()) - pad, int(diagonals.max()) + pad
        offset = max(0, low)
        window = whole[offset : min(whole.size, letters.size + high + 1)]
        columns, q0, t0 = kernels.align(letters, window, low - offset, high - offset, self.alphabet.scores,
                                        self.alphabet.gap_open, self.alphabet.gap_extend)  # fmt: skip
        for demand, meets in ((self.queries.demands[query], True), (self.listing, False)):
            q_start, q_end, start, end, same, n = kernels.longest_stretch(letters, window, columns, q0, t0,
                                                                          demand.identity)  # fmt: skip
            if n and q_end - q_start >= demand.coverage * letters.size - 1e-9:
                return Match(query, target, q_start, q_end, start + offset, end + offset, same / n,
                             (q_end - q_start) / letters.size, meets)  # fmt: skip
        return None


@dataclass(frozen=True)
class Segments:
    """Ungapped segments sorted by target, query and start; ``group_starts`` bounds the groups of one pair."""

    fields: np.ndarray  # int64[n, HSP_FIELDS], coordinates relative to query and target
    query: np.ndarray
    target: np.ndarray
    group_starts: np.ndarray

    @classmethod
    def sorted(cls, fields: np.ndarray, query: np.ndarray, target: np.ndarray) -> Segments:
        order = np.lexsort((fields[:, 3], fields[:, 0], fields[:, 2], query, target))
        fields, query, target = fields[order], query[order], target[order]
        changes = np.flatnonzero((np.diff(query) != 0) | (np.diff(target) != 0)) + 1
        bounds = np.concatenate(([0], changes, [query.size])) if query.size else np.zeros(1, dtype=np.int64)
        return cls(fields, query, target, bounds.astype(np.int64))


class Spliced(NamedTuple):
    """A query found in pieces along one strand of a record (exons, or frames shifted by an indel)."""

    query: int
    target: int
    first: int
    """Row of the first segment."""
    start: int
    end: int
    readings: list[np.ndarray]
    """Per reading of the target int8 per query letter: 1 equal, 0 different, -1 in none of the pieces."""


Reader = Callable[[int, int], np.ndarray]
"""(start, n letters) -> codes of one target, in the coordinates of the segments."""


def spliced_matches(
    segments: Segments, engine: Engine, readers: Callable[[int], list[Reader]], max_gap: int
) -> list[Spliced]:
    """Chains of two or more segments with target gaps up to ``max_gap``; ``readers`` gives the readings of a target."""
    group_query = segments.query[segments.group_starts[:-1]]
    totals = np.ceil(0.4 * engine.self_scores[group_query]).astype(np.int64)
    chains = kernels.chain_segments(segments.fields, segments.group_starts, np.full(group_query.size, -1), max_gap,
                                    totals, _LOOKBACK)  # fmt: skip
    found: list[Spliced] = []
    for members in _members(chains):
        if members.size < 2:
            continue
        parts = segments.fields[members]
        query, target = int(segments.query[members[0]]), int(segments.target[members[0]])
        readings = [_same_letters(parts, engine.queries.letters[query], read) for read in readers(target)]
        found.append(Spliced(query, target, int(members[0]), int(parts[:, 2].min()), int(parts[:, 3].max()), readings))
    return found


def _same_letters(parts: np.ndarray, query: np.ndarray, read: Reader) -> np.ndarray:
    """Equality per query letter; where two pieces overlap, each letter comes from one, split where most are equal."""
    same = np.full(query.size, -1, dtype=np.int8)
    reach = 0
    for q_start, q_end, t_start in parts[:, :3].tolist():
        new = (query[q_start:q_end] == read(t_start, q_end - q_start)).astype(np.int8)
        overlap = min(max(0, reach - q_start), new.size)
        old = same[q_start : q_start + overlap]
        equal = np.concatenate(([0], np.cumsum(old))) + np.concatenate((np.cumsum(new[:overlap][::-1])[::-1], [0]))
        split = int(np.argmax(equal))
        same[q_start + split : q_end] = new[split:]
        reach = max(reach, q_end)
    return same


def stretch_of(found: Spliced, demand: Demand) -> tuple[int, int, float, float] | None:
    """Query start and end, identity and coverage of the longest part that meets the demand; None where none does.

    Letters in none of the pieces count against the coverage, not against the identity.
    """
    for same in found.readings:
        covered = np.flatnonzero(same >= 0)
        differs = (1 - same[covered]).astype(np.uint8)
        zeros = np.zeros_like(differs)
        begin, end, _, _, n_same, n = kernels.longest_stretch(zeros, differs, zeros, 0, 0, demand.identity)
        if n and n >= demand.coverage * same.size - 1e-9:
            return int(covered[begin]), int(covered[end - 1]) + 1, n_same / n, n / same.size
    return None


def _members(chains: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of each chain, in row order."""
    order = np.argsort(chains, kind="stable")
    order = order[chains[order] >= 0]
    if order.size:
        yield from np.split(order, np.flatnonzero(np.diff(chains[order])) + 1)


def _without_repeats(matches: list[Match]) -> list[Match]:
    """Of matches of one query that overlap by half or more on one target, the best one."""
    kept: list[Match] = []
    last: dict[tuple[int, int], list[Match]] = {}
    for match in sorted(matches, key=lambda m: (not m.meets, -m.coverage * m.identity, m)):
        rivals = last.setdefault((match.query, match.target), [])
        if all(2 * (min(match.end, r.end) - max(match.start, r.start)) < match.end - match.start for r in rivals):
            rivals.append(match)
            kept.append(match)
    return sorted(kept, key=lambda m: (m.target, m.query, m.start, m.end))
