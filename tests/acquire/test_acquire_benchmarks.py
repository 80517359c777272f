"""Benchmarks in their publishers' formats, read into one schema; real excerpts where there are any."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections import Counter

import pytest
from Bio.Seq import Seq

from bsm.acquire.benchmarks.items import mutant_of
from bsm.acquire.benchmarks.lucaone import FOLDERS, read_lucaone
from bsm.acquire.benchmarks.proteingym import read_proteingym
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts, read_counts
from bsm.base.tables import BENCHMARK_ITEMS, read_table
from bsm.cli import main

PAIR = ("seq_id_a", "seq_id_b", "seq_type_a", "seq_type_b", "seq_a", "seq_b", "label")
SINGLE = ("seq_id", "seq_type", "seq", "label")
DATASET = "LucaGroup/LucaOne-Downstream-Task-Datasets"


def benchmark(task="ncrpi", format_="lucaone", **changes):
    path = {"lucaone": DATASET, "evo_dms": "arvind_dms.tar.gz"}.get(format_, "")
    server = "huggingface" if format_ == "lucaone" else "fitness"
    return {"name": task, "task": task, "format": format_, "server": server, "path": path, "licence": "x", **changes}


@pytest.fixture
def convert(mirror, tmp_path, monkeypatch, capsys):
    """``convert(benchmark)`` -> (items as dicts, counts as {(outcome, reason): n_records}, standard error)."""
    monkeypatch.chdir(tmp_path)

    def convert(entry, expect_error=False):
        out, counts = tmp_path / "items.parquet", tmp_path / "counts.csv"
        out.unlink(missing_ok=True)
        code = main([
            "acquire", "--benchmark", json.dumps(entry), "--servers", mirror.servers, "--settings", "{}",
            "--raw", str(tmp_path / "raw"), "--out", str(out), "--counts", str(counts),
        ])  # fmt: skip
        err = capsys.readouterr().err
        assert code == expect_error, err
        if expect_error:
            assert not out.exists()
            return err
        items = read_table(out, BENCHMARK_ITEMS).to_pylist()
        return items, {(r["outcome"], r["reason"]): int(r["n_records"]) for r in read_counts(counts)}, err

    return convert


@pytest.fixture
def publish(mirror, tools):
    """``publish(task, columns, train=..., dev=..., test=..., labels=...)`` writes a data set of LucaOne's."""

    def publish(task, columns, labels=("0", "1"), **splits):
        folder = FOLDERS[task]
        files = {f"{folder}/{s}/{s}.csv": tools.csv_text(columns, rows) for s, rows in splits.items()}
        files[f"{folder}/label.txt"] = ("label\n" + "".join(f"{name}\n" for name in labels)).encode()
        mirror.hub(DATASET, folder, files, commit="d" * 40)

    return publish


def pairs(n, first=0, letters="ACGU"):
    return [(f"n{i}", f"P{i}", "gene", "prot", letters * (i + 3), "MKV" + "A" * (i + 1), i % 2)
            for i in range(first, first + n)]  # fmt: skip


def test_rna_stays_rna_although_it_is_published_in_dna_letters(publish, convert):
    publish("ncrpi", PAIR, train=pairs(4, letters="ACGT"), dev=pairs(2, 10), test=pairs(3, 20))
    items, counts, _ = convert(benchmark())
    assert Counter(i["split"] for i in items) == {"train": 4, "valid": 2, "test": 3}
    assert items[0] == {
        "task": "ncrpi", "dataset": "ncrpi", "item_id": "train:0", "split": "train", "id_a": "n0", "modality_a": "rna",
        "sequence_a": "acgt" * 3, "id_b": "P0", "modality_b": "protein", "sequence_b": "MKVA", "label": "0",
        "value": None, "assay": None, "mutant": None,
    }  # fmt: skip
    assert counts == {("kept", "test"): 3, ("kept", "train"): 4, ("kept", "valid"): 2}


def test_a_dev_set_that_is_the_test_set_is_named_and_replaced(publish, convert):
    test = pairs(20, 1000)
    publish("ncrpi", PAIR, train=pairs(200), dev=list(reversed(test)), test=test)
    items, counts, err = convert(benchmark(expected={"train": 200, "test": 20}))
    assert "dev set equals the test set" in err
    splits = Counter(i["split"] for i in items)
    assert splits["test"] == 20 and splits["train"] + splits["valid"] == 200 and 8 <= splits["valid"] <= 35
    assert counts["dropped", "dev_equals_test"] == 20
    assert all(i["item_id"].startswith("train:") for i in items if i["split"] == "valid")


def test_classes_follow_label_txt_also_in_another_order(publish, convert):
    names = ("Cell wall", "Cytoplasmic Membrane", "Cytoplasmic", "Extracellular", "Outer_membrane", "Periplasmic")
    rows = [(f">A{i}", "prot", "MKV" + "A" * i, i) for i in range(6)]
    publish("protloc", SINGLE, labels=names, train=rows, dev=rows[:1], test=rows[2:])
    items, _, _ = convert(benchmark("protloc"))
    assert [i["label"] for i in items[:6]] == [
        "cell wall", "cytoplasmic membrane", "cytoplasmic", "extracellular", "outer membrane", "periplasmic",
    ]  # fmt: skip
    assert items[0]["id_a"] == "A0" and items[0]["sequence_b"] is None


def test_families_take_their_names_from_label_txt(publish, convert):
    rows = [("a", "gene", "ACGU", 1), ("b", "gene", "GGGRA", 0)]
    publish("ncrnafam", SINGLE, labels=("RF00001", "RF00005"), train=rows, dev=rows[:1], test=rows)
    items, counts, _ = convert(benchmark("ncrnafam"))
    assert [(i["label"], i["sequence_a"]) for i in items[:2]] == [("RF00005", "acgt"), ("RF00001", "gggna")]
    assert counts["changed", "ambiguous_letters"] == 2  # in train and in test


def test_stability_is_a_value(publish, convert):
    rows = [("a", "prot", "MKV", "-0.009999999776482"), ("b", "prot", "MAA", "3.4")]
    publish("protstab", SINGLE, labels=(), train=rows, dev=rows[:1], test=rows)
    items, _, _ = convert(benchmark("protstab"))
    assert [(i["value"], i["label"]) for i in items[:2]] == [(-0.009999999776482, None), (3.4, None)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("n", "P", "gene", "prot", "ACG?", "MK", 0), "test.csv:2: letters that are no nucleotides"),
        (("n", "P", "prot", "prot", "ACG", "MK", 0), "test.csv:2: sequence type does not fit"),
        (("n", "P", "gene", "prot", "ACG", "MK", 2), "test.csv:2: label outside label.txt"),
        (("n", "P", "gene", "prot", "ACG", "MK", "yes"), "test.csv:2: not a number"),
        (("n", "P", "gene", "prot", "", "MK", 1), "test.csv:2: empty sequence"),
        (("n", "P", "gene", "prot", "ACG", "MK"), "test.csv:2: row of 6 fields"),
    ],
)
def test_an_odd_row_is_an_error_with_file_and_line(publish, convert, row, message):
    publish("ncrpi", PAIR, train=pairs(2), dev=pairs(2, 5), test=[row])
    assert message in convert(benchmark(), expect_error=True)


def test_other_counts_than_the_published_ones_stop_the_run(publish, convert):
    publish("ncrpi", PAIR, train=pairs(4), dev=pairs(2, 10), test=pairs(3, 20))
    err = convert(benchmark(expected={"train": 4, "valid": 3, "test": 20_000}), expect_error=True)
    assert "valid rows 2, published 3" in err and "test rows 3, published 20000" in err
    assert "train rows" not in err


def test_a_field_of_a_whole_proteome_is_read(publish, convert):
    long = [("a", "b", "prot", "prot", "MK" * 100_000, "MKV", 1)]
    publish("ppi", PAIR, train=long, dev=[("c", "d", "prot", "prot", "MA", "MK", 0)], test=long)
    items, _, _ = convert(benchmark("ppi"))
    assert len(items[0]["sequence_a"]) == 200_000


@pytest.mark.parametrize(
    ("sample", "task", "lengths"),
    [
        ("ncRPI", "ncrpi", (295, 142)), ("CentralDogma", "central_dogma", (1131, 219)), ("PPI", "ppi", (590, 2677)),
        ("ProtLoc", "protloc", (1095, 0)), ("ProtStab", "protstab", (50, 0)), ("ncRNAFam", "ncrnafam", (120, 0)),
    ],
)  # fmt: skip
def test_the_publishers_sample_rows_are_read(shared_data, tmp_path, sample, task, lengths):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        shutil.copy(
            shared_data("benchmarks/lucaone_samples") / f"{sample}_prediction.csv", tmp_path / split / f"{split}.csv"
        )
    (tmp_path / "label.txt").write_text("label\n" + "\n".join(f"RF{i:05}" for i in range(88)))
    if task != "ncrnafam":
        (tmp_path / "label.txt").unlink()
    converted = read_lucaone(tmp_path, Benchmark(**benchmark(task)), Counts("acquire", task, "all"))
    item = converted.items[0]
    assert (len(item["sequence_a"]), len(item.get("sequence_b") or "")) == lengths
    assert not item["id_a"].startswith(">")


def dms(rows, columns=("wt_seq_nt", "mt_seq_nt", "fitness")):
    return "\n".join("\t".join(map(str, row)) for row in [columns, *rows]) + "\n"


WILD = "ATGAAAGTTTAA"


def test_coding_variants_become_proteins_with_their_gene(mirror, convert):
    rows = [
        (WILD, WILD, 0.0), (WILD, "ATGAAAGTATAA", 0.1), (WILD, "ATGCCAGTTTAA", -1.5), (WILD, "ATGTAAGTTTAA", -3),
        (WILD, "ATGAAAGTTTA", 1), (WILD, "ATGCCAGTTTAA", 9), (WILD, "ATGAAAAAATAA", "nan"), (WILD, "ATGAAAGTT", 2),
    ]  # fmt: skip
    mirror.tar("fitness/arvind_dms.tar.gz", {
        "arvind_dms/processed_dms_nt_x.tsv": dms(rows), "arvind_dms/processed_dms_nt_other.tsv": "not\tread\n",
    })  # fmt: skip
    items, counts, _ = convert(benchmark("protein_fitness", "evo_dms", assays=["x"]))
    assert [(i["item_id"], i["mutant"], i["sequence_a"], i["value"]) for i in items] == [
        ("x:0", "WT", "MKV", 0.0), ("x:1", "synonymous", "MKV", 0.1), ("x:2", "K2P", "MPV", -1.5),
        ("x:7", "synonymous", "MKV", 2.0),
    ]  # fmt: skip
    assert all(str(Seq(i["sequence_b"]).translate()).rstrip("*") == i["sequence_a"] for i in items)
    assert {(i["modality_a"], i["modality_b"], i["split"], i["assay"]) for i in items} == {
        ("protein", "dna", "test", "x")
    }
    assert counts == {
        ("kept", "test"): 4, ("dropped", "stop_codon"): 1, ("dropped", "length_not_multiple_of_three"): 1,
        ("dropped", "duplicate_variant"): 1, ("dropped", "no_fitness"): 1,
    }  # fmt: skip


def test_rna_variants_are_rna_and_an_unknown_assay_is_named(mirror, convert):
    members = {"arvind_dms/processed_dms_nt_r.tsv": dms([("ACGT", "ACGT", 0), ("ACGT", "AGGA", 1), ("ACGT", "ACG", 2)])}
    mirror.tar("fitness/arvind_dms.tar.gz", members)
    items, _, _ = convert(benchmark("ncrna_fitness", "evo_dms"))
    assert [(i["modality_a"], i["sequence_a"], i["mutant"]) for i in items] == [
        ("rna", "acgt", "WT"), ("rna", "agga", "C2G:T4A"), ("rna", "acg", "indel"),
    ]  # fmt: skip
    assert "no assay(s) q in the archive" in convert(benchmark("ncrna_fitness", "evo_dms", assays=["q"]), True)
    archive = mirror.root / "fitness/arvind_dms.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-20])
    assert "truncated" in convert(benchmark("ncrna_fitness", "evo_dms"), True)


def test_mutants_are_named_by_position():
    assert mutant_of("MKV", "MPA") == "K2P:V3A"


REAL_ASSAYS = {"BLAT_ECOLX_Firnberg_2014": 4783, "BLAT_ECOLX_Jacquier_2013": 989, "CCDB_ECOLI_Adkar_2012": 1176}


@pytest.fixture
def real_assays(shared_data, tmp_path):
    folder = tmp_path / "gym"
    shutil.copytree(shared_data("benchmarks/protein_fitness/proteingym"), folder)
    (folder / "reference_DMS_substitutions.csv").rename(folder / "DMS_substitutions.csv")
    packed = folder / "BLAT_ECOLX_Firnberg_2014.csv.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    return folder


def test_real_proteingym_assays_have_the_published_number_of_variants(real_assays):
    entry = Benchmark(**benchmark("protein_fitness", "proteingym", path="gym", assays=sorted(REAL_ASSAYS)))
    counts = Counts("acquire", "protein_fitness", "all")
    converted = read_proteingym(real_assays, entry, counts)
    assert Counter(i["assay"] for i in converted.items) == REAL_ASSAYS
    assert counts.rows() == []
    first = next(i for i in converted.items if i["assay"] == "BLAT_ECOLX_Jacquier_2013")
    assert (first["mutant"], first["value"], first["sequence_a"][23]) == ("H24Y", -1.0, "Y")


def test_real_assays_through_the_command_from_a_folder_and_a_zip(real_assays, mirror, convert):
    (mirror.root / "fitness").mkdir(parents=True)
    shutil.copytree(real_assays, mirror.root / "fitness" / "gym")
    three = benchmark("protein_fitness", "proteingym", path="gym", assays=sorted(REAL_ASSAYS))
    assert len(convert(three | {"published": "proteingym_three"})[0]) == 6_948
    entry = benchmark("protein_fitness", "proteingym", path="gym", assays=["CCDB_ECOLI_Adkar_2012"],
                      expected={"test": 1176})  # fmt: skip
    err = convert(entry | {"published": "proteingym_three"}, True)
    assert "assay.BLAT_ECOLX_Firnberg_2014 0, published 4783" in err
    items, _, _ = convert(entry)
    with zipfile.ZipFile(mirror.root / "fitness" / "gym.zip", "w") as archive:
        archive.write(real_assays / "CCDB_ECOLI_Adkar_2012.csv", "sub/CCDB_ECOLI_Adkar_2012.csv")
    assert convert(entry | {"path": "gym.zip", "assays": None})[0] == items


def test_a_mutant_that_does_not_fit_its_sequence_is_an_error(mirror, convert, tools):
    columns = ("mutant", "mutated_sequence", "DMS_score")
    with zipfile.ZipFile(mirror.write("fitness/gym.zip", b""), "w") as archive:
        archive.writestr("a.csv", tools.csv_text(columns, [("K2P", "MPV", 1), ("K2P", "MKV", 1)]))
    err = convert(benchmark("protein_fitness", "proteingym", path="gym.zip"), True)
    assert "gym.zip/a.csv:3: the mutant's name does not fit its sequence" in err


def test_a_persons_own_table_is_read(mirror, convert, tools):
    columns = ("split", "sequence_a", "sequence_b", "label")
    mirror.write("fitness/own.csv", tools.csv_text(columns, [("train", "ACGU", "MK", "1"), ("test", "AC", "MA", "0")]))
    items, _, _ = convert(benchmark("ncrpi", "table", path="own.csv"))
    assert [(i["item_id"], i["modality_a"], i["sequence_a"], i["label"]) for i in items] == [
        ("train:0", "rna", "acgt", "1"), ("test:1", "rna", "ac", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        (("split", "sequence_a", "sequence_b", "colour"), ("test", "AC", "MK", "x"), "unknown column(s) colour"),
        (("split", "sequence_a", "sequence_b", "label"), ("dev", "AC", "MK", "1"), "unknown split (found 'dev')"),
        (("split", "sequence_a", "sequence_b", "label"), ("test", "AC", "MK", "2"), "unknown class (found '2')"),
        (("split", "sequence_a", "label"), ("test", "AC", "1"), "row without a sequence"),
        (("sequence_a", "label"), ("AC", "1"), "missing column(s) split"),
    ],
)
def test_an_odd_table_of_ones_own_is_refused(mirror, convert, tools, columns, row, message):
    mirror.write("fitness/own.csv", tools.csv_text(columns, [row]))
    assert message in convert(benchmark("ncrpi", "table", path="own.csv"), True)


def test_lucaones_own_server_has_the_same_folders_without_a_listing(mirror, convert, tools):
    folder = "DownstreamTasksDataset/dataset/ncRPI/gene_protein/binary_class"
    for split, rows in (("train", pairs(4)), ("dev", pairs(2, 10)), ("test", pairs(3, 20))):
        mirror.write(f"fitness/{folder}/{split}/{split}.csv", tools.csv_text(PAIR, rows))
    mirror.write(f"fitness/{folder}/label.txt", "label\n0\n1\n")
    items, _, _ = convert(benchmark("ncrpi", "lucaone_files", path="DownstreamTasksDataset"))
    assert Counter(i["split"] for i in items) == {"train": 4, "valid": 2, "test": 3}
    server = json.dumps([{"name": "fitness", "address": "http://192.0.2.1/lucaone"}])
    entry = json.dumps(benchmark("ncrpi", "lucaone_files", path="DownstreamTasksDataset"))
    out = ["--raw", "raw2", "--out", "o.parquet", "--counts", "c.csv"]
    assert main(["acquire", "--benchmark", entry, "--servers", server, "--settings", "{}", *out]) == 1


def stability(n, first=0.0):
    return [{"id": str(i), "primary": "MKV" + "A" * i, "stability_score": [first + i]} for i in range(n)]


def test_tape_keeps_its_splits_and_its_counts_are_checked(mirror, convert):
    members = {f"stability/stability_{s}.json": json.dumps(stability(n)) for s, n in
               (("train", 4), ("valid", 2), ("test", 3))}  # fmt: skip
    mirror.tar("fitness/stability.tar.gz", members | {"stability/._stability_test.json": "junk"})
    entry = benchmark("protstab", "tape", path="stability.tar.gz")
    items, _, _ = convert(entry)
    assert [(i["item_id"], i["sequence_a"], i["value"]) for i in items[:2]] == [
        ("train:0", "MKV", 0.0), ("train:1", "MKVA", 1.0),
    ]  # fmt: skip
    assert Counter(i["split"] for i in items) == {"train": 4, "valid": 2, "test": 3}
    repacked = convert(entry | {"published": "tape_stability"}, True)
    assert "train rows 4, published 53614" in repacked and "test rows 3, published 12851" in repacked
    mirror.tar("fitness/stability.tar.gz", members | {"stability/stability_test.json": '[{"primary": "MK"}]'})
    assert "stability_test.json[0]: not an object with primary and one stability_score" in convert(entry, True)
    del members["stability/stability_valid.json"]
    mirror.tar("fitness/stability.tar.gz", members)
    assert "no stability_valid.json in the archive" in convert(entry, True)


def test_rnagym_assays_are_read_from_their_zip(mirror, convert, tools):
    columns = ("mutant", "sequence", "DMS_score")
    rows = [("A1C", "CCGU", -0.5), ("U4G", "ACGG", 2), ("U4G", "ACGG", 3), ("A1G", "GCGU", "")]
    with zipfile.ZipFile(mirror.write("fitness/assays.zip", b""), "w") as archive:
        archive.writestr("x/Pitt_2010_ribozyme.csv", tools.csv_text(columns, rows))
        archive.writestr("x/Other.csv", tools.csv_text(("mutant", "sequence", "dms_score"), rows[:1]))
    entry = benchmark("ncrna_fitness", "rnagym", path="assays.zip", assays=["Pitt_2010_ribozyme"])
    items, counts, _ = convert(entry)
    assert [(i["mutant"], i["sequence_a"], i["value"], i["assay"]) for i in items] == [
        ("A1C", "ccgt", -0.5, "Pitt_2010_ribozyme"), ("U4G", "acgg", 2.0, "Pitt_2010_ribozyme"),
    ]  # fmt: skip
    assert counts["dropped", "duplicate_variant"] == 1 and counts["dropped", "no_value"] == 1
    assert len(convert(entry | {"assays": None})[0]) == 3
    assert "no assay(s) Nobody in the archive" in convert(entry | {"assays": ["Nobody"]}, True)


def test_kelsic_codons_are_put_into_the_wild_type_as_evo_does(mirror, convert):
    singles = [("pos", "codon", "is_wt", "fitness_rich"), (1, "ATG", 1, 1.0), (2, "AAA", 1, 1.0), (3, "GTT", 1, 0.9),
               (2, "CCA", 0, 0.5), (2, "AAG", 0, 0.97), (2, "TAA", 0, 0.1), (3, "CTT", 0, "")]  # fmt: skip
    doubles = [("pos1", "codon1", "pos2", "codon2", "fitness_rich"), (1, "ATG", 3, "GTA", 0.8),
               (2, "CCA", 3, "GTA", 0.7), (2, "CCA", 3, "GTT", 0.6)]  # fmt: skip
    for name, rows in (("s1.csv", singles), ("s2.csv", doubles)):
        mirror.write(f"fitness/bin/{name}", "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    entry = benchmark("protein_fitness", "kelsic", path="bin", files={"singles": "s1.csv", "pairs": "s2.csv"})
    items, counts, _ = convert(entry)
    assert [(i["mutant"], i["sequence_a"], i["sequence_b"], i["value"]) for i in items] == [
        ("K2P", "MPV", "atgccagtt", 0.5), ("synonymous", "MKV", "atgaaggtt", 0.97), ("K2P", "MPV", "atgccagta", 0.7),
    ]  # fmt: skip
    assert {reason: n for (outcome, reason), n in counts.items() if outcome == "dropped"} == {
        "first_row_as_evo": 2, "wild_type_row": 2, "stop_codon": 1, "no_value": 1, "duplicate_variant": 1,
    }  # fmt: skip
    mirror.write("fitness/bin/s1.csv", "pos,codon,is_wt,fitness_rich\n1,ATG,0,1\n")
    assert "no wild type: is_wt does not mark" in convert(entry, True)
