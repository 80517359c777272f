"""Tiny training runs for tests: two sources, a network of a few thousand parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine_shards import write_source

from bsm.base.config.training import Mix, Model, TrainSettings
from bsm.engine.assemble import Ingredients, assemble
from bsm.engine.schedule import Schedule
from bsm.engine.trainer import Run

MODEL = {"name": "tiny", "n_layers": 1, "n_heads": 2, "width": 16, "d_ff": 32, "batch_sequences": 4}
MIX = {"name": "half", "weights": {"single": 1, "refseq": 1}}


def write_sources(folder: Path) -> list[str]:
    """Manifests of a single-modal protein source and a paired one."""
    return [
        str(write_source(folder, "proteins", "single", n_rows=60, modalities=(3,))),
        str(write_source(folder, "pairs", "refseq", n_rows=50)),
    ]


def tiny_run(folder: Path, manifests: list[str], n_steps: int = 12, **changes: Any) -> Run:
    """A run whose checkpoints lie in ``folder/state``. ``changes``: settings of training, or fields of Ingredients."""
    own = {key: changes.pop(key) for key in list(changes) if key in Ingredients.__dataclass_fields__}
    settings = TrainSettings.model_validate(
        {"precision": "fp32", "log_every_steps": 5, "validate_every_steps": 5, "device": "cpu"} | changes
    )
    values: dict[str, Any] = {
        "label": "tiny", "model": Model.model_validate(MODEL), "mix": Mix.model_validate(MIX),
        "schedule": lambda _: Schedule(n_steps, 1e-2, 1e-3), "optimiser": "adamw", "settings": settings, "seed": 1,
        "manifests": manifests, "valid_manifests": manifests, "init": None, "state": folder / "state", "code": "c1",
    }  # fmt: skip
    return assemble(Ingredients(**values | own))[0]
