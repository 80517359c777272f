"""The training half of the graph as read from the config: rounds, arms, hand-over of weights and mixes, evaluations."""

from __future__ import annotations

import json

import pytest

from bsm.base import runs
from bsm.base.config import load_config, validated
from bsm.base.runs import Run

SMALL, LARGE = "bsm-mini", "bsm-mini-large"


def config_with(**changes):
    raw = load_config()
    for section, values in changes.items():
        raw[section] = {**raw[section], **values} if isinstance(values, dict) else values
    return validated(raw)


@pytest.fixture(scope="module")
def config():
    return config_with()


def test_every_arm_is_trained_from_the_round_where_it_leaves_the_mixed_arm(config):
    assert [(r.model, r.arm, r.round) for r in runs.all_runs(config)] == [
        *((SMALL, "mixed", f"round{n}") for n in (1, 2, 3)),
        *((SMALL, "single", f"round{n}") for n in (2, 3)),
        (SMALL, "no_web", "round3"),
        *((LARGE, "mixed", f"round{n}") for n in (1, 2, 3)),
    ]


@pytest.mark.parametrize(
    ("arm", "round_", "expected"),
    [
        ("mixed", "round1", None),
        ("mixed", "round2", ("mixed", "round1")),
        ("mixed", "round3", ("mixed", "round2")),
        ("single", "round2", ("mixed", "round1")),
        ("single", "round3", ("single", "round2")),
        ("no_web", "round3", ("mixed", "round2")),
        ("unpaired", "round2", ("mixed", "round1")),
    ],
)
def test_weights_are_handed_over_from_the_round_before_of_the_same_arm_or_the_shared_one(config, arm, round_, expected):
    found = runs.parent(config, Run(SMALL, arm, round_))
    assert found == (Run(SMALL, *expected) if expected else None)


def test_the_single_arm_reads_single_modal_sequences_only_and_no_web_keeps_the_mix_of_round_2(config):
    assert runs.groups(config, Run(SMALL, "single", "round3")) == {"single"}
    assert runs.mix_round(config, Run(SMALL, "no_web", "round3")).name == "round2"
    assert "web" not in runs.groups(config, Run(SMALL, "no_web", "round3"))
    assert "web" in runs.groups(config, Run(SMALL, "mixed", "round3"))


def test_a_mix_fixed_by_the_config_needs_no_annealing():
    raw = load_config()
    raw["train"]["rounds"][1]["mix"] = "paper_round2"
    config = validated(raw)
    assert runs.fixed_mix(config, Run(SMALL, "mixed", "round2")).name == "paper_round2"
    assert runs.fixed_mix(config, Run(LARGE, "mixed", "round3")) is None
    assert runs.groups(config, Run(SMALL, "mixed", "round2")) == {"single", "refseq", "gene"}


def test_a_run_depends_on_its_own_groups_those_of_earlier_rounds_and_on_all_where_a_mix_was_chosen(config):
    assert runs.groups_behind(config, Run(SMALL, "mixed", "round1")) == {"single"}
    assert runs.groups_behind(config, Run(SMALL, "single", "round3")) == {"single"}
    assert runs.groups_behind(config, Run(SMALL, "no_web", "round3")) == {"single", "refseq", "gene"}
    assert runs.groups_behind(config, Run(LARGE, "mixed", "round3")) == {"single", "refseq", "gene", "web"}


def test_checkpoint_names_of_the_paper_are_runs(config):
    assert runs.run_of_checkpoint(config, "R3") == Run(SMALL, "mixed", "round3")
    assert runs.run_of_checkpoint(config, "S2") == Run(SMALL, "single", "round2")
    assert runs.run_of_checkpoint(config, "S1") == Run(SMALL, "mixed", "round1")  # arms share round 1
    assert runs.run_of_checkpoint(config, "L3") == Run(LARGE, "mixed", "round3")


def by_key(found):
    return {(m.run.model, m.run.arm, m.run.round, m.setting, m.batch): m for m in found}


def test_held_out_losses_are_measured_on_every_run_and_perplexity_where_asked(config):
    found = [m for m in runs.measurements(config) if m.setting == "language-model"]
    assert [m.run for m in found] == runs.all_runs(config)
    asked = {m.run for m in found if "perplexity" in m.tasks}
    assert asked == {Run(SMALL, "mixed", "round3"), Run(LARGE, "mixed", "round3")}


def test_one_job_per_checkpoint_or_per_task_measures_the_same():
    per_checkpoint = runs.measurements(config_with(evaluate={"one_job_per": "checkpoint"}))
    per_task = runs.measurements(config_with(evaluate={"one_job_per": "task"}))
    assert {(m.run, m.setting, t) for m in per_checkpoint for t in m.tasks} == {
        (m.run, m.setting, t) for m in per_task for t in m.tasks
    }
    assert by_key(per_checkpoint)[SMALL, "mixed", "round3", "fine-tuned", "all"].tasks == (
        "ncrpi", "ppi", "protloc", "protstab", "ncrnafam", "central_dogma",
    )  # fmt: skip
    assert by_key(per_task)[SMALL, "mixed", "round3", "few-shot", "central_dogma"].shots == (0, 1, 2)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"fingerprint": null}', '{"fingerprint": {"code": 3}}'])
def test_a_record_without_a_code_hash_has_none(text, tmp_path):
    path = tmp_path / "training.json"
    assert runs.recorded_code(str(path)) is None
    path.write_text(text)
    assert runs.recorded_code(str(path)) is None


def test_the_code_of_a_finished_run_is_read_from_its_record(tmp_path):
    (tmp_path / "training.json").write_text(json.dumps({"fingerprint": {"code": "abc"}}))
    assert runs.recorded_code(str(tmp_path / "training.json")) == "abc"
