"""How far the members of a family stand apart.

A benchmark item may stand in a training corpus only where the world plants it. Clean removes what agrees with
an item at >= 95 % identity over >= 80 % of its length, so each family's branch length is chosen such that
two members do so by chance with a probability below CHANCE_LIMIT; it follows from the profile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

IDENTITY, COVERAGE = 0.95, 0.80
CHANCE_LIMIT = 1e-7
"""Probability per pair of members. The default world compares some 10^5 pairs, most of them far below the limit;
families of some 20 sites may just miss it, their branch is then the longest."""
_SHORTEST, _LONGEST = 0.4, 20.0
_BISECTIONS = 14


def branch_length(units_at: Callable[[float], Sequence[tuple[int, float]]], n_sites: int) -> float:
    """Shortest branch (expected substitutions at a site of rate 1) that keeps ``chance_of_identity`` in the limit.

    ``units_at(t)`` gives, for a branch of length t, the independent units along the sequence as (sites,
    probability that two members agree there).
    """
    low, high = _SHORTEST, _LONGEST
    if chance_of_identity(units_at(low), n_sites) <= CHANCE_LIMIT:
        return low
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if chance_of_identity(units_at(middle), n_sites) <= CHANCE_LIMIT:
            high = middle
        else:
            low = middle
    return high


def chance_of_identity(units: Sequence[tuple[int, float]], n_sites: int) -> float:
    """Upper bound on the probability that two members agree on >= 95 % of some window of >= 80 % of the sites.

    Sum over the windows of 80 % of the sites; every longer window that qualifies holds one that nearly does.
    """
    window = math.ceil(COVERAGE * n_sites)
    n_allowed = window - math.ceil(IDENTITY * window - 1e-9)
    starts = np.cumsum([0, *(n for n, _ in units)])
    total = 0.0
    for first in range(len(units)):
        if n_sites - starts[first] < window:
            break
        last = int(np.searchsorted(starts, starts[first] + window))
        total += _at_most_mismatches(units[first:last], n_allowed)
    return total


def _at_most_mismatches(units: Sequence[tuple[int, float]], n_allowed: int) -> float:
    """P(mismatching sites <= n_allowed): a unit that disagrees counts as one mismatch (a lower count, so a bound)."""
    distribution = np.zeros(n_allowed + 1)
    distribution[0] = 1.0
    for _, agree in units:
        shifted = np.concatenate(([0.0], distribution[:-1]))
        distribution = distribution * agree + shifted * (1 - agree)
    return float(distribution.sum())
