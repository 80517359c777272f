"""Letter models: a plain recursion, what they learn from, and the same targets as a network."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from evaluate_scoring import AMINO_ACIDS, NUCLEOTIDES, TAG, letters_of, uneven_network, write_source
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.alphabet import RARE_AMINO_ACIDS, TOKEN_IDS, Modality, encode
from bsm.base.config.training import BaselineSettings, BootstrapSettings, EvaluateSettings
from bsm.engine.scorer import document
from bsm.evaluate import language_model
from bsm.evaluate.letter_models import LetterModel, letter_baselines

D, R, P = Modality.DNA, Modality.RNA, Modality.PROTEIN
SETTINGS = EvaluateSettings(
    bootstrap=BootstrapSettings(n_resamples=100), baselines=BaselineSettings(k_nucleotides=2, k_amino_acids=1)
)
TASKS = ("validation_loss", "perplexity")


def batch_of(text: list[tuple[int, str]]) -> SimpleNamespace:
    """What a letter model reads of a batch, from (modality code, letters) pieces of one document each."""
    ids, targets, modality = [], [], []
    for code, letters in text:
        own = [TOKEN_IDS["<bos>"], *encode(letters).tolist(), TOKEN_IDS["<eos>"]]
        ids += own
        targets += [*own[1:], -100]
        modality += [code] * len(letters) + [0, 0]
    return SimpleNamespace(ids=np.array(ids), targets=np.array(targets), modality=np.array(modality), n_tokens=len(ids))


def plain_model(sequences, symbols, order):
    """Probability of a symbol behind a context, by the written recursion; ``$`` is the end, ``^`` before the start."""
    seen: Counter[tuple[str, str]] = Counter()
    for s in (f"{sequence}$" for sequence in sequences):
        seen.update((s[max(0, i - k) : i].rjust(k, "^"), s[i]) for i in range(len(s)) for k in range(order + 1))

    def probability(context: str, symbol: str) -> float:
        lower = probability(context[1:], symbol) if context else 1 / len(symbols)
        n = sum(seen[context, other] for other in symbols)
        return (seen[context, symbol] + len(symbols) * lower) / (n + len(symbols))

    return probability


@given(st.lists(st.text("acgtn", min_size=1, max_size=20), min_size=1, max_size=5), st.integers(0, 3))
def test_letter_models_equal_a_plain_recursion(sequences, order):
    model = LetterModel(D, order)
    batch = batch_of([(1, s) for s in sequences] + [(2, "acgtacgt"), (3, "MKT")])
    model.learn(batch)
    probability = plain_model(sequences, "acgtn$", order)
    expected = [
        -math.log(probability(s[max(0, i - order) : i].rjust(order, "^"), f"{s}$"[i]))
        for s in sequences for i in range(len(s) + 1)
    ]  # fmt: skip
    losses = np.zeros(batch.n_tokens)
    model.fill_losses(batch, order, model.probabilities()[order], losses)
    np.testing.assert_allclose(losses[losses > 0], expected)
    documents = [document([(D, s)]) for s in sequences]
    np.testing.assert_allclose(-np.concatenate(model.log_likelihoods(documents, order), axis=1)[0], expected)
    for table in model.probabilities():
        np.testing.assert_allclose(table.sum(1), 1)


def test_the_end_of_a_piece_is_an_end_whatever_follows():
    """<sep> behind DNA ends it; <eos> behind the protein is not DNA's."""
    model = LetterModel(D, 0)
    ids = document([(D, "ac"), (P, "MKL"), (D, "g")])
    targets = np.array([*ids[1:].astype(int), -100])
    modality = np.array([1, 1, 0, 3, 3, 3, 0, 1, 0, 0])
    model.learn(SimpleNamespace(ids=ids, targets=targets, modality=modality))
    m = 6
    counts = np.array([1, 1, 1, 0, 0, 2])  # a c g t n end
    np.testing.assert_allclose(np.sort(model.probabilities()[0][0]), np.sort((counts + 1) / (5 + m)))


def sequences_of(rng, modality, n, alphabet):
    return [[(modality, letters_of(rng, alphabet, int(rng.integers(4, 20))))] for _ in range(n)]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """Training rows use a few letters, held-out rows others: what was learned from can be told."""
    folder, rng = tmp_path_factory.mktemp("shards"), np.random.default_rng(0)
    found = []
    for name, group, modality, train, valid in (
        ("nucleotides", "single", D, "ac", NUCLEOTIDES), ("proteins", "single", P, "AC", AMINO_ACIDS + "X"),
        ("genes", "gene", R, "ac", NUCLEOTIDES),
    ):  # fmt: skip
        rows = {
            split: [sequences_of(rng, modality, 3, alphabet) for _ in range(6)]
            for split, alphabet in (("train", train), ("valid", valid))
        }
        found.append(write_source(folder, name, group, rows["valid"], train=rows["train"]))
    return found


def by_key(measured):
    return {(r.model, r.task, r.dataset, r.metric): r for one in measured for r in one.results}


def test_letter_models_are_measured_on_the_targets_of_the_network(manifests):
    network = by_key(language_model.measure(uneven_network(), manifests, SETTINGS, TAG))
    found = letter_baselines(manifests, TASKS, SETTINGS)
    for name in ("letter frequencies", "Markov model"):
        own = {key[1:]: row for key, row in by_key(found).items() if key[0] == name}
        assert {key: row.n for key, row in own.items()} == {key[1:]: row.n for key, row in network.items()}
        assert {(row.arm, row.round, row.seeds) for row in own.values()} == {("none", "", None)}
    assert [len(one.results) for one in letter_baselines(manifests, ["perplexity"], SETTINGS)] == [2, 2]


def test_letter_models_learn_from_training_rows_alone(manifests, tmp_path):
    """Letters that training rows lack cost more than those of a uniform guess, and every value is that of the rows."""
    found = by_key(letter_baselines(manifests, TASKS, SETTINGS))
    assert found["letter frequencies", "validation_loss", "nucleotides", "bits_per_letter"].value > math.log2(6)
    rng = np.random.default_rng(1)
    train = [sequences_of(rng, P, 3, "ACDE") for _ in range(3)]
    valid = [sequences_of(rng, P, 2, AMINO_ACIDS + "X") for _ in range(4)]
    manifest = write_source(tmp_path, "proteins", "single", valid, train=train)
    found = by_key(letter_baselines([manifest], TASKS, SETTINGS))
    symbols = AMINO_ACIDS + RARE_AMINO_ACIDS + "$"
    for name, order in (("letter frequencies", 0), ("Markov model", 1)):
        probability = plain_model([text for row in train for ((_, text),) in row], symbols, order)
        texts = [text for row in valid for ((_, text),) in row]
        steps = [(s[max(0, i - order) : i].rjust(order, "^"), f"{s}$"[i]) for s in texts for i in range(len(s) + 1)]
        nats = [-math.log(probability(*step)) for step in steps]
        assert found[name, "perplexity", "held_out_proteins", "perplexity"].value == pytest.approx(
            math.exp(np.mean(nats))
        )
        bits = [
            -math.log2(probability(context, letter) / sum(probability(context, a) for a in AMINO_ACIDS))
            for context, letter in steps if letter in AMINO_ACIDS
        ]  # fmt: skip
        row = found[name, "perplexity", "held_out_proteins", "bits_per_letter"]
        assert (row.value, row.n) == (pytest.approx(np.mean(bits)), len(bits))
        of_letters = [loss / math.log(2) for loss, (_, letter) in zip(nats, steps, strict=True) if letter != "$"]
        row = found[name, "validation_loss", "proteins", "bits_per_letter"]
        assert (row.value, row.n) == (pytest.approx(np.mean(of_letters)), len(of_letters))
