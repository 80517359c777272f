"""Calls of ``bsm train`` on tiny shards, in this process or in one that can be killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
import types
from pathlib import Path
from typing import Any

from engine_shards import write_source

from bsm.base.config.training import TRAIN_MANNERS
from bsm.cli import main
from bsm.engine import trainer

MODEL = {"name": "tiny", "n_layers": 1, "n_heads": 2, "width": 16, "d_ff": 32, "batch_sequences": 4}
SETTINGS = {"precision": "fp32", "valid_rows_per_source": 3}
MANNERS = {"device": "cpu", "log_every_steps": 7, "validate_every_steps": 40}
ROUNDS = {
    "round1": {"name": "round1", "n_tokens": 4_000, "learning_rate_start": 2e-3, "learning_rate_end": 1e-3},
    "round2": {"name": "round2", "n_tokens": 5_200, "learning_rate_start": 1e-3, "learning_rate_end": 1e-4},
    "round3": {"name": "round3", "n_tokens": 2_600, "learning_rate_start": 2e-4, "learning_rate_end": 0},
}
SINGLE = {"name": "single", "weights": {"single": 1}}
MIXED = {"name": "mixed", "weights": {"single": 2, "refseq": 1}}
OUTPUTS = ("config.json", "metrics.csv", "model.safetensors", "training.json", "validation.csv")
"""Files that are equal whenever the run is."""


def write_sources(folder: Path) -> list[str]:
    return [
        str(write_source(folder, "proteins", "single", n_rows=300, modalities=(3,))),
        str(write_source(folder, "pairs", "refseq", n_rows=90)),
    ]


def arguments(out: Path, manifests: list[str], round_: dict[str, Any], mix: Any, **changes: Any) -> list[str]:
    """The options that the graph passes. ``changes``: settings, or with a leading underscore options of the command."""
    options = {key[1:].replace("_", "-"): changes.pop(key) for key in list(changes) if key.startswith("_")}
    manners = MANNERS | {key: changes.pop(key) for key in TRAIN_MANNERS if key in changes}
    found = [
        "train", "--model", json.dumps(MODEL), "--round", json.dumps(round_),
        "--mix", mix if isinstance(mix, str) else json.dumps(mix), "--settings", json.dumps(SETTINGS | changes),
        "--manners", json.dumps(manners),
        "--manifests", *manifests, "--valid-manifests", *manifests, "--out", str(out),
    ]  # fmt: skip
    for name, value in options.items():
        found += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return found


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in OUTPUTS}


def start(argv: list[str], log: Path, hurry: int = 1) -> multiprocessing.process.BaseProcess:
    """The command in a fresh process (a fork of one that has used torch's threads may wait for ever). Its clock
    goes ``hurry`` times as fast, so that checkpoints come sooner than the smallest setting of one second."""
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(argv, str(log), hurry))
    process.start()
    return process


def _run(argv: list[str], log: str, hurry: int) -> None:
    trainer.time = types.SimpleNamespace(monotonic=lambda: hurry * time.monotonic())
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    sys.exit(main(argv))
