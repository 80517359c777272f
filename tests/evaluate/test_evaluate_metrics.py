"""Metrics over many weightings at once equal scikit-learn's and scipy's on the items repeated so often."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from bsm.evaluate.metrics import (
    METRICS,
    accuracy,
    auroc,
    balanced_accuracy,
    bits_per_letter,
    perplexity,
    spearman,
    value_of,
)


@st.composite
def weighted_items(draw):
    """(classes, predicted classes, tied scores, weights [3, n]) with at least one item in every weighting."""
    n = draw(st.integers(2, 25))
    column = lambda low, high: np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))  # noqa: E731
    weights = np.stack([column(0, 3) for _ in range(3)]).astype(float)
    weights[weights.sum(1) == 0] = 1
    return column(0, 2), column(0, 2), column(-5, 5) / 3, weights


def repeated(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.repeat(values, weights.astype(int))


@given(weighted_items())
def test_accuracies_equal_scikit_learn(items):
    truth, prediction, _, weights = items
    for metric, reference in ((accuracy, accuracy_score), (balanced_accuracy, balanced_accuracy_score)):
        found = metric(truth, prediction, weights)
        with warnings.catch_warnings():  # scikit-learn warns of predicted classes that are absent
            warnings.simplefilter("ignore")
            expected = [reference(repeated(truth, w), repeated(prediction, w)) for w in weights]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@given(weighted_items())
def test_auroc_equals_scikit_learn_and_is_undefined_with_one_class(items):
    truth, _, score, weights = items
    is_positive = (truth == 1).astype(int)
    for found, w in zip(auroc(is_positive, score, weights), weights, strict=True):
        classes = repeated(is_positive, w)
        if classes.min() == classes.max():
            assert np.isnan(found)
        else:
            assert found == pytest.approx(roc_auc_score(classes, repeated(score, w)), abs=1e-12)


@given(weighted_items())
def test_spearman_equals_scipy_also_where_it_is_undefined(items):
    truth, _, score, weights = items
    for found, w in zip(spearman(truth.astype(float), score, weights), weights, strict=True):
        a, b = repeated(truth, w), repeated(score, w)
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


@given(weighted_items())
def test_no_metric_depends_on_the_order_of_items(items):
    truth, prediction, score, weights = items
    order = np.random.default_rng(0).permutation(len(truth))
    for name in ("accuracy", "balanced_accuracy", "auroc", "spearman"):
        second = prediction if "accuracy" in name else score
        first = (truth == 1).astype(int) if name == "auroc" else truth
        a, b = METRICS[name](first, second, weights), METRICS[name](first[order], second[order], weights[:, order])
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_bits_and_perplexity_are_those_of_the_mean_letter_not_of_the_mean_row():
    n_letters, nats = np.array([10.0, 30.0]), np.array([10 * np.log(4), 30 * np.log(2)])
    assert value_of(bits_per_letter, n_letters, nats) == pytest.approx((10 * 2 + 30 * 1) / 40)
    assert value_of(perplexity, n_letters, nats) == pytest.approx(2**1.25)
