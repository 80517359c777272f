"""The training loop, for the rounds and for annealing.

Resume is exact: the rows of a step are a function of the step alone (bsm.engine.sampler), and a checkpoint holds
everything else that the next step depends on. On one CPU, with one number of threads, a run that was killed and
started again ends with the same bytes as one that was not; this is tested. On a GPU it has not been shown: kernels
there may add up gradients in another order each time, so that two runs differ in their last bits, killed or not.
"""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType

import numpy as np
import torch
import torch.nn.functional as F

from bsm.base.config.training import TrainSettings
from bsm.base.errors import BsmError, ConfigError
from bsm.base.progress import Progress
from bsm.engine.batch import NO_TARGET, Batch, Inputs
from bsm.engine.checkpoint import Checkpoints
from bsm.engine.loader import Loader, RowId, ahead, held_out
from bsm.engine.losses import LossTable, token_losses
from bsm.engine.network import Network
from bsm.engine.optimiser import Optimiser
from bsm.engine.record import Record
from bsm.engine.sampler import Sampler
from bsm.engine.schedule import Schedule
from bsm.engine.sources import ShardSource

PASS_TOKENS_ON_GPU = 32_768
"""Tokens of one pass on a GPU where ``micro_batch_sequences`` does not say it; on a CPU a step is one pass."""
HELD_OUT_TOKENS = 8_192
"""Tokens of one pass over held-out rows: the same everywhere, so that no number depends on how training is cut up."""
_NAMED_ROWS = 8
Part = tuple[Batch, Inputs]
"""A micro-batch, and what stands of it on the device."""


@dataclass
class Run:
    """A network and everything it is trained with. The network stands on the device it is to be trained on."""

    label: str
    network: Network
    optimiser: Optimiser
    schedule: Schedule
    sampler: Sampler
    valid_sources: list[ShardSource]
    settings: TrainSettings
    checkpoints: Checkpoints

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def micro_batch_sequences(self) -> int:
        """Contexts of one forward and backward pass, at most those of a step."""
        wanted = self.settings.micro_batch_sequences
        if wanted is None and self.device.type == "cuda":
            wanted = max(1, PASS_TOKENS_ON_GPU // self.sampler.sources[0].context_tokens)
        return min(wanted or sys.maxsize, self.sampler.batch_sequences)


def train(run: Run) -> Record:
    """Train to the last step, from the newest checkpoint where there is one; the last checkpoint is the final state.

    On SIGTERM or SIGINT the step at hand is finished and saved, and the process ends as it would have otherwise.
    BsmError where the loss is no number, a shard is damaged or a checkpoint cannot be written.
    """
    n_steps, settings = run.schedule.n_steps, run.settings
    with run.checkpoints.locked(), _Signals() as signals:
        stored = run.checkpoints.load(run.network, run.optimiser)
        record = Record.from_json(stored) if stored else Record()
        first_step, saved_step = record.step, record.step if stored else -1
        if stored:
            print(f"{run.label}: goes on behind step {first_step:,} of {n_steps:,}", file=sys.stderr)
        clock, steps = _Clock(record.seconds), _steps(run, first_step)
        with Progress(run.label, unit="tokens") as bar:
            while True:
                if _validation_is_due(record, n_steps, settings.validate_every_steps):
                    record.add_validation(held_out_losses(run))
                if record.step == n_steps:
                    break
                n_before = record.n_tokens
                _step(run, record, next(steps))
                _advance(bar, record.n_tokens - n_before, record.step - first_step, n_steps - first_step)
                received = signals.received  # read once: a signal that comes during the save waits for the next step
                if received or clock.seconds - record.seconds >= settings.checkpoint_every_seconds:
                    record.seconds = clock.seconds
                    run.checkpoints.save(record.to_json(), run.network, run.optimiser)
                    saved_step = record.step
                _leave(received, record.step)
        if saved_step != n_steps:
            record.seconds = clock.seconds
            run.checkpoints.save(record.to_json(), run.network, run.optimiser)
    return record


def held_out_losses(run: Run) -> LossTable:
    """Losses of the network on the run's held-out rows, in the precision of training."""
    table = LossTable()
    for batch in held_out_batches(run.valid_sources, run.settings.valid_rows_per_source):
        table += LossTable.of(token_losses(run.network, batch, run.settings.precision), batch)
    return table


def held_out_batches(sources: Sequence[ShardSource], rows_per_source: int) -> Iterator[Batch]:
    """The fixed held-out rows of every source, HELD_OUT_TOKENS at a time."""
    rows: list[RowId] = [
        (index, row) for index, source in enumerate(sources) for row in held_out(source, n_rows=rows_per_source)
    ]
    return Loader(sources).batches(rows, HELD_OUT_TOKENS)


def choose_device(wanted: str) -> torch.device:
    """``auto`` takes a GPU where there is one; ConfigError where cuda is asked for and there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("train.device: no GPU that torch can use", value=wanted, way_out="auto or cpu")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def _steps(run: Run, first_step: int) -> Iterator[list[Part]]:
    """The micro-batches of every step from ``first_step`` on, put on the device while the step before is computed."""
    loader, size = Loader(run.sampler.sources), run.micro_batch_sequences

    def read(step: int) -> list[Part]:
        rows = run.sampler.rows(step)
        batches = (loader.batch(rows[start : start + size]) for start in range(0, len(rows), size))
        return [(batch, batch.to(run.device)) for batch in batches]

    return ahead(range(first_step, run.schedule.n_steps), read)


def _step(run: Run, record: Record, parts: list[Part]) -> None:
    """One optimiser step. The loss is the mean over all targets of the step, so micro-batches add up to one large
    batch. The device is waited for once, before the weights change."""
    rate = run.schedule.learning_rate(record.step)
    batches = [batch for batch, _ in parts]
    n_targets = sum(batch.n_targets for batch in batches)
    nats = []
    run.optimiser.zero_grad()
    for batch, (ids, targets, layout) in parts:
        with torch.autocast(run.device.type, torch.bfloat16, enabled=run.settings.precision == "bf16"):
            logits = run.network(ids, layout)
        losses = F.cross_entropy(logits.float(), targets, ignore_index=NO_TARGET, reduction="none")
        (losses.sum() / n_targets).backward()
        nats.append(losses.detach()[: batch.n_tokens])
    norm = torch.nn.utils.clip_grad_norm_(run.network.parameters(), run.settings.gradient_clip)
    numbers = torch.cat([*nats, norm[None]]).cpu().numpy()
    *nats_by_batch, last = np.split(numbers, np.cumsum([batch.n_tokens for batch in batches]))
    gradient_norm = float(last[0])
    _stop_unless_finite(record.step, batches, nats_by_batch, gradient_norm)
    run.optimiser.set_learning_rate(rate)
    run.optimiser.step()
    record.add_step(batches, sum(map(LossTable.of, nats_by_batch, batches), LossTable()))
    if record.step % run.settings.log_every_steps == 0 or record.step == run.schedule.n_steps:
        record.close_window(rate, gradient_norm)


def _validation_is_due(record: Record, n_steps: int, every: int) -> bool:
    """At multiples of ``every`` and at the end, unless a checkpoint already holds the rows of this step."""
    done = int(record.validation[-1]["step"]) if record.validation else 0
    return record.step > done and (record.step % every == 0 or record.step == n_steps)


def _advance(bar: Progress, n_tokens: int, steps_done: int, steps_in_all: int) -> None:
    """Count the tokens of a step; the total follows from the tokens per step so far, as padding is not known ahead."""
    bar.total = round((bar.done + n_tokens) * steps_in_all / steps_done)
    bar.advance(n_tokens)


def _stop_unless_finite(step: int, batches: list[Batch], nats: list[np.ndarray], norm: float) -> None:
    """BsmError where a loss or the gradient is no number; it names the rows."""
    odd = [
        batch.row_names[row]
        for batch, losses in zip(batches, nats, strict=True)
        for row in np.unique(batch.row[~np.isfinite(losses)])
    ]
    if not odd and math.isfinite(norm):
        return
    rows = odd or [name for batch in batches for name in batch.row_names]
    more = f" and {len(rows) - _NAMED_ROWS} more" if len(rows) > _NAMED_ROWS else ""
    raise BsmError(
        f"{'the loss' if odd else 'the gradient'} is no finite number at step {step}, "
        f"rows {', '.join(rows[:_NAMED_ROWS])}{more}",
        way_out="Lower the learning rate or train in fp32; earlier checkpoints are untouched",
    )


def _leave(received: int, step: int) -> None:
    """End the process as the signal would have; nothing where there was none (0)."""
    if received:
        print(f"saved at step {step}; run the same command again to go on", file=sys.stderr)
    if received == signal.SIGINT:
        raise KeyboardInterrupt
    if received:
        raise SystemExit(128 + received)


class _Clock:
    """Wall time, going on from the seconds of an earlier process."""

    def __init__(self, before: float) -> None:
        self._start = time.monotonic() - before

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start


class _Signals:
    """SIGTERM and SIGINT are noted, so that the loop can finish its step; the same signal again acts at once."""

    def __init__(self) -> None:
        self.received = 0

    def __enter__(self) -> _Signals:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, self._before[signal.Signals(number)])
