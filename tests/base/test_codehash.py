"""The code hash changes with what code computes, and with nothing else."""

from __future__ import annotations

import pytest

from bsm.base import codehash
from bsm.base.codehash import code_hash, imported_modules

MODULES = {
    "bsm/__init__.py": "",
    "bsm/stage/__init__.py": "",
    "bsm/stage/command.py": '"""Doc."""\nfrom bsm.stage.work import f\nfrom bsm.base.config import data\n',
    "bsm/stage/work.py": "def f(x):\n    import bsm.base.deep as deep\n    return deep.g(x)\n",
    "bsm/base/__init__.py": "",
    "bsm/base/deep.py": "def g(x):\n    return x + 1\n",
    "bsm/base/config/__init__.py": "",
    "bsm/base/config/data.py": "DEFAULT = 1\n",
    "bsm/base/unused.py": "y = 1\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(codehash, "_ROOT", tmp_path)

    def rehash(changes=None):
        for name, text in (changes or {}).items():
            (tmp_path / name).write_text(text)
        for cached in (codehash._direct_imports, codehash._tree_text, codehash._module_path):
            cached.cache_clear()
        return code_hash("bsm.stage.command")

    yield rehash
    for cached in (codehash._direct_imports, codehash._tree_text, codehash._module_path):
        cached.cache_clear()


def test_a_comment_or_docstring_leaves_the_hash(project):
    before = project()
    assert project({"bsm/base/deep.py": 'def g(x):\n    """New words."""\n    # why\n    return x + 1\n'}) == before


def test_help_texts_ways_out_and_the_version_leave_the_hash(project):
    text = "def g(x, f=print):\n    f(x, help={!r}, way_out={!r})\n    return x + 1\n"
    before = project({"bsm/base/deep.py": text.format("one", "two")})
    after = project({"bsm/base/deep.py": text.format("other", "words"), "bsm/__init__.py": "__version__ = '2'\n"})
    assert after == before


def test_a_change_deep_below_changes_the_hash(project):
    assert project() != project({"bsm/base/deep.py": "def g(x):\n    return x + 2\n"})


def test_modules_that_are_not_imported_and_config_models_do_not_count(project):
    before = project()
    assert project({"bsm/base/unused.py": "y = 2\n", "bsm/base/config/data.py": "DEFAULT = 2\n"}) == before


def test_a_table_beside_an_imported_module_counts_and_another_does_not(project):
    before = project({"bsm/stage/registry.csv": "name\na\n", "bsm/base/config/other.csv": "x\n"})
    assert project({"bsm/base/config/other.csv": "y\n"}) == before
    assert project({"bsm/stage/registry.csv": "name\nb\n"}) != before


def test_a_real_stage_depends_on_the_base_it_uses():
    modules = imported_modules("bsm.sample.command")
    assert {"bsm.sample.command", "bsm.base.alphabet", "bsm.base.fasta"} <= modules
    assert not {m for m in modules if m.startswith("bsm.base.config")}
