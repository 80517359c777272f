"""A stage's code as one short hash, so that a change of what it computes re-runs its rules and a comment does not.

Snakemake sees the shell line of a rule, not the Python behind it. Each rule therefore declares, as a parameter,
the hash of its stage's project imports, taken transitively over the syntax tree without docstrings and comments, and
of the tables (``*.csv``) that stand beside them, such as the register of external files.
Left out are the config models (their values reach the rule as parameters), error and progress messages, the
version, and the help texts of commands: none of them changes a result.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = "bsm"
_ROOT = Path(__file__).resolve().parents[2]
_EXCLUDED = (f"{_PACKAGE}.base.config", f"{_PACKAGE}.base.errors", f"{_PACKAGE}.base.progress")
_WORDS = frozenset({"help", "metavar", "description", "epilog", "way_out"})


def code_hash(module: str) -> str:
    """Hash of ``module`` (such as ``bsm.pair.command``), all project modules it imports, and their folders' tables."""
    digest = hashlib.sha256()
    names = sorted(imported_modules(module))
    for name in names:
        digest.update(f"{name}\n{_tree_text(name)}\n".encode())
    for table in sorted(table for folder in {_path(name).parent for name in names} for table in folder.glob("*.csv")):
        digest.update(f"{table.relative_to(_ROOT).as_posix()}\n".encode() + table.read_bytes())
    return digest.hexdigest()[:16]


def imported_modules(module: str) -> frozenset[str]:
    """Names of the project modules that ``module`` imports transitively, itself included."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name == _PACKAGE or any(f"{name}.".startswith(f"{e}.") for e in _EXCLUDED):
            continue
        found.add(name)
        waiting += _direct_imports(name)
    return frozenset(found)


@cache
def _direct_imports(module: str) -> tuple[str, ...]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(_path(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    parents = {name.rsplit(".", 1)[0] for name in names if "." in name}
    return tuple(sorted(n for n in names | parents if n.split(".")[0] == _PACKAGE and _is_module(n)))


@cache
def _tree_text(module: str) -> str:
    tree = ast.parse(_path(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_docstring(s)]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in _WORDS]
    return ast.dump(tree)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_module(name: str) -> bool:
    return _module_path(name) is not None


def _path(module: str) -> Path:
    path = _module_path(module)
    if path is None:
        raise ModuleNotFoundError(module)
    return path


@cache
def _module_path(module: str) -> Path | None:
    base = _ROOT.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
