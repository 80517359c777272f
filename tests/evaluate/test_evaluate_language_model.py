"""Held-out losses: sections and conditions by hand, one document at a time; perplexity; intervals over rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from evaluate_scoring import AMINO_ACIDS, NUCLEOTIDES, TAG, letters_of, uneven_network, write_source

from bsm.base.alphabet import TOKEN_IDS, Modality
from bsm.base.config.training import BootstrapSettings, EvaluateSettings
from bsm.engine.attention import Layout
from bsm.engine.scorer import document, letters, log_likelihoods
from bsm.evaluate.language_model import measure

D, R, P = Modality.DNA, Modality.RNA, Modality.PROTEIN
NETWORK = uneven_network()
SETTINGS = EvaluateSettings(bootstrap=BootstrapSettings(n_resamples=100), batch_tokens=200)
RNG = np.random.default_rng(0)


def sequence(modality: Modality) -> tuple[Modality, str]:
    return modality, letters_of(RNG, AMINO_ACIDS if modality is P else NUCLEOTIDES, int(RNG.integers(4, 20)))


def rows_of(*orders, n_rows=6):
    """Rows with one document of each order of modalities."""
    return [[[sequence(m) for m in order] for order in orders] for _ in range(n_rows)]


CORPUS = {
    ("nucleotides", "single"): rows_of([D], [R]),
    ("proteins", "single"): rows_of([P], [P], [P]),
    ("pairs", "refseq"): rows_of([D, P], [P, D], [R, P], [D, R, P]),
    ("genes", "gene"): rows_of([P, R, D], [D, P]),
    ("pages", "web"): rows_of([P, D, D], [R]),
}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    return [write_source(folder, name, group, rows) for (name, group), rows in CORPUS.items()]


def documents(*sources):
    return [pieces for (name, _), rows in CORPUS.items() if name in sources for row in rows for pieces in row]


def bits(selected):
    """Bits per letter of (pieces, index of one piece) pairs, scored one document at a time."""
    values = [log_likelihoods(NETWORK, [document(pieces)], 1)[0][letters(pieces, index)] for pieces, index in selected]
    joined = np.concatenate(values)
    return -joined.mean() / math.log(2), len(joined)


def results(manifests, **changes):
    measured = measure(NETWORK, manifests, SETTINGS.model_copy(update=changes), TAG, ["validation_loss"])
    return {row.dataset: row for row in measured[0].results}


def every_piece(*sources):
    return [(pieces, index) for pieces in documents(*sources) for index in range(len(pieces))]


def conditional(modality, before):
    return [
        (pieces, index) for pieces, index in every_piece("pairs", "genes")
        if pieces[index][0] is modality and {m for m, _ in pieces[:index]} == set(before)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dataset", "selected"),
    [
        ("nucleotides", every_piece("nucleotides")),
        ("proteins", every_piece("proteins")),
        ("refseq", every_piece("pairs")),
        ("gene", every_piece("genes")),
        ("web", every_piece("pages")),
        ("protein_alone", conditional(P, [])),
        ("protein_given_dna", conditional(P, [D])),
        ("protein_given_rna", conditional(P, [R])),
        ("dna_given_protein", conditional(D, [P])),
    ],
)
def test_bits_per_letter_equal_those_of_the_documents_one_by_one(manifests, dataset, selected):
    row = results(manifests)[dataset]
    value, n_letters = bits(selected)
    assert row.value == pytest.approx(value, abs=1e-4)
    assert row.n == n_letters
    assert row.ci_low < row.value < row.ci_high
    assert (row.task, row.setting, row.metric) == ("validation_loss", "language-model", "bits_per_letter")


def test_the_objective_is_the_unweighted_mean_of_the_sections_present(manifests):
    found = results(manifests)
    sections = ["nucleotides", "proteins", "refseq", "gene", "web"]
    assert found["objective"].value == pytest.approx(np.mean([found[s].value for s in sections]), abs=1e-12)
    assert found["objective"].n == sum(found[s].n for s in sections)
    two = results(manifests[:2])
    assert set(two) == {"nucleotides", "proteins", "objective"}
    assert two["objective"].value == pytest.approx((two["nucleotides"].value + two["proteins"].value) / 2, abs=1e-12)


def test_max_valid_tokens_bounds_what_is_read(manifests):
    few, everything = results(manifests, max_valid_tokens=100), results(manifests)
    assert 0 < few["proteins"].n <= 100 < everything["proteins"].n


def test_results_do_not_depend_on_batch_tokens(manifests):
    one, other = (results(manifests, batch_tokens=n) for n in (1, 10_000))
    for dataset in one:
        assert one[dataset].value == pytest.approx(other[dataset].value, abs=1e-5)


def test_perplexity_counts_every_predicted_token_and_bits_the_twenty_amino_acids(manifests):
    rows = {r.metric: r for r in measure(NETWORK, manifests, SETTINGS, TAG, ["perplexity"])[0].results}
    nats, bits_of_20 = [], []
    columns = [TOKEN_IDS[letter] for letter in AMINO_ACIDS]
    for pieces in documents("proteins"):
        ids = document(pieces)
        logits = NETWORK(torch.from_numpy(ids[:-1].astype(np.int64)), Layout.of([len(ids) - 1])).double()
        nats += torch.nn.functional.cross_entropy(logits, torch.from_numpy(ids[1:].astype(np.int64)), reduction="none")
        shares = logits[:-1, columns].softmax(-1)  # the last one predicts <eos>
        bits_of_20 += [-math.log2(p[AMINO_ACIDS.index(a)]) for p, a in zip(shares, pieces[0][1], strict=True)]
    assert rows["perplexity"].value == pytest.approx(math.exp(np.mean(nats)), rel=1e-4)
    assert rows["perplexity"].n == len(nats)
    assert rows["bits_per_letter"].value == pytest.approx(np.mean(bits_of_20), abs=1e-4)
    assert rows["bits_per_letter"].n == len(bits_of_20) == len(nats) - len(documents("proteins"))
    for row in rows.values():
        assert (row.task, row.dataset, row.input) == ("perplexity", "held_out_proteins", "protein")
        assert row.ci_low < row.value < row.ci_high


def test_only_what_is_asked_is_measured_and_nothing_held_out_gives_no_rows(manifests, tmp_path):
    assert measure(NETWORK, manifests, SETTINGS, TAG, []) == []
    assert [len(one.results) for one in measure(NETWORK, manifests[:1], SETTINGS, TAG)] == [2, 0]
