"""Checkpoints: whole or absent, verified, the last ones kept, never those of another run."""

from __future__ import annotations

import resource
import shutil
from dataclasses import replace

import pytest
import torch

from bsm.base.config.training import TrainSettings
from bsm.base.errors import ConfigError, InputError
from bsm.engine.checkpoint import HASHES, OPTIMISER, PROGRESS, Checkpoints
from bsm.engine.fingerprint import differences
from bsm.engine.network import Shape, initial_network
from bsm.engine.optimiser import Optimiser
from bsm.engine.weights import WEIGHTS

SHAPE = Shape(n_layers=1, n_heads=2, width=16, d_ff=32)
FINGERPRINT = {"code": "c1", "mix": {"single": 1.0}, "settings": {"betas": (0.9, 0.95), "clip": 1.0}}


def parts(seed: int):
    """A network and its optimiser after one step."""
    network = initial_network(SHAPE, seed)
    optimiser = Optimiser(network, TrainSettings(), "muon")
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.set_learning_rate(1e-3)
    optimiser.step()
    return network, optimiser


def saved(folder, steps=(10, 20, 30), **options) -> Checkpoints:
    checkpoints = Checkpoints(folder, FINGERPRINT, keep=3, **options)
    for step in steps:
        checkpoints.save({"step": step, "note": f"of {step}"}, *parts(step))
    return checkpoints


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_holds(network, optimiser, step):
    expected_network, expected_optimiser = parts(step)
    for ours, theirs in zip(network.parameters(), expected_network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    ours, theirs = optimiser.state_dict(), expected_optimiser.state_dict()
    assert torch.equal(
        ours["muon"]["state"][0]["momentum_buffer"], theirs["muon"]["state"][0]["momentum_buffer"]
    )  # fmt: skip


def test_the_newest_checkpoint_is_loaded_whole(tmp_path):
    network, optimiser = parts(99)
    assert saved(tmp_path).load(network, optimiser) == {"step": 30, "note": "of 30"}
    assert_holds(network, optimiser, 30)


def test_only_the_last_checkpoints_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, FINGERPRINT, keep=2)
    for step in (9, 100, 2000):
        checkpoints.save({"step": step}, *parts(step))
    assert names(tmp_path) == ["step-00000100", "step-00002000"]


def test_an_empty_folder_has_nothing_to_load(tmp_path):
    assert Checkpoints(tmp_path / "absent", FINGERPRINT).load(*parts(1)) is None


def test_the_same_state_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        Checkpoints(tmp_path / folder, FINGERPRINT).save({"step": 1}, *parts(4))
    for name in (WEIGHTS, OPTIMISER, PROGRESS, HASHES):
        a, b = (tmp_path / folder / "step-00000001" / name for folder in ("a", "b"))
        assert a.read_bytes() == b.read_bytes()


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMISER, PROGRESS, HASHES])
@pytest.mark.parametrize("damage", [flip, truncate, lambda path: path.unlink()])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(damage, name, tmp_path, capfd):
    checkpoints = saved(tmp_path)
    damage(tmp_path / "step-00000030" / name)
    network, optimiser = parts(99)
    assert checkpoints.load(network, optimiser)["step"] == 20
    assert_holds(network, optimiser, 20)
    assert "damaged checkpoint" in capfd.readouterr().err
    assert names(tmp_path) == ["step-00000010", "step-00000020"]


def test_with_all_checkpoints_damaged_the_run_starts_again(tmp_path, capfd):
    checkpoints = saved(tmp_path, (10, 20))
    for step in (10, 20):
        truncate(tmp_path / f"step-{step:08d}" / WEIGHTS)
    assert checkpoints.load(*parts(1)) is None
    assert capfd.readouterr().err.count("damaged checkpoint") == 2


def test_a_half_written_checkpoint_is_not_seen_and_removed(tmp_path):
    checkpoints = saved(tmp_path, (10,))
    shutil.copytree(tmp_path / "step-00000010", tmp_path / ".step-00000020.part")
    (tmp_path / ".step-00000020.part" / HASHES).unlink()
    assert checkpoints.load(*parts(1))["step"] == 10
    assert names(tmp_path) == ["step-00000010"]


@pytest.mark.parametrize("n_bytes", [100, 9_000, 14_000])
def test_a_full_disk_is_a_clear_error_and_leaves_older_checkpoints_intact(n_bytes, tmp_path):
    checkpoints = saved(tmp_path, (10,))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        with pytest.raises(InputError, match="step-00000020: cannot write a checkpoint"):
            checkpoints.save({"step": 20}, *parts(20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ["step-00000010"]
    assert checkpoints.load(*parts(1))["step"] == 10


def test_checkpoints_of_another_run_are_refused_naming_the_difference(tmp_path):
    saved(tmp_path)
    other = {**FINGERPRINT, "mix": {"single": 1.0, "web": 2.0}, "settings": {"betas": [0.9, 0.99], "clip": 1.0}}
    with pytest.raises(ConfigError) as caught:
        Checkpoints(tmp_path, other).load(*parts(1))
    message = str(caught.value)
    assert "mix.web: absent -> 2.0; settings.betas: [0.9, 0.95] -> [0.9, 0.99]" in message
    assert "clip" not in message and "--restart-if-changed" in message
    assert len(names(tmp_path)) == 3


def test_where_the_graph_asks_for_it_a_changed_run_starts_again(tmp_path, capfd):
    saved(tmp_path)
    other = {**FINGERPRINT, "mix": {"single": 2.0}}
    network, optimiser = parts(99)
    assert Checkpoints(tmp_path, other, restart_if_changed=True).load(network, optimiser) is None
    assert_holds(network, optimiser, 99)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and "mix.single: 1.0 -> 2.0" in lines[0]
    assert names(tmp_path) == []


@pytest.mark.parametrize("restart", [False, True])
def test_changed_code_follows_on_code_change(restart, tmp_path):
    saved(tmp_path)
    other = {**FINGERPRINT, "code": "c2"}
    options = {"keep": 3, "restart_if_changed": restart}
    assert Checkpoints(tmp_path, other, **options, on_code_change="keep").load(*parts(1))["step"] == 30
    with pytest.raises(ConfigError, match=r'code: "c1" -> "c2".*on_code_change: keep'):
        Checkpoints(tmp_path, other, **options, on_code_change="stop").load(*parts(1))
    if restart:
        assert Checkpoints(tmp_path, other, **options, on_code_change="rerun").load(*parts(1)) is None


def test_a_second_process_in_the_same_folder_is_refused(tmp_path):
    first, second = (Checkpoints(tmp_path, FINGERPRINT) for _ in range(2))
    with first.locked(), pytest.raises(InputError, match="another process trains here"), second.locked():
        pass
    with second.locked():
        pass


def test_fingerprints_that_went_through_json_are_equal():
    assert differences({"a": [1, 2], "b": {"c": None}}, {"b": {"c": None}, "a": (1, 2)}) == []


def test_a_sound_checkpoint_that_does_not_fit_is_an_error_and_stays(tmp_path, capfd):
    checkpoints = saved(tmp_path, (10,))
    network = initial_network(replace(SHAPE, d_ff=64), 1)
    with pytest.raises(InputError, match="this network needs"):
        checkpoints.load(network, Optimiser(network, TrainSettings(), "muon"))
    with pytest.raises(KeyError):
        checkpoints.load(network, Optimiser(network, TrainSettings(), "adamw"))
    assert names(tmp_path) == ["step-00000010"] and not capfd.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory"), OSError(5, "Input/output error")])
def test_what_fails_behind_the_hashes_goes_on_and_no_checkpoint_is_removed(error, tmp_path, monkeypatch):
    checkpoints = saved(tmp_path)
    before = names(tmp_path)

    def fail(*args, **options):
        raise error

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(type(error)):
        checkpoints.load(*parts(1))
    assert names(tmp_path) == before


def test_a_file_that_cannot_be_read_is_no_damage(tmp_path, monkeypatch):
    checkpoints = saved(tmp_path)
    before = names(tmp_path)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("bsm.engine.checkpoint.file_hash", refuse)
    with pytest.raises(PermissionError):
        checkpoints.load(*parts(1))
    assert names(tmp_path) == before


def test_states_are_read_onto_the_cpu_whatever_device_wrote_them(tmp_path, monkeypatch):
    """As a state of a GPU is read on a machine without one."""
    checkpoints = saved(tmp_path, (10,))
    load, places = torch.load, []
    monkeypatch.setattr(
        torch, "load", lambda *a, **options: places.append(options["map_location"]) or load(*a, **options)
    )
    checkpoints.load(*parts(1))
    assert places == ["cpu"]
