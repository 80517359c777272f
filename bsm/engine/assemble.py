"""From settings and files to a run of the trainer: data, network, optimiser, and the fingerprint of all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bsm.base.config.training import Mix, Model, TrainSettings
from bsm.base.errors import ConfigError
from bsm.base.files import file_hash
from bsm.engine.checkpoint import Checkpoints
from bsm.engine.network import Network, Shape, initial_network
from bsm.engine.optimiser import Optimiser
from bsm.engine.sampler import Sampler
from bsm.engine.schedule import Schedule
from bsm.engine.sources import ShardSource, read_sources
from bsm.engine.trainer import Run, choose_device
from bsm.engine.weights import WEIGHTS, load_network

_FINGERPRINTED = {"betas", "weight_decay", "gradient_clip", "precision", "muon_rate_ratio", "valid_rows_per_source"}
"""Settings that decide weights or curves and stand nowhere else in the fingerprint; none of TRAIN_MANNERS."""


@dataclass(frozen=True, kw_only=True)
class Ingredients:
    """What a run is made of, as the commands get it."""

    label: str
    model: Model
    mix: Mix
    schedule: Callable[[Sampler], Schedule]
    """Steps and rates; how many tokens a step reads is known to the sampler."""
    optimiser: Literal["adamw", "muon"]
    settings: TrainSettings
    seed: int
    """Of the order of the data."""
    manifests: Sequence[Path | str]
    valid_manifests: Sequence[Path | str]
    init: Path | None
    """Checkpoint folder to start from; None starts from random weights."""
    state: Path
    """Folder of the run's own checkpoints."""
    code: str
    """Hash of the training code."""
    restart_if_changed: bool = False
    already_drawn: Mapping[str, int] = field(default_factory=dict)
    """Rows that earlier rounds drew, by source."""

    @property
    def parent(self) -> str | None:
        """sha256 of the weights that the run starts from."""
        return None if self.init is None else file_hash(self.init / WEIGHTS)


def assemble(given: Ingredients) -> tuple[Run, dict[str, Any]]:
    """The run and its fingerprint; says on standard error what is trained, where, and on how much of what."""
    weighed = {group for group, weight in given.mix.weights.items() if weight > 0}
    sources = [source for source in read_sources(given.manifests, "train") if source.group in weighed]
    shown = weighed | {"single"}  # other candidates' groups may stand among the manifests, and say nothing of this run
    valid_sources = [source for source in read_sources(given.valid_manifests, "valid") if source.group in shown]
    sampler = Sampler(sources, given.mix, given.seed, given.model.batch_sequences, given.already_drawn)
    schedule = given.schedule(sampler)
    network = _network(given)
    device = choose_device(given.settings.device)
    network, attention = network.use(device, given.settings.precision)
    fingerprint = _fingerprint(given, schedule, sources, valid_sources)
    checkpoints = Checkpoints(
        given.state, fingerprint, keep=given.settings.keep_checkpoints, restart_if_changed=given.restart_if_changed,
        on_code_change=given.settings.on_code_change,
    )  # fmt: skip
    optimiser = Optimiser(network, given.settings, given.optimiser)
    _say(f"{given.label}: {network.shape.n_parameters:,} parameters, {given.optimiser}, {given.settings.precision}")
    _say(f"{device}: {attention}")
    _say(f"{schedule.n_steps:,} steps of about {sampler.tokens_per_step:,.0f} tokens")
    for name, (n_tokens, passes) in sampler.planned(schedule.n_steps).items():
        _say(f"{name}: about {n_tokens:,.0f} tokens, {passes:.2f} passes")
    run = Run(given.label, network, optimiser, schedule, sampler, valid_sources, given.settings, checkpoints)
    return run, fingerprint


def _network(given: Ingredients) -> Network:
    shape = Shape.of(given.model)
    if given.init is None:
        return initial_network(shape, given.settings.seed)
    network = load_network(given.init)
    if network.shape != shape:
        raise ConfigError(f"model {given.model.name} needs {shape}", where=str(given.init), value=network.shape,
                          way_out="Start from a checkpoint of the same model")  # fmt: skip
    return network


def _fingerprint(
    given: Ingredients, schedule: Schedule, sources: Sequence[ShardSource], valid_sources: Sequence[ShardSource]
) -> dict[str, Any]:
    """Everything that decides the weights and the curves, except the machine and how often things are written down."""
    return {
        "code": given.code,
        "model": asdict(Shape.of(given.model)),
        "batch_sequences": given.model.batch_sequences,
        "mix": {group: weight for group, weight in given.mix.weights.items() if weight > 0},
        "sources": {source.name: [source.content_sha256, source.order_hash] for source in sources},
        "held_out": {source.name: source.content_sha256 for source in valid_sources},
        "already_drawn": {s.name: given.already_drawn[s.name] for s in sources if s.name in given.already_drawn},
        "schedule": asdict(schedule),
        "optimiser": given.optimiser,
        "settings": given.settings.model_dump(mode="json", include=_FINGERPRINTED),
        "seed": {"data": given.seed, "weights": None if given.init else given.settings.seed},
        "parent": given.parent,
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
