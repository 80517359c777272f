"""``bsm miniature``: byte-stable, whole or not at all, and careful with what it did not write."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bsm.base.config import load_config, validated
from bsm.base.config.miniature import MiniatureSettings, SpeciesSettings
from bsm.base.errors import InputError
from bsm.cli import main
from bsm.miniature.command import write_miniature

NANO = Path(__file__).resolve().parents[2] / "config" / "nano.yaml"


@pytest.fixture(scope="module")
def settings() -> MiniatureSettings:
    found = validated(load_config([NANO])).miniature
    assert found is not None
    return found


@pytest.fixture(scope="module")
def out(settings, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_miniature(settings, folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_two_builds_are_the_same_bytes(settings, out, tmp_path):
    write_miniature(settings, tmp_path)
    assert contents(tmp_path) == contents(out)


def test_another_seed_is_another_world_of_the_same_shape(settings, out, tmp_path):
    write_miniature(settings.model_copy(update={"seed": 2}), tmp_path)
    ours, other = contents(out), contents(tmp_path)
    same = [name for name in ours if ours[name] == other.get(name)]
    assert not any(name.endswith((".gz", ".parquet")) for name in same)


def test_the_manifest_lists_every_file_with_its_hash(out):
    manifest = json.loads((out / "manifest.json").read_text())["files"]
    assert list(manifest) == sorted(manifest)
    own = {"manifest.json", ".bsm-miniature"}
    assert manifest == {name: digest for name, digest in contents(out).items() if name not in own}
    assert {name.split("/")[0] for name in manifest} == {
        "ncbi", "uniprot", "colabfold", "huggingface", "fitness", "truth",
    }  # fmt: skip


def test_truth_tables_are_filled(out):
    for name in ("pairs", "web", "leaks", "mutations"):
        assert pq.read_table(out / "truth" / f"{name}.parquet").num_rows > 5, name
    assert json.loads((out / "truth" / "entropies.json").read_text())


def test_a_second_run_replaces_the_first(settings, tmp_path):
    write_miniature(settings, tmp_path)
    fewer = settings.model_copy(
        update={"world": settings.world.model_copy(update={"species": settings.world.species[:2]})}
    )
    write_miniature(fewer, tmp_path)
    assert len(list((tmp_path / "ncbi/genomes/all").glob("*/*/*/*/*"))) == 2
    assert not (tmp_path / ".partial").exists()


def test_a_folder_of_something_else_is_left_alone(settings, tmp_path):
    (tmp_path / "ncbi").mkdir()
    (tmp_path / "ncbi" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="did not write"):
        write_miniature(settings, tmp_path)
    assert contents(tmp_path).keys() == {"ncbi/mine.txt"}


def test_a_world_that_is_too_large_is_refused(settings, tmp_path):
    with pytest.raises(InputError, match="max_bytes"):
        write_miniature(settings.model_copy(update={"max_bytes": 1000}), tmp_path)
    assert contents(tmp_path) == {}


def test_the_command_takes_settings_as_json(settings, out, tmp_path, capsys):
    code = main(["miniature", "--settings", settings.model_dump_json(), "--out", str(tmp_path / "w")])
    assert code == 0
    assert contents(tmp_path / "w") == contents(out)
    assert main(["miniature", "--settings", '{"world": {"species": []}}', "--out", str(tmp_path / "x")]) == 1
    assert "world.species" in capsys.readouterr().err


def test_the_defaults_are_the_world_of_config_yaml():
    assert validated(load_config()).miniature == MiniatureSettings()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protein_aa": (5, 30)}, "protein_aa"),
        ({"species": [SpeciesSettings(name="Miniatura una", taxid=1)] * 2}, "twice"),
    ],
)
def test_impossible_worlds_are_refused(settings, change, message):
    with pytest.raises(ValueError, match=message):
        type(settings.world).model_validate(settings.world.model_dump() | change)
