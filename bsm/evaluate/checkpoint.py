"""The network that is evaluated, and what evaluations need to know about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from bsm.base.errors import ConfigError
from bsm.base.files import file_hash
from bsm.engine.network import Network
from bsm.engine.weights import CONFIG, WEIGHTS, load_network


@dataclass(frozen=True)
class Checkpoint:
    """A network on its device."""

    network: Network
    context_tokens: int
    fingerprint: str
    """Hash of its weights and config."""


def load_checkpoint(folder: Path | str, device: str = "auto", context_tokens: int | None = None) -> Checkpoint:
    """The checkpoint of a folder; ``context_tokens`` defaults to what its config.json states.

    InputError where the folder holds no checkpoint; ConfigError where ``device`` is cuda and there is none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("no GPU that torch can use", where="--device", value=device, way_out="auto or cpu")
    network = load_network(folder, device)
    config = Path(folder) / CONFIG
    stated = json.loads(config.read_text(encoding="utf-8"))["max_position_embeddings"]
    fingerprint = f"{file_hash(config)}.{file_hash(Path(folder) / WEIGHTS)}"
    return Checkpoint(network.eval(), context_tokens or int(stated), fingerprint)
