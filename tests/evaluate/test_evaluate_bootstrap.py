"""Intervals cover, are seeded, and are those of a plain bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from bsm.base.config.training import BootstrapSettings
from bsm.base.randomness import generator
from bsm.evaluate.bootstrap import difference, estimate, mean_estimate, resampled, summary
from bsm.evaluate.metrics import accuracy, auroc, spearman

SETTINGS = BootstrapSettings(n_resamples=200)


def classes(seed: int, n: int, p_right: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, n)
    return truth, np.where(random.random(n) < p_right, truth, 1 - truth)


def test_interval_is_that_of_a_plain_bootstrap_with_the_same_draws():
    truth, prediction = classes(1, 50, 0.7)
    indices = generator("bootstrap", SETTINGS.seed, "set", 50).integers(0, 50, size=(200, 50))
    plain = [accuracy_score(truth[i], prediction[i]) for i in indices]
    found = estimate(accuracy, truth, prediction, SETTINGS, "set")
    assert found.value == accuracy_score(truth, prediction)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])))


def test_intervals_of_95_percent_cover_the_true_value_about_95_times_of_100():
    inside = 0
    for seed in range(300):
        truth, prediction = classes(seed, 80, 0.75)
        found = estimate(accuracy, truth, prediction, SETTINGS, f"set {seed}")
        inside += found.low <= 0.75 <= found.high
    assert 0.90 <= inside / 300 <= 0.98


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    truth, prediction = classes(1, 60, 0.7)
    score = prediction + np.random.default_rng(2).random(60)
    first, second = (estimate(auroc, truth, score, SETTINGS, "set") for _ in range(2))
    other = estimate(auroc, truth, score, SETTINGS.model_copy(update={"seed": 2}), "set")
    assert first == second
    assert (first.low, first.high) != (other.low, other.high)


def test_seeds_are_drawn_and_averaged_inside_each_resample():
    truth, prediction = classes(1, 60, 0.7)
    runs = np.stack([prediction, truth, 1 - truth])
    together = resampled(accuracy, truth, runs, SETTINGS, "set")
    alone = np.stack([resampled(accuracy, truth, run, SETTINGS, "set") for run in runs], axis=1)
    drawn = generator("bootstrap seeds", SETTINGS.seed, "set", 3).integers(0, 3, size=(200, 3))
    assert together[0] == pytest.approx(alone[0].mean())
    np.testing.assert_allclose(together[1:], [row[which].mean() for row, which in zip(alone[1:], drawn, strict=True)])


def test_the_interval_of_fine_tunings_far_apart_holds_their_spread():
    truth = np.arange(2000) % 2
    runs = np.stack([np.where(np.arange(2000) < right, truth, 1 - truth) for right in (1000, 1400, 1800)])
    settings = BootstrapSettings(n_resamples=1000)
    found = estimate(accuracy, truth, runs, settings, "set")
    assert found.value == pytest.approx(0.7)
    assert found.low < 0.54 and found.high > 0.86
    of_equals = estimate(accuracy, truth, np.stack([runs[1]] * 3), settings, "set")
    assert of_equals.high - of_equals.low < 0.05


def test_items_that_share_a_cluster_are_drawn_together():
    truth, prediction = classes(1, 40, 0.7)
    single = estimate(accuracy, truth, prediction, SETTINGS, "set")
    fourfold = (np.repeat(x, 4) for x in (truth, prediction))
    clusters = [f"protein {i // 4}" for i in range(160)]
    order = np.argsort(clusters, kind="stable")  # clusters are numbered by their names
    names = sorted({f"protein {i}" for i in range(40)})
    number = np.array([int(name.split()[1]) for name in names])
    clustered = estimate(accuracy, *fourfold, SETTINGS, "set", clusters)
    by_name = estimate(accuracy, truth[number], prediction[number], SETTINGS, "set")
    assert (clustered.low, clustered.high) == pytest.approx((by_name.low, by_name.high))
    naive = estimate(accuracy, np.repeat(truth, 4)[order], np.repeat(prediction, 4)[order], SETTINGS, "set")
    assert naive.high - naive.low < 0.75 * (single.high - single.low)


def test_a_paired_difference_is_zero_against_itself_and_narrower_than_unpaired():
    truth, prediction = classes(1, 100, 0.7)
    better = prediction.copy()
    better[:10] = truth[:10]
    same = difference(accuracy, truth, prediction, prediction, SETTINGS, "set")
    assert (same.value, same.low, same.high) == (0, 0, 0)
    gain = difference(accuracy, truth, better, prediction, SETTINGS, "set")
    alone = estimate(accuracy, truth, prediction, SETTINGS, "set")
    assert gain.value == pytest.approx(np.mean(better == truth) - np.mean(prediction == truth))
    assert gain.high - gain.low < alone.high - alone.low


def test_the_mean_over_assays_is_the_mean_of_their_values():
    random = np.random.default_rng(1)
    parts = []
    for assay in "ab":
        truth = random.random(30)
        parts.append(resampled(spearman, truth, truth + random.random(30), SETTINGS, assay))
    found = mean_estimate(parts, SETTINGS)
    assert found.value == pytest.approx((parts[0][0] + parts[1][0]) / 2)
    widths = [summary(part, SETTINGS).high - summary(part, SETTINGS).low for part in parts]
    assert found.high - found.low < max(widths)


def test_an_undefined_metric_has_no_interval():
    found = estimate(auroc, np.ones(5, dtype=int), np.arange(5.0), SETTINGS, "set")
    assert np.isnan(found.value)
    assert found.low is None
    assert found.high is None
