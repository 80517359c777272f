"""Percentile bootstrap over test items, or over clusters of items that share something (Efron 1979), and over seeds.

A fine-tuned value is the mean over seeds. Every resample draws both, items and seeds, with replacement and takes the
mean over the drawn seeds, so that the interval holds what other test items and what another fine-tuning would change.
(Of few seeds it holds less than all of the latter: drawn from themselves, s seeds show (s - 1) / s of their variance.)

Draws depend on (seed, name of the data set, number of items or of seeds) only: two models on the same items meet the
same resamples, which makes their difference a paired one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bsm.base.config.training import BootstrapSettings
from bsm.base.randomness import generator
from bsm.evaluate.metrics import Metric

_CELLS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; None where no resample has a defined value."""

    value: float
    low: float | None
    high: float | None


def estimate(
    metric: Metric, truth: np.ndarray, predictions: np.ndarray, settings: BootstrapSettings, dataset: str,
    clusters: Sequence[object] | np.ndarray | None = None,
) -> Estimate:  # fmt: skip
    """Metric with its interval. ``predictions``: [n_items], or [n_seeds, n_items]; ``clusters``: group of each item."""
    return summary(resampled(metric, truth, predictions, settings, dataset, clusters), settings)


def difference(
    metric: Metric, truth: np.ndarray, first: np.ndarray, second: np.ndarray, settings: BootstrapSettings,
    dataset: str, clusters: Sequence[object] | np.ndarray | None = None,
) -> Estimate:  # fmt: skip
    """First minus second on the same resamples; predictions as in ``estimate``."""
    one, two = (resampled(metric, truth, x, settings, dataset, clusters) for x in (first, second))
    return summary(one - two, settings)


def mean_estimate(parts: Sequence[np.ndarray], settings: BootstrapSettings) -> Estimate:
    """Mean over data sets drawn independently (the mean over assays); each part is what ``resampled`` returned."""
    return summary(np.mean(np.stack(parts), axis=0), settings)


def resampled(
    metric: Metric, truth: np.ndarray, predictions: np.ndarray, settings: BootstrapSettings, dataset: str,
    clusters: Sequence[object] | np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """float64[1 + n_resamples]: the metric on the items themselves, then on every resample; mean over (drawn) seeds."""
    of_seeds = np.atleast_2d(predictions)
    found = []
    for weights in (np.ones((1, len(truth))), *_draws(len(truth), settings, dataset, clusters)):
        found.append(np.stack([metric(truth, prediction, weights) for prediction in of_seeds], axis=1))
    values: np.ndarray = np.concatenate(found)
    n_seeds = len(of_seeds)
    drawn = generator("bootstrap seeds", settings.seed, dataset, n_seeds).integers(
        0, n_seeds, size=(settings.n_resamples, n_seeds)
    )
    values[1:] = np.take_along_axis(values[1:], drawn, axis=1)
    return values.mean(axis=1)


def summary(values: np.ndarray, settings: BootstrapSettings) -> Estimate:
    """Value and interval from what ``resampled`` returns; undefined resamples are left out."""
    drawn = values[1:][~np.isnan(values[1:])]
    if not len(drawn) or np.isnan(values[0]):
        return Estimate(float(values[0]), None, None)
    tail = (1 - settings.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(float(values[0]), float(low), float(high))


def _draws(
    n_items: int, settings: BootstrapSettings, dataset: str, clusters: Sequence[object] | np.ndarray | None
) -> Iterator[np.ndarray]:
    """Blocks [n_resamples_of_block, n_items]: how often each item was drawn, with replacement."""
    group = np.arange(n_items) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    n_groups = int(group.max()) + 1
    stream = generator("bootstrap", settings.seed, dataset, n_groups)
    block = max(1, _CELLS_AT_ONCE // n_items)
    for start in range(0, settings.n_resamples, block):
        n_rows = min(block, settings.n_resamples - start)
        drawn = stream.integers(0, n_groups, size=(n_rows, n_groups))
        drawn += np.arange(n_rows)[:, None] * n_groups
        counts = np.bincount(drawn.ravel(), minlength=n_rows * n_groups).reshape(n_rows, n_groups)
        yield counts[:, group].astype(np.float64)
