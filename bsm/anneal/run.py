"""One annealing run: a candidate mix, trained briefly with the rate falling linearly to 0, then measured."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsm.base.config.training import AnnealSettings, Mix, Model, Round, TrainSettings
from bsm.base.files import write_json
from bsm.base.randomness import stable_hash64
from bsm.engine.assemble import Ingredients, assemble
from bsm.engine.losses import LossTable, row_losses, sections, token_losses
from bsm.engine.schedule import Schedule
from bsm.engine.sources import read_sources
from bsm.engine.trainer import Run, held_out_batches, train


@dataclass(frozen=True)
class AnnealRun:
    """One candidate and seed, as the command gets it."""

    model: Model
    round: Round
    mix: Mix
    seed: int
    settings: AnnealSettings
    train: TrainSettings
    manifests: Sequence[str]
    valid_manifests: Sequence[str]
    init: Path
    out: Path
    code: str


def anneal_run(given: AnnealRun) -> None:
    """Train ``n_steps`` from the current weights and write what the network then loses on held-out rows.

    The result holds bits per letter by section, and letters and nats by section of every held-out row, so that
    candidates can be compared row by row. Checkpoints lie beside the result while it is made.
    """
    state = given.out.with_suffix(".state")
    n_steps, rate = given.settings.n_steps, given.round.learning_rate_start
    run, fingerprint = assemble(
        Ingredients(
            label=f"anneal {given.round.name} {given.mix.name} seed {given.seed}", model=given.model, mix=given.mix,
            schedule=lambda _: Schedule(n_steps, rate, 0.0, "linear"), settings=given.train,
            optimiser=given.round.optimiser or given.train.optimiser,
            seed=stable_hash64("anneal", given.train.seed, given.seed), manifests=given.manifests, valid_manifests=[],
            init=given.init, state=state, code=given.code, restart_if_changed=True,
        )
    )  # fmt: skip
    tokens = train(run).tokens_by_source()
    rows = held_out_rows(run, given.valid_manifests)
    write_json(given.out, {
        "mix": given.mix.model_dump(mode="json"),
        "model": given.model.name,
        "round": given.round.name,
        "seed": given.seed,
        "n_steps": n_steps,
        "sections": {name: round(bits, 6) for name, bits in sections(sum(rows.values(), LossTable())).items()},
        "tokens": tokens,
        "passes": {name: round(passes, 6) for name, (_, passes) in run.sampler.planned(n_steps).items()},
        "groups": {source.name: source.group for source in run.sampler.sources},
        "rows": {name: _by_section(table) for name, table in rows.items()},
        "fingerprint": fingerprint,
    })  # fmt: skip
    shutil.rmtree(state)


def held_out_rows(run: Run, valid_manifests: Sequence[str]) -> dict[str, LossTable]:
    """Losses of every held-out row by its name (``source:row``), in fp32."""
    sources = read_sources(valid_manifests, "valid")
    rows: dict[str, LossTable] = {}
    for batch in held_out_batches(sources, run.settings.valid_rows_per_source):
        rows |= row_losses(token_losses(run.network, batch), batch)
    return rows


def _by_section(table: LossTable) -> dict[str, Any]:
    return {section: [n, round(nats, 4)] for section, (n, nats) in table.by_section().items()}
