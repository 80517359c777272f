"""Timing of contestants on the same work in the same run: warmed up once, then round-robin, so that noise hits all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Contestants = Mapping[str, Callable[[], object]]


def round_robin(contestants: Contestants, repeats: int, shares: Mapping[str, float]) -> dict[str, list[float]]:
    """Seconds of every run by contestant. ``shares``: part of the work that a contestant does (default all)."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    for _ in range(repeats):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            seconds[name].append((time.perf_counter() - started) / shares.get(name, 1.0))
    return seconds
