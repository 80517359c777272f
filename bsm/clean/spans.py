"""Sets of places as lists of 0-based half-open spans."""

from __future__ import annotations

from collections.abc import Sequence


def merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Union of spans, sorted, touching ones joined."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return union
