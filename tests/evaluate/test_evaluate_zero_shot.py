"""Zero-shot fitness: scores equal plain log-likelihoods by hand, correlations equal scipy's, controls."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from evaluate_scoring import AMINO_ACIDS, NUCLEOTIDES, TAG, dataset_of, item, letters_of, uneven_network
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.alphabet import SPECIAL_TOKENS, Modality
from bsm.base.config.training import BootstrapSettings, EvaluateSettings
from bsm.base.errors import InputError
from bsm.engine.scorer import document, log_likelihoods
from bsm.evaluate.common import Measurement
from bsm.evaluate.fitness import tabulate_fitness
from bsm.evaluate.zero_shot import measure, variant_scores, windows, windows_needed

DNA, RNA, PROTEIN = Modality.DNA, Modality.RNA, Modality.PROTEIN
NETWORK = uneven_network()
SETTINGS = EvaluateSettings(bootstrap=BootstrapSettings(n_resamples=100))


def by_hand(*windows_of_variant):
    """Sum over all letters of documents scored one by one."""
    total = 0.0
    for pieces in windows_of_variant:
        ids = document(pieces)
        values = log_likelihoods(NETWORK, [ids], 1)[0]
        total += values[ids[1:] >= len(SPECIAL_TOKENS)].sum()
    return total


def variants(n_per_assay=12, n_assays=2, seed=0):
    """Substitutions of a protein and of its gene, with random fitness."""
    rng = np.random.default_rng(seed)
    items = []
    for assay in range(n_assays):
        protein, gene = letters_of(rng, AMINO_ACIDS, 20), letters_of(rng, NUCLEOTIDES, 60)
        for number in range(n_per_assay):
            at = int(rng.integers(20))
            changed = protein[:at] + str(rng.choice(list(AMINO_ACIDS))) + protein[at + 1 :]
            codon = letters_of(rng, NUCLEOTIDES, 3)
            items.append(item(
                f"{assay}:{number}", sequence_a=changed, sequence_b=gene[: 3 * at] + codon + gene[3 * at + 3 :],
                value=float(rng.normal()), assay=f"study {assay}",
            ))  # fmt: skip
    return items


def test_every_input_is_scored_as_the_sum_over_its_letters_of_documents_one_by_one():
    items = variants()
    found = measure(NETWORK, dataset_of("protein_fitness", items), SETTINGS, TAG, context_tokens=200)
    read = {
        "protein": lambda v: [(PROTEIN, v.sequence_a)],
        "gene": lambda v: [(DNA, v.sequence_b)],
        "gene+protein": lambda v: [(DNA, v.sequence_b), (PROTEIN, v.sequence_a)],
    }
    assert [one.results[0].input for one in found] == list(read)
    for one in found:
        scores = [row["score"] for row in one.predictions]
        wanted = [by_hand(read[one.results[0].input](variant)) for variant in items]
        np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-3)
        assert [row["item_id"] for row in one.predictions] == [variant.item_id for variant in items]


def test_rank_correlations_equal_scipys_and_their_mean_is_unweighted():
    items = variants(12) + [item("x", sequence_a="MKL", value=v, assay="third") for v in (0.1, 0.5, 0.2)]
    scores = np.random.default_rng(3).normal(size=len(items)).round(1)  # with ties
    shared = Measurement(TAG, "protein_fitness", "some_data", "zero-shot", "protein")
    means = {"protein": ["study 0", "study 1", "third"], "protein, some": ["study 1"]}
    found = tabulate_fitness(shared, items, scores, SETTINGS.bootstrap, means).results
    rows = {r.dataset: r for r in found if r.input == "protein"}
    wanted = []
    for assay in ("study 0", "study 1", "third"):
        which = [i for i, one in enumerate(items) if one.assay == assay]
        wanted.append(scipy.stats.spearmanr([items[i].value for i in which], scores[which]).statistic)
        assert rows[assay].value == pytest.approx(wanted[-1], abs=1e-12)
        assert rows[assay].n == len(which)
    assert rows["some_data"].value == pytest.approx(np.mean(wanted), abs=1e-12)
    assert rows["some_data"].n == len(items)
    assert rows["some_data"].ci_low < rows["some_data"].value < rows["some_data"].ci_high
    (part,) = (r for r in found if r.input == "protein, some")
    assert (part.dataset, part.value, part.n) == ("some_data", rows["study 1"].value, rows["study 1"].n)


def test_a_constant_assay_has_no_correlation_and_the_mean_is_left_out(capsys):
    items = [item(str(i), sequence_a="MK", value=v, assay=a) for i, (a, v) in
             enumerate([("flat", 1.0), ("flat", 1.0), ("good", 1.0), ("good", 2.0), ("good", 3.0)])]  # fmt: skip
    shared = Measurement(TAG, "protein_fitness", "some_data", "zero-shot", "protein")
    means = {"protein": ["flat", "good"]}
    found = tabulate_fitness(shared, items, np.arange(5.0), SETTINGS.bootstrap, means)
    assert capsys.readouterr().err == "some_data: no mean of small, protein: no value for flat\n"
    assert [row.dataset for row in found.results] == ["good"]
    assert found.results[0].value == pytest.approx(1.0)
    assert len(found.predictions) == 5


def test_fitness_that_is_the_likelihood_is_found_and_shuffled_fitness_is_not():
    items = [item(f"{i}", sequence_a=letters_of(np.random.default_rng(i), NUCLEOTIDES, 25), value=0.0, assay="one")
             for i in range(120)]  # fmt: skip
    scores = [
        row["score"] for row in measure(NETWORK, dataset_of("ncrna_fitness", items), SETTINGS, TAG, 64)[0].predictions
    ]
    for values, low, high in ((scores, 0.999, 1.0), (np.random.default_rng(1).permutation(scores), -0.36, 0.36)):
        labelled = [item(v.item_id, sequence_a=v.sequence_a, value=float(x), assay="one") for v, x in
                    zip(items, values, strict=True)]  # fmt: skip
        row = measure(NETWORK, dataset_of("ncrna_fitness", labelled), SETTINGS, TAG, 64)[0].results[0]
        assert low <= row.value <= high + 1e-9  # 0.36: four standard errors of 120 items


@given(
    n_amino_acids=st.integers(1, 60),
    n_windows=st.integers(1, 60),
    stop=st.sampled_from(["", "tga"]),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_windows_hold_every_letter_once_and_each_codon_beside_its_amino_acid(n_amino_acids, n_windows, stop, seed):
    rng = np.random.default_rng(seed)
    protein = letters_of(rng, AMINO_ACIDS, n_amino_acids)
    gene = letters_of(rng, NUCLEOTIDES, 3 * n_amino_acids) + stop
    cut = windows([(DNA, gene), (PROTEIN, protein)], min(n_windows, n_amino_acids))
    assert "".join(window[0][1] for window in cut) == gene
    assert "".join(window[1][1] for window in cut) == protein
    sizes = [len(window[1][1]) for window in cut]
    assert min(sizes) >= 1 and max(sizes) - min(sizes) <= 1
    assert all(len(window[0][1]) == 3 * len(window[1][1]) for window in cut[:-1])
    assert len(cut[-1][0][1]) == 3 * len(cut[-1][1][1]) + len(stop)


def test_a_variant_longer_than_the_context_is_the_sum_over_its_windows():
    rng = np.random.default_rng(2)
    pairs = [((DNA, letters_of(rng, NUCLEOTIDES, 90)), (PROTEIN, letters_of(rng, AMINO_ACIDS, 30))) for _ in range(3)]
    assert windows_needed(pairs, 123) == 1
    assert windows_needed(pairs, 122) == 2
    assert windows_needed(pairs, 63) == 2
    assert windows_needed(pairs, 62) == 3
    wanted = [by_hand(((DNA, gene[:45]), (PROTEIN, protein[:15])), ((DNA, gene[45:]), (PROTEIN, protein[15:])))
              for (_, gene), (_, protein) in pairs]  # fmt: skip
    np.testing.assert_allclose(variant_scores(NETWORK, pairs, 63, 500), wanted, rtol=0, atol=1e-3)


def test_all_variants_of_an_assay_are_cut_alike():
    assert windows_needed([((RNA, "acgt"),), ((RNA, "acgt" * 10),)], 22) == 2


def test_a_context_too_short_for_one_codon_is_refused():
    with pytest.raises(InputError, match="cannot be cut"):
        windows_needed([((DNA, "atgatg"), (PROTEIN, "MM"))], 6)


def test_equal_variants_are_run_once():
    n_tokens = []
    hook = NETWORK.model.embed_tokens.register_forward_hook(lambda _, given, out: n_tokens.append(given[0].numel()))
    scores = variant_scores(NETWORK, [((PROTEIN, "MKLLDE"),)] * 50, 64, 500)
    hook.remove()
    assert sum(n_tokens) == 8 and len(set(scores)) == 1


def test_assays_without_genes_are_left_out_of_inputs_with_a_gene_only(capsys):
    items = [*variants(6, 1), item("x", sequence_a="MKL", value=1.0, assay="bare"),
             item("y", sequence_a="MKW", value=2.0, assay="bare")]  # fmt: skip
    found = measure(NETWORK, dataset_of("protein_fitness", items), SETTINGS, TAG, 200)
    rows = [(row.input, row.dataset, row.n) for one in found for row in one.results]
    assert rows == [
        ("protein", "study 0", 6), ("protein", "bare", 2), ("protein", "some_data", 8),
        ("protein, assays with a gene", "some_data", 6),
        ("gene", "study 0", 6), ("gene", "some_data", 6),
        ("gene+protein", "study 0", 6), ("gene+protein", "some_data", 6),
    ]  # fmt: skip
    assert capsys.readouterr().err.count("gene: no gene for all variants of bare") == 1
