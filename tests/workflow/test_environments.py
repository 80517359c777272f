"""One lock file; every environment uses its versions."""

from __future__ import annotations

import ast
import re
import sys
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


DISTRIBUTIONS = {"Bio": "biopython", "yaml": "pyyaml", "sklearn": "scikit-learn"}
OPTIONAL = {"flash_attn"}
"""Imported where it is installed (the extra `gpu`); torch's own kernels otherwise."""


def third_party_packages(stage: str) -> set[str]:
    """Distributions that a stage's modules, and the base modules below them, import at whatever place."""
    waiting = [f"bsm.{m}" for m in ("cli", "__main__")] + [
        ".".join(p.relative_to(ROOT).with_suffix("").parts) for p in (ROOT / "bsm" / stage).rglob("*.py")
    ]
    seen: set[str] = set()
    packages: set[str] = set()
    while waiting:
        module = waiting.pop().removesuffix(".__init__")
        base = ROOT.joinpath(*module.split("."))
        path = base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py"
        if module in seen or not path.is_file():
            continue
        seen.add(module)
        for name in imported_names(path):
            top = name.split(".")[0]
            if top == "bsm":
                waiting += [name, name.rsplit(".", 1)[0]]
            elif top not in sys.stdlib_module_names | OPTIONAL:
                packages.add(DISTRIBUTIONS.get(top, top))
    return packages


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda p: p.stem)
def test_an_environment_holds_exactly_what_its_stage_imports(path):
    pip = next(d["pip"] for d in yaml.safe_load(path.read_text())["dependencies"] if isinstance(d, dict))
    assert {name_of(r) for r in pip} == third_party_packages(path.stem)


def test_the_project_depends_on_what_it_imports():
    imported = set().union(*(third_party_packages(p.stem) for p in (ROOT / "envs").glob("*.yaml")))
    assert imported <= {name_of(r) for r in PROJECT["dependencies"]}
