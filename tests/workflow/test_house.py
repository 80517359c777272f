"""The folder tree is the graph: same names everywhere, three floors, imports only downwards, no circle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bsm.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("base", "engine")
STAGES = sorted(p.name for p in (ROOT / "bsm").iterdir() if (p / "command.py").is_file() and p.name not in FLOORS)
MODULES = {
    ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p
    for p in (ROOT / "bsm").rglob("*.py")
}


def imports_of(module: str) -> set[str]:
    """Project modules that a module imports, at whatever place in the file."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {n if n in MODULES else node.module for n in names}
    return {name for name in found if name in MODULES}


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_its_rule_file_test_folder_environment_and_command(stage):
    assert (ROOT / "workflow" / "rules" / f"{stage}.smk").is_file()
    assert list((ROOT / "tests" / stage).glob("test_*.py"))
    assert (ROOT / "envs" / f"{stage}.yaml").is_file()
    assert stage in COMMANDS


def test_there_is_no_rule_file_test_folder_or_environment_without_a_stage():
    rules = {p.stem for p in (ROOT / "workflow" / "rules").glob("*.smk")} - {"common"}
    tests = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert rules == set(STAGES)
    assert tests == {*STAGES, *(f for f in FLOORS if (ROOT / "bsm" / f).is_dir()), "workflow"}
    assert {p.stem for p in (ROOT / "envs").glob("*.yaml")} == set(STAGES)
    assert set(COMMANDS) == {*STAGES, "config"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards_and_never_from_stage_to_stage(module):
    allowed = {"base": {"base"}, "engine": {"base", "engine"}}.get(room(module), {"base", "engine", room(module)})
    if room(module) in ("cli", "__main__", ""):
        allowed |= {"cli", ""}
    for imported in imports_of(module):
        assert room(imported) in allowed or imported == "bsm", f"{module} imports {imported}"


def test_no_module_imports_itself_through_others():
    graph = {module: {i for i in imports_of(module) if i != module} for module in MODULES}
    while graph:
        leaves = {module for module, imported in graph.items() if not imported & graph.keys()}
        assert leaves, f"circle among {sorted(graph)}"
        graph = {module: imported for module, imported in graph.items() if module not in leaves}


@pytest.mark.parametrize("stage", STAGES)
def test_every_rule_of_a_stage_calls_the_command_of_that_stage_once(stage):
    text = (ROOT / "workflow" / "rules" / f"{stage}.smk").read_text()
    n_rules = len(re.findall(r"^ *(?:rule|checkpoint) \w+:", text, flags=re.M))
    assert n_rules >= 1
    assert re.findall(r"python -m bsm (\w+)", text) == [stage] * n_rules
    for directive in ("log:", "benchmark:", "conda:", "resources:", "shell:"):
        assert len(re.findall(rf"^ *{directive}", text, flags=re.M)) == n_rules, directive
    for resource in ("mem_mb=", "runtime="):
        assert text.count(resource) == n_rules, resource
    assert "run:" not in text and "script:" not in text
