"""The metrics, over many weightings of the items at once.

Every metric is ``metric(truth, prediction, weights)``: truth and prediction [n_items], weights [n_resamples, n_items]
(how often each item counts) -> float64[n_resamples]. With whole weights the value is that of the items repeated so
often, so a bootstrap needs no sorting per resample. NaN where a metric is undefined (one class only, constant numbers).
Values equal those of scikit-learn and scipy (tested); ``balanced_accuracy`` says what it does without a class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def accuracy(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of items whose class is right; truth and prediction are class numbers."""
    right: np.ndarray = weights @ (truth == prediction).astype(np.float64)
    return right / weights.sum(1)


def balanced_accuracy(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the classes of ``truth`` of the share of their items that are right.

    Where a class has no weight, the mean over the others would drift upwards (of a constant prediction, 1 / n_classes,
    it could only rise). Of two classes the value is then NaN, as that of ``auroc``. Of more, where nearly every
    resample may lack a rare class, the missing one counts with its share among the items as they are.
    """
    members = (truth[:, None] == np.unique(truth)[None, :]).astype(np.float64)
    right = members * (truth == prediction)[:, None]
    n_of_class = weights @ members
    of_absent = right.sum(0) / members.sum(0) if members.shape[1] > 2 else np.full(members.shape[1], np.nan)
    recall = np.broadcast_to(of_absent, n_of_class.shape).copy()
    np.divide(weights @ right, n_of_class, out=recall, where=n_of_class > 0)
    mean: np.ndarray = recall.mean(1)
    return mean


def auroc(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Chance that a positive item (truth 1) scores above a negative one (truth 0); ties count half."""
    order, starts, _ = _tie_groups(score)
    positive = truth[order] == 1
    sorted_weights = weights[:, order]
    n_positive = np.add.reduceat(sorted_weights * positive, starts, axis=1)
    n_negative = np.add.reduceat(sorted_weights * ~positive, starts, axis=1)
    below = np.cumsum(n_negative, axis=1) - n_negative / 2
    return _ratio((n_positive * below).sum(1), n_positive.sum(1) * n_negative.sum(1))


def spearman(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank correlation (Pearson's correlation of mid-ranks)."""
    a, b = (_mid_ranks(x, weights) for x in (truth, prediction))
    products = ((weights * x * y).sum(1) for x, y in ((a, b), (a, a), (b, b)))
    covariance, variance_a, variance_b = products
    return _ratio(covariance, np.sqrt(variance_a * variance_b))


def bits_per_letter(n_letters: np.ndarray, nats: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Loss in bits per letter; items are rows of held-out text with their letters and summed loss."""
    return _ratio(weights @ nats / np.log(2), weights @ n_letters)


def perplexity(n_letters: np.ndarray, nats: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """exp(loss per letter); items as in ``bits_per_letter``."""
    values: np.ndarray = np.exp2(bits_per_letter(n_letters, nats, weights))
    return values


METRICS: dict[str, Metric] = {
    "accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "auroc": auroc, "spearman": spearman,
    "bits_per_letter": bits_per_letter, "perplexity": perplexity,
}  # fmt: skip


def value_of(metric: Metric, truth: np.ndarray, prediction: np.ndarray) -> float:
    """The metric on the items as they are."""
    return float(metric(truth, prediction, np.ones((1, len(truth))))[0])


def _tie_groups(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(order that sorts, start of every run of equal values in it, run of every sorted value)."""
    order = np.argsort(values, kind="stable")
    is_new = np.diff(values[order], prepend=np.nan) != 0
    return order, np.flatnonzero(is_new), np.cumsum(is_new) - 1


def _mid_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[n_resamples, n_items]: mid-rank of every item among the weighted items, minus the mean rank."""
    order, starts, run = _tie_groups(values)
    n_of_run = np.add.reduceat(weights[:, order], starts, axis=1)
    rank_of_run = np.cumsum(n_of_run, axis=1) - n_of_run / 2 - weights.sum(1, keepdims=True) / 2
    ranks = np.empty(weights.shape)
    ranks[:, order] = rank_of_run[:, run]
    return ranks


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
