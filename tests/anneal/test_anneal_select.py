"""``bsm anneal select``: the winner, its intervals, and results that do not belong together."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

from bsm.anneal.select import intervals, measure, objective_weights
from bsm.base.config.training import AnnealSettings
from bsm.cli import main

SECTIONS = ("nucleotides", "proteins", "refseq", "gene", "web")
SETTINGS = AnnealSettings(model="m")


def result(name, seed, bits, rng=None, noise=0.0, round_name="round2", n_rows=12):
    """A run whose sections have ``bits`` per letter; rows of one section per source, with noise of their own."""
    rows, n_letters = {}, {}
    for section in SECTIONS:
        for row in range(n_rows):
            n_letters[section] = 100
            own = bits + (rng.normal(0, noise) if rng is not None else 0.0)
            rows[f"source_{section}:{row}"] = {section: [100, own * math.log(2) * 100]}
    sections = {
        s: float(np.mean([found[s][1] for found in rows.values() if s in found])) / 100 / math.log(2) for s in SECTIONS
    }
    return {
        "mix": {"name": name, "weights": {"single": 1.0}}, "model": "m", "round": round_name, "seed": seed,
        "n_steps": 10, "sections": sections, "rows": rows, "tokens": {"s": {"dna": 30}, "p": {"rna": 10}},
        "passes": {"s": 0.5, "p": 0.25}, "groups": {"s": "single", "p": "refseq"},
    }  # fmt: skip


def select(folder, results, settings=None):
    paths = []
    for run in results:
        paths.append(folder / f"{run['mix']['name']}.{len(paths)}.json")
        paths[-1].write_text(json.dumps(run))
    code = main([
        "anneal", "select", "--settings", json.dumps(settings or {"model": "m"}), "--runs", *map(str, paths),
        "--out", str(folder / "choice.json"), "--table", str(folder / "table.csv"),
    ])  # fmt: skip
    if code:
        return code, None, None
    with open(folder / "table.csv", newline="") as handle:
        return 0, json.loads((folder / "choice.json").read_text()), list(csv.DictReader(handle))


def test_the_lowest_mean_over_seeds_wins(tmp_path):
    runs = [result("a", 1, 2.0), result("a", 2, 2.2), result("b", 1, 1.9), result("b", 2, 2.4), result("c", 1, 3.0)]
    _, choice, table = select(tmp_path, [*runs, result("c", 2, 3.0)])
    assert choice["mix"] == {"name": "a", "weights": {"single": 1.0}}
    assert [row["mix"] for row in table] == ["a", "b", "c"]
    assert [float(row["objective"]) for row in table] == pytest.approx([2.1, 2.15, 3.0])
    assert table[0]["objective_by_seed"] == "1=2.0000 2=2.2000"
    assert [row["chosen"] for row in table] == ["yes", "no", "no"]
    assert table[0]["observed_mix"] == "refseq=0.2500 single=0.7500"
    assert table[1]["tied"] == "yes" and choice["tied"] == ["b"]  # the two seeds disagree about b


def test_ties_go_by_name(tmp_path):
    _, choice, table = select(tmp_path, [result(name, 1, 2.0) for name in ("c", "b", "d")])
    assert choice["mix"]["name"] == "b"
    assert [row["mix"] for row in table] == ["b", "c", "d"]
    assert choice["tied"] == ["c", "d"]


def test_a_difference_within_the_noise_of_the_rows_is_tied_and_a_clear_one_is_not(tmp_path):
    rng = np.random.default_rng(1)
    runs = [result("best", 1, 2.0, rng, 0.1), result("close", 1, 2.01, rng, 0.1), result("far", 1, 2.3, rng, 0.1)]
    _, choice, table = select(tmp_path, runs)
    by_name = {row["mix"]: row for row in table}
    assert by_name["far"]["tied"] == "no"
    others = [row for row in table if row["chosen"] == "no" and row["mix"] != "far"]
    assert others[0]["tied"] == "yes" and choice["tied"] == [others[0]["mix"]]
    for row in table[1:]:
        assert float(row["ci_low"]) <= float(row["difference"]) <= float(row["ci_high"])


def test_noise_that_candidates_share_does_not_hide_a_difference():
    rng = np.random.default_rng(2)
    base = result("a", 1, 2.0, rng, 0.5)
    shifted = json.loads(json.dumps(base)) | {"mix": {"name": "b", "weights": {"single": 1.0}}}
    for found in shifted["rows"].values():
        for pair in found.values():
            pair[1] += 0.01 * math.log(2) * 100
    runs = [{**run, "path": run["mix"]["name"]} for run in (base, shifted)]
    low, high = intervals(measure(runs, objective_weights(SETTINGS, "round2")), 0, "round2")
    assert (low[1], high[1]) == pytest.approx((0.01, 0.01), abs=1e-9)


def test_intervals_have_the_width_that_the_normal_approximation_gives():
    rng = np.random.default_rng(3)
    runs = [{**result(name, 1, 2.0, rng, 0.2, n_rows=200), "path": name} for name in ("a", "b")]
    low, high = intervals(measure(runs, objective_weights(SETTINGS, "round2")), 0, "round2")
    expected = 2 * 1.96 * math.sqrt(2 * 0.2**2 / 200 / 4)  # mean of four sections of 200 rows, two candidates
    assert high[1] - low[1] == pytest.approx(expected, rel=0.15)


def test_web_weighs_one_in_round_3_only_unless_the_config_names_it():
    assert "web" not in objective_weights(SETTINGS, "round2")
    assert objective_weights(SETTINGS, "round3")["web"] == 1.0
    assert "web" not in objective_weights(SETTINGS.model_copy(update={"objective_weights": {"web": 0.0}}), "round3")
    named = SETTINGS.model_copy(update={"objective_weights": {"proteins": 1.0, "web": 3.0}})
    assert objective_weights(named, "round2") == objective_weights(named, "round3") == {"proteins": 1.0, "web": 3.0}


def test_the_objective_is_the_weighted_mean_of_bits_per_letter_over_all_letters_of_each_section():
    rng = np.random.default_rng(5)
    run = result("a", 1, 2.0, rng, 0.3)
    for found in run["rows"].values():
        for pair in found.values():
            pair[0] = int(rng.integers(1, 300))
    weights = {"nucleotides": 1.0, "proteins": 2.5, "refseq": 0.0, "web": 0.5}
    settings = SETTINGS.model_copy(update={"objective_weights": weights})
    found = measure([{**run, "path": "a"}], objective_weights(settings, "round2"))
    bits = {}
    for section in SECTIONS:
        own = [pairs[section] for pairs in run["rows"].values() if section in pairs]
        bits[section] = sum(nats for _, nats in own) / sum(n for n, _ in own) / math.log(2)
    expected = sum(weight * bits[section] for section, weight in weights.items()) / sum(weights.values())
    assert found.objectives(np.ones((1, 60))) == pytest.approx(np.array([[[expected]]]), rel=1e-12)


def test_weights_decide(tmp_path):
    a, b = result("a", 1, 2.0), result("b", 1, 2.1)
    for row, found in b["rows"].items():
        if row.startswith("source_proteins"):
            found["proteins"][1] = math.log(2) * 100
    assert select(tmp_path, [a, b], {"model": "m", "objective_weights": {"gene": 1}})[1]["mix"]["name"] == "a"
    assert select(tmp_path, [a, b], {"model": "m", "objective_weights": {"proteins": 1}})[1]["mix"]["name"] == "b"


def test_the_order_of_the_files_does_not_matter(tmp_path):
    rng = np.random.default_rng(4)
    runs = [result(name, seed, 2.0, rng, 0.2) for name in ("a", "b") for seed in (1, 2)]
    texts = []
    for order in (runs, runs[::-1]):
        select(tmp_path, order)
        texts.append((tmp_path / "choice.json").read_text() + (tmp_path / "table.csv").read_text())
    assert texts[0] == texts[1]


def other_rows(run):
    return run | {"rows": {f"{name}0": found for name, found in run["rows"].items()}}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda run: run | {"round": "round3"}, "runs of another round"),
        (lambda run: run | {"n_steps": 11}, "runs of another n_steps"),
        (lambda run: run | {"seed": 3}, "not one run per candidate and seed"),
        (other_rows, "measured on other held-out rows"),
        (lambda run: {"mix": run["mix"]}, "not a result of bsm anneal run"),
    ],
)
def test_results_that_do_not_belong_together_are_refused(change, message, tmp_path, capfd):
    assert select(tmp_path, [result("a", 1, 2.0), change(result("b", 1, 2.1))])[0] == 1
    assert message in capfd.readouterr().err
    assert not (tmp_path / "choice.json").exists()


def test_a_weighted_section_without_held_out_letters_is_refused(tmp_path, capfd):
    runs = [result(name, 1, 2.0) for name in ("a", "b")]
    for run in runs:
        del run["sections"]["gene"]
    assert select(tmp_path, runs)[0] == 1
    assert "without held-out letters (found ['gene'])" in capfd.readouterr().err
