"""Results: one row per number, the same columns from an evaluation to ``results/table1.csv``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bsm.base.csv_tables import read_csv, write_csv
from bsm.base.errors import InputError

SETTINGS = ("fine-tuned", "few-shot", "zero-shot", "language-model")
SCORES = ("sum", "mean", "pmi", "minimum")
"""Log-probability of a query protein: summed over its letters (the paper's), per letter, less that of the protein
alone, and of its least likely letter."""
METRICS = ("accuracy", "balanced_accuracy", "auroc", "spearman", "perplexity", "bits_per_letter")


@dataclass(frozen=True)
class Result:
    """One number with what it was measured on. Fields that have no meaning for a row are empty."""

    task: str
    """A task of bsm.base.benchmarks, ``perplexity`` or ``validation_loss``."""
    dataset: str
    """Benchmark entry of the config (of fitness: the mean over its assays), or one assay; of validation loss the
    held-out section."""
    model: str
    """Model of the config, or the name of a baseline."""
    arm: str
    """mixed | single | no_web | unpaired | none."""
    round: str
    """round1 | round2 | round3; empty for a baseline."""
    setting: str
    """One of SETTINGS."""
    input: str
    """What the model read, such as ``rna+protein`` or ``gene+protein``."""
    shots: int | None
    """Demonstrations before the query; None where the setting has none."""
    score: str
    """How the pairs of a few-shot row are scored, one of SCORES; empty elsewhere."""
    metric: str
    """One of METRICS."""
    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    """Test items (letters for perplexity and validation loss)."""
    seeds: int | None
    """Independent fine-tunings behind the value; None where nothing is fine-tuned."""


COLUMNS = tuple(field.name for field in fields(Result))
_NUMBERS = {"value", "ci_low", "ci_high"}


def write_results(path: Path | str, results: Iterable[Result]) -> None:
    """Write results as CSV: six decimals, empty cells for None."""
    write_csv(path, COLUMNS, ({k: _text(v) for k, v in asdict(result).items()} for result in results))


def read_results(path: Path | str) -> list[Result]:
    """Read what ``write_results`` wrote; InputError where a column is missing or a number is none."""
    return [_result(row, str(path)) for row in read_csv(path, COLUMNS)]


def _text(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else value


def _result(row: dict[str, str], where: str) -> Result:
    values: dict[str, object] = {name: row[name] for name in COLUMNS}
    try:
        values |= {name: float(row[name]) if row[name] else None for name in _NUMBERS}
        values |= {name: int(row[name]) if row[name] else None for name in ("shots", "seeds")}
        values["n"] = int(row["n"])
    except ValueError as error:
        raise InputError(
            f"a number cannot be read: {error}", where=where, value=f"{row['task']} {row['dataset']}",
            way_out="Run the evaluation that wrote the file again",
        ) from error  # fmt: skip
    return Result(**values)  # type: ignore[arg-type]
