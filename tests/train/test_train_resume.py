"""``bsm train`` killed, stopped and called again: the files are those of a run that nothing happened to."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest
from train_command import MIXED, ROUNDS, arguments, contents, start, write_sources

from bsm.cli import main

LONG = ROUNDS["round2"] | {"n_tokens": 160_000}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    return write_sources(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def uninterrupted(manifests, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    assert main(arguments(out, manifests, LONG, MIXED, checkpoint_every_seconds=1)) == 0
    return contents(out), json.loads((out / "speed.json").read_text())["seconds"]


def wait_for(folder, pattern: str, seconds: float = 20):
    """Wait until a path exists below ``folder``."""
    deadline = time.monotonic() + seconds
    while not list(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"no {pattern} in {folder}"
        time.sleep(0.01)


@pytest.mark.parametrize("n_kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_the_files_are_those_of_an_uninterrupted_run(
    n_kills, manifests, uninterrupted, tmp_path
):
    expected, seconds = uninterrupted
    rng = random.Random(n_kills)
    argv = arguments(tmp_path, manifests, LONG, MIXED, checkpoint_every_seconds=1)
    killed = 0
    for _ in range(n_kills):
        process = start(argv, tmp_path / "log")
        process.join(rng.uniform(0.3, 0.7 * seconds))
        killed += process.is_alive()
        process.kill()
        process.join()
    assert killed
    assert main(argv) == 0
    assert contents(tmp_path) == expected


def test_sigterm_saves_the_step_at_hand_and_ends_as_a_terminated_process(manifests, uninterrupted, tmp_path):
    argv = arguments(tmp_path, manifests, LONG, MIXED)  # saves by time would come after the end of the run
    assert stopped_by(signal.SIGTERM, argv, tmp_path) == 143
    assert main(argv) == 0
    assert contents(tmp_path) == uninterrupted[0]


def test_control_c_saves_as_well_and_ends_as_an_interrupted_process(manifests, tmp_path):
    assert stopped_by(signal.SIGINT, arguments(tmp_path, manifests, LONG, MIXED), tmp_path) == 130
    assert "interrupted; run the same command again" in (tmp_path / "log").read_text()


def stopped_by(number: int, argv, out) -> int:
    """Exit code of a run that gets a signal while it trains; it has saved its step and written no output."""
    process = start(argv, out / "log")
    wait_for(out, "state/lock")
    time.sleep(0.3)
    os.kill(process.pid, number)
    process.join(10)
    saved = [int(path.name.split("-")[1]) for path in (out / "state").glob("step-*")]
    assert f"saved at step {saved[0]}; run the same command again" in (out / "log").read_text()
    assert 0 < saved[0] < 1200 and len(saved) == 1
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
