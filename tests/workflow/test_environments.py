"""One lock file; every environment uses its versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCK = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text().lower(), flags=re.M))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return re.split(r"[<>=\[;! ]", requirement)[0].lower()


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda p: p.stem)
def test_an_environment_pins_what_the_lock_file_pins(path):
    pip = next(d["pip"] for d in yaml.safe_load(path.read_text())["dependencies"] if isinstance(d, dict))
    assert pip
    for requirement in pip:
        name, version = requirement.split("==")
        assert LOCK[name.lower()] == version, requirement


def test_the_lock_file_pins_every_direct_dependency_and_torch_exactly():
    optional = PROJECT["optional-dependencies"]
    direct = [*PROJECT["dependencies"], *optional["dev"], *optional["gpu"], *optional["cluster"]]
    assert {name_of(r) for r in direct} <= LOCK.keys()
    assert LOCK["torch"] == "2.13.0"


def test_the_cluster_and_gpu_packages_are_in_their_extras_only():
    everywhere = " ".join(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
    assert "slurm" not in everywhere and "flash" not in everywhere
