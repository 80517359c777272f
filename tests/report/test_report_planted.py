"""Planted and found, on hand-made truths: every right, missing and wrong answer is counted where it belongs."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bsm.base.errors import InputError
from bsm.base.filelist import RawFile, write_file_list
from bsm.base.tables import CLEAN, FOUND, GENES, HITS, write_table
from bsm.report.planted import Answers, planted_rows


def gene(gene_id, transcript="t", status="kept", **letters):
    values = {"dna": "acgt", "rna": "acg", "cds": "atg", "protein": "M", **letters}
    return {"gene_id": gene_id, "transcript_id": transcript, "protein_id": "p", "status": status, **values}


def planted_gene(gene_id, source="refseq_pairs", part="species_a", expected="kept", special="", **more):
    values = {k: v for k, v in gene(gene_id, **more).items() if k != "status"}
    return {"source": source, "part": part, "expected": expected, "special": special, **values}


def span(document, start, sequence, modality="dna", kind="sequence", layout="fasta"):
    return {"document_id": document, "start": start, "end": start + 10, "modality": modality, "sequence": sequence,
            "kind": kind, "layout": layout}  # fmt: skip


LETTERS = "MKVLAWYTRG"


def leak(item, record_name, kind="exact", corpus="uniprot", **more):
    return {"task": "ppi", "dataset": "ppi", "item_id": item, "role": "a", "kind": kind, "identity": 1.0,
            "corpus": corpus, "record_name": record_name, "start": 20, "end": 20 + len(LETTERS), "strand": 1,
            "genetic_code": None, "modality": "protein", "letters": LETTERS, **more}  # fmt: skip


def truth(tmp_path, pairs=(), web=(), leaks=()):
    """A truth folder; a table without rows gets the columns of a sample row."""
    samples = {"pairs": planted_gene("g"), "web": span("d", 0, "a"), "leaks": leak("i", "r")}
    for name, rows in (("pairs", pairs), ("web", web), ("leaks", leaks)):
        (tmp_path / "truth").mkdir(exist_ok=True)
        table = pa.Table.from_pylist(list(rows) or [samples[name]])
        pq.write_table(table.slice(0, len(rows)), tmp_path / "truth" / f"{name}.parquet")
    return tmp_path / "truth"


def result(folder, **answers):
    rows = planted_rows(folder, "mini", Answers(**answers))
    return {(r["subject"], r["source"], r["kind"]): (r["planted"], r["found"], r["wrongly_found"]) for r in rows}


def table(path, rows, schema):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, rows, schema)
    return path


def test_a_gene_counts_as_found_only_where_every_letter_agrees(tmp_path):
    folder = truth(tmp_path, pairs=[
        planted_gene("exact"), planted_gene("one_letter"), planted_gene("absent"), planted_gene("was_rejected"),
        planted_gene("slip", special="ribosomal slippage"), planted_gene("other", part="species_b"),
    ])  # fmt: skip
    genes = table(tmp_path / "refseq_pairs" / "species_a.genes.parquet", [
        gene("exact"), gene("one_letter", rna="acc"), gene("was_rejected", status="rejected"), gene("slip"),
    ], GENES)  # fmt: skip
    assert result(folder, genes=[genes]) == {
        ("pairs", "refseq_pairs", "kept: ordinary"): (4, 1, 0),
        ("pairs", "refseq_pairs", "kept: ribosomal slippage"): (1, 1, 0),
        ("pairs", "refseq_pairs", "not planted"): (0, 0, 1),
    }


def test_a_gene_to_be_rejected_is_right_where_it_was_not_kept(tmp_path):
    folder = truth(tmp_path, pairs=[
        planted_gene("pseudo_1", expected="rejected", special="pseudo", protein=None),
        planted_gene("pseudo_2", expected="rejected", special="pseudo", protein=None),
    ])  # fmt: skip
    genes = table(tmp_path / "refseq_pairs" / "species_a.genes.parquet", [
        gene("pseudo_1", status="rejected"), gene("pseudo_2"),
    ], GENES)  # fmt: skip
    assert result(folder, genes=[genes]) == {
        ("pairs", "refseq_pairs", "rejected: pseudo"): (2, 1, 1),
        ("pairs", "refseq_pairs", "not planted"): (0, 0, 0),
    }


def test_without_a_transcript_the_coding_letters_may_stand_as_the_rna(tmp_path):
    folder = truth(tmp_path, pairs=[planted_gene(g, rna=None) for g in ("none", "cds", "other")])
    genes = table(tmp_path / "refseq_pairs" / "species_a.genes.parquet", [
        gene("none", rna=None), gene("cds", rna="atg"), gene("other", rna="acgt"),
    ], GENES)  # fmt: skip
    assert result(folder, genes=[genes])["pairs", "refseq_pairs", "kept: ordinary"] == (3, 2, 0)


def test_of_drawn_genes_those_that_acquire_drew_are_expected_found_or_not(tmp_path):
    names = ("found", "lost", "not_drawn")
    folder = truth(tmp_path, pairs=[planted_gene(g, source="gene_pairs", part="all") for g in names])
    genes = table(tmp_path / "gene_pairs" / "all.genes.parquet", [gene("found")], GENES)
    raw = tmp_path / "raw" / "gene_pairs" / "all"
    raw.mkdir(parents=True)
    (raw / "gene2accession.tsv").write_text("#tax_id\tGeneID\tstatus\n9\tfound\t-\n9\tlost\t-\n9\tlost\t-\n")
    write_file_list(raw / "list.csv", [RawFile("gene2accession", "gene2accession.tsv", "", "", 1, "", "", "")])
    numbers = result(folder, genes=[genes], file_lists=[raw / "list.csv"])
    assert numbers["pairs", "gene_pairs", "kept: ordinary"] == (2, 1, 0)
    assert result(folder, genes=[genes])["pairs", "gene_pairs", "kept: ordinary"] == (3, 1, 0)


def test_web_sequences_are_counted_by_modality_and_layout_and_look_alikes_by_overlap(tmp_path):
    folder = truth(tmp_path, web=[
        span("d1", 0, "acgt"), span("d1", 20, "MKV", "protein", layout="table"), span("d1", 40, "acgtt"),
        span("d2", 0, None, None, "look_alike", "hash"), span("d2", 50, None, None, "look_alike", "hash"),
    ])  # fmt: skip
    found = table(tmp_path / "web" / "all.found.parquet", [
        span("d1", 0, "acgt"), span("d1", 20, "MKV", "protein"), span("d1", 40, "acg"), span("d2", 5, "ccc"),
        span("d9", 0, "ggg"),
    ], FOUND)  # fmt: skip
    assert result(folder, found=[found]) == {
        ("web", "web", "dna: fasta"): (2, 1, 0),
        ("web", "web", "protein: table"): (1, 1, 0),
        ("web", "web", "look-alike: hash"): (2, 1, 1),
        ("web", "web", "not planted"): (0, 0, 2),
    }


def test_both_of_two_mirrored_pages_are_expected(tmp_path):
    shown = [("acgt", 0), ("ttt", 20)]
    folder = truth(tmp_path, web=[span(d, start, s) for d in ("page", "mirror") for s, start in shown])
    found = table(tmp_path / "web" / "all.found.parquet", [span("mirror", start, s) for s, start in shown], FOUND)
    assert result(folder, found=[found])["web", "web", "dna: fasta"] == (4, 2, 0)


def test_a_sequence_found_at_another_place_is_not_the_planted_one(tmp_path):
    folder = truth(tmp_path, web=[span("d", 0, "acgt")])
    found = table(tmp_path / "web" / "all.found.parquet", [span("d", 1, "acgt")], FOUND)
    assert result(folder, found=[found]) == {
        ("web", "web", "dna: fasta"): (1, 0, 0), ("web", "web", "not planted"): (0, 0, 1),
    }  # fmt: skip


def test_one_span_over_two_look_alikes_is_two_wrong_answers_and_hides_no_other(tmp_path):
    folder = truth(tmp_path, web=[span("d", start, None, None, "look_alike", "hash") for start in (0, 12)])
    wide = span("d", 5, "ccc") | {"end": 15}
    found = table(tmp_path / "web" / "all.found.parquet", [wide, span("d", 90, "ggg")], FOUND)
    assert result(folder, found=[found]) == {
        ("web", "web", "look-alike: hash"): (2, 0, 2), ("web", "web", "not planted"): (0, 0, 1),
    }  # fmt: skip


NOT_PLANTED = ("leaks", "uniprot", "not planted")
EXACT, STILL = ("leaks", "uniprot", "exact: ppi"), ("leaks", "uniprot", "still there: ppi")


def hit(record_id, item="item_1", start=25, removed=True, **more):
    return {"task": "ppi", "dataset": "ppi", "item_id": item, "role": "a", "source": "uniprot", "piece": 0,
            "record_id": record_id, "start": start, "end": start + 5, "removed": removed, **more}  # fmt: skip


def clean_row(record_id, sequence, start=0, accession="P1", source="uniprot", piece=0):
    return {"record_id": record_id, "source": source, "accession": accession, "start": start, "piece": piece,
            "end": start + len(sequence), "sequence": sequence}  # fmt: skip


@pytest.mark.parametrize(("record_id", "start", "removed", "found", "n_others"), [
    ("uniprot:P1", 25, True, 1, 0), ("uniprot:P1:20-70", 5, True, 1, 0), ("uniprot:P10", 25, True, 0, 1),
    ("uniprot:P1", 25, False, 0, 0), ("uniprot:P1", 15, True, 0, 0), ("uniprot:P1", 30, True, 0, 0),
    ("uniprot:P1:20-70", 25, True, 0, 0),
])  # fmt: skip
def test_a_leak_is_found_where_the_item_was_removed_at_its_place(tmp_path, record_id, start, removed, found, n_others):
    folder = truth(tmp_path, leaks=[leak("item_1", "P1"), leak("item_2", "P1")])
    hits = table(tmp_path / "uniprot" / "all.hits.parquet", [hit(record_id, start=start, removed=removed)], HITS)
    others = {NOT_PLANTED: (0, 0, n_others)} if n_others else {}
    assert result(folder, hits=[hits]) == {EXACT: (2, found, 0)} | others


@pytest.mark.parametrize(("rest", "is_there"), [
    ("AAA" + LETTERS, True), ("AAA" + LETTERS[2:], True), ("AAA" + LETTERS[3:], False), ("AAA", False),
])  # fmt: skip
def test_a_leak_whose_letters_are_still_there_is_not_found(tmp_path, rest, is_there):
    folder = truth(tmp_path, leaks=[leak("item_1", "P1")])
    hits = table(tmp_path / "uniprot" / "all.hits.parquet", [hit("uniprot:P1")], HITS)
    clean = table(tmp_path / "uniprot.parquet", [clean_row("uniprot:P1", rest)], CLEAN)
    still = {STILL: (0, 0, 1)} if is_there else {}
    assert result(folder, hits=[hits], clean=[clean]) == {EXACT: (1, not is_there, 0)} | still


def test_nucleotides_are_looked_for_on_both_strands_of_what_is_left_of_their_record(tmp_path):
    planted = leak("item_1", "NZ_1.1", modality="dna", letters="acgttgcaat", genetic_code=2, kind="protein_in_dna")
    folder = truth(tmp_path, leaks=[planted])
    hits = table(tmp_path / "uniprot" / "all.hits.parquet", [hit("uniprot:NZ_1.1")], HITS)
    kind = ("leaks", "uniprot", "protein_in_dna (code 2): ppi")
    for rest, accession, is_there in (("ccattgcaacgt", "NZ_1.1", True), ("ccattgcaacgt", "NZ_2.1", False)):
        row = clean_row(f"uniprot:{accession}:50-62", rest, 50, accession)
        clean = table(tmp_path / "uniprot.parquet", [row], CLEAN)
        assert result(folder, hits=[hits], clean=[clean])[kind] == (1, not is_there, 0)


def test_in_a_document_the_hit_must_stand_on_the_piece_that_shows_the_item(tmp_path):
    folder = truth(tmp_path, leaks=[leak("item_1", "page", corpus="web", start=0, end=10)])
    found = table(tmp_path / "web" / "all.found.parquet", [span("page", 0, "acgt"), span("page", 20, LETTERS)], FOUND)
    for piece, n_found in ((0, 0), (1, 1)):
        rows = [hit("web:page", start=2, source="web", piece=piece)]
        hits = table(tmp_path / "web" / "all.hits.parquet", rows, HITS)
        assert result(folder, hits=[hits], found=[found])["leaks", "web", "exact: ppi"] == (1, n_found, 0)


def test_a_missing_truth_is_a_clear_error(tmp_path):
    with pytest.raises(InputError, match="no truth to compare with"):
        planted_rows(tmp_path, "mini", Answers())


@pytest.mark.parametrize("damage", [b"no table", None])
def test_a_damaged_or_older_truth_is_a_clear_error(tmp_path, damage):
    folder = truth(tmp_path)
    if damage:
        (folder / "leaks.parquet").write_bytes(damage)
    else:
        pq.write_table(pa.table({"task": ["ppi"]}), folder / "leaks.parquet")
    with pytest.raises(InputError, match=r"leaks\.parquet"):
        planted_rows(folder, "mini", Answers())
