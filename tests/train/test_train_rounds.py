"""The rounds: hand-over from one to the next, arms, budgets, and the record of what was read."""

from __future__ import annotations

import csv
import json
import re

import pytest
import torch
from engine_shards import write_source
from safetensors.torch import load_file
from train_command import MIXED, MODEL, ROUNDS, SETTINGS, SINGLE, arguments, contents, write_sources
from transformers import AutoModelForCausalLM

from bsm.base.codehash import code_hash, imported_modules
from bsm.base.config.training import TRAIN_MANNERS, Mix
from bsm.base.files import file_hash
from bsm.base.runs import recorded_code
from bsm.cli import main
from bsm.engine.sampler import Sampler
from bsm.engine.sources import read_sources


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def rounds(manifests, tmp_path_factory):
    """The paper's own path: Llama block, AdamW, cosine between the stated ends, no warm-up; three rounds."""
    folder = tmp_path_factory.mktemp("rounds")
    mixes = {"round1": SINGLE, "round2": MIXED, "round3": {"name": "pairs", "weights": {"refseq": 1}}}
    parent = {}
    for name, mix in mixes.items():
        assert main(arguments(folder / name, manifests, ROUNDS[name], mix, validate_every_steps=10, **parent)) == 0
        parent = {"_init": folder / name}
    return folder


def record(folder):
    return json.loads((folder / "training.json").read_text())


def rows(path):
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_round_starts_from_the_weights_of_the_one_before(rounds):
    parents = [record(rounds / name)["fingerprint"]["parent"] for name in ROUNDS]
    assert parents == [None, *(file_hash(rounds / name / "model.safetensors") for name in ("round1", "round2"))]
    for name in ROUNDS:
        assert record(rounds / name)["weights_sha256"] == file_hash(rounds / name / "model.safetensors")


def test_rates_go_between_the_stated_ends(rounds):
    rates = {name: [float(row["learning_rate"]) for row in rows(rounds / name / "metrics.csv")] for name in ROUNDS}
    for name, round_ in ROUNDS.items():
        assert rates[name] == sorted(rates[name], reverse=True)
        assert round_["learning_rate_end"] < rates[name][-1] < rates[name][0] < round_["learning_rate_start"]
    assert rates["round2"][0] < rates["round1"][-1]
    assert rates["round3"][-1] < 0.01 * ROUNDS["round3"]["learning_rate_start"]


def test_training_lowers_the_held_out_loss(rounds):
    def bits(name, source, step):
        found = [r for r in rows(rounds / name / "validation.csv") if r["step"] == str(step) and r["source"] == source]
        return sum(int(r["n_letters"]) * float(r["bits_per_letter"]) for r in found)

    last = {name: record(rounds / name)["n_steps"] for name in ROUNDS}
    assert bits("round1", "proteins", 10) > bits("round1", "proteins", last["round1"])
    assert (
        bits("round2", "pairs", 10) > bits("round2", "pairs", last["round2"]) > bits("round3", "pairs", last["round3"])
    )


def test_the_curve_shows_the_groups_of_the_mix_and_the_single_modal_ones(rounds, manifests, tmp_path):
    """Manifests of other groups, which only other candidates of annealing read, change nothing."""
    for name, shown in (("round1", {"proteins"}), ("round3", {"proteins", "pairs"})):
        assert {row["source"] for row in rows(rounds / name / "validation.csv")} == shown
        assert record(rounds / name)["fingerprint"]["held_out"].keys() == shown
    web = str(write_source(tmp_path, "web", "web", n_rows=20))
    argv = arguments(tmp_path / "out", [*manifests, web], ROUNDS["round1"], SINGLE, validate_every_steps=10)
    assert main(argv) == 0
    assert contents(tmp_path / "out") == contents(rounds / "round1")


def test_rows_of_the_same_content_cut_into_other_row_groups_are_another_run(rounds, tmp_path, capfd):
    """The order of the rows follows the row groups; the manifest's hash of the content does not know them."""
    found = []
    for rows_per_group in (16, 8):
        manifest = str(write_source(tmp_path, "proteins", "single", n_rows=60, rows_per_group=rows_per_group))
        assert main([*arguments(tmp_path / "out", [manifest], ROUNDS["round1"], SINGLE), "--restart-if-changed"]) == 0
        found.append(record(tmp_path / "out")["fingerprint"]["sources"]["proteins"])
    assert found[0][0] == found[1][0] and found[0][1] != found[1][1]
    assert "starting again, since the checkpoints were of another run: sources.proteins" in capfd.readouterr().err


def test_weights_without_the_record_of_a_round_start_every_source_anew_and_say_so(rounds, manifests, tmp_path, capfd):
    parent = tmp_path / "parent"
    parent.mkdir()
    for name in ("config.json", "model.safetensors"):
        (parent / name).write_bytes((rounds / "round1" / name).read_bytes())
    for init, expected in ((parent, 0), (rounds / "round1", 4 * record(rounds / "round1")["n_steps"])):
        argv = arguments(tmp_path / f"out{expected}", manifests, ROUNDS["round2"], SINGLE, _init=init)
        assert main(argv) == 0
        found = record(tmp_path / f"out{expected}")
        assert found["rows_drawn"]["proteins"] - 4 * found["n_steps"] == expected
        assert ("every source is read from its start" in capfd.readouterr().err) == (expected == 0)


def test_a_round_at_a_rate_of_nearly_nothing_keeps_the_parents_weights(rounds, manifests, tmp_path):
    round_ = ROUNDS["round2"] | {"learning_rate_start": 1e-30, "learning_rate_end": 0}
    assert main(arguments(tmp_path, manifests, round_, MIXED, _init=rounds / "round1")) == 0
    parent, child = (load_file(folder / "model.safetensors") for folder in (rounds / "round1", tmp_path))
    assert parent.keys() == child.keys()
    assert all(torch.allclose(parent[name], child[name], rtol=0, atol=1e-20) for name in parent)


def test_a_source_is_read_on_where_the_round_before_stopped(rounds, manifests):
    sources = read_sources(manifests, "train")
    proteins = [source.name for source in sources].index("proteins")
    drawn = [record(rounds / name)["rows_drawn"] for name in ROUNDS]
    n_steps = [record(rounds / name)["n_steps"] for name in ROUNDS]
    assert drawn[0] == {"proteins": 4 * n_steps[0]}
    assert drawn[2]["proteins"] == drawn[1]["proteins"] > drawn[0]["proteins"]  # round 3 reads pairs only
    first = Sampler([sources[proteins]], Mix.model_validate(SINGLE), 1, 4)
    second = Sampler(sources, Mix.model_validate(MIXED), 1, 4, drawn[0])
    read = [row for step in range(n_steps[0]) for _, row in first.rows(step)]
    read += [row for step in range(n_steps[1]) for source, row in second.rows(step) if source == proteins]
    assert len(read) == len(set(read)) == drawn[1]["proteins"]


def test_tokens_of_all_rounds_add_up(rounds):
    found = [record(rounds / name) for name in ROUNDS]
    assert [r["n_tokens_before"] for r in found] == [
        0, found[0]["n_tokens"], found[0]["n_tokens"] + found[1]["n_tokens"],
    ]  # fmt: skip
    for r in found:
        assert r["n_tokens"] == sum(n for counts in r["tokens"].values() for n in counts.values())
        assert r["n_tokens"] <= r["n_steps"] * 4 * 64


def test_a_budget_in_tokens_counts_what_is_read_and_no_padding(manifests, tmp_path):
    emptier = str(write_source(tmp_path, "emptier", "web", n_rows=80, tokens_per_row=(3, 9)))
    n_tokens = {source.name: source.n_tokens for source in read_sources(manifests, "train")}["proteins"]
    budget = ROUNDS["round1"] | {"n_tokens": n_tokens}  # one whole pass over the proteins
    runs = {}
    for group in ("single", "web"):
        mix = {"name": "m", "weights": {group: 1}}
        assert main(arguments(tmp_path / group, [*manifests, emptier], budget, mix)) == 0
        runs[group] = record(tmp_path / group)
        assert runs[group]["n_tokens"] == pytest.approx(n_tokens, rel=0.02)
    assert runs["web"]["n_steps"] > 3 * runs["single"]["n_steps"]


def test_the_record_names_the_code_that_the_graph_hashes_and_no_manners(rounds):
    assert recorded_code(str(rounds / "round2" / "training.json")) == code_hash("bsm.train.round")
    found = record(rounds / "round2")
    assert not (found["settings"].keys() | found["fingerprint"]["settings"].keys()) & set(TRAIN_MANNERS)
    assert found["fingerprint"]["settings"]["valid_rows_per_source"] == SETTINGS["valid_rows_per_source"]


def test_the_hash_of_training_does_not_follow_what_only_evaluation_reads():
    for module in ("bsm.train.round", "bsm.anneal.run"):
        assert not {"bsm.base.results", "bsm.base.runs", "bsm.base.benchmarks"} & imported_modules(module)


def test_the_folder_of_a_round_loads_in_stock_transformers(rounds):
    stock = AutoModelForCausalLM.from_pretrained(rounds / "round3")
    assert type(stock).__name__ == "LlamaForCausalLM"
    assert stock.config.max_position_embeddings == 64
    tensors = load_file(rounds / "round3" / "model.safetensors")
    assert all(torch.equal(stock.state_dict()[name], value) for name, value in tensors.items())


def test_the_same_command_gives_the_same_files(rounds, manifests, tmp_path):
    argv = arguments(tmp_path, manifests, ROUNDS["round1"], SINGLE, validate_every_steps=10)
    assert main(argv) == 0
    assert contents(tmp_path) == contents(rounds / "round1")


def test_the_mix_may_be_the_choice_of_annealing(manifests, tmp_path):
    (tmp_path / "choice.json").write_text(json.dumps({"mix": MIXED, "objective": 2.0}))
    assert main(arguments(tmp_path / "a", manifests, ROUNDS["round3"], str(tmp_path / "choice.json"))) == 0
    assert main(arguments(tmp_path / "b", manifests, ROUNDS["round3"], MIXED)) == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"mix": MIXED, "_arm": "single"}, "arm single reads single-modal data only"),
        ({"mix": "absent.json"}, "absent.json: cannot read"),
        ({"mix": {"name": "w", "weights": {"web": 1}}}, "mix w weighs a group without training rows"),
        ({"_init": "nowhere"}, "nowhere/config.json: cannot read"),
        ({"device": "cuda"}, "train.device: no GPU"),
        ({"budget_by": "steps"}, "budget_by is steps and the round has none"),
        ({"log_every_steps": 0}, "--manners: log_every_steps"),
        ({"mix": "no_such_mix"}, "--mix: unknown name"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_no_output(changes, message, manifests, tmp_path, capfd):
    if changes.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("a GPU is here")
    argv = arguments(tmp_path / "out", manifests, ROUNDS["round1"], **{"mix": SINGLE} | changes)
    assert main(argv) == 1
    error = capfd.readouterr().err
    assert re.search(message, error) and "Traceback" not in error
    assert not list(tmp_path.glob("out/*.*"))


def test_weights_of_another_size_are_refused(rounds, manifests, tmp_path, capfd):
    argv = arguments(tmp_path, manifests, ROUNDS["round2"], MIXED, _init=rounds / "round1")
    argv[argv.index("--model") + 1] = json.dumps(MODEL | {"d_ff": 48})
    assert main(argv) == 1
    assert "model tiny needs" in capfd.readouterr().err


def test_a_budget_in_steps_is_the_number_of_steps(manifests, tmp_path):
    round_ = ROUNDS["round1"] | {"n_steps": 5}
    assert main(arguments(tmp_path, manifests, round_, SINGLE, **SETTINGS, budget_by="steps")) == 0
    assert record(tmp_path)["n_steps"] == 5
    assert rows(tmp_path / "metrics.csv")[-1]["step"] == "5"
