"""What every evaluation takes and gives: whose checkpoint, result rows, per-item predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bsm.base.results import Result, write_results
from bsm.base.tables import PREDICTIONS, write_table
from bsm.evaluate.bootstrap import Estimate


@dataclass(frozen=True)
class CheckpointTag:
    """Whose numbers these are; ``round`` is empty and ``arm`` "none" for a baseline."""

    model: str
    arm: str = "none"
    round: str = ""


@dataclass(frozen=True)
class Measured:
    """Numbers of one data set (or held-out section), and what was predicted for each item of it."""

    results: list[Result]
    predictions: list[dict[str, Any]] = field(default_factory=list)
    """Rows of PREDICTIONS."""


@dataclass(frozen=True)
class Measurement:
    """The columns that all rows of one measurement share."""

    tag: CheckpointTag
    task: str
    dataset: str
    setting: str
    input: str
    shots: int | None = None
    score: str = ""
    """How few-shot pairs are scored; empty elsewhere."""
    seeds: int | None = None
    """Fine-tunings; None where nothing is fine-tuned."""

    def rows(self, values: Mapping[str, Estimate], n: int, dataset: str | None = None) -> list[Result]:
        """One row per metric; ``dataset`` names an assay or a held-out section where it is not the whole data set."""
        tag = self.tag
        return [
            Result(self.task, dataset or self.dataset, tag.model, tag.arm, tag.round, self.setting, self.input,
                   self.shots, self.score, metric, found.value, found.low, found.high, n, self.seeds)
            for metric, found in values.items()
        ]  # fmt: skip

    def prediction(self, item_id: str, **columns: Any) -> dict[str, Any]:
        """One row of PREDICTIONS; ``columns``: seed, assay, label, value, prediction, score."""
        shared = {name: getattr(self, name) for name in ("task", "dataset", "setting", "input", "shots")}
        return shared | vars(self.tag) | {"score_kind": self.score or None, "item_id": item_id} | columns


def write_measured(measured: Iterable[Measured], out: Path | str, items: Path | str) -> None:
    """Write the result rows (CSV) and the predictions (PREDICTIONS); both appear only when all went well."""
    everything = list(measured)
    write_table(items, (row for one in everything for row in one.predictions), PREDICTIONS)
    write_results(out, (row for one in everything for row in one.results))
