"""bsm sample: FASTA in, PIECES out, everything left out counted."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import random

import pytest
from Bio import SeqIO
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.alphabet import Modality
from bsm.base.config.data import SampleSettings
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.fasta import format_fasta
from bsm.base.filelist import RawFile, write_file_list
from bsm.base.tables import PIECES, read_table
from bsm.cli import main
from bsm.sample.corpus import build_corpus
from bsm.sample.records import FastaInput, accession_of, refseq_modality, split_at_n, taxid_of

REFSEQ = {"kind": "refseq_release", "name": "nt", "divisions": ["x"], "licence": "free"}
UNIPROT = {"kind": "uniprot", "name": "aa", "datasets": ["swissprot"]}


def raw_folder(folder, files: dict[str, str], role: str):
    folder.mkdir(exist_ok=True)
    rows = []
    for name, text in files.items():
        (folder / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        rows.append(RawFile(role, name, f"https://example.org/{name}", "r1", 0, "", "", "free"))
    write_file_list(folder / "files.csv", rows)
    return folder


def run(tmp_path, *arguments: str):
    out, counts = tmp_path / "corpus.parquet", tmp_path / "counts.csv"
    code = main(["sample", *map(str, arguments), "--out", str(out), "--counts", str(counts)])
    if code:
        assert not out.exists()
        return code, [], {}
    with open(counts, newline="") as handle:
        numbers = {
            (r["outcome"], r["reason"]): (int(r["n_records"]), int(r["n_letters"])) for r in csv.DictReader(handle)
        }
    return code, read_table(out, PIECES).to_pylist(), numbers


def test_refseq_release_gives_dna_and_rna_with_their_origin(tmp_path):
    dna, rna = "ACGTRYK" * 10, "AUGGCC" * 8
    raw = raw_folder(tmp_path / "raw", {
        "x.1.1.genomic.fna.gz": format_fasta([("NC_1.1", "chromosome", dna), ("NM_9.1", "in a genomic file", rna)]),
        "x.1.rna.fna.gz": format_fasta([("LOC_1", "transcript", rna)]),
    }, "nucleotide_fasta")  # fmt: skip
    code, rows, numbers = run(tmp_path, "--source", json.dumps(REFSEQ), "--raw", raw)
    assert code == 0
    assert [(r["record_id"], r["modality"], r["sequence"]) for r in rows] == [
        ("nt:NC_1.1", "dna", "acgtnnn" * 10),
        ("nt:NM_9.1", "rna", "atggcc" * 8),
        ("nt:LOC_1", "rna", "atggcc" * 8),
    ]
    assert {(r["origin"], r["release"], r["licence"]) for r in rows[:1]} == {
        ("https://example.org/x.1.1.genomic.fna.gz", "r1", "free")
    }
    assert numbers[("kept", "")] == (3, 70 + 48 + 48)
    assert numbers[("changed", "unknown_letters_to_n_or_x")] == (1, 30)


def test_uniprot_headers_give_accession_and_taxid_and_bad_proteins_are_counted(tmp_path):
    records = [
        ("sp|P12345|AATM_RABIT", "Aspartate aminotransferase OS=Oryctolagus cuniculus OX=9986 GN=GOT2 PE=1 SV=2",
         "MALLHSARVLBZ*"),
        ("tr|A0A0A0|X", "OS=x OX=1", "MALL*HSARVL"),
        ("tr|A0A0A1|X", "OS=x OX=1", "MALL"),
        ("tr|A0A0A2|X", "OS=x OX=1", "GATTACAGATTACA"),
    ]  # fmt: skip
    raw = raw_folder(tmp_path / "raw", {"uniprot_sprot.fasta": format_fasta(records)}, "protein_fasta")
    code, rows, numbers = run(tmp_path, "--source", json.dumps(UNIPROT), "--raw", raw)
    assert code == 0
    assert [(r["record_id"], r["sequence"], r["taxid"], r["strand"]) for r in rows] == [
        ("aa:P12345", "MALLHSARVLXX", 9986, 0), ("aa:A0A0A2", "GATTACAGATTACA", 1, 0),
    ]  # fmt: skip
    assert numbers[("dropped", "stop_inside")][0] == numbers[("dropped", "shorter_than_min_protein_aa")][0] == 1


def test_own_fasta_of_nucleotides_declared_as_protein_is_refused(tmp_path, capsys):
    (tmp_path / "mine.fa").write_text(format_fasta([("a", "", "ACGTACGTAGCTAGCTAGC" * 3)]))
    code, _, _ = run(tmp_path, "--fasta", tmp_path / "mine.fa", "--modality", "protein")
    assert code == 1 and "looks_like_nucleotides 1" in capsys.readouterr().err


@pytest.mark.parametrize(("damage", "message"), [
    (lambda data: data[: len(data) // 2], "truncated gzip"),
    (lambda data: b"", "no FASTA record"),
    (lambda data: gzip.compress(b">a\nACGT-ACGT" + b"A" * 40), "no nucleotides"),
    (lambda data: b"ACGT\n", "text before the first"),
])  # fmt: skip
def test_bad_input_is_one_clear_error_and_no_output(tmp_path, capsys, damage, message):
    letters = "".join(random.Random(1).choices("ACGT", k=5000))
    (tmp_path / "a.fa").write_bytes(damage(gzip.compress(format_fasta([("a", "", letters)]).encode())))
    code, _, _ = run(tmp_path, "--fasta", tmp_path / "a.fa", "--modality", "dna")
    assert code == 1 and message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["a.fa"]


@settings(max_examples=100, deadline=None)
@given(st.text("acgn", max_size=200), st.integers(1, 6))
def test_split_parts_point_at_their_letters_and_only_long_runs_are_lost(letters, max_run):
    parts = split_at_n(letters, max_run)
    assert all(letters[at : at + len(part)] == part for at, part in parts)
    assert all("n" * (max_run + 1) not in part for _, part in parts)
    assert sum(part.count(c) for _, part in parts for c in "acg") == sum(letters.count(c) for c in "acg")


def test_records_are_split_at_long_runs_of_n_with_their_coordinates(tmp_path):
    letters = "A" * 40 + "N" * 21 + "C" * 50 + "N" * 20 + "G" * 5 + "N" * 30 + "T" * 10
    (tmp_path / "a.fa").write_text(format_fasta([("chr", "", letters), ("gap", "", "N" * 100)]))
    _, rows, numbers = run(tmp_path, "--fasta", tmp_path / "a.fa", "--modality", "dna")
    assert [(r["record_id"], r["start"], r["end"], len(r["sequence"])) for r in rows] == [
        ("local:chr:0-40", 0, 40, 40), ("local:chr:61-136", 61, 136, 75),
    ]  # fmt: skip
    assert numbers[("dropped", "shorter_than_min_nucleotide_nt")] == (1, 10)
    assert numbers[("dropped", "only_n")] == (1, 100)
    assert numbers[("dropped", "run_of_n")] == (0, 21 + 30)
    assert numbers[("changed", "split_at_run_of_n")] == (1, 0)


def test_a_record_that_only_loses_its_ends_is_not_counted_as_split(tmp_path):
    (tmp_path / "a.fa").write_text(format_fasta([("ends", "", "N" * 30 + "ACGT" * 10 + "N" * 30)]))
    _, rows, numbers = run(tmp_path, "--fasta", tmp_path / "a.fa", "--modality", "dna")
    assert [r["record_id"] for r in rows] == ["local:ends:30-70"]
    assert numbers == {("kept", ""): (1, 40), ("dropped", "run_of_n"): (0, 60)}


runs = st.lists(st.tuples(st.sampled_from(["ACGTTGCA", "N", "RYK"]), st.integers(1, 8)), min_size=1, max_size=8)
nucleotides = runs.map(lambda parts: "".join(letters * n for letters, n in parts))
proteins = st.text("ACDEFGHIKLMNPQRSTVWYBXZ*", min_size=1, max_size=40)
SMALL = {"min_nucleotide_nt": 9, "min_protein_aa": 8, "max_n_run_nt": 3, "max_nucleotide_record_nt": 100}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["dna", "protein"]), st.one_of(st.none(), st.integers(1, 300)))
def test_every_letter_of_the_input_is_kept_or_dropped_for_a_reason(tmp_path_factory, data, modality, budget):
    letters = data.draw(st.lists(proteins if modality == "protein" else nucleotides, min_size=1, max_size=10))
    names = data.draw(st.lists(st.integers(0, 12), min_size=len(letters), max_size=len(letters)))
    path = tmp_path_factory.getbasetemp() / "letters.fa"
    path.write_text(format_fasta([(f"r{n}", "", sequence) for n, sequence in zip(names, letters, strict=True)]))
    counts = Counts("sample", "local", "all")
    source = FastaInput(path, Modality(modality), declared=True, origin="x")
    out = path.with_suffix(".parquet")
    n_kept = 0
    with contextlib.suppress(InputError):  # nothing is left: the counts still have to add up
        build_corpus([source], out, counts, SampleSettings(**SMALL), budget)
        n_kept = sum(len(r["sequence"]) for r in read_table(out, PIECES).to_pylist())
    by_outcome = {"kept": 0, "dropped": 0, "changed": 0}
    for row in counts.rows():
        by_outcome[row["outcome"]] += row["n_letters"]
    assert by_outcome["kept"] == n_kept
    assert by_outcome["kept"] + by_outcome["dropped"] == sum(len(s.removesuffix("*")) for s in letters)


def test_budget_holds_whatever_the_order_of_records_and_the_sample_is_nested(tmp_path):
    shuffle = random.Random(3)
    records = [(f"r{i}", "", "".join(shuffle.choices("ACGT", k=shuffle.randint(30, 90)))) for i in range(300)]
    kept = {}
    for budget in (500, 4000):
        for attempt in range(2):
            shuffle.shuffle(records)
            path = tmp_path / f"{budget}_{attempt}.fa"
            path.write_text(format_fasta(records))
            _, rows, numbers = run(tmp_path, "--fasta", path, "--modality", "dna", "--max-tokens", budget)
            letters = sum(len(r["sequence"]) for r in rows)
            assert budget - 90 < letters <= budget
            kept[budget, attempt] = {r["accession"] for r in rows}
            assert [r["accession"] for r in rows] == [n for n, _, _ in records if n in kept[budget, attempt]]
            assert numbers[("kept", "")][0] + numbers[("dropped", "not_sampled")][0] == 300
    assert kept[500, 0] == kept[500, 1] < kept[4000, 0] == kept[4000, 1]


def test_same_input_gives_the_same_bytes(tmp_path):
    (tmp_path / "a.fa").write_text(format_fasta([(f"r{i}", "", "ACGTTGCA" * 6) for i in range(50)]))
    outputs = []
    for _ in range(2):
        run(tmp_path, "--fasta", tmp_path / "a.fa", "--modality", "dna", "--max-tokens", "1000")
        outputs.append((tmp_path / "corpus.parquet").read_bytes())
    assert outputs[0] == outputs[1]


def test_real_files_give_the_letters_biopython_reads(tmp_path, shared_data):
    folder = shared_data("ncbi")
    files = {"flatfiles/NC_000932.faa": "protein", "gene_package_plant_cpSRP54/rna.fna": "rna"}
    for name, modality in files.items():
        path = folder / name
        _, rows, _ = run(tmp_path, "--fasta", path, "--modality", modality)
        expected = {r.id: str(r.seq) for r in SeqIO.parse(path, "fasta") if len(r.seq) >= 10}
        ours = {r["accession"]: r["sequence"] for r in rows}
        assert ours == {k: v if modality == "protein" else v.lower() for k, v in expected.items()}


def test_header_fields():
    assert accession_of("sp|P12345|AATM_RABIT") == "P12345" and accession_of("UniRef50_Q9K794") == "UniRef50_Q9K794"
    assert taxid_of("x OX=9986 GN=a") == 9986 and taxid_of("n=2 Tax=Bacillus TaxID=86661 RepID=Y") == 86661
    assert taxid_of("BOX=12") is None
    assert (
        refseq_modality("XR_1.1", "x.genomic.fna.gz") == "rna" and refseq_modality("NC_1.1", "x.1.genomic.fna") == "dna"
    )
