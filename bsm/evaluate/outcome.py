"""From predictions of test items to result rows: the same way for fine-tuned networks and for baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bsm.base.config.training import BootstrapSettings
from bsm.evaluate.bootstrap import estimate
from bsm.evaluate.common import Measured, Measurement
from bsm.evaluate.items import Dataset, Item
from bsm.evaluate.metrics import METRICS, value_of

METRICS_OF = {
    "binary": ("accuracy", "balanced_accuracy", "auroc"),
    "multiclass": ("accuracy", "balanced_accuracy"),
    "regression": ("spearman",),
    "fitness": ("spearman",),
}


@dataclass(frozen=True)
class Outcome:
    """Predictions of items in order."""

    prediction: np.ndarray
    """int64 class numbers, or float64 numbers."""
    score: np.ndarray
    """float64: of the second class (binary), of the predicted class, or the number itself."""


def quality(dataset: Dataset, items: Sequence[Item], outcome: Outcome) -> float:
    """The task's own metric, -1 where it is undefined: what early stopping and regularisation are chosen by."""
    value = value_of(METRICS[dataset.task.metric], dataset.targets(items), outcome.prediction)
    return -1.0 if math.isnan(value) else value


def majority(dataset: Dataset, train: Sequence[Item], n_test: int) -> Outcome:
    """The most frequent training class (the first of the list on a tie) for every item; its share is the score."""
    shares = np.bincount(dataset.targets(train), minlength=len(dataset.labels)) / len(train)
    score = shares[1] if len(shares) == 2 else shares.max()
    return Outcome(np.full(n_test, int(shares.argmax())), np.full(n_test, score))


def tabulate(
    measurement: Measurement, dataset: Dataset, test: Sequence[Item], outcomes: Mapping[int | None, Outcome],
    settings: BootstrapSettings,
) -> Measured:  # fmt: skip
    """Rows of every metric (mean over the seeds of ``outcomes``) and the predictions behind them.

    A metric that is undefined (the rank correlation of a constant) has no row.
    """
    truth, found = dataset.targets(test), {}
    for name in METRICS_OF[dataset.task.kind]:
        column = "score" if name == "auroc" else "prediction"
        predictions = np.stack([getattr(outcome, column) for outcome in outcomes.values()])
        value = estimate(METRICS[name], truth, predictions, settings, dataset.name, dataset.clusters(test))
        if not math.isnan(value.value):
            found[name] = value
    rows = [
        row for seed, outcome in outcomes.items() for row in _predictions(measurement, dataset, test, seed, outcome)
    ]
    return Measured(measurement.rows(found, len(test)), rows)


def _predictions(
    measurement: Measurement, dataset: Dataset, test: Sequence[Item], seed: int | None, outcome: Outcome
) -> list[dict[str, Any]]:
    labels = dataset.labels
    return [
        measurement.prediction(
            item.item_id, seed=seed, assay=item.assay, label=item.label, value=item.value,
            prediction=labels[int(prediction)] if labels else None, score=float(score),
        )
        for item, prediction, score in zip(test, outcome.prediction, outcome.score, strict=True)
    ]  # fmt: skip
