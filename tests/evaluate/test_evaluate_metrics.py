"""Metrics over many weightings at once equal scikit-learn's and scipy's on the items repeated so often."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from bsm.base.config.training import BootstrapSettings
from bsm.evaluate.bootstrap import estimate
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
def test_accuracies_equal_scikit_learn_where_no_class_is_missing(items):
    truth, prediction, _, weights = items
    for found, w in zip(accuracy(truth, prediction, weights), weights, strict=True):
        assert found == pytest.approx(accuracy_score(repeated(truth, w), repeated(prediction, w)), rel=1e-12)
    for found, w in zip(balanced_accuracy(truth, prediction, weights), weights, strict=True):
        if len(set(repeated(truth, w))) == len(set(truth)):
            with warnings.catch_warnings():  # scikit-learn warns of predicted classes that are absent
                warnings.simplefilter("ignore")
                expected = balanced_accuracy_score(repeated(truth, w), repeated(prediction, w))
            assert found == pytest.approx(expected, rel=1e-12)


def test_a_class_missing_from_a_resample_makes_two_classes_undefined_and_keeps_its_share_among_more():
    truth, prediction = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    assert np.isnan(balanced_accuracy(truth, prediction, np.array([[1.0, 1, 0, 0]]))[0])
    truth, prediction = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 2])
    found = balanced_accuracy(truth, prediction, np.array([[2.0, 0, 1, 0, 0], [0, 1, 0, 0, 3]]))
    assert found.tolist() == pytest.approx([(1 + 1 + 1) / 3, (0 + 1 + 1) / 3])


@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_interval_of_a_constant_prediction_does_not_lie_above_its_balanced_accuracy(n_classes):
    truth = np.array([*range(n_classes), *[0] * 8])
    found = estimate(balanced_accuracy, truth, np.zeros_like(truth), BootstrapSettings(n_resamples=200), "set")
    assert (found.value, found.low, found.high) == pytest.approx((1 / n_classes,) * 3)


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
