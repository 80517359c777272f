"""``bsm evaluate`` from the outside: both files, the same bytes again, one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from evaluate_benchmarks import checkpoint_folder, fitness_rows, pair_rows, protloc_rows, settings, write

from bsm.base.results import read_results
from bsm.base.tables import PREDICTIONS
from bsm.cli import main
from bsm.evaluate import fine_tune


@pytest.fixture
def files(tmp_path):
    """Benchmarks of three tasks and a tiny checkpoint."""
    benchmarks = [
        write(tmp_path / "protloc.parquet", protloc_rows()), write(tmp_path / "ppi.parquet", pair_rows()),
        write(tmp_path / "fitness.parquet", fitness_rows()),
    ]  # fmt: skip
    return benchmarks, checkpoint_folder(tmp_path / "checkpoint")


def evaluate(setting: str, out: Path, benchmarks: list[Path], *more: object) -> int:
    settings_json = settings(seeds=[1, 2]).model_dump_json(exclude={"matrix", "one_job_per"})
    return main([
        "evaluate", setting, "--benchmarks", *map(str, benchmarks), "--settings", settings_json,
        "--out", str(out / "r.csv"), "--items", str(out / "r.items.parquet"), *map(str, more),
    ])  # fmt: skip


def of_checkpoint(folder: Path) -> list[object]:
    return ["--checkpoint", folder, "--model-name", "tiny", "--arm", "mixed", "--round", "round2", "--device", "cpu"]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_fine_tuning_writes_both_files_and_the_same_bytes_again(tmp_path, files):
    benchmarks, checkpoint = files
    for out in ("one", "two"):
        more = [*of_checkpoint(checkpoint), "--tasks", "protloc", "ppi"]
        assert evaluate("fine-tuned", tmp_path / out, benchmarks, *more) == 0
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert sorted(bytes_of(tmp_path / "one")) == ["r.csv", "r.items.parquet"]
    results = read_results(tmp_path / "one" / "r.csv")
    first = results[0]
    assert (first.task, first.metric, first.n, first.seeds, first.round) == ("protloc", "accuracy", 40, 2, "round2")
    assert {r.task for r in results} == {"protloc", "ppi"}
    items = pq.read_table(tmp_path / "one" / "r.items.parquet")
    assert set(PREDICTIONS.names) <= set(items.schema.names)
    assert items.num_rows == 2 * (40 + 10)
    names = ("model", "arm", "round", "shots", "score_kind", "seed")
    assert {tuple(row[name] for name in names) for row in items.to_pylist()} == {
        ("tiny", "mixed", "round2", None, None, seed) for seed in (1, 2)
    }


def test_stored_predictions_give_the_metric_again(tmp_path, files):
    benchmarks, checkpoint = files
    assert evaluate("fine-tuned", tmp_path / "out", benchmarks, *of_checkpoint(checkpoint), "--tasks", "protloc") == 0
    rows = pq.read_table(tmp_path / "out" / "r.items.parquet").to_pylist()
    accuracy = sum(row["label"] == row["prediction"] for row in rows) / len(rows)
    assert read_results(tmp_path / "out" / "r.csv")[0].value == pytest.approx(accuracy, abs=1e-6)


def test_a_stopped_job_goes_on_and_writes_the_bytes_of_an_unbroken_one(tmp_path, files, monkeypatch, capsys):
    benchmarks, checkpoint = files
    more = [*of_checkpoint(checkpoint), "--tasks", "protloc"]
    assert evaluate("fine-tuned", tmp_path / "whole", benchmarks, *more) == 0
    real = fine_tune.tune

    def stopped(*args):
        if args[3] == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(fine_tune, "tune", stopped)
    assert evaluate("fine-tuned", tmp_path / "cut", benchmarks, *more) == 130
    assert [path.name for path in (tmp_path / "cut").rglob("*.*")] == ["r.csv.state", "protloc.seed1.json"]
    monkeypatch.setattr(fine_tune, "tune", real)
    capsys.readouterr()
    assert evaluate("fine-tuned", tmp_path / "cut", benchmarks, *more) == 0
    assert "seed 1" not in capsys.readouterr().err
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


def test_settings_without_training_run_from_the_command(tmp_path, files):
    _, checkpoint = files
    pairs = write(tmp_path / "pairs.parquet", pair_rows("central_dogma", 150))
    variants = write(tmp_path / "variants.parquet", fitness_rows())
    assert evaluate("few-shot", tmp_path / "few", [pairs], *of_checkpoint(checkpoint), "--shots", 0, 1) == 0
    assert evaluate("zero-shot", tmp_path / "zero", [pairs, variants], *of_checkpoint(checkpoint)) == 0
    few = read_results(tmp_path / "few" / "r.csv")
    assert {(r.model, r.shots) for r in few} == {("majority", None), ("tiny", 0), ("tiny", 1)}
    zero = read_results(tmp_path / "zero" / "r.csv")
    assert {(r.task, r.score, r.seeds) for r in zero} == {("protein_fitness", "", None)}


def test_a_setting_refuses_tasks_that_it_cannot_measure(tmp_path, files, capsys):
    benchmarks, checkpoint = files
    assert evaluate("zero-shot", tmp_path / "out", benchmarks, *of_checkpoint(checkpoint), "--tasks", "ppi") == 1
    assert "zero-shot does not measure the task(s) (found 'ppi')" in capsys.readouterr().err


def test_baselines_write_both_files_and_the_same_bytes_again(tmp_path, files):
    for out in ("one", "two"):
        assert evaluate("baselines", tmp_path / out, files[0], "--tasks", "protloc", "protein_fitness") == 0
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    results = read_results(tmp_path / "one" / "r.csv")
    assert {r.task for r in results} == {"protloc", "protein_fitness"}
    assert {(r.arm, r.round) for r in results} == {("none", "")}


@pytest.mark.parametrize("problem", ["label", "no checkpoint", "task", "settings"])
def test_bad_input_is_one_clear_error_and_no_output(tmp_path, files, capsys, problem):
    benchmarks, checkpoint = files
    more: list[object] = [*of_checkpoint(checkpoint), "--tasks", "protloc"]
    if problem == "label":
        write(benchmarks[0], [r | {"label": "vacuole"} for r in protloc_rows()])
    elif problem == "no checkpoint":
        more[1] = tmp_path / "nowhere"
    elif problem == "task":
        more[-1] = "folding"
    else:
        more += ["--settings", json.dumps({"fine_tune": {"learning_rate": -1}})]
    out = tmp_path / "out"
    assert evaluate("fine-tuned", out, benchmarks, *more) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("bsm evaluate: ")
    assert not [line for line in error if "Traceback" in line]
    assert not out.exists()
