"""Cutting an axis into windows: ``tile`` and ``centre`` (docs/decisions.md, windows)."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def tile_cuts(cost, inside_codon, budget):  # type: ignore[no-untyped-def]
    """Successive windows from left to right, each as long as fits.

    cost uint8[n]: letters at each position; inside_codon bool[n + 1]: where no cut may fall (runs of at most two);
    budget: letters a window may hold, at least 9. Returns int64[n_windows + 1] cuts, from 0 to n.
    """
    n = len(cost)
    cuts = np.zeros(n + 1, dtype=np.int64)
    n_cuts, start = 1, 0
    while start < n:
        used, end = 0, start
        while end < n and used + cost[end] <= budget:
            used += cost[end]
            end += 1
        if end < n:
            while inside_codon[end]:
                end -= 1
        cuts[n_cuts] = end
        n_cuts, start = n_cuts + 1, end
    return cuts[:n_cuts].copy()


@njit(cache=True, nogil=True)
def centre_window(cost, inside_codon, budget, core_start, core_end, middle):  # type: ignore[no-untyped-def]
    """One window that holds the core where it fits, else its middle, grown to both sides while it fits.

    Returns int64[2]: start and end, neither inside a codon.
    """
    n = len(cost)
    start, end, used = core_start, core_end, 0
    for position in range(core_start, core_end):
        used += cost[position]
    if used > budget:
        start, end, used = middle, middle, 0
    growing = True
    while growing:
        growing = False
        if start > 0 and used + cost[start - 1] <= budget:
            start -= 1
            used += cost[start]
            growing = True
        if end < n and used + cost[end] <= budget:
            used += cost[end]
            end += 1
            growing = True
    while start < n and inside_codon[start]:
        start += 1
    while end < n and inside_codon[end]:
        end -= 1
    return np.array([start, end])
