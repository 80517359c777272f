"""Supply, budget and passes of every round, group and source, before a token is trained on.

Supply is the non-padding tokens of a source's training shards. A round's budget is shared among groups by the mix's
weights and inside a group by supply, so all sources of a group are passed over equally often. Rounds whose mix is
chosen by annealing are planned with every candidate; the worst of them counts. Every arm is planned: the rounds that it
trains apart from the mixed arm, and the sum over all rounds that its weights have seen.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsm.base.config.data import ShardSettings
from bsm.base.config.training import AnnealSettings, Mix, Model, Round, TrainSettings
from bsm.base.csv_tables import write_csv
from bsm.base.errors import BsmError, ConfigError, InputError
from bsm.base.runs import ANNEALED, FIRST_ROUND, SINGLE_MIX

ALL_ROUNDS, ALL_SOURCES = "all", "all"
COLUMNS = (
    "arm",
    "round",
    "mix",
    "group",
    "source",
    "weight_share",
    "supply_tokens",
    "budget_tokens",
    "passes",
    "worst",
)


@dataclass(frozen=True)
class PlanRow:
    """One row of plan.csv. ``source`` all = the whole group; ``round`` all = the sum of the worst of every round.

    ``passes`` is None where a group is asked for that has no tokens. ``worst`` marks, per round and group, the
    candidate mix that asks for most.
    """

    arm: str
    round: str
    mix: str
    group: str
    source: str
    weight_share: float | None
    supply_tokens: int
    budget_tokens: int
    passes: float | None
    worst: bool


def read_manifests(paths: Iterable[Path | str]) -> dict[str, dict[str, int]]:
    """Supply in tokens by group and source; InputError for a file that is no manifest, a source that is given twice
    or contexts that differ."""
    supply: dict[str, dict[str, int]] = defaultdict(dict)
    contexts: dict[int, str] = {}
    for path in paths:
        value = _read_manifest(path)
        group, source = value["group"], value["source"]
        if any(source in sources for sources in supply.values()):
            raise InputError("source given twice", where=str(path), value=source, way_out="Give each manifest once")
        supply[group][source] = value["splits"]["train"]["n_tokens"]
        contexts.setdefault(value["context_tokens"], str(path))
    if len(contexts) > 1:
        raise InputError("shards of different context lengths", where=", ".join(contexts.values()),
                         value=sorted(contexts), way_out="Run bsm shard again with one context_tokens")  # fmt: skip
    return {group: dict(sorted(sources.items())) for group, sources in sorted(supply.items())}


def _read_manifest(path: Path | str) -> dict[str, Any]:
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
        value["group"], value["source"], value["context_tokens"], value["splits"]["train"]["n_tokens"]
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", where=str(path), way_out="Run bsm shard first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("not a manifest of shards", where=str(path), way_out="Run bsm shard again") from error
    return value  # type: ignore[no-any-return]


def plan(
    supply: Mapping[str, Mapping[str, int]], train: TrainSettings, mixes: Sequence[Mix], anneal: AnnealSettings | None,
    round_tokens: Mapping[str, int], arms: Sequence[str] = ("mixed",),
) -> list[PlanRow]:  # fmt: skip
    """Rows for every arm, round, candidate mix, group and source, and the sum over rounds of every arm."""
    by_name = {mix.name: mix for mix in mixes}
    rows: list[PlanRow] = []
    for arm in arms:
        total: dict[str, int] = defaultdict(int)
        for index, stage in enumerate(train.rounds):
            tried = _tried(by_name, train, anneal, arm, index)
            made, worst = _round_rows(arm, stage.name, tried, supply, round_tokens[stage.name])
            rows += made if index >= FIRST_ROUND[arm] else []
            for group, budget in worst.items():
                total[group] += budget
        for group, budget in sorted(total.items()):
            rows += _group_rows((arm, ALL_ROUNDS, "worst"), group, None, supply, budget, True)
    return rows


def _tried(
    by_name: Mapping[str, Mix], train: TrainSettings, anneal: AnnealSettings | None, arm: str, index: int
) -> list[Mix]:
    """Mixes that an arm may read in a round: ``single`` its own from round 2 on, ``no_web`` round 2's in round 3."""
    if arm == "single" and index >= FIRST_ROUND[arm]:
        return [SINGLE_MIX]
    stage = train.rounds[min(index, 1) if arm == "no_web" else index]
    return [_mix(by_name, name, stage) for name in _candidates(stage, anneal)]


def _round_rows(
    arm: str, stage: str, tried: Sequence[Mix], supply: Mapping[str, Mapping[str, int]], n_tokens: int
) -> tuple[list[PlanRow], dict[str, int]]:
    """(rows of every candidate, largest budget of each group)."""
    budgets = {mix.name: _budgets(mix, n_tokens) for mix in tried}
    worst = {group: max(b.get(group, 0) for b in budgets.values()) for b in budgets.values() for group in b}
    rows: list[PlanRow] = []
    for mix in tried:
        for group, budget in budgets[mix.name].items():
            share = mix.weights[group] / sum(mix.weights.values())  # type: ignore[index]
            rows += _group_rows((arm, stage, mix.name), group, share, supply, budget, budget == worst[group])
    return rows, worst


def round_budgets(train: TrainSettings, models: Sequence[Model], context_tokens: int) -> dict[str, int]:
    """Tokens of each round: as stated, or with ``budget_by: steps`` the largest of steps x contexts x context."""
    if train.budget_by == "tokens":
        return {stage.name: stage.n_tokens for stage in train.rounds}
    without = [stage.name for stage in train.rounds if stage.n_steps is None]
    if without or not models:
        raise ConfigError(
            "budget_by: steps needs n_steps in every round and the models' batch sizes", where="train",
            value=without or "no --models", way_out="State n_steps, pass --models, or use budget_by: tokens",
        )  # fmt: skip
    per_step = max(model.batch_sequences for model in models) * context_tokens
    return {stage.name: (stage.n_steps or 0) * per_step for stage in train.rounds}


def check_passes(rows: Iterable[PlanRow], settings: ShardSettings) -> None:
    """Stop with every group whose passes over all rounds exceed ``max_passes``, or that is asked for but empty."""
    problems = []
    for row in rows:
        if row.round != ALL_ROUNDS or row.source != ALL_SOURCES:
            continue
        if row.passes is None:
            problems.append(f"{row.group}: {row.budget_tokens:,} tokens asked for, none there")
        elif row.passes > settings.max_passes and row.group not in settings.max_passes_exempt:
            problems.append(
                f"{row.group} (arm {row.arm}): {row.budget_tokens:,} tokens asked for of {row.supply_tokens:,}, "
                f"{row.passes:.2f} passes > {settings.max_passes:g}"
            )
    if problems:
        raise BsmError(
            "the rounds ask for more passes than allowed: " + "; ".join(problems), where="plan",
            way_out="Add data, lower the budgets or weights, or raise shard.max_passes (max_passes_exempt by group)",
        )  # fmt: skip


def write_plan(path: Path | str, rows: Iterable[PlanRow]) -> None:
    """Write plan.csv (COLUMNS); an empty cell where a value does not exist."""
    write_csv(path, COLUMNS, map(_cells, rows))


def _cells(row: PlanRow) -> dict[str, object]:
    rounded = {"weight_share": _decimals(row.weight_share), "passes": _decimals(row.passes), "worst": int(row.worst)}
    return {name: (vars(row) | rounded)[name] for name in COLUMNS}


def _candidates(stage: Round, anneal: AnnealSettings | None) -> list[str]:
    if stage.mix != ANNEALED:
        return [stage.mix]
    names = list(getattr(anneal, f"candidates_{stage.name}", []))
    if not names:
        raise ConfigError(
            "a round with an annealed mix has no candidates", where=f"train.rounds.{stage.name}", value=stage.mix,
            way_out=f"List them in anneal.candidates_{stage.name}, or name a mix",
        )  # fmt: skip
    return names


def _mix(mixes: Mapping[str, Mix], name: str, stage: Round) -> Mix:
    if name not in mixes:
        raise ConfigError("unknown mix", where=f"train.rounds.{stage.name}", value=name,
                          way_out=f"Known: {', '.join(mixes)}")  # fmt: skip
    return mixes[name]


def _budgets(mix: Mix, n_tokens: int) -> dict[str, int]:
    total = sum(mix.weights.values())
    return {group: round(n_tokens * weight / total) for group, weight in mix.weights.items() if weight > 0}


def _group_rows(
    key: tuple[str, str, str], group: str, share: float | None, supply: Mapping[str, Mapping[str, int]], budget: int,
    worst: bool,
) -> list[PlanRow]:  # fmt: skip
    sources = supply.get(group, {})
    total = sum(sources.values())
    passes = budget / total if total else None
    rows = [PlanRow(*key, group, ALL_SOURCES, share, total, budget, passes, worst)]
    for source, tokens in sources.items():
        own = round(budget * tokens / total) if total else 0
        rows.append(PlanRow(*key, group, source, share, tokens, own, passes if tokens else 0.0, worst))
    return rows


def _decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
