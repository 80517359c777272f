"""One round: its number of steps, its run, and the checkpoint folder that it leaves."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bsm.base.config.training import TRAIN_MANNERS, Mix, Model, Round, TrainSettings
from bsm.base.csv_tables import write_csv
from bsm.base.errors import ConfigError, InputError
from bsm.base.files import file_hash, write_json
from bsm.engine.assemble import Ingredients, assemble
from bsm.engine.record import METRIC_COLUMNS, VALIDATION_COLUMNS, Record
from bsm.engine.sampler import Sampler
from bsm.engine.schedule import Schedule
from bsm.engine.trainer import Run, train
from bsm.engine.weights import WEIGHTS, save_network

RECORD = "training.json"


@dataclass(frozen=True)
class RoundRun:
    """One round of one arm of one model, as the command gets it."""

    model: Model
    arm: str
    round: Round
    mix: Mix
    settings: TrainSettings
    manifests: Sequence[str]
    valid_manifests: Sequence[str]
    init: Path | None
    out: Path
    code: str
    restart_if_changed: bool = False


def train_round(given: RoundRun) -> None:
    """Train the round, or finish it, and write its checkpoint folder; a finished one is written from its state."""
    _check_arm(given)
    before = _read_record(given.init)
    run, fingerprint = assemble(
        Ingredients(
            label=f"{given.model.name} {given.arm} {given.round.name}", model=given.model, mix=given.mix,
            schedule=partial(round_schedule, given), settings=given.settings,
            optimiser=given.round.optimiser or given.settings.optimiser, seed=given.settings.seed,
            manifests=given.manifests, valid_manifests=given.valid_manifests, init=given.init,
            state=given.out / "state", code=given.code, restart_if_changed=given.restart_if_changed,
            already_drawn=before.get("rows_drawn", {}),
        )
    )  # fmt: skip
    record = train(run)
    _write_outputs(given, run, record, fingerprint, before)


def round_schedule(given: RoundRun, sampler: Sampler) -> Schedule:
    """The round's steps and rates. A budget in tokens does not count padding: an arm whose rows are emptier takes more
    steps for the same tokens."""
    round_, settings = given.round, given.settings
    n_steps = sampler.n_steps(round_.n_tokens)
    if settings.budget_by == "steps":
        if round_.n_steps is None:
            raise ConfigError("budget_by is steps and the round has none", where=round_.name, way_out="Set n_steps")
        n_steps = round_.n_steps
    return Schedule(
        n_steps, round_.learning_rate_start, round_.learning_rate_end, settings.schedule, settings.warmup_steps
    )


def _check_arm(given: RoundRun) -> None:
    mixed = sorted(group for group, weight in given.mix.weights.items() if weight > 0 and group != "single")
    if given.arm == "single" and mixed:
        raise ConfigError("arm single reads single-modal data only", where=f"mix {given.mix.name}", value=mixed,
                          way_out="Give it a mix of group single")  # fmt: skip


def _read_record(folder: Path | None) -> dict[str, Any]:
    """The parent's record; empty for a fresh start and for a folder that stock tools wrote."""
    if folder is None:
        return {}
    if not (folder / RECORD).is_file():
        print(f"{folder} has no {RECORD}: every source is read from its start", file=sys.stderr)
        return {}
    try:
        value = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {"rows_drawn": dict(value["rows_drawn"]), "n_tokens": value["n_tokens_before"] + value["n_tokens"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"not the record of a round: {error!r}", where=str(folder / RECORD),
                         way_out="Train the round before again, or delete the file") from error  # fmt: skip


def _write_outputs(
    given: RoundRun, run: Run, record: Record, fingerprint: dict[str, Any], before: dict[str, Any]
) -> None:
    """All files of the checkpoint folder: written apart, then moved into place, the weights last."""
    apart = given.out / ".outputs.part"
    shutil.rmtree(apart, ignore_errors=True)
    try:
        write_csv(apart / "metrics.csv", METRIC_COLUMNS, record.metrics)
        write_csv(apart / "validation.csv", VALIDATION_COLUMNS, record.validation)
        save_network(apart, run.network, run.sampler.sources[0].context_tokens)
        write_json(apart / RECORD, _record(given, run, record, fingerprint, before) | {
            "weights_sha256": file_hash(apart / WEIGHTS),
        })  # fmt: skip
        write_json(apart / "speed.json", _speed(run, record))
        for path in sorted(apart.iterdir(), key=lambda path: path.name == WEIGHTS):
            os.replace(path, given.out / path.name)
    finally:
        shutil.rmtree(apart, ignore_errors=True)


def _record(
    given: RoundRun, run: Run, record: Record, fingerprint: dict[str, Any], before: dict[str, Any]
) -> dict[str, Any]:
    """What the round was trained on; the same run gives the same record."""
    n_steps = run.schedule.n_steps
    return {
        "model": given.model.model_dump(mode="json", exclude={"arms"}),
        "arm": given.arm,
        "round": given.round.model_dump(mode="json", exclude={"mix"}),
        "mix": given.mix.model_dump(mode="json"),
        "settings": given.settings.model_dump(mode="json", exclude={*TRAIN_MANNERS, "rounds"}),
        "n_parameters": run.network.shape.n_parameters,
        "n_steps": n_steps,
        "n_tokens": record.n_tokens,
        "n_tokens_before": before.get("n_tokens", 0),
        "tokens": record.tokens_by_source(),
        "passes": {name: round(passes, 6) for name, (_, passes) in run.sampler.planned(n_steps).items()},
        "rows_drawn": {**before.get("rows_drawn", {}), **run.sampler.draws(n_steps)},
        "fingerprint": fingerprint,
    }


def _speed(run: Run, record: Record) -> dict[str, Any]:
    """How fast it went; the only output that differs from one run to the next."""
    return {
        "seconds": round(record.seconds, 3),
        "n_tokens": record.n_tokens,
        "tokens_per_second": round(record.n_tokens / max(record.seconds, 1e-9), 1),
        "device": torch.cuda.get_device_name(run.device) if run.device.type == "cuda" else "cpu",
        "attention": run.network.back_end,
        "n_threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
