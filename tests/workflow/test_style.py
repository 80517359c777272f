"""Format, lint and types are part of the tests; texts name no machine and no unfinished work."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON_FILES = sorted((ROOT / "bsm").rglob("*.py"))


def complaints(*command: str) -> str:
    """What a tool has to say; empty where it is content."""
    result = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr if result.returncode else ""


def test_ruff_finds_nothing_to_lint():
    assert complaints("ruff", "check", "--no-cache", ".") == ""


def test_every_python_file_is_formatted():
    assert complaints("ruff", "format", "--no-cache", "--check", ".") == ""


def test_every_rule_file_is_formatted():
    assert complaints("snakefmt", "--check", "Snakefile", "workflow") == ""


def test_types_are_right():
    assert complaints("mypy", "--no-incremental") == ""


def test_snakemake_lint_is_silent(tmp_path):
    command = ["snakemake", "--lint", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    result = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_readable(path):
    text = path.read_text()
    assert text.count("\n") < 500
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert n_lines <= 80, f"{node.name}: {n_lines} lines"
            if not node.name.startswith("_") and n_lines > 12:
                assert ast.get_docstring(node), f"{node.name} has no docstring"
