"""``bsm train`` killed, stopped and called again: the files are those of a run that nothing happened to."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from train_command import MIXED, ROUNDS, arguments, contents, start, write_sources

from bsm.cli import main

LONG = ROUNDS["round2"] | {"n_tokens": 90_000}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def uninterrupted(manifests, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    assert main(arguments(out, manifests, LONG, MIXED)) == 0
    return contents(out)


def newest_step(out) -> int:
    """Step of the newest checkpoint; 0 where there is none."""
    return max((int(path.name.split("-")[1]) for path in (out / "state").glob("step-*")), default=0)


def wait_until(condition, seconds: float = 300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("n_kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_the_files_are_those_of_an_uninterrupted_run(
    n_kills, manifests, uninterrupted, tmp_path, capfd
):
    rng = random.Random(n_kills)
    argv = arguments(tmp_path, manifests, LONG, MIXED, checkpoint_every_seconds=1)
    for kill in range(n_kills):
        behind, log = newest_step(tmp_path), tmp_path / f"log{kill}"
        process = start(argv, log, hurry=20)
        wait_until(lambda behind=behind: newest_step(tmp_path) > behind)
        time.sleep(rng.uniform(0, 0.06))
        assert process.is_alive()  # killed at work, not after its end
        process.kill()
        process.join()
        assert bool(behind) == bool(kill)
        assert (f"goes on behind step {behind:,} of" in log.read_text()) == bool(kill)
    left = newest_step(tmp_path)
    assert main(argv) == 0
    assert f"goes on behind step {left:,} of" in capfd.readouterr().err
    assert contents(tmp_path) == uninterrupted


def test_sigterm_saves_the_step_at_hand_and_ends_as_a_terminated_process(manifests, uninterrupted, tmp_path, capfd):
    argv = arguments(tmp_path, manifests, LONG, MIXED)  # saves by time would come after the end of the run
    assert stopped_by(signal.SIGTERM, argv, tmp_path) == 143
    left = newest_step(tmp_path)
    assert main(argv) == 0
    assert f"goes on behind step {left:,} of" in capfd.readouterr().err
    assert contents(tmp_path) == uninterrupted


def test_control_c_saves_as_well_and_ends_as_an_interrupted_process(manifests, tmp_path):
    assert stopped_by(signal.SIGINT, arguments(tmp_path, manifests, LONG, MIXED), tmp_path) == 130
    assert "interrupted; run the same command again" in (tmp_path / "log").read_text()


def stopped_by(number: int, argv, out) -> int:
    """Exit code of a run that gets a signal while it trains; it has saved its step and written no output."""
    process = start(argv, out / "log")
    wait_until((out / "state" / "lock").exists)
    time.sleep(0.3)
    os.kill(process.pid, number)
    process.join(300)
    saved = newest_step(out)
    assert f"saved at step {saved}; run the same command again" in (out / "log").read_text()
    assert saved > 0 and len(list((out / "state").glob("step-*"))) == 1
    assert not (out / "model.safetensors").exists()
    return process.exitcode


def test_a_finished_round_is_written_again_from_its_state(manifests, tmp_path, capfd):
    argv = arguments(tmp_path, manifests, ROUNDS["round1"], MIXED)
    assert main(argv) == 0
    expected = contents(tmp_path)
    speed = (tmp_path / "speed.json").read_bytes()
    for name in (*expected, "speed.json"):
        (tmp_path / name).unlink()
    assert main(argv) == 0
    assert contents(tmp_path) == expected
    assert (tmp_path / "speed.json").read_bytes() == speed


def test_other_data_is_refused_by_name_and_restarts_where_the_graph_asks_for_it(manifests, tmp_path, capfd):
    assert main(arguments(tmp_path, manifests, ROUNDS["round1"], MIXED)) == 0
    before = contents(tmp_path)
    changed = arguments(tmp_path, manifests, ROUNDS["round1"], {"name": "mixed", "weights": {"single": 1, "refseq": 1}})
    assert main(changed) == 1
    error = capfd.readouterr().err.splitlines()[-1]
    assert "mix.single: 2.0 -> 1.0" in error and "--restart-if-changed" in error
    assert contents(tmp_path) == before
    assert main([*changed, "--restart-if-changed"]) == 0
    assert contents(tmp_path)["model.safetensors"] != before["model.safetensors"]


def test_settings_that_change_no_weight_are_no_reason_to_refuse(manifests, tmp_path):
    assert main(arguments(tmp_path, manifests, ROUNDS["round1"], MIXED)) == 0
    before = contents(tmp_path)["model.safetensors"]
    argv = arguments(tmp_path, manifests, ROUNDS["round1"], MIXED, keep_checkpoints=5, micro_batch_sequences=4)
    assert main(argv) == 0
    assert contents(tmp_path)["model.safetensors"] == before
