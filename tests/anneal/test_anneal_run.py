"""``bsm anneal run``: what it trains, what it measures, and that interruptions leave no trace."""

from __future__ import annotations

import json

import pytest
from engine_shards import write_source

from bsm.base.codehash import code_hash
from bsm.base.config.training import AnnealSettings
from bsm.base.runs import recorded_code
from bsm.cli import main
from bsm.engine.loader import Loader, held_out
from bsm.engine.losses import LossTable, row_losses, sections, token_losses
from bsm.engine.sources import read_sources
from bsm.engine.weights import load_network

MODEL = {"name": "tiny", "n_layers": 1, "n_heads": 2, "width": 16, "d_ff": 32, "batch_sequences": 4}
TRAIN = {"precision": "fp32", "valid_rows_per_source": 3}
MANNERS = {"device": "cpu"}
ROUND = {"name": "round2", "learning_rate_start": 1e-2, "optimiser": None}
"""The keys that the graph passes, no others."""
MIX = {"name": "pairs", "weights": {"single": 1, "refseq": 3}}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    return [
        str(write_source(folder, "proteins", "single", n_rows=60, n_valid=5, modalities=(3,))),
        str(write_source(folder, "nucleotides", "single", n_rows=60, n_valid=4, modalities=(1,))),
        str(write_source(folder, "pairs", "refseq", n_rows=50, n_valid=5)),
    ]


@pytest.fixture(scope="module")
def init(manifests, tmp_path_factory):
    out = tmp_path_factory.mktemp("init")
    round_ = {"name": "round1", "n_tokens": 64 * 4 * 5, "learning_rate_start": 1e-3, "learning_rate_end": 1e-3}
    assert main([
        "train", "--model", json.dumps(MODEL), "--round", json.dumps(round_), "--mix", json.dumps(MIX),
        "--settings", json.dumps(TRAIN), "--manners", json.dumps(MANNERS), "--manifests", *manifests,
        "--out", str(out),
    ]) == 0  # fmt: skip
    return out


def anneal(out, init, manifests, seed=1, n_steps=20, **changes):
    argv = [
        "anneal", "run", "--model", json.dumps(MODEL), "--round", json.dumps(ROUND | changes), "--mix", json.dumps(MIX),
        "--settings", json.dumps({"model": "tiny", "n_steps": n_steps}), "--train", json.dumps(TRAIN),
        "--manners", json.dumps(MANNERS), "--seed", str(seed),
        "--manifests", *manifests, "--valid-manifests", *manifests, "--init", str(init),
        "--out", str(out),
    ]  # fmt: skip
    assert main(argv) == 0
    return json.loads(out.read_text())


def test_the_sections_are_the_held_out_rows_of_the_annealed_network(init, manifests, tmp_path):
    run = anneal(tmp_path / "run.json", init, manifests, n_steps=1, learning_rate_start=1e-30)
    network = load_network(init)  # a rate of nothing leaves the weights as they were
    expected, rows = LossTable(), {}
    for source in read_sources(manifests, "valid"):
        batch = Loader([source]).batch([(0, row) for row in held_out(source, n_rows=3)])
        losses = token_losses(network, batch)
        expected += LossTable.of(losses, batch)
        rows |= row_losses(losses, batch)
    assert run["sections"] == pytest.approx(sections(expected), abs=1e-5)
    assert run["rows"].keys() == rows.keys() and len(rows) == 9
    for name, found in run["rows"].items():
        assert {s: n for s, (n, _) in found.items()} == {s: n for s, (n, _) in rows[name].by_section().items()}
        for section, (_, nats) in found.items():
            assert nats == pytest.approx(rows[name].by_section()[section][1], rel=1e-4)


def test_annealing_lowers_the_loss_and_states_what_it_read(init, manifests, tmp_path):
    short = anneal(tmp_path / "short.json", init, manifests, n_steps=2)
    long = anneal(tmp_path / "long.json", init, manifests, n_steps=60)
    assert all(long["sections"][name] < short["sections"][name] for name in ("nucleotides", "proteins", "refseq"))
    tokens = dict.fromkeys(("single", "refseq"), 0)
    for source, counts in long["tokens"].items():
        tokens[long["groups"][source]] += sum(counts.values())
    assert tokens["refseq"] / tokens["single"] == pytest.approx(3, rel=0.15)
    n_rows = {"pairs": 50, "proteins": 60, "nucleotides": 60}
    assert sum(long["passes"][source] * n for source, n in n_rows.items()) == pytest.approx(60 * 4)


def test_seeds_read_other_rows_and_the_same_seed_gives_the_same_bytes(init, manifests, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        anneal(tmp_path / f"{name}.json", init, manifests, seed)
    a, b, c = ((tmp_path / f"{name}.json").read_text() for name in "abc")
    assert a == b
    assert json.loads(a)["sections"] != json.loads(c)["sections"]


def test_the_result_names_the_code_that_the_graph_hashes(init, manifests, tmp_path):
    anneal(tmp_path / "run.json", init, manifests, n_steps=1)
    assert recorded_code(str(tmp_path / "run.json")) == code_hash("bsm.anneal.run")


def test_nothing_but_the_result_is_left(init, manifests, tmp_path):
    anneal(tmp_path / "pairs.seed1.json", init, manifests)
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.seed1.json"]


def test_the_default_objective_weighs_single_modal_and_paired_sections_alike():
    expected = {"nucleotides": 1.0, "proteins": 1.0, "refseq": 1.0, "gene": 1.0}
    assert AnnealSettings(model="m").objective_weights == expected
