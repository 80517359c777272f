"""The learning rate: its ends, its warm-up, and torch's own schedulers as reference."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bsm.engine.schedule import Schedule

schedules = st.builds(
    Schedule,
    n_steps=st.integers(1, 500),
    start=st.floats(1e-6, 1e-1),
    end=st.floats(0, 1e-6),
    shape=st.sampled_from(["cosine", "linear"]),
    warmup_steps=st.integers(0, 600),
)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_without_warm_up_the_rates_are_those_of_torch(shape):
    rate, end, n_steps = 2e-5, 1e-5, 50
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=rate)
    if shape == "cosine":
        reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps, eta_min=end)
    else:
        reference = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, end / rate, n_steps)
    own = Schedule(n_steps, rate, end, shape)
    for step in range(n_steps + 1):
        assert own.learning_rate(step) == pytest.approx(reference.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        reference.step()


@given(schedules)
def test_ends_are_exact_and_the_rate_rises_through_the_warm_up_and_then_falls(schedule):
    rates = [schedule.learning_rate(step) for step in range(schedule.n_steps + 1)]
    top = min(schedule.warmup_steps, schedule.n_steps // 2)
    assert rates[top] == pytest.approx(schedule.start, rel=1e-12)
    assert rates[-1] == pytest.approx(schedule.end, rel=1e-12, abs=1e-15)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert all(rate > 0 for rate in rates[:-1])


def test_two_rounds_meet_in_one_rate():
    first, second = Schedule(40, 2e-5, 1e-5), Schedule(40, 1e-5, 1e-7)
    assert first.learning_rate(40) == second.learning_rate(0) == 1e-5
