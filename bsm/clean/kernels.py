"""Compiled kernels of the search: seeds, ungapped extension, chaining, banded alignment.

All work on uint8 codes of ``bsm.clean.letters`` in which sequences stand one after the other between
separators. The slow plain references are in ``tests/clean``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

HSP_FIELDS = 6
"""Columns of a segment: query start, query end, target start, target end (of the joined arrays), score, matches."""
_DIAGONAL_SLOTS = 1 << 16
_OVERRUN = 48
"""Target letters by which two segments of a spliced chain may overlap: both run past a deletion between them."""


@njit(cache=True, nogil=True)
def kmer_codes(letters: np.ndarray, base: int, k: int, max_period: int) -> np.ndarray:
    """int64[n]: code of the k-mer that starts at each position, -1 where a letter is no seed letter or where
    the k-mer repeats with a period of at most ``max_period`` (low complexity; 0 masks nothing)."""
    codes = np.full(letters.size, -1, dtype=np.int64)
    periodic = np.zeros(max_period + 1, dtype=np.int64)
    top = base ** (k - 1)
    code = np.int64(0)
    run = 0
    for i in range(letters.size):
        letter = np.int64(letters[i])
        if letter >= base:
            run = 0
            code = np.int64(0)
            periodic[:] = 0
            continue
        if run >= k:
            code -= np.int64(letters[i - k]) * top
        code = code * base + letter
        run += 1
        low = False
        for period in range(1, max_period + 1):
            periodic[period] = periodic[period] + 1 if run > period and letters[i - period] == letter else 0
            low |= periodic[period] >= k - period
        if run >= k and not low:
            codes[i - k + 1] = code
    return codes


@njit(cache=True, nogil=True)
def choose_seeds(codes: np.ndarray, n_same: np.ndarray, starts: np.ndarray, ends: np.ndarray,
                 first_only: np.ndarray, max_same: int, block: int) -> np.ndarray:  # fmt: skip
    """bool[n]: positions that seed. A k-mer that stands more than ``max_same`` times seeds only where it is the
    rarest of its block, so that no stretch of a query is without a seed; ``first_only`` queries keep one seed."""
    keep = np.zeros(codes.size, dtype=np.bool_)
    for query in range(starts.size):
        begin = starts[query]
        while begin < ends[query]:
            stop = min(begin + block, ends[query])
            rarest = -1
            for i in range(begin, stop):
                if codes[i] < 0:
                    continue
                if first_only[query]:
                    keep[i] = True
                    stop = ends[query]
                    break
                keep[i] = n_same[i] <= max_same
                if rarest < 0 or n_same[i] < n_same[rarest]:
                    rarest = i
            if rarest >= 0:
                keep[rarest] = True
            begin = stop
    return keep


@njit(cache=True, nogil=True)
def seed_and_extend(target: np.ndarray, queries: np.ndarray, bucket_starts: np.ndarray, seed_codes: np.ndarray,
                    seed_positions: np.ndarray, seed_demands: np.ndarray, shift: int, base: int, k: int,
                    scores: np.ndarray, x_drop: int) -> np.ndarray:  # fmt: skip
    """int64[n, HSP_FIELDS]: maximal ungapped segments around shared k-mers.

    ``seed_codes`` is sorted and ``bucket_starts[b]`` is its first entry with ``code >> shift >= b``. Segments that
    score less than the seed's entry in ``seed_demands`` are left out unless they span a whole query. A diagonal
    is extended once (a small table remembers how far each was read; a collision only repeats work).
    """
    out = np.empty((1024, HSP_FIELDS), dtype=np.int64)
    n_out = 0
    read_diagonal = np.full(_DIAGONAL_SLOTS, np.iinfo(np.int64).min, dtype=np.int64)
    read_to = np.zeros(_DIAGONAL_SLOTS, dtype=np.int64)
    separator = queries[0]
    top = base ** (k - 1)
    code = np.int64(0)
    run = 0
    for i in range(target.size):
        letter = np.int64(target[i])
        if letter >= base:
            run = 0
            code = np.int64(0)
            continue
        if run >= k:
            code -= np.int64(target[i - k]) * top
        code = code * base + letter
        run += 1
        if run < k:
            continue
        bucket = code >> shift
        t = i - k + 1
        for entry in range(bucket_starts[bucket], bucket_starts[bucket + 1]):
            if seed_codes[entry] != code:
                continue
            q = np.int64(seed_positions[entry])
            slot = (t - q) & (_DIAGONAL_SLOTS - 1)
            if read_diagonal[slot] == t - q and read_to[slot] > t:
                continue
            score = 0
            for offset in range(k):
                score += scores[queries[q + offset], target[t + offset]]
            best = score
            right = k
            offset = k
            while score > best - x_drop:
                score += scores[queries[q + offset], target[t + offset]]
                offset += 1
                if score > best:
                    best = score
                    right = offset
            score = best
            left = 0
            offset = 1
            while score > best - x_drop:
                score += scores[queries[q - offset], target[t - offset]]
                if score > best:
                    best = score
                    left = offset
                offset += 1
            read_diagonal[slot] = t - q
            read_to[slot] = t + right
            whole = queries[q - left - 1] == separator and queries[q + right] == separator
            if best < seed_demands[entry] and not whole:
                continue
            if n_out == out.shape[0]:
                grown = np.empty((2 * n_out, HSP_FIELDS), dtype=np.int64)
                grown[:n_out] = out
                out = grown
            matches = 0
            for offset in range(-left, right):
                matches += queries[q + offset] == target[t + offset]
            out[n_out, 0] = q - left
            out[n_out, 1] = q + right
            out[n_out, 2] = t - left
            out[n_out, 3] = t + right
            out[n_out, 4] = best
            out[n_out, 5] = matches
            n_out += 1
    return out[:n_out]


@njit(cache=True, nogil=True)
def chain_segments(segments: np.ndarray, group_starts: np.ndarray, band: np.ndarray, max_gap: int,
                   min_total: np.ndarray, lookback: int) -> np.ndarray:  # fmt: skip
    """int64[n]: number of the chain each segment belongs to, -1 for none.

    A group (one query, one target; its segments sorted by target start) gives as many chains as it has
    collinear series whose score reaches ``min_total``, best first. ``band[g] >= 0`` limits the drift between
    diagonals (copies with small indels); ``band[g] < 0`` limits only the gap on the target (exons).
    """
    chain = np.full(segments.shape[0], -1, dtype=np.int64)
    n_chains = 0
    for group in range(group_starts.size - 1):
        first, last = group_starts[group], group_starts[group + 1]
        n = last - first
        best = np.empty(n, dtype=np.int64)
        previous = np.full(n, -1, dtype=np.int64)
        for j in range(n):
            b = segments[first + j]
            best[j] = b[4]
            for i in range(j - 1, max(-1, j - 1 - lookback), -1):
                a = segments[first + i]
                if b[0] < a[0] or b[1] <= a[1] or b[3] <= a[3]:
                    continue
                overlap = max(a[1] - b[0], 0)
                if band[group] >= 0:
                    overlap = max(overlap, a[3] - b[2])
                    if abs((b[2] - b[0]) - (a[2] - a[0])) > band[group]:
                        continue
                elif b[2] - a[3] > max_gap or b[2] < a[3] - 3 * overlap - _OVERRUN:
                    continue
                length = b[1] - b[0]
                if overlap >= length:
                    continue
                total = best[i] + b[4] * (length - overlap) // length
                if total > best[j]:
                    best[j] = total
                    previous[j] = i
        order = np.argsort(-best, kind="mergesort")
        for end in order:
            if chain[first + end] >= 0 or best[end] < min_total[group]:
                continue
            stop = end
            while stop >= 0 and chain[first + stop] < 0:
                stop = previous[stop]
            if best[end] - (best[stop] if stop >= 0 else 0) < min_total[group]:
                continue
            walk = end
            while walk != stop:
                chain[first + walk] = n_chains
                walk = previous[walk]
            n_chains += 1
    return chain


@njit(cache=True, nogil=True)
def align(query: np.ndarray, target: np.ndarray, low: int, high: int, scores: np.ndarray,
          gap_open: int, gap_extend: int) -> tuple[np.ndarray, int, int]:  # fmt: skip
    """Best local alignment with affine gaps on the diagonals ``low <= target - query <= high`` (Gotoh).

    Returns the columns (0: both letters, 1: target letter only, 2: query letter only), and where the alignment
    starts on query and target.
    """
    width = high - low + 1
    trace = np.zeros((query.size + 1, width), dtype=np.uint8)
    floor = -(1 << 40)
    above = np.zeros(width + 1, dtype=np.int64)
    down = np.full(width + 1, floor, dtype=np.int64)
    best = best_i = best_b = 0
    for i in range(1, query.size + 1):
        left = floor
        here = floor
        for b in range(width):
            j = i + low + b
            if j < 1 or j > target.size:
                above[b] = 0 if j == 0 else floor
                left = here = floor
                continue
            flags = 0
            opened = above[b + 1] - gap_open - gap_extend if b + 1 < width else floor
            extended = down[b + 1] - gap_extend if b + 1 < width else floor
            if extended > opened:
                flags |= 8
            vertical = max(opened, extended)
            opened = here - gap_open - gap_extend
            if left - gap_extend > opened:
                flags |= 4
            left = max(opened, left - gap_extend)
            diagonal = max(above[b], 0) + scores[query[i - 1], target[j - 1]]
            here = 0
            if diagonal > here:
                here = diagonal
                flags |= 1
            if left > here:
                here = left
                flags = (flags & ~3) | 2
            if vertical > here:
                here = vertical
                flags |= 3
            above[b] = here
            down[b] = vertical
            trace[i, b] = flags
            if here > best:
                best, best_i, best_b = here, i, b
    return _walk_back(trace, best_i, best_b, low)


@njit(cache=True, nogil=True)
def _walk_back(trace: np.ndarray, i: int, b: int, low: int) -> tuple[np.ndarray, int, int]:
    columns = np.empty(2 * trace.shape[0] + trace.shape[1], dtype=np.uint8)
    n = 0
    state = 0
    while i > 0:
        flags = trace[i, b]
        if state == 0:
            state = flags & 3
            if state == 0:
                break
            if state == 1:
                columns[n] = 0
                i -= 1
                state = 0
                n += 1
            continue
        columns[n] = 1 if state == 2 else 2
        n += 1
        if state == 2:
            state = 2 if flags & 4 else 0
            b -= 1
        else:
            state = 3 if flags & 8 else 0
            i -= 1
            b += 1
    return columns[:n][::-1].copy(), i, i + low + b


@njit(cache=True, nogil=True)
def longest_stretch(query: np.ndarray, target: np.ndarray, columns: np.ndarray, query_start: int,
                    target_start: int, identity: float) -> tuple[int, int, int, int, int, int]:  # fmt: skip
    """The part of an alignment that spans most query letters at ``identity`` or more.

    Returns query start and end, target start and end, matches, columns; all 0 where there is none. Without
    this a perfect copy of 80 % of an item would hide behind a poor remainder.
    """
    n = columns.size
    at_query = np.empty(n + 1, dtype=np.int64)
    at_target = np.empty(n + 1, dtype=np.int64)
    matches = np.zeros(n + 1, dtype=np.int64)
    at_query[0], at_target[0] = query_start, target_start
    for c in range(n):
        same = columns[c] == 0 and query[at_query[c]] == target[at_target[c]]
        at_query[c + 1] = at_query[c] + (columns[c] != 1)
        at_target[c + 1] = at_target[c] + (columns[c] != 2)
        matches[c + 1] = matches[c] + same
    # the stretch (a, b] qualifies where excess[b] >= excess[a]; a then only needs to be a prefix minimum
    excess = matches - identity * np.arange(n + 1)
    minima = np.empty(n + 1, dtype=np.int64)
    n_minima = 0
    for c in range(n + 1):
        if n_minima == 0 or excess[c] < excess[minima[n_minima - 1]]:
            minima[n_minima] = c
            n_minima += 1
    begin = end = 0
    for b in range(n, 0, -1):
        while n_minima > 0 and minima[n_minima - 1] >= b:
            n_minima -= 1
        while n_minima > 0 and excess[minima[n_minima - 1]] <= excess[b] + 1e-9:
            a = minima[n_minima - 1]
            if at_query[b] - at_query[a] > at_query[end] - at_query[begin]:
                begin, end = a, b
            n_minima -= 1
    return (at_query[begin], at_query[end], at_target[begin], at_target[end],
            matches[end] - matches[begin], end - begin)  # fmt: skip
