"""Few-shot by likelihood: scores by hand, same items at every number of shots, thresholds, metrics, controls."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_scoring import AMINO_ACIDS, NUCLEOTIDES, TAG, dataset_of, item, letters_of, uneven_network
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from bsm.base.alphabet import Modality
from bsm.base.config.training import BootstrapSettings, EvaluateSettings
from bsm.base.results import SCORES
from bsm.engine.scorer import document, log_likelihoods
from bsm.evaluate.few_shot import best_threshold, choose_prompt, draw_demonstrations, measure
from bsm.evaluate.parts import usable_parts

DNA, PROTEIN = Modality.DNA, Modality.PROTEIN
NETWORK = uneven_network()
SETTINGS = EvaluateSettings(bootstrap=BootstrapSettings(n_resamples=100), min_few_shot_items=5)
CONTEXT_TOKENS = 160


def pair(item_id, split, dna, protein, label):
    return item(item_id, split=split, sequence_a=dna, sequence_b=protein, label=label)


def random_pairs(n_test=40, longest_aa=20, label=None):
    rng = np.random.default_rng(1)
    found = []
    for split, n in (("train", 24), ("valid", 30), ("test", n_test)):
        for number in range(n):
            n_aa = int(rng.integers(6, longest_aa))
            dna, protein = letters_of(rng, NUCLEOTIDES, 3 * n_aa), letters_of(rng, AMINO_ACIDS, n_aa)
            found.append(pair(f"{split}:{number}", split, dna, protein, str(int(rng.random() < 0.4))))
    return dataset_of("central_dogma", found if label is None else [label(one) for one in found])


def by_hand(pieces) -> np.ndarray:
    """Log-probabilities of the last piece's letters, found from the end of the document."""
    values = log_likelihoods(NETWORK, [document(pieces)], 1)[0]
    return values[-1 - len(pieces[-1][1]) : -1]


def both(one):
    return [(DNA, one.sequence_a), (PROTEIN, one.sequence_b)]


def prompt_of(dataset, settings, shots, context_tokens):
    return choose_prompt(dataset, usable_parts(dataset, 0.1), settings, shots, context_tokens)


def of_network(found):
    return [one for one in found if one.results[0].model == TAG.model]


def results_by(found):
    return {(r.shots, r.score, r.metric): r for one in of_network(found) for r in one.results}


def predictions_by(found):
    return {(one.results[0].shots, one.results[0].score): one.predictions for one in of_network(found)}


def test_every_score_is_that_of_the_written_document():
    dataset = random_pairs()
    found = predictions_by(measure(NETWORK, dataset, SETTINGS, TAG, [0, 2], CONTEXT_TOKENS))
    prompt, _ = prompt_of(dataset, SETTINGS, [0, 2], CONTEXT_TOKENS)
    for shots in (0, 2):
        shown = [piece for one in prompt.demonstrations[:shots] for piece in both(one)]
        values = [by_hand([*shown, *both(one)]) for one in prompt.test]
        wanted = {
            "sum": [v.sum() for v in values],
            "mean": [v.mean() for v in values],
            "minimum": [v.min() for v in values],
            "pmi": [v.sum() - by_hand([(PROTEIN, one.sequence_b)]).sum()
                    for v, one in zip(values, prompt.test, strict=True)],
        }  # fmt: skip
        for name in SCORES:
            rows = found[shots, name]
            assert {(row["input"], row["score_kind"]) for row in rows} == {("dna+protein", name)}
            assert [row["item_id"] for row in rows] == [one.item_id for one in prompt.test]
            np.testing.assert_allclose([row["score"] for row in rows], wanted[name], rtol=0, atol=1e-3)


def test_metrics_equal_those_of_scikit_learn_on_the_stored_predictions():
    found = measure(NETWORK, random_pairs(), SETTINGS, TAG, [0, 1], CONTEXT_TOKENS)
    results = results_by(found)
    for key, rows in predictions_by(found).items():
        truth = [row["label"] for row in rows]
        called = [row["prediction"] for row in rows]
        wanted = {
            "accuracy": accuracy_score(truth, called),
            "balanced_accuracy": balanced_accuracy_score(truth, called),
            "auroc": roc_auc_score([t == "1" for t in truth], [row["score"] for row in rows]),
        }
        for metric, value in wanted.items():
            assert results[*key, metric].value == pytest.approx(value, abs=1e-12)
            assert results[*key, metric].n == len(rows)


def test_every_number_of_shots_is_measured_on_the_same_items_which_all_fit(capsys):
    dataset, context = random_pairs(longest_aa=40), 240
    found = measure(NETWORK, dataset, SETTINGS, TAG, [2, 0, 1], context)
    prompt, shots = prompt_of(dataset, SETTINGS, [2, 0, 1], context)
    assert shots == [0, 1, 2]
    assert {tuple(row["item_id"] for row in one.predictions) for one in found} == {
        tuple(q.item_id for q in prompt.test)
    }
    shown = [piece for one in prompt.demonstrations for piece in both(one)]
    fits = [len(document([*shown, *both(one)])) <= context for one in dataset.part("test")]
    assert 0 < sum(fits) < len(fits)
    assert [one for one, fit in zip(dataset.part("test"), fits, strict=True) if fit] == prompt.test
    assert f"{sum(fits)} of {len(fits)} test" in capsys.readouterr().err


def test_shots_that_leave_too_few_queries_are_left_out_with_a_warning(capsys):
    dataset = random_pairs()
    assert prompt_of(dataset, SETTINGS, [0, 1, 2, 9], CONTEXT_TOKENS)[1] == [0, 1, 2]
    warnings = capsys.readouterr().err.splitlines()
    assert warnings[0].endswith("behind 6 demonstration(s) of 9: left out")
    assert warnings[1].endswith("behind 2 demonstration(s) of 2: measured: [0, 1, 2] of [0, 1, 2, 9] shots")
    assert prompt_of(dataset, SETTINGS, [0, 1], 20)[1] == []
    assert measure(NETWORK, dataset, SETTINGS, TAG, [0, 1], 20) == []


def test_a_number_of_shots_needs_enough_queries_of_each_class_that_fit():
    """Behind one demonstration the long true pairs of test do not fit: 4 of their class are left."""
    dataset = random_pairs(n_test=60)
    true_test = [one for one in dataset.part("test") if one.label == "1"]
    long = {one.item_id for one in true_test[4:]}
    context = 180
    stretched = dataset_of("central_dogma", [
        pair(o.item_id, o.split, o.sequence_a.ljust(150 * (o.item_id in long), "a"), o.sequence_b, o.label)
        for o in dataset.items
    ])  # fmt: skip
    kept = {}
    for n_needed in (4, 5):
        settings = SETTINGS.model_copy(update={"min_few_shot_items": n_needed})
        prompt, kept[n_needed] = prompt_of(stretched, settings, [0, 1], context)
        assert (len(prompt.test) == 60) == (n_needed == 5)
    assert kept == {4: [0, 1], 5: [0]}
    settings = SETTINGS.model_copy(update={"min_few_shot_items": 1000})  # without demonstrations one is enough
    assert prompt_of(stretched, settings, [0, 1], context)[1] == [0]


def test_the_majority_class_is_measured_on_the_items_of_the_network_and_equal_for_all_checkpoints():
    dataset = random_pairs(longest_aa=40)
    found, other = (measure(uneven_network(seed), dataset, SETTINGS, TAG, [0, 1, 2], 240) for seed in (1, 2))
    ((baseline, of_other),) = [
        pair for pair in zip(found, other, strict=True) if pair[0].results[0].model == "majority"
    ]  # fmt: skip
    assert baseline == of_other
    network = of_network(found)[0]
    assert [row["item_id"] for row in baseline.predictions] == [row["item_id"] for row in network.predictions]
    assert len(baseline.predictions) < len(dataset.part("test"))
    assert {(r.arm, r.round, r.setting, r.input, r.shots, r.score, r.n) for r in baseline.results} == {
        ("none", "", "few-shot", "dna+protein", None, "", len(network.predictions))
    }
    values = {r.metric: r.value for r in baseline.results}
    assert values["accuracy"] == pytest.approx(np.mean([row["label"] == "0" for row in network.predictions]))
    assert (values["balanced_accuracy"], values["auroc"]) == (0.5, 0.5)


def test_demonstrations_are_short_true_training_pairs_chosen_by_the_seed_alone():
    dataset = random_pairs()
    chosen = [prompt_of(dataset, SETTINGS.model_copy(update={"few_shot_seed": seed}), [2], CONTEXT_TOKENS)[0]
              for seed in range(8)]  # fmt: skip
    for prompt in chosen:
        assert all(one.split == "train" and one.label == "1" for one in prompt.demonstrations)
    assert len({tuple(one.item_id for one in prompt.demonstrations) for prompt in chosen}) > 1
    train = [one for one in dataset.part("train") if one.label == "1"]
    drawn = draw_demonstrations(train, 2, "data", 1)
    assert drawn == draw_demonstrations(train[::-1], 2, "data", 1)
    assert all(len(one.sequence_a) <= sorted(len(t.sequence_a) for t in train)[3] for one in drawn)


def test_queries_that_share_a_sequence_with_a_demonstration_are_not_scored():
    dataset = random_pairs()
    shown = prompt_of(dataset, SETTINGS, [1], CONTEXT_TOKENS)[0].demonstrations[0]
    twins = [pair("same protein", "test", "acgacg", shown.sequence_b, "0"),
             pair("same dna", "test", shown.sequence_a, "MK", "0")]  # fmt: skip
    prompt, _ = prompt_of(dataset_of("central_dogma", [*dataset.items, *twins]), SETTINGS, [1], CONTEXT_TOKENS)
    assert prompt.demonstrations == [shown]
    assert not {"same protein", "same dna"} & {one.item_id for one in prompt.test}


@given(st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=2, max_size=30))
def test_the_threshold_has_the_highest_balanced_accuracy_of_all(pairs):
    is_true, scores = np.array([t for t, _ in pairs]), np.array([float(s) for _, s in pairs])
    if is_true.all() or not is_true.any():
        return
    found = balanced_accuracy_score(is_true, scores >= best_threshold(is_true, scores))
    assert found == max(balanced_accuracy_score(is_true, scores >= t) for t in np.arange(-6, 7) - 0.5)


def test_ties_of_the_threshold_go_to_the_widest_gap():
    is_true = np.array([False, True, False, True, True])
    assert best_threshold(is_true, np.array([0.0, 1.0, 3.0, 10.0, 11.0])) == 6.5
    assert best_threshold(np.array([True, False]), np.array([0.0, 1.0])) == -np.inf


def test_the_threshold_does_not_see_test_items():
    dataset = random_pairs()
    flipped = dataset_of("central_dogma", [
        pair(o.item_id, o.split, o.sequence_a, o.sequence_b, str(1 - int(o.label))) if o.split == "test" else o
        for o in dataset.items
    ])  # fmt: skip
    one, other = (measure(NETWORK, data, SETTINGS, TAG, [1], CONTEXT_TOKENS) for data in (dataset, flipped))
    called = [[row["prediction"] for row in of_network(found)[0].predictions] for found in (one, other)]
    assert called[0] == called[1]


def relabelled_by_score(score_of):
    """Pairs whose label says whether the score is above its median over all pairs of the data set."""
    dataset = random_pairs(n_test=200)
    values = {one.item_id: score_of(one) for one in dataset.items}
    middle = np.median(list(values.values()))
    return dataset_of("central_dogma", [
        pair(o.item_id, o.split, o.sequence_a, o.sequence_b, str(int(values[o.item_id] > middle)))
        for o in dataset.items
    ])  # fmt: skip


def test_labels_that_follow_the_score_are_found_and_shuffled_labels_are_not():
    score = {one.item_id: by_hand(both(one)).sum() for one in random_pairs(n_test=200).items}
    found = results_by(measure(NETWORK, relabelled_by_score(lambda one: score[one.item_id]), SETTINGS, TAG, [0], 400))
    assert found[0, "sum", "auroc"].value > 0.999
    assert found[0, "sum", "accuracy"].value > 0.9
    shuffled = dict(zip(score, np.random.default_rng(5).permutation(list(score.values())), strict=True))
    found = results_by(
        measure(NETWORK, relabelled_by_score(lambda one: shuffled[one.item_id]), SETTINGS, TAG, [0, 1], 400)
    )
    for shots in (0, 1):
        for score in SCORES:
            assert abs(found[shots, score, "auroc"].value - 0.5) < 0.165  # four standard errors, n 200
            assert abs(found[shots, score, "balanced_accuracy"].value - 0.5) < 0.145
