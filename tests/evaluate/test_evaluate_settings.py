"""Which settings each measurement reads: exactly those that re-run it in the graph."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluate_benchmarks import checkpoint_folder, fitness_rows, pair_rows, protloc_rows, write
from evaluate_scoring import AMINO_ACIDS, letters_of, write_source

from bsm.base.alphabet import Modality
from bsm.base.config.training import EvaluateSettings, FineTuneSettings
from bsm.cli import main
from bsm.evaluate import command

RULES = (Path(__file__).parents[2] / "workflow" / "rules" / "common.smk").read_text(encoding="utf-8")


def table(name: str) -> dict[str, Any]:
    """A dictionary of literals in the rules."""
    found = re.search(rf"^{name} = (\{{.*?^\}})", RULES, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    value: dict[str, Any] = ast.literal_eval(found[1])
    return value


class ReadFineTune(FineTuneSettings):
    def __getattribute__(self, name: str) -> Any:
        if name in FineTuneSettings.model_fields:
            READ.add(f"fine_tune.{name}")
        return super().__getattribute__(name)


class ReadSettings(EvaluateSettings):
    """Notes which of its fields are asked for."""

    fine_tune: ReadFineTune = ReadFineTune()

    def __getattribute__(self, name: str) -> Any:
        if name in EvaluateSettings.model_fields:
            READ.add(name)
        return super().__getattribute__(name)


READ: set[str] = set()


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(1)
    rows = [[[(Modality.PROTEIN, letters_of(rng, AMINO_ACIDS, 12))]] for _ in range(4)]
    benchmarks = {
        "fine-tuned": write(tmp_path / "protloc.parquet", protloc_rows(n_train=16, n_valid=0, n_test=8)),
        "few-shot": write(tmp_path / "pairs.parquet", pair_rows("central_dogma", 150)),
        "zero-shot": write(tmp_path / "fitness.parquet", fitness_rows()),
    }
    manifest = write_source(tmp_path, "proteins", "single", rows, train=rows)
    return benchmarks, manifest, checkpoint_folder(tmp_path / "checkpoint")


def settings_read(setting: str, files: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    benchmarks, manifest, checkpoint = files
    monkeypatch.setattr(command, "EvaluateSettings", ReadSettings)
    more = {
        "fine-tuned": ["--benchmarks", benchmarks["fine-tuned"]],
        "few-shot": ["--benchmarks", benchmarks["few-shot"], "--shots", 0, 1],
        "zero-shot": ["--benchmarks", benchmarks["zero-shot"]],
        "language-model": ["--manifests", manifest],
        "baselines": ["--benchmarks", *benchmarks.values(), "--manifests", manifest],
    }[setting]
    if setting != "baselines":
        more += ["--checkpoint", checkpoint, "--model-name", "tiny", "--device", "cpu"]
    READ.clear()
    out = ["--out", folder / "r.csv", "--items", folder / "r.parquet"]
    assert main(["evaluate", setting, *map(str, more), *map(str, out)]) == 0
    return set(READ)


@pytest.mark.parametrize("setting", ["fine-tuned", "few-shot", "zero-shot", "language-model"])
def test_a_measurement_is_given_the_settings_that_it_reads(setting, files, tmp_path, monkeypatch):
    read = settings_read(setting, files, tmp_path / "out", monkeypatch)
    assert {name for name in read if "." not in name} == table("SETTINGS_READ")[setting]


def test_baselines_are_given_the_settings_that_they_read(files, tmp_path, monkeypatch):
    read = settings_read("baselines", files, tmp_path / "out", monkeypatch)
    given = table("BASELINES_READ")
    assert {name for name in read if "." not in name} == set(given)
    assert {name.removeprefix("fine_tune.") for name in read if "." in name} == given["fine_tune"]
