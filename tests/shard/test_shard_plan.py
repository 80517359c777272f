"""The plan: arithmetic against numbers worked out by hand, and clear stops."""

from __future__ import annotations

import csv
import json

import pytest

from bsm.base.config.data import ShardSettings
from bsm.base.config.training import AnnealSettings, Mix, Model, TrainSettings
from bsm.base.errors import BsmError, ConfigError, InputError
from bsm.cli import main
from bsm.shard.plan import check_passes, plan, read_manifests, round_budgets

SUPPLY = {"single": {"proteins": 300, "rna": 100}, "refseq": {"pairs": 50}, "web": {"pages": 2}}
MIXES = [
    Mix(name="single_only", weights={"single": 1}),
    Mix(name="paper", weights={"single": 10, "refseq": 2}),
    Mix(name="heavy", weights={"single": 1, "refseq": 2, "web": 1}),
]
RATES = {"learning_rate_start": 1e-3, "learning_rate_end": 0}
TRAIN = TrainSettings(
    rounds=[
        {"name": "round1", "mix": "single_only", "n_tokens": 200, **RATES},
        {"name": "round2", "mix": "annealed", "n_tokens": 120, "n_steps": 3, **RATES},
    ]  # type: ignore[list-item]
)
ANNEAL = AnnealSettings(model="m", candidates_round2=["paper", "heavy"])


def rows(train=TRAIN, supply=SUPPLY):
    return plan(supply, train, MIXES, ANNEAL, round_budgets(train, [], 64))


def numbers(all_rows, *key, arm="mixed"):
    found = [r for r in all_rows if (r.round, r.mix, r.group, r.source) == key and r.arm == arm]
    assert len(found) == 1
    return found[0].supply_tokens, found[0].budget_tokens, found[0].passes


def test_a_round_shares_its_budget_by_weight_and_a_group_by_supply():
    made = rows()
    assert numbers(made, "round1", "single_only", "single", "all") == (400, 200, 0.5)
    assert numbers(made, "round1", "single_only", "single", "proteins") == (300, 150, 0.5)
    assert numbers(made, "round2", "paper", "single", "all") == (400, 100, 0.25)
    assert numbers(made, "round2", "paper", "refseq", "all") == (50, 20, 0.4)
    assert numbers(made, "round2", "heavy", "refseq", "pairs") == (50, 60, 1.2)


def test_an_annealed_round_counts_with_the_worst_candidate_of_each_group():
    made = rows()
    assert numbers(made, "all", "worst", "single", "all") == (400, 300, 0.75)
    assert numbers(made, "all", "worst", "refseq", "all") == (50, 60, 1.2)
    assert numbers(made, "all", "worst", "web", "pages") == (2, 30, 15.0)
    worst = {(r.mix, r.group) for r in made if r.round == "round2" and r.worst}
    assert worst == {("paper", "single"), ("heavy", "refseq"), ("heavy", "web")}


def test_the_control_arms_are_planned_with_their_own_mixes():
    third = {"name": "round3", "mix": "heavy", "n_tokens": 40, **RATES}
    train = TrainSettings(rounds=[*TRAIN.rounds, third])  # type: ignore[list-item]
    budgets = round_budgets(train, [], 64)
    made = plan(SUPPLY, train, MIXES, ANNEAL, budgets, ["mixed", "single", "no_web"])
    assert numbers(made, "round2", "single", "single", "all", arm="single") == (400, 120, 0.3)
    assert numbers(made, "all", "worst", "single", "all", arm="single") == (400, 200 + 120 + 40, 0.9)
    assert numbers(made, "round3", "heavy", "refseq", "all", arm="no_web") == (50, 20, 0.4)
    assert {r.round for r in made if r.arm == "no_web"} == {"round3", "all"}


def test_too_many_passes_stop_with_every_number_but_exempt_groups_pass():
    check_passes(rows(), ShardSettings(max_passes=1.2))
    with pytest.raises(
        BsmError, match=r"refseq \(arm mixed\): 60 tokens asked for of 50, 1\.20 passes > 1\.1"
    ) as error:
        check_passes(rows(), ShardSettings(max_passes=1.1))
    assert "web" not in str(error.value)
    with pytest.raises(BsmError, match=r"web \(arm mixed\): 30 tokens asked for of 2, 15\.00 passes"):
        check_passes(rows(), ShardSettings(max_passes=1.2, max_passes_exempt=[]))


def test_a_group_without_tokens_stops_even_where_it_is_exempt():
    with pytest.raises(BsmError, match="web: 30 tokens asked for, none there"):
        check_passes(rows(supply={k: v for k, v in SUPPLY.items() if k != "web"}), ShardSettings())


def test_budgets_by_steps_take_the_largest_batch():
    train = TRAIN.model_copy(update={"budget_by": "steps"})
    with pytest.raises(ConfigError, match="round1"):
        round_budgets(train, [], 64)
    steps = [stage.model_copy(update={"n_steps": 5}) for stage in train.rounds]
    models = [
        Model(name=f"m{n}", n_layers=1, n_heads=1, width=4, d_ff=4, batch_sequences=n) for n in (2, 8)
    ]  # fmt: skip
    budgets = round_budgets(train.model_copy(update={"rounds": steps}), models, 64)
    assert budgets == {"round1": 5 * 8 * 64, "round2": 5 * 8 * 64}


def test_unknown_mixes_and_missing_candidates_are_named():
    odd = TRAIN.model_copy(update={"rounds": [TRAIN.rounds[0].model_copy(update={"mix": "typo"})]})
    with pytest.raises(ConfigError, match=r"unknown mix \(found 'typo'\)"):
        rows(odd)
    with pytest.raises(ConfigError, match="no candidates"):
        plan(SUPPLY, TRAIN, MIXES, None, round_budgets(TRAIN, [], 64))


def manifest(path, source, group, n_tokens, context=64):
    value = {"source": source, "group": group, "context_tokens": context, "splits": {"train": {"n_tokens": n_tokens}}}
    path.write_text(json.dumps(value))
    return str(path)


def test_manifests_are_read_once_each_and_share_one_context(tmp_path):
    one = manifest(tmp_path / "a.json", "a", "single", 10)
    two = manifest(tmp_path / "b.json", "b", "single", 20)
    assert read_manifests([two, one]) == {"single": {"a": 10, "b": 20}}
    with pytest.raises(InputError, match="given twice"):
        read_manifests([one, one])
    with pytest.raises(InputError, match="different context"):
        read_manifests([one, manifest(tmp_path / "c.json", "c", "web", 5, context=128)])
    (tmp_path / "d.json").write_text("{}")
    with pytest.raises(InputError, match="not a manifest"):
        read_manifests([tmp_path / "d.json"])


def test_the_command_writes_the_plan_or_stops(tmp_path, capsys):
    made = [
        manifest(tmp_path / f"{s}.json", s, group, n) for group, sources in SUPPLY.items() for s, n in sources.items()
    ]
    dump = [json.dumps(v) for v in (TRAIN.model_dump(), [m.model_dump() for m in MIXES], ANNEAL.model_dump())]
    out = tmp_path / "plan.csv"
    arguments = ["shard", "plan", "--manifests", *made, "--train", dump[0], "--mixes", dump[1], "--anneal", dump[2]]
    assert main([*arguments, "--settings", '{"max_passes": 2}', "--out", str(out)]) == 0
    written = list(csv.DictReader(out.open()))
    assert len(written) == len(rows()) and written[0]["passes"] == "0.500000"
    out.unlink()
    assert main([*arguments, "--settings", '{"max_passes": 1}', "--out", str(out)]) == 1
    assert "1.20 passes > 1" in capsys.readouterr().err and not out.exists()
