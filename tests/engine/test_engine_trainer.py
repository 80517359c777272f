"""The training loop: accumulation, curves, resume, and what stops it."""

from __future__ import annotations

import math
import re
import signal
import threading

import pytest
import torch
from engine_runs import MODEL, tiny_run, write_sources

from bsm.base.config.training import Model
from bsm.base.errors import BsmError, ConfigError
from bsm.engine.batch import NO_TARGET, Batch
from bsm.engine.loader import Loader
from bsm.engine.record import Record
from bsm.engine.trainer import PASS_TOKENS_ON_GPU, Run, _Clock, choose_device, train


@pytest.fixture(scope="module")
def manifests(tmp_path_factory) -> list[str]:
    return write_sources(tmp_path_factory.mktemp("shards"))


def weights(run) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in run.network.parameters()]


class Stopped(Exception):
    """Stands for a process that dies."""


def stop_after(run, n_steps):
    """Make the optimiser fail once ``n_steps`` steps are done, as a killed process would end there."""
    step, done = run.optimiser.step, []

    def counted():
        if len(done) == n_steps:
            raise Stopped
        done.append(1)
        step()

    run.optimiser.step = counted


@pytest.mark.parametrize("micro", [1, 2, 3])
def test_accumulated_gradients_are_those_of_the_large_batch(micro, manifests, tmp_path):
    gradients = {}
    for size in (None, micro):
        run = tiny_run(tmp_path / str(size), manifests, 1, micro_batch_sequences=size, gradient_clip=1e9)
        train(run)
        gradients[size] = [parameter.grad for parameter in run.network.parameters()]
    for small, large in zip(gradients[micro], gradients[None], strict=True):
        assert (small - large).abs().max() < 1e-6 * large.abs().max()


def test_the_gradient_is_that_of_the_mean_over_all_targets_of_the_step(manifests, tmp_path):
    run = tiny_run(tmp_path, manifests, 1, gradient_clip=1e9, micro_batch_sequences=2)
    reference = tiny_run(tmp_path / "reference", manifests, 1).network
    batch = Loader(run.sampler.sources).batch(run.sampler.rows(0))
    ids, targets, layout = batch.to("cpu")
    chosen = targets != NO_TARGET
    loss = -reference(ids, layout)[chosen].log_softmax(-1).gather(1, targets[chosen, None]).mean()
    loss.backward()
    record = train(run)
    for ours, theirs in zip(run.network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-7)
    assert float(record.metrics[0]["loss"]) == pytest.approx(loss.item(), abs=2e-6)
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in reference.parameters()))
    assert float(record.metrics[0]["gradient_norm"]) == pytest.approx(norm, rel=1e-4)


def test_a_step_is_one_pass_on_a_cpu_and_a_bounded_one_on_a_gpu_unless_the_settings_say(
    manifests, tmp_path, monkeypatch
):
    model = Model.model_validate(MODEL | {"batch_sequences": 1000})
    whole = tiny_run(tmp_path / "a", manifests, 1, model=model)
    stated = tiny_run(tmp_path / "b", manifests, 1, model=model, micro_batch_sequences=7)
    assert (whole.micro_batch_sequences, stated.micro_batch_sequences) == (1000, 7)
    assert tiny_run(tmp_path / "c", manifests, 1, micro_batch_sequences=7).micro_batch_sequences == 4
    monkeypatch.setattr(Run, "device", torch.device("cuda"))
    assert (whole.micro_batch_sequences, stated.micro_batch_sequences) == (PASS_TOKENS_ON_GPU // 64, 7)


def test_batches_are_laid_out_by_the_reading_thread_and_the_device_is_waited_for_once_a_step(
    manifests, tmp_path, monkeypatch
):
    run = tiny_run(tmp_path, manifests, 6, micro_batch_sequences=1, valid_manifests=[], log_every_steps=100)
    threads, waits = [], []
    to = Batch.to
    monkeypatch.setattr(Batch, "to", lambda *a: threads.append(threading.current_thread().name) or to(*a))
    for name in ("cpu", "item", "tolist", "__float__", "__bool__"):
        waiting = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda *a, f=waiting, name=name, **k: waits.append(name) or f(*a, **k))
    monkeypatch.setattr(run.checkpoints, "save", lambda *a: None)
    train(run)
    assert len(threads) == 6 * 4 and all(name.startswith("loader") for name in threads)
    assert waits == ["cpu"] * 6


def test_the_loss_falls_and_curves_have_rows_at_the_stated_steps(manifests, tmp_path):
    record = train(tiny_run(tmp_path, manifests, 62, validate_every_steps=20))
    assert [int(row["step"]) for row in record.metrics] == [*range(5, 61, 5), 62]
    assert sorted({int(row["step"]) for row in record.validation}) == [20, 40, 60, 62]
    assert float(record.metrics[-1]["loss"]) < float(record.metrics[0]["loss"]) - 0.3
    assert record.metrics[-1]["bits_proteins"] and record.metrics[-1]["bits_refseq"]
    assert not record.metrics[-1]["bits_web"]
    assert {row["modality"] for row in record.validation} == {"dna", "rna", "protein"}
    letters = [int(row["n_letters"]) for row in record.validation if row["step"] == "20"]
    assert letters == [int(row["n_letters"]) for row in record.validation if row["step"] == "62"]


def test_tokens_are_counted_by_source_and_modality(manifests, tmp_path):
    run = tiny_run(tmp_path, manifests, 7)
    record = train(run)
    loader = Loader(run.sampler.sources)
    read = [loader.batch(run.sampler.rows(step)) for step in range(7)]
    assert record.n_tokens == sum(batch.n_tokens for batch in read)
    counts = record.tokens_by_source()
    assert counts["proteins"].keys() == {"special", "protein"}
    assert sum(counts["proteins"].values()) == sum(
        int((batch.source == [s.name for s in run.sampler.sources].index("proteins")).sum()) for batch in read
    )


@pytest.mark.parametrize("kind", ["adamw", "muon"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_cut_off_twice_ends_bit_for_bit_where_an_uninterrupted_one_ends(kind, precision, manifests, tmp_path):
    options = {"optimiser": kind, "precision": precision, "micro_batch_sequences": 3, "checkpoint_every_seconds": 1}
    whole = tiny_run(tmp_path / "whole", manifests, 12, **options)
    expected = train(whole)
    for n_steps in (4, 5):
        run = tiny_run(tmp_path / "cut", manifests, 12, **options)
        save_every_step(run)
        stop_after(run, n_steps)
        with pytest.raises(Stopped):
            train(run)
    last = tiny_run(tmp_path / "cut", manifests, 12, **options)
    first_step = []
    rows = last.sampler.rows
    last.sampler.rows = lambda step: first_step.append(step) or rows(step)
    record = train(last)
    assert first_step[0] == 9
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(last), strict=True))
    assert (record.metrics, record.validation, record.tokens) == (
        expected.metrics,
        expected.validation,
        expected.tokens,
    )


def save_every_step(run):
    """Save after every step, as a run whose steps take longer than checkpoint_every_seconds."""
    object.__setattr__(run.settings, "checkpoint_every_seconds", 0)


def test_a_signal_during_a_save_is_answered_after_the_next_step_has_been_saved(manifests, tmp_path, capfd):
    run = tiny_run(tmp_path, manifests)
    save_every_step(run)
    save = run.checkpoints.save

    def interrupted(progress, network, optimiser):
        save(progress, network, optimiser)
        if progress["step"] == 4:
            signal.raise_signal(signal.SIGTERM)

    run.checkpoints.save = interrupted
    with pytest.raises(SystemExit) as caught:
        train(run)
    assert caught.value.code == 128 + signal.SIGTERM
    assert "saved at step 5;" in capfd.readouterr().err
    assert max(path.name for path in (tmp_path / "state").glob("step-*")) == "step-00000005"


def test_a_signal_between_steps_never_claims_a_save_that_is_not_there(manifests, tmp_path, capfd):
    run = tiny_run(tmp_path, manifests)

    class Late(_Clock):
        """The clock is read after the flag, so a signal that comes here is the one that a check just missed."""

        @property
        def seconds(self):
            if not stopped:
                stopped.append(1)
                signal.raise_signal(signal.SIGTERM)
            return super().seconds

    stopped = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bsm.engine.trainer._Clock", Late)
        with pytest.raises(SystemExit):
            train(run)
    step = int(re.search(r"saved at step (\d+)", capfd.readouterr().err)[1])
    assert [path.name for path in (tmp_path / "state").glob("step-*")] == [f"step-{step:08d}"]


def test_a_finished_run_is_not_trained_again(manifests, tmp_path):
    first = tiny_run(tmp_path, manifests)
    expected = train(first)
    again = tiny_run(tmp_path, manifests)
    stop_after(again, 0)
    record = train(again)
    assert record.to_json() == expected.to_json()
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(again), strict=True))


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_rows(manifests, tmp_path):
    run = tiny_run(tmp_path, manifests)
    save_every_step(run)
    calls = []

    def poison(module, inputs, logits):
        calls.append(1)
        return torch.cat([torch.full_like(logits[:2], torch.nan), logits[2:]]) if len(calls) == 4 else logits

    run.network.register_forward_hook(poison)
    source, row = run.sampler.rows(3)[0]
    others = [f"{run.sampler.sources[s].name}:{r}" for s, r in run.sampler.rows(3)[1:]]
    with pytest.raises(BsmError, match=f"step 3, rows {run.sampler.sources[source].name}:{row}[.]") as caught:
        train(run)
    assert not any(name in str(caught.value) for name in others)
    assert [path.name for path in sorted((tmp_path / "state").glob("step-*"))] == ["step-00000002", "step-00000003"]


def test_a_gradient_that_is_no_number_stops_before_it_reaches_the_weights(manifests, tmp_path):
    run = tiny_run(tmp_path, manifests)
    before = weights(run)
    run.network.model.norm.weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(BsmError, match="the gradient is no finite number at step 0, rows "):
        train(run)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(run), strict=True))


def test_cuda_without_a_gpu_is_a_clear_error():
    if torch.cuda.is_available():
        assert choose_device("cuda").type == "cuda"
    else:
        assert choose_device("auto").type == "cpu"
        with pytest.raises(ConfigError, match=r"train\.device: no GPU"):
            choose_device("cuda")


def test_a_record_goes_through_json_unchanged(manifests, tmp_path):
    import json

    run = tiny_run(tmp_path, manifests, 8)
    record = train(run)
    batch = Loader(run.sampler.sources).batch(run.sampler.rows(9))
    from bsm.engine.losses import LossTable, token_losses

    record.add_step([batch], LossTable.of(token_losses(run.network, batch), batch))
    copy = Record.from_json(json.loads(json.dumps(record.to_json())))
    assert copy == record
    assert copy.window.cells
