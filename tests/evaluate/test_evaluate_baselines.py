"""Baselines: known values, and equality with plain pipelines."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from evaluate_benchmarks import dataset_of, fitness_rows, pair_rows, protloc_rows, protstab_rows, settings
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler

from bsm.base.alphabet import AMINO_ACIDS, Modality
from bsm.evaluate.baselines import baselines
from bsm.evaluate.items import Item
from bsm.evaluate.kmers import PENALTIES, kmer_counts, kmer_model
from bsm.evaluate.variants import blosum62_scores, mutation_scores, wild_type


def counted(sequences: list[str], alphabet: str, k: int) -> np.ndarray:
    """scikit-learn's own counting of k-mers."""
    words = ["".join(letters) for letters in itertools.product(alphabet, repeat=k)]
    vectoriser = CountVectorizer(analyzer="char", ngram_range=(k, k), lowercase=False, vocabulary=words)
    return vectoriser.transform(sequences).toarray()


@given(st.lists(st.text("acgtn", max_size=30), min_size=1, max_size=5), st.integers(1, 4))
def test_kmer_counts_equal_scikit_learn(sequences, k):
    np.testing.assert_array_equal(kmer_counts(sequences, Modality.RNA, k), counted(sequences, "acgt", k))


def test_kmers_with_unknown_letters_do_not_count():
    assert kmer_counts(["AXAA"], Modality.PROTEIN, 2).sum() == 1
    assert kmer_counts(["A"], Modality.PROTEIN, 2).sum() == 0


def test_kmer_logistic_regression_equals_a_plain_pipeline(tmp_path):
    dataset = dataset_of(tmp_path / "x.parquet", pair_rows("central_dogma", 90))
    train, valid, test = (dataset.part(split) for split in ("train", "valid", "test"))
    found = kmer_model(dataset, train, valid, test, settings().baselines)

    def features(items: list[Item]) -> np.ndarray:
        dna = counted([item.sequence_a for item in items], "acgt", 2)
        protein = counted([item.sequence_b or "" for item in items], AMINO_ACIDS, 1)
        return np.hstack([dna, protein]).astype(np.float32)

    scaler = StandardScaler().fit(features(train))
    labels = {part[0].split: [int(item.label or 0) for item in part] for part in (train, valid, test)}
    models = [
        LogisticRegression(C=1 / penalty, max_iter=1000).fit(scaler.transform(features(train)), labels["train"])
        for penalty in PENALTIES
    ]
    scores = [accuracy_score(labels["valid"], model.predict(scaler.transform(features(valid)))) for model in models]
    best = models[scores.index(max(scores))]
    np.testing.assert_array_equal(found.prediction, best.predict(scaler.transform(features(test))))
    np.testing.assert_allclose(found.score, best.predict_proba(scaler.transform(features(test)))[:, 1], rtol=1e-6)


def test_kmer_ridge_regression_equals_a_plain_pipeline(tmp_path):
    dataset = dataset_of(tmp_path / "x.parquet", protstab_rows(80))
    train, valid, test = (dataset.part(split) for split in ("train", "valid", "test"))
    found = kmer_model(dataset, train, valid, test, settings().baselines)
    x = {
        p[0].split: counted([i.sequence_a for i in p], AMINO_ACIDS, 1).astype(np.float32) for p in (train, valid, test)
    }
    y = {part[0].split: [item.value for item in part] for part in (train, valid, test)}
    scaler = StandardScaler().fit(x["train"])
    models = [Ridge(alpha=penalty).fit(scaler.transform(x["train"]), y["train"]) for penalty in PENALTIES]
    scores = [spearmanr(y["valid"], model.predict(scaler.transform(x["valid"]))).statistic for model in models]
    best = models[scores.index(max(scores))]
    np.testing.assert_allclose(found.prediction, best.predict(scaler.transform(x["test"])), rtol=1e-5)
    assert spearmanr(found.prediction, y["test"]).statistic > 0.9


def test_majority_is_the_most_frequent_training_class(tmp_path):
    rows = protloc_rows()
    for r in rows[:20]:
        r["label"] = "cell wall"
    rows[-1]["label"] = "periplasmic"
    found = {
        (m.results[0].model, r.metric): r for m in baselines([dataset_of(tmp_path / "x.parquet", rows)], settings())
        for r in m.results
    }  # fmt: skip
    assert (
        found["majority", "accuracy"].value == sum(r["label"] == "cell wall" for r in rows if r["split"] == "test") / 40
    )
    assert found["majority", "balanced_accuracy"].value == pytest.approx(1 / 3)
    assert {(r.arm, r.round, r.seeds) for r in found.values()} == {("none", "", None)}


def test_baselines_of_pairs_are_those_of_fine_tuning_and_regression_has_no_majority(tmp_path):
    datasets = [
        dataset_of(tmp_path / "a.parquet", pair_rows("central_dogma")),
        dataset_of(tmp_path / "b.parquet", protstab_rows()),
    ]
    found = [(r.task, r.model, r.setting, r.metric) for m in baselines(datasets, settings()) for r in m.results]
    assert {row[2] for row in found} == {"fine-tuned"}
    assert ("central_dogma", "majority", "fine-tuned", "accuracy") in found
    assert [row for row in found if row[0] == "protstab"] == [
        ("protstab", "k-mer ridge regression", "fine-tuned", "spearman")
    ]


def test_fitness_baselines_have_a_row_per_assay_and_a_mean_under_the_name_of_the_benchmark(tmp_path):
    measured = baselines([dataset_of(tmp_path / "x.parquet", fitness_rows())], settings())
    rows = {(r.model, r.dataset): r for m in measured for r in m.results}
    assert {model for model, _ in rows} >= {"random", "blosum62"}
    assert {dataset for model, dataset in rows if model == "blosum62"} == {"assay_0", "assay_1", "protein_fitness"}
    mean = (rows["blosum62", "assay_0"].value + rows["blosum62", "assay_1"].value) / 2
    assert rows["blosum62", "protein_fitness"].value == pytest.approx(mean)


def test_a_baseline_that_lacks_an_assay_has_no_mean(tmp_path, capsys):
    """Variants of the first assay do not tell their wild type; those of the second all differ in one letter."""
    rows = [r | ({"mutant": "indel"} if r["assay"] == "assay_0" else {}) for r in fitness_rows()]
    measured = baselines([dataset_of(tmp_path / "x.parquet", rows)], settings())
    found = {(r.model, r.dataset) for m in measured for r in m.results}
    assert found == {("random", "assay_0"), ("random", "assay_1"), ("random", "protein_fitness"),
                     ("blosum62", "assay_1")}  # fmt: skip
    assert "no mean of blosum62, protein: no value for assay_0" in capsys.readouterr().err


def test_fitness_baselines_have_a_second_mean_over_the_assays_with_genes(tmp_path):
    rows = [
        r | ({"id_b": "g", "modality_b": "dna", "sequence_b": "atg"} if r["assay"] == "assay_0" else {})
        for r in fitness_rows()
    ]
    measured = baselines([dataset_of(tmp_path / "x.parquet", rows)], settings())
    rows_of = {(r.input, r.dataset): r for m in measured for r in m.results if r.model == "blosum62"}
    part, assay = rows_of["protein, assays with a gene", "protein_fitness"], rows_of["protein", "assay_0"]
    assert (part.value, part.n) == (assay.value, assay.n)


def test_intervals_of_central_dogma_are_over_genes(tmp_path):
    """A test part of ten genes in eight copies with other DNA: as wide as that of the ten, not of eighty items."""
    rows = pair_rows("central_dogma", 90)
    test, train = rows[-10:], [r for r in rows if r["split"] != "test"]
    copies = [
        r | {"item_id": f"{i} of {r['item_id']}", "sequence_a": r["sequence_a"] + "acgt" * i}
        for i in range(8)
        for r in test
    ]
    found = []
    for name, part in (("ten", test), ("eighty", copies)):
        measured = baselines([dataset_of(tmp_path / f"{name}.parquet", [*train, *part])], settings())
        found += [r for m in measured for r in m.results if (r.model, r.metric) == ("majority", "accuracy")]
    (ten, eighty) = found
    assert (ten.n, eighty.n) == (10, 80)
    assert eighty.ci_high - eighty.ci_low == pytest.approx(ten.ci_high - ten.ci_low, abs=0.11)


def variant(sequence: str, mutant: str) -> Item:
    return Item("1", "test", "1", sequence, None, None, None, 0.0, "assay", mutant)


def test_the_wild_type_is_the_named_item_or_all_variants_undone():
    assert wild_type([variant("MKT", "R2K"), variant("MRT", "WT")]) == "MRT"
    assert wild_type([variant("MK", "indel"), variant("MKT", "R2K:A3T")]) == "MRA"
    assert wild_type([variant("acgt", "T2C")]) == "atgt"
    assert wild_type([variant("MKT", "R2A"), variant("MK", "indel")]) is None


def test_variants_that_disagree_tell_no_wild_type():
    assert wild_type([variant("MKT", "R2K"), variant("MRA", "T3A")]) == "MRT"
    assert wild_type([variant("MKT", "R2K"), variant("MRA", "G3A")]) is None
    assert wild_type([variant("MKT", "R2K"), variant("MRA", "T4A")]) is None  # fits its number by no letter
    assert wild_type([variant("MKT", "R2K"), variant("MRA", "T4A"), variant("MRT", "WT")]) == "MRT"
    assert wild_type([variant("MRT", "WT"), variant("MKT", "WT")]) is None


def test_names_of_rna_variants_may_say_u_and_those_of_proteins_mean_selenocysteine():
    assert wild_type([variant("acgt", "A4U"), variant("tcga", "A1U")]) == "acga"
    assert wild_type([variant("acga", "U4A")]) == "acgt"
    assert wild_type([variant("MKT", "A3U")]) is None
    assert wild_type([variant("MKU", "A3U")]) == "MKA"


def test_variant_scores_have_their_known_values():
    wild = "MKTAYI"
    assert mutation_scores([wild, "MKTAYL", "MRTAYL", "MKTYI", "MKTAAYI", "M"], wild).tolist() == [
        0,
        -1,
        -2,
        -1,
        -1,
        -5,
    ]
    # BLOSUM62: K-R 2, K-K 5, I-L 2, I-I 4, A-A 4, A-* -4
    assert blosum62_scores([wild, "MRTAYI", "MRTAYL", "MKTYI", "MKTAAYI"], wild).tolist() == [0, -3, -5, -8, -4]
