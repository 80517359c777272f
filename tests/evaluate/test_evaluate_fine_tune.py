"""Fine-tuning equals a plain reference, learns what can be learned, and forgets nothing when it is stopped."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from evaluate_benchmarks import (
    SHAPE,
    checkpoint_folder,
    dataset_of,
    letters,
    network,
    pair_rows,
    protloc_rows,
    protstab_rows,
    settings,
    write,
)
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.alphabet import BOS, EOS, SEP, decode, encode
from bsm.base.config.training import FineTuneSettings
from bsm.base.errors import InputError
from bsm.engine.attention import Layout
from bsm.engine.network import Shape, initial_network
from bsm.evaluate import fine_tune
from bsm.evaluate.checkpoint import Checkpoint
from bsm.evaluate.common import CheckpointTag
from bsm.evaluate.documents import documents_of, ordered_batches
from bsm.evaluate.fine_tune import TaskData, fine_tuned, optimiser_of, predict, step, tune
from bsm.evaluate.finished import FinishedRuns
from bsm.evaluate.head import Objective, TunedNetwork
from bsm.evaluate.last_state import last_states

CONTEXT = 64
TAG = CheckpointTag("tiny", "mixed", "round3")


def one_by_one(tuned: TunedNetwork, data, which) -> torch.Tensor:
    """Outputs of items alone in the network: last state, times the head's weights."""
    outputs = []
    for i in which:
        ids = [BOS, *encode(data.items[i].sequences[0])]
        for sequence in data.items[i].sequences[1:]:
            ids += [SEP, *encode(sequence)]
        ids = torch.tensor([*map(int, ids), EOS])
        state = tuned.network.hidden(ids, Layout.of([len(ids)]))[-1]
        outputs.append(tuned.head.weight @ state + tuned.head.bias)
    return torch.stack(outputs)


@pytest.mark.parametrize(("rows", "n_outputs"), [(protloc_rows(), 6), (pair_rows(), 2), (protstab_rows(), 1)])
def test_outputs_and_one_step_equal_a_plain_reference(tmp_path, rows, n_outputs):
    dataset = dataset_of(tmp_path / "x.parquet", rows)
    data = TaskData.of(dataset, 0.1, CONTEXT)
    objective = Objective.of(dataset, data.train.targets)
    rates = FineTuneSettings(learning_rate=1e-3, head_learning_rate=1e-2)
    tuned = TunedNetwork(network(), objective.n_outputs, 1, dataset.name)
    plain = copy.deepcopy(tuned)
    assert objective.n_outputs == n_outputs
    which = np.array([3, 0, 7, 5])

    with torch.no_grad():
        expected = one_by_one(plain, data.test, range(len(data.test.items)))
    torch.testing.assert_close(predict(tuned, data.test.documents, 100), expected, atol=1e-5, rtol=0)

    loss = step(tuned, objective, optimiser_of(tuned, rates), data.train, which, precision="fp32")
    outputs = one_by_one(plain, data.train, which)
    if n_outputs > 1:
        wanted = F.cross_entropy(outputs, torch.from_numpy(data.train.targets[which]))
    else:
        targets = (data.train.targets - data.train.targets.mean()) / data.train.targets.std()
        wanted = ((outputs[:, 0] - torch.from_numpy(targets[which])) ** 2).mean()
    wanted.backward()
    optimiser = torch.optim.AdamW(
        [{"params": plain.network.parameters(), "lr": 1e-3}, {"params": plain.head.parameters(), "lr": 1e-2}],
        weight_decay=0.0, foreach=False,
    )  # fmt: skip
    optimiser.step()
    assert loss == pytest.approx(wanted.item(), rel=1e-5)
    for (name, found), reference in zip(tuned.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(found.grad, reference.grad, atol=1e-6, rtol=1e-4)
        # Adam's first step is the rate times the sign of the gradient: where that is rounding noise, signs may differ.
        same = torch.isclose(found, reference, atol=1e-5).float().mean()
        assert same > 0.99, name


@pytest.mark.parametrize("shape", [SHAPE, Shape(n_layers=3, n_heads=2, width=32, d_ff=64)])
@pytest.mark.parametrize("back_end", ["bucketed", "sdpa"])
def test_states_at_the_last_token_are_those_of_the_whole_network_and_so_are_gradients(shape, back_end):
    random = np.random.default_rng(1)
    lengths = random.integers(1, 90, 20)
    ids, layout = torch.from_numpy(random.integers(5, 30, lengths.sum())), Layout.of(np.cumsum(lengths))
    whole, short = (initial_network(shape, 1) for _ in range(2))
    whole.back_end = short.back_end = back_end
    with torch.no_grad():
        for parameter, other in zip(whole.parameters(), short.parameters(), strict=True):
            parameter *= 5  # far from the initial near-zero attention
            other.copy_(parameter)
    expected = whole.hidden(ids, layout)[torch.from_numpy(np.cumsum(lengths) - 1)]
    found = last_states(short, ids, layout)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    target = torch.from_numpy(random.standard_normal(found.shape).astype(np.float32))
    (expected * target).sum().backward()
    (found * target).sum().backward()
    for parameter, other in zip(whole.parameters(), short.parameters(), strict=True):
        assert (other.grad - parameter.grad).norm() <= 1e-4 * parameter.grad.norm()


def test_regression_predicts_in_the_units_of_the_targets(tmp_path):
    dataset = dataset_of(tmp_path / "x.parquet", [r | {"value": 1000 + r["value"]} for r in protstab_rows()])
    data = TaskData.of(dataset, 0.1, CONTEXT)
    objective = Objective.of(dataset, data.train.targets)
    found = objective.outcome(torch.tensor([[0.0], [1.0]])).prediction
    assert found == pytest.approx([data.train.targets.mean(), data.train.targets.mean() + data.train.targets.std()])


@given(st.lists(st.integers(1, 90), min_size=1, max_size=2), st.integers(16, 80))
def test_items_keep_the_first_letters_of_each_input_in_proportion(lengths, context):
    sequences = tuple(letters(i, n) for i, n in enumerate(lengths))
    documents = documents_of([sequences], context)
    text = decode(documents.ids)
    assert text.startswith("<bos>")
    assert text.endswith("<eos>")
    parts = text[len("<bos>") : -len("<eos>")].split("<sep>")
    assert all(whole.startswith(part) and part for whole, part in zip(sequences, parts, strict=True))
    room = context - len(lengths) - 1
    if sum(lengths) <= room:
        assert (tuple(parts), documents.n_cut) == (sequences, 0)
    else:
        assert (documents.lengths[0] <= context, documents.n_cut) == (True, 1)
        assert documents.lengths[0] > context - len(lengths)
        assert all(
            abs(len(p) - room * n / sum(lengths)) < 1 or len(p) == 1 for p, n in zip(parts, lengths, strict=True)
        )


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 120))
def test_batches_hold_every_document_once_within_the_budget(lengths, batch_tokens):
    batches = ordered_batches(np.array(lengths), batch_tokens)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(b) == 1 or sum(lengths[i] for i in b) <= batch_tokens for b in batches)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=300), st.integers(1, 20))
def test_an_epoch_holds_every_item_once(lengths, batch_size):
    order = np.random.default_rng(0).permutation(len(lengths))
    batches = list(fine_tune._batches(order, np.array(lengths), batch_size))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) <= batch_size for batch in batches)


def test_a_planted_signal_is_learned_and_shuffled_labels_fall_to_chance(tmp_path):
    rates = settings(max_epochs=8, patience_epochs=8).fine_tune
    accuracy = {}
    for name in ("true", "shuffled"):
        rows = protloc_rows(n_train=128, n_valid=32, n_test=128)
        if name == "shuffled":
            order = np.random.default_rng(1).permutation(len(rows))
            labels = [rows[i]["label"] for i in order]
            rows = [r | {"label": label} for r, label in zip(rows, labels, strict=True)]
        data = TaskData.of(dataset_of(tmp_path / f"{name}.parquet", rows), 0.1, CONTEXT)
        outcome = tune(network(), data, rates, 1, 4096)
        accuracy[name] = np.mean(outcome.prediction == data.test.targets)
    assert accuracy["true"] > 0.95
    assert abs(accuracy["shuffled"] - 0.5) < 0.15


def test_the_best_weights_on_validation_are_those_that_predict(tmp_path, capsys):
    """Labels are noise, so that the best epoch is not the last: a run that ends there predicts the same."""
    rows = protloc_rows()
    order = np.random.default_rng(1).permutation(len(rows))
    rows = [r | {"label": rows[i]["label"]} for r, i in zip(rows, order, strict=True)]
    data = TaskData.of(dataset_of(tmp_path / "x.parquet", rows), 0.1, CONTEXT)
    rates = settings(max_epochs=6, patience_epochs=6, learning_rate=1e-2).fine_tune
    outcome = tune(network(), data, rates, 1, 4096)
    best = int(capsys.readouterr().err.split("best epoch ")[1].split(",")[0])
    assert 1 <= best < 6
    shorter = tune(network(), data, rates.model_copy(update={"max_epochs": best}), 1, 4096)
    np.testing.assert_array_equal(outcome.score, shorter.score)


def test_the_head_is_built_where_the_network_is():
    tuned = TunedNetwork(network().to("meta"), 3, 1, "name")
    assert {parameter.device.type for parameter in tuned.parameters()} == {"meta"}


def test_fine_tuning_does_not_import_the_compiler(tmp_path):
    """It takes longer to import than a small fine-tuning runs. (Its own process: other tests import it.)"""
    write(tmp_path / "x.parquet", protloc_rows(n_train=16, n_valid=8, n_test=8))
    checkpoint_folder(tmp_path / "checkpoint")
    arguments = [
        "evaluate", "fine-tuned", "--checkpoint", tmp_path / "checkpoint", "--model-name", "tiny", "--benchmarks",
        tmp_path / "x.parquet", "--out", tmp_path / "r.csv", "--items", tmp_path / "r.parquet", "--device", "cpu",
    ]  # fmt: skip
    script = "import sys; from bsm.cli import main; assert main(sys.argv[1:]) == 0; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"torch._dynamo", "sklearn", "scipy", "Bio"} & set(done.stdout.split())


def test_the_seed_decides_and_the_checkpoint_stays_untouched(tmp_path):
    data = TaskData.of(dataset_of(tmp_path / "x.parquet", protloc_rows()), 0.1, CONTEXT)
    base = network()
    before = copy.deepcopy(base.state_dict())
    first, again, other = (tune(base, data, settings().fine_tune, seed, 4096) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.score, again.score)
    assert (first.score != other.score).any()
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items())


def test_a_rate_that_diverges_is_one_clear_error(tmp_path):
    data = TaskData.of(dataset_of(tmp_path / "x.parquet", protstab_rows()), 0.1, CONTEXT)
    with pytest.raises(InputError, match="not finite"):
        tune(network(), data, settings(head_learning_rate=1e30, learning_rate=1e30, max_epochs=9).fine_tune, 1, 4096)


def test_a_stopped_job_repeats_only_the_runs_that_were_not_finished(tmp_path, monkeypatch):
    datasets = [dataset_of(tmp_path / "x.parquet", protloc_rows())]
    checkpoint = Checkpoint(network(), CONTEXT, "weights")
    state = tmp_path / "out.csv.state"
    real, calls = fine_tune.tune, []

    def counted(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args[3])
        return real(*args)

    monkeypatch.setattr(fine_tune, "tune", counted)
    with pytest.raises(KeyboardInterrupt):
        fine_tuned(checkpoint, datasets, TAG, settings(seeds=[1, 2, 3]), FinishedRuns(state))
    calls[:] = [0]
    resumed = fine_tuned(checkpoint, datasets, TAG, settings(seeds=[1, 2, 3]), FinishedRuns(state))
    assert calls == [0, 3]
    monkeypatch.setattr(fine_tune, "tune", real)
    assert resumed == fine_tuned(checkpoint, datasets, TAG, settings(seeds=[1, 2, 3]), FinishedRuns(None))


@pytest.mark.parametrize("damage", ["other checkpoint", "other rates", "other share", "truncated", "list"])
def test_a_finished_run_of_something_else_is_not_used(tmp_path, damage, monkeypatch):
    datasets = [dataset_of(tmp_path / "x.parquet", protloc_rows())]
    finished = FinishedRuns(tmp_path / "state")
    fine_tuned(Checkpoint(network(), CONTEXT, "weights"), datasets, TAG, settings(), finished)
    kept = tmp_path / "state" / "protloc.seed1.json"
    if damage == "truncated":
        kept.write_text(kept.read_text()[:50])
    elif damage == "list":
        kept.write_text("[1, 2]")
    calls = []
    real = fine_tune.tune
    monkeypatch.setattr(fine_tune, "tune", lambda *args: calls.append(1) or real(*args))
    other = Checkpoint(network(), CONTEXT, "other" if damage == "other checkpoint" else "weights")
    changed = settings(**({"batch_size": 8} if damage == "other rates" else {}))
    changed = changed.model_copy(update={"valid_share": 0.2} if damage == "other share" else {})
    fine_tuned(other, datasets, TAG, changed, finished)
    assert calls == [1]


def test_rows_name_the_metric_of_each_kind_of_task(tmp_path):
    found = {}
    for rows in (protloc_rows(), pair_rows(), protstab_rows()):
        datasets = [dataset_of(tmp_path / "x.parquet", rows)]
        measured = fine_tuned(
            Checkpoint(network(), CONTEXT, "w"), datasets, TAG, settings(seeds=[1, 2]), FinishedRuns()
        )[0]
        found[datasets[0].name] = [r.metric for r in measured.results]
        assert {(r.model, r.arm, r.round, r.setting, r.seeds, r.n) for r in measured.results} == {
            ("tiny", "mixed", "round3", "fine-tuned", 2, len(datasets[0].part("test")))
        }
        assert [p["seed"] for p in measured.predictions] == [1] * len(datasets[0].part("test")) + [2] * len(
            datasets[0].part("test")
        )
    assert found == {
        "protloc": ["accuracy", "balanced_accuracy"],
        "ppi": ["accuracy", "balanced_accuracy", "auroc"],
        "protstab": ["spearman"],
    }
