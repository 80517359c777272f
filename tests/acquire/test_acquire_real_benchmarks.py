"""The real files of other homes of the benchmarks, through the command, against the counts of their README."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bsm.acquire.registry import FILES
from bsm.base.counts import read_counts
from bsm.base.fasta import read_fasta
from bsm.base.tables import BENCHMARK_ITEMS, read_table
from bsm.cli import main

NCRPI = "ncRPI"
LNCRNA = {
    "matrix": "NPInter4158_interaction.txt", "rna_names": "NPInter4158_lncRNA.txt",
    "protein_names": "NPInter4158_protein.txt", "rna": "NPInter4158_lncRNA_sequence.fa.gz",
    "protein": "NPInter4158_protein_sequence.fa",
}  # fmt: skip


@pytest.fixture
def convert(shared_data, tmp_path, monkeypatch, capsys):
    """``convert(task, format, path, files, ...)`` -> (items, counts, log); with expect_error the message."""
    folder = shared_data("benchmarks")
    monkeypatch.chdir(tmp_path)

    def convert(task, format_, path, files=None, expect_error=False, **changes):
        entry = {"name": "b", "task": task, "format": format_, "server": "here", "path": path, "licence": "x",
                 "files": files or {}, **changes}  # fmt: skip
        out, counts = tmp_path / "items.parquet", tmp_path / "counts.csv"
        out.unlink(missing_ok=True)
        code = main([
            "acquire", "--benchmark", json.dumps(entry), "--settings", "{}", "--raw", str(tmp_path / "raw"),
            "--servers", json.dumps([{"name": "here", "address": f"file:{folder}"}]),
            "--out", str(out), "--counts", str(counts),
        ])  # fmt: skip
        err = capsys.readouterr().err
        assert code == expect_error, err
        if expect_error:
            assert not out.exists()
            return err
        found = {(r["outcome"], r["reason"]): int(r["n_records"]) for r in read_counts(counts)}
        return read_table(out, BENCHMARK_ITEMS).to_pylist(), found, err

    return convert


def n_dropped(counts):
    return {reason: n for (outcome, reason), n in counts.items() if outcome == "dropped"}


@pytest.mark.parametrize(("pairs", "n_repeated"), [("RPI7317.txt", 303), ("ran7317.txt", 0)])
def test_rpi7317_and_its_other_negatives(convert, shared_data, pairs, n_repeated):
    files = {"pairs": pairs, "rna": "RNA_human_fasta.fasta.gz", "protein": "protein_human_fasta.fasta"}
    items, counts, _ = convert("ncrpi", "pairs", f"{NCRPI}/RPI7317", files, published="rpi7317")
    assert len(items) == 14_634 - n_repeated
    assert n_dropped(counts) == ({"repeated_pair": 303} if n_repeated else {})
    assert sum(i["label"] == "1" for i in items) == 7_317
    lengths = {i["id_a"]: len(i["sequence_a"]) for i in items}
    assert (len(lengths), min(lengths.values()), max(lengths.values())) == (1_874, 54, 91_667)
    letters = {r.name: r.sequence.lower() for r in read_fasta(shared_data("benchmarks/ncRPI/RPI7317") / files["rna"])}
    assert all(i["sequence_a"] == letters[i["id_a"]] and i["modality_a"] == "rna" for i in items)
    shares = Counter(i["split"] for i in items)
    assert 0.18 < shares["test"] / len(items) < 0.22 and shares["valid"] > 0


def test_the_two_negative_draws_of_rpi7317_are_different_sets(convert, tmp_path):
    base = {"rna": "RNA_human_fasta.fasta.gz", "protein": "protein_human_fasta.fasta"}
    found = {}
    for name in ("RPI7317.txt", "ran7317.txt"):
        items, _, _ = convert("ncrpi", "pairs", f"{NCRPI}/RPI7317", base | {"pairs": name})
        found[name] = {(i["id_a"], i["id_b"]) for i in items if i["label"] == "0"}
    assert found["RPI7317.txt"] != found["ran7317.txt"]


def test_npinter_short_is_complete_and_its_order_is_turned(convert):
    files = {"pairs": "NPInter_pairs.txt", "rna": "NPInter_rna_seq.fa", "protein": "NPInter_protein_seq.fa"}
    items, counts, _ = convert("ncrpi", "pairs", f"{NCRPI}/NPInter2.0_EDLMFC_subset", files, published="npinter2_short")
    assert len(items) == 3_886 and not n_dropped(counts)
    assert items[0]["id_a"] == "n121" and items[0]["id_b"] == "Q13148"
    assert set("".join(i["sequence_a"] for i in items)) == set("acgt")


def test_npinter_without_its_rnas_says_so_and_keeps_what_another_home_has(convert):
    files = {
        "pairs": "NPInter2.0_pairs_only/NPInter_pairs.txt",
        "protein": "NPInter2.0_pairs_only/NPInter_protein_seq.fa",
    }
    err = convert("ncrpi", "pairs", NCRPI, files, True, published="npinter2")
    assert "no item is left of 20,824 rows: 4,636 names without a rna sequence" in err and "give files.rna" in err
    files["rna"] = "NPInter2.0_EDLMFC_subset/NPInter_rna_seq.fa"
    items, counts, err = convert("ncrpi", "pairs", NCRPI, files, published="npinter2")
    assert len(items) == 3_886 and n_dropped(counts) == {"no_rna_sequence": 20_824 - 3_886}
    assert "names without a rna sequence" in err


def test_the_lncrna_matrix_follows_its_lists_of_names(convert):
    items, counts, _ = convert(
        "ncrpi", "matrix", f"{NCRPI}/NPInter2.0_lncRNA_4158", LNCRNA, published="npinter2_lncrna"
    )
    assert not n_dropped(counts)
    ones = {(i["id_a"], i["id_b"]) for i in items if i["label"] == "1"}
    assert len(ones) == 4_158 and len(items) == 2 * 4_158
    assert not ones & {(i["id_a"], i["id_b"]) for i in items if i["label"] == "0"}
    files = {k: v for k, v in LNCRNA.items() if k != "matrix"} | {"pairs": "edgelist_random.csv"}
    again, _, _ = convert("ncrpi", "index_pairs", f"{NCRPI}/NPInter2.0_lncRNA_4158", files,
                          published="npinter2_lncrna")  # fmt: skip
    assert {(i["id_a"], i["id_b"]) for i in again if i["label"] == "1"} == ones
    assert len(again) == 8_316 and {i["id_b"][:9] for i in again} == {"9606.ENSP"}
    by_name = {i["id_a"]: i["sequence_a"] for i in items}
    assert all(by_name.get(i["id_a"], i["sequence_a"]) == i["sequence_a"] for i in again)


def test_rpi369_has_modified_residues_and_no_pair_of_its_shortest_chains(convert):
    files = {"pairs": "RPI369_pairs.txt", "rna": "RPI369_rna_seq.fa", "protein": "RPI369_protein_seq.fa"}
    items, counts, _ = convert("ncrpi", "pairs", f"{NCRPI}/RPI369", files, published="rpi369")
    assert len(items) == 738 and counts["changed", "modified_residues"] > 0
    assert set("".join(i["sequence_a"] for i in items)) == set("acgtn")
    # The shortest chains of the files (4 nt, 3 aa) are in no pair.
    assert (min(len(i["sequence_a"]) for i in items), min(len(i["sequence_b"]) for i in items)) == (15, 26)


def test_rpi1807_pairs_with_both_labels_are_left_out(convert):
    files = {"pairs": "RPI1807_pairs.txt", "rna": "RPI1807_rna_seq.fa.gz", "protein": "RPI1807_protein_seq.fa.gz"}
    items, counts, _ = convert("ncrpi", "pairs", f"{NCRPI}/RPI1807", files, published="rpi1807")
    assert n_dropped(counts) == {"both_labels": 38} and len(items) == 3_237 - 38
    assert len({(i["id_a"], i["id_b"]) for i in items}) == len(items)


def test_yeast_pairs_have_no_header(convert):
    files = {"pairs": "protein.actions.tsv", "protein": "protein.dictionary.tsv.gz"}
    items, counts, _ = convert("ppi", "pairs", "PPI/yeast", files, published="yeast_ppi")
    assert n_dropped(counts) == {"repeated_pair": 24} and len(items) == 11_188 - 24
    assert (items[0]["id_a"], items[0]["id_b"], items[0]["label"]) == ("P53049", "P09435", "1")


def test_sun_2017_has_a_header_and_no_sequences(convert):
    files = {"pairs": "Supp-AB.tsv.gz"}
    err = convert("ppi", "pairs", "PPI/human_sun2017_pairs_only", files, True, published="sun2017_ppi")
    assert "no item is left of 73,108 rows: 10,364 names without a protein sequence (A0AVK6, " in err
    assert "files.protein" in err


def test_ncrna_classes_stand_in_the_headers(convert):
    files = {"train": "dataset_nRC_train.fasta.gz"}
    items, counts, _ = convert("ncrnafam", "class_fasta", "ncRNAFam/nRC_13classes", files, published="nrc")
    assert len(items) == 6_160 and not n_dropped(counts)
    assert len({i["item_id"] for i in items}) == 6_160


def test_the_rossi_split_has_no_validation_sequence_in_train(convert):
    files = {"train": "train.fasta.gz", "valid": "val.fasta"}
    items, counts, _ = convert(
        "ncrnafam", "class_fasta", "ncRNAFam/nRC_13classes_rossi_split", files, published="nrc_rossi"
    )
    assert Counter(i["split"] for i in items) == {"train": 5_670, "valid": 650} and not n_dropped(counts)
    assert items[0]["id_a"] == "RF00168_CP003101_1_1769629-1769461" and items[0]["label"] == "riboswitch"
    assert counts["changed", "ambiguous_letters"] > 0


def test_the_two_published_splits_are_the_same_data_and_joining_them_leaks(convert, shared_data):
    files = {"train": "nRC_13classes/dataset_nRC_train.fasta.gz", "test": "nRC_13classes_rossi_split/val.fasta"}
    items, counts, err = convert("ncrnafam", "class_fasta", "ncRNAFam", files)
    folder = shared_data("benchmarks/ncRNAFam")
    test = {r.sequence for r in read_fasta(folder / files["test"])}
    n_leaks = sum(r.sequence in test for r in read_fasta(folder / files["train"]))
    assert n_leaks > 400 and n_dropped(counts)["train_identical_to_test"] >= n_leaks
    assert f"{n_dropped(counts)['train_identical_to_test']} items left out: train_identical_to_test" in err
    train = {i["sequence_a"] for i in items if i["split"] == "train"}
    assert not train & {i["sequence_a"] for i in items if i["split"] == "test"}


def test_ncrna_test_items_in_train_are_left_out_and_named(convert):
    """nRC's test files are not here; its sample and its train stand for them."""
    files = {"train": "nRC_sample/sample_train_40.fasta", "test": "nRC_sample/sample_test_20.fasta"}
    items, _, _ = convert("ncrnafam", "class_fasta", "ncRNAFam", files)
    assert Counter(i["split"] for i in items) == {"train": 40, "test": 20}
    files["test"] = "nRC_13classes/dataset_nRC_train.fasta.gz"
    items, counts, err = convert("ncrnafam", "class_fasta", "ncRNAFam", files)
    n_train = sum(i["split"] == "train" for i in items)
    assert n_train == 40 - n_dropped(counts).get("train_identical_to_test", 0) < 40
    assert "train_identical_to_test" in err


def test_domingo_has_4176_genotypes_and_its_wild_type(convert):
    items, counts, _ = convert("ncrna_fitness", "domingo", "rna_fitness/Domingo_2018_tRNA.tsv.gz", published="domingo")
    assert len(items) == 4_176 and not n_dropped(counts)
    [wild] = [i for i in items if i["mutant"] == "WT"]
    assert wild["value"] == 0.0 and len(wild["sequence_a"]) == 72 and "u" not in wild["sequence_a"]
    named = next(i for i in items if i["mutant"] == "G1A:T2C:G6A:C66A:A70G:C71T")
    assert named["value"] == pytest.approx(-0.12748902951244492)
    err = convert("ncrna_fitness", "domingo", "rna_fitness/Domingo_2018_tRNA_raw_counts.sub.tsv.gz", None, True)
    assert "missing column(s) id, fitness" in err


def test_nisthal_asks_which_measurement_and_skips_missing_values(convert):
    path = "stability/nisthal_gb1_raw.csv.gz"
    err = convert("protstab", "nisthal", path, None, True)
    assert "several measurements per mutant" in err and "ddG(mAvg)_mean [kcal/mol] 935" in err
    items, counts, _ = convert("protstab", "nisthal", path, None, published="nisthal_gb1",
                               assays=["ddG(mAvg)_mean", "ddG(deepseq)_Olson"])  # fmt: skip
    assert n_dropped(counts) == {"no_value": 1_038} and len(items) == 935 + 82


@pytest.mark.parametrize(
    ("task", "format_", "path", "files", "message"),
    [
        ("central_dogma", "lucaone_files", "lucaone_samples", {}, "not in the mirror"),
        ("protein_fitness", "table", "protein_fitness/PABP_YEAST_Fields2013-singles.csv", {}, "column(s) split"),
        ("protein_fitness", "table", "protein_fitness/HRas166_RBD.csv", {}, "missing column(s) split"),
        ("ncrpi", "pairs", "lucaone_samples/InfA_is_influenza_prediction.csv", {}, "not a row of two names and 0/1"),
        ("protloc", "table", "lucaone_samples/test_prot.csv.gz", {}, "missing column(s) split"),
        ("ncrnafam", "pairs", f"{NCRPI}/RPI369", {"pairs": "RPI369_pairs.txt"}, "is for tasks of pairs"),
        ("ncrpi", "matrix", f"{NCRPI}/NPInter2.0_lncRNA_4158", {"matrix": "NPInter4158_interaction.txt"},
         "no list of names: rna_names, protein_names"),
        ("ncrpi", "matrix", f"{NCRPI}/NPInter2.0_lncRNA_4158", LNCRNA | {"rna_names": "NPInter4158_protein.txt"},
         "not a row of 27 zeros and ones"),
        ("ncrpi", "pairs", f"{NCRPI}/RPI369", {"rna": "RPI369_rna_seq.fa"}, "the pairs format reads pairs"),
    ],
)  # fmt: skip
def test_files_of_another_kind_are_refused_by_name(convert, task, format_, path, files, message):
    assert message in convert(task, format_, path, files, True)


@pytest.mark.parametrize("published", ["rpi369", "npinter2_short"])
def test_a_set_that_is_not_the_published_one_stops_and_names_the_counts(convert, published):
    files = {"pairs": "RPI1807_pairs.txt", "rna": "RPI1807_rna_seq.fa.gz", "protein": "RPI1807_protein_seq.fa.gz"}
    err = convert("ncrpi", "pairs", f"{NCRPI}/RPI1807", files, True, published=published)
    facts = dict(e.split("=") for e in FILES[published].expected.split("; "))
    assert f"all 3237, published {facts['all']}" in err and "both_labels 19, published 0" in err
