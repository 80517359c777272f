"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up to ``start``, then cosine or linear decay from ``start`` to ``end``.

    ``end`` is the rate that stands after the last step, so no step is spent at a rate of 0 and a round that starts
    where the last one ended goes on without a jump. The warm-up lasts at most half of the steps.
    """

    n_steps: int
    start: float
    end: float
    shape: Literal["cosine", "linear"] = "cosine"
    warmup_steps: int = 0

    def learning_rate(self, step: int) -> float:
        """Rate of the 0-based ``step`` (0 to n_steps, where n_steps is the rate that nothing uses any more)."""
        warmup = min(self.warmup_steps, self.n_steps // 2)
        if step < warmup:
            return self.start * (step + 1) / (warmup + 1)
        done = (step - warmup) / (self.n_steps - warmup)
        left = 1 - done if self.shape == "linear" else (1 + math.cos(math.pi * done)) / 2
        return self.end + (self.start - self.end) * left
