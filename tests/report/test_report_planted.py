"""Planted and found, on hand-made truths: every right, missing and wrong answer is counted where it belongs."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bsm.base.errors import InputError
from bsm.base.tables import FOUND, GENES, HITS, write_table
from bsm.report.planted import planted_rows


def gene(gene_id, transcript="t", status="kept", **letters):
    values = {"dna": "acgt", "rna": "acg", "cds": "atg", "protein": "M", **letters}
    return {"gene_id": gene_id, "transcript_id": transcript, "protein_id": "p", "status": status, **values}


def planted_gene(gene_id, source="refseq_pairs", part="species_a", expected="kept", special="", **more):
    values = {k: v for k, v in gene(gene_id, **more).items() if k != "status"}
    return {"source": source, "part": part, "expected": expected, "special": special, **values}


def span(document, start, sequence, modality="dna", kind="sequence", layout="fasta"):
    return {"document_id": document, "start": start, "end": start + 10, "modality": modality, "sequence": sequence,
            "kind": kind, "layout": layout}  # fmt: skip


def leak(item, record_name, kind="exact", corpus="uniprot"):
    return {"task": "ppi", "dataset": "ppi", "item_id": item, "role": "a", "kind": kind, "identity": 1.0,
            "corpus": corpus, "record_name": record_name, "start": 0, "end": 9, "strand": 1}  # fmt: skip


def truth(tmp_path, pairs=(), web=(), leaks=()):
    """A truth folder; a table without rows gets the columns of a sample row."""
    samples = {"pairs": planted_gene("g"), "web": span("d", 0, "a"), "leaks": leak("i", "r")}
    for name, rows in (("pairs", pairs), ("web", web), ("leaks", leaks)):
        (tmp_path / "truth").mkdir(exist_ok=True)
        table = pa.Table.from_pylist(list(rows) or [samples[name]])
        pq.write_table(table.slice(0, len(rows)), tmp_path / "truth" / f"{name}.parquet")
    return tmp_path / "truth"


def result(folder, genes=(), found=(), hits=()):
    rows = planted_rows(folder, "mini", genes, found, hits)
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


def test_of_sampled_genes_only_those_in_the_sample_are_expected(tmp_path):
    folder = truth(tmp_path, pairs=[planted_gene(g, source="gene_pairs", part="gene_pairs") for g in ("in", "out")])
    genes = table(tmp_path / "gene_pairs" / "all.genes.parquet", [gene("in")], GENES)
    assert result(folder, genes=[genes])["pairs", "gene_pairs", "kept: ordinary"] == (1, 1, 0)


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


def test_of_mirrored_pages_one_is_expected(tmp_path):
    shown = [("acgt", 0), ("ttt", 20)]
    folder = truth(tmp_path, web=[span(d, start, s) for d in ("page", "mirror") for s, start in shown])
    found = table(tmp_path / "web" / "all.found.parquet", [span("mirror", start, s) for s, start in shown], FOUND)
    assert result(folder, found=[found])["web", "web", "dna: fasta"] == (2, 2, 0)


NOT_PLANTED = ("leaks", "uniprot", "not planted")


@pytest.mark.parametrize(("record_id", "removed", "found", "n_others"), [
    ("uniprot:P1", True, 1, 0), ("uniprot:P1:0-50", True, 1, 0), ("uniprot:all:P1:t1", True, 1, 0),
    ("uniprot:P10", True, 0, 1), ("uniprot:P1", False, 0, 0),
])  # fmt: skip
def test_a_leak_is_found_where_the_item_was_removed_from_its_record(tmp_path, record_id, removed, found, n_others):
    folder = truth(tmp_path, leaks=[leak("item_1", "P1"), leak("item_2", "P1")])
    hit = {"task": "ppi", "dataset": "ppi", "item_id": "item_1", "role": "a", "source": "uniprot",
           "record_id": record_id, "removed": removed}  # fmt: skip
    hits = table(tmp_path / "uniprot" / "all.hits.parquet", [hit], HITS)
    others = {NOT_PLANTED: (0, 0, n_others)} if n_others else {}
    assert result(folder, hits=[hits]) == {("leaks", "uniprot", "exact: ppi"): (2, found, 0)} | others


def test_a_missing_truth_is_a_clear_error(tmp_path):
    with pytest.raises(InputError, match="no truth to compare with"):
        planted_rows(tmp_path, "mini", [], [], [])
