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


def test_the_unweighted_mean_is_over_the_sections_present(manifests):
    found = results(manifests)
    sections = ["nucleotides", "proteins", "refseq", "gene", "web"]
    assert found["mean_of_sections"].value == pytest.approx(np.mean([found[s].value for s in sections]), abs=1e-12)
    assert found["mean_of_sections"].n == sum(found[s].n for s in sections)
    two = results(manifests[:2])
    assert set(two) == {"nucleotides", "proteins", "mean_of_sections"}
    assert two["mean_of_sections"].value == pytest.approx(
        (two["nucleotides"].value + two["proteins"].value) / 2, abs=1e-12
    )


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


def test_predictions_give_every_number_again_and_name_the_rows(manifests):
    measured = measure(NETWORK, manifests, SETTINGS, TAG)
    rows = [row for one in measured for row in one.predictions]
    names = {f"{name}:{i}" for (name, _), documents in CORPUS.items() for i in range(len(documents))}
    assert {row["item_id"] for row in rows} == names
    for found in (result for one in measured for result in one.results):
        own = [row for row in rows if (row["task"], row["dataset"]) == (found.task, found.dataset)]
        assert len({row["item_id"] for row in own}) == len(own)
        if found.metric == "perplexity":
            assert found.value == pytest.approx(math.exp(sum(r["score"] for r in own) / sum(r["value"] for r in own)))
            assert found.n == sum(row["value"] for row in own)
        elif found.task == "validation_loss" and found.dataset != "mean_of_sections":
            bits = sum(row["score"] for row in own) / math.log(2) / sum(row["value"] for row in own)
            assert found.value == pytest.approx(bits)
            assert found.n == sum(row["value"] for row in own)
    proteins = next(row for row in rows if row["item_id"] == "proteins:2" and row["dataset"] == "proteins")
    assert proteins["value"] == sum(len(pieces[0][1]) for pieces in CORPUS["proteins", "single"][2])


def test_perplexity_and_bits_take_one_pass_over_the_proteins(manifests):
    n_tokens = []
    hook = NETWORK.model.embed_tokens.register_forward_hook(lambda _, given, out: n_tokens.append(given[0].numel()))
    measure(NETWORK, manifests, SETTINGS, TAG, ["perplexity"])
    hook.remove()
    assert sum(n_tokens) == sum(len(document(pieces)) - 1 for pieces in documents("proteins"))


def test_only_what_is_asked_is_measured_and_nothing_held_out_gives_no_rows(manifests, tmp_path):
    assert measure(NETWORK, manifests, SETTINGS, TAG, []) == []
    assert [len(one.results) for one in measure(NETWORK, manifests[:1], SETTINGS, TAG)] == [2, 0]
