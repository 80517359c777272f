"""Recall by identity and kind, no false positives, and reported numbers that are true."""

from __future__ import annotations

import pytest
from Bio.Seq import Seq
from clean_reference import edits_between, stands_in

from bsm.base.alphabet import AMINO_ACIDS, Modality
from bsm.base.config.data import CleanSettings
from bsm.clean.items import Query
from bsm.clean.leaks import IN_NUCLEOTIDES, IN_PROTEIN, SAME, LeakSearch, Piece

DNA, PROTEIN = Modality.DNA, Modality.PROTEIN
LENGTHS = (30, 40, 60, 100, 200, 500, 1500)


def search(queries, pieces, **settings):
    return LeakSearch(queries, CleanSettings(**settings)).find(pieces)


def found(hits, **fields):
    return {h.query for h in hits if h.query == h.piece and all(getattr(h, k) == v for k, v in fields.items())}


def flipped(letters):
    return str(Seq(letters).reverse_complement())


@pytest.mark.parametrize(
    ("identity", "recall"), [(1.0, 1.0), (0.98, 1.0), (0.95, 0.995), (0.91, 0.94)], ids=["100", "98", "95", "91"]
)
def test_nucleotide_recall_with_indels_on_both_strands(maker, identity, recall):
    items = [maker.dna(maker.random.choice(LENGTHS)) for _ in range(400)]
    copies = [maker.edited(s, int((1 - identity) * len(s) + 1e-9)) for s in items]
    records = [maker.dna(200) + (flipped(c) if i % 2 else c) + maker.dna(200) for i, c in enumerate(copies)]
    hits = search([Query(DNA, s) for s in items], [Piece(DNA, r, 1) for r in records])
    assert len(found(hits)) >= recall * len(items)
    assert all(h.query == h.piece for h in hits)
    assert all(h.strand == (-1 if h.query % 2 else 1) for h in hits)


@pytest.mark.parametrize(("identity", "recall"), [(1.0, 1.0), (0.95, 1.0), (0.91, 0.99)], ids=["100", "95", "91"])
def test_protein_recall_with_indels(maker, identity, recall):
    items = [maker.protein(maker.random.choice((30, 60, 150, 400))) for _ in range(300)]
    copies = [maker.edited(s, int((1 - identity) * len(s) + 1e-9)) for s in items]
    pieces = [Piece(PROTEIN, maker.protein(50) + c + maker.protein(50), 1) for c in copies]
    hits = search([Query(PROTEIN, s) for s in items], pieces)
    assert len(found(hits, kind=SAME)) >= recall * len(items)
    assert all(h.query == h.piece for h in hits)


@pytest.mark.parametrize("table_id", [1, 2, 12])
def test_protein_hidden_in_dna_is_found_in_each_of_six_frames(maker, table_id):
    items = [maker.protein(40) for _ in range(60)]
    pieces = []
    for i, protein in enumerate(items):
        letters = maker.dna(60 + i % 3) + maker.coding(protein, table_id) + maker.dna(60)
        pieces.append(Piece(DNA, flipped(letters) if i % 6 >= 3 else letters, table_id))
    hits = search([Query(PROTEIN, s) for s in items], pieces)
    assert len(found(hits, kind=IN_NUCLEOTIDES)) == 60
    for h in hits:
        record = pieces[h.piece].sequence
        coding = record[h.start : h.end] if h.strand == 1 else flipped(record[h.start : h.end])
        assert str(Seq(coding).translate(table=table_id)) == items[h.query][h.item_start : h.item_end]


@pytest.mark.parametrize("table_id", [1, 2, 4, 5, 12])
def test_a_protein_is_found_where_the_genetic_code_is_not_known(maker, table_id):
    """Composition of mitochondrial proteins: much M and W, which codes 2, 4 and 5 also spell ATA and TGA."""
    items = ["M" + "".join(maker.random.choices(AMINO_ACIDS + "MMWWLLLIISS", k=maker.random.choice((19, 40, 99, 400))))
             for _ in range(80)]  # fmt: skip
    pieces = []
    for i, protein in enumerate(items):
        cds = maker.coding(protein, table_id)
        middle = 3 * (len(protein) // 2)
        intron = maker.dna(300) if len(protein) >= 100 and i % 2 else ""
        letters = maker.dna(60 + i % 3) + cds[:middle] + intron + cds[middle:] + maker.dna(60)
        pieces.append(Piece(DNA, flipped(letters) if i % 6 >= 3 else letters, None))
    hits = [h for h in search([Query(PROTEIN, s) for s in items], pieces) if h.meets]
    assert len(found(hits, kind=IN_NUCLEOTIDES)) >= 78
    assert all(h.query == h.piece for h in hits)


@pytest.mark.parametrize("table_id", [2, 4, 12])
def test_the_protein_of_a_coding_item_is_found_whatever_its_genetic_code(maker, table_id):
    proteins = [maker.protein(100) for _ in range(30)]
    queries = [Query(DNA, "taa" + maker.coding(p, table_id) + "taa") for p in proteins]
    hits = search(queries, [Piece(PROTEIN, p, None) for p in proteins])
    assert found([h for h in hits if h.meets], kind=IN_PROTEIN) == set(range(30))


def test_protein_and_rna_are_found_across_introns_and_frame_shifts(maker):
    proteins = [maker.protein(120) for _ in range(20)]
    records = []
    for i, protein in enumerate(proteins):
        cds = maker.coding(protein)
        exons = cds[:121], cds[121:250], cds[250:]
        gene = maker.dna(90) + exons[0] + maker.dna(300) + exons[1] + maker.dna(5001) + exons[2] + maker.dna(90)
        records.append(gene if i % 2 else flipped(gene))
    rnas = [maker.dna(0) + "".join(r) for r in ([maker.dna(90), maker.dna(150)] for _ in range(20))]
    records += [maker.dna(50) + r[:90] + maker.dna(900) + r[90:] + maker.dna(50) for r in rnas]
    queries = [Query(PROTEIN, p) for p in proteins] + [Query(Modality.RNA, r) for r in rnas]
    hits = search(queries, [Piece(DNA, r, 1) for r in records])
    assert found([h for h in hits if h.meets]) == set(range(40))
    assert not found(search(queries, [Piece(DNA, r, 1) for r in records], search={"max_intron_nt": 0}))


def test_the_protein_of_a_coding_item_is_found_in_a_protein_corpus(maker):
    proteins = [maker.protein(45) for _ in range(40)]
    genes = [maker.dna(30) + "taa" + maker.coding(p) + "tag" + maker.dna(30) for p in proteins]
    genes = [flipped(g) if i % 2 else g for i, g in enumerate(genes)]
    hits = search([Query(DNA, g) for g in genes], [Piece(PROTEIN, p, 1) for p in proteins])
    assert found(hits, kind=IN_PROTEIN) == set(range(40))
    for h in hits:
        part = genes[h.query][h.item_start : h.item_end]
        assert str(Seq(part if h.strand == 1 else flipped(part)).translate()) == proteins[h.piece][h.start : h.end]


def test_mutated_proteins_are_found_across_introns(maker):
    proteins = [maker.protein(200) for _ in range(40)]
    records = []
    for protein in proteins:
        cds = maker.coding(maker.edited(protein, 5))
        records.append(maker.dna(60) + cds[:200] + maker.dna(800) + cds[200:] + maker.dna(60))
    hits = search([Query(PROTEIN, p) for p in proteins], [Piece(DNA, r, 1) for r in records])
    assert len(found([h for h in hits if h.meets])) >= 39


def test_one_exon_is_not_its_gene_but_all_exons_are(maker):
    """A protein that shares one exon's stretch with an item stays; the item's own product does not."""
    protein = maker.protein(120)
    exons = [maker.coding(protein[a:b]) for a, b in ((0, 45), (45, 70), (70, 120))]
    gene = ("tagctaattag" + maker.dna(400) + "tagctaattag").join(exons)
    relative = maker.protein(60) + protein[45:70] + maker.protein(60)[1:]
    hits = search([Query(DNA, gene)], [Piece(PROTEIN, protein, 1), Piece(PROTEIN, relative, 1)])
    assert {h.piece for h in hits if h.meets} == {0}
    assert {h.piece for h in hits} == {0, 1}


def test_short_items_are_found_by_exact_containment_only(maker):
    items = [maker.dna(n) for n in (15, 18, 24, 29)]
    exact = [maker.dna(100) + (flipped(s) if i % 2 else s) + maker.dna(100) for i, s in enumerate(items)]
    near = [maker.dna(100) + s[:-2] + ("a" if s[-2] != "a" else "c") + s[-1] + maker.dna(100) for s in items]
    queries = [Query(DNA, s) for s in items]
    assert found(search(queries, [Piece(DNA, r, 1) for r in exact])) == {0, 1, 2, 3}
    assert not search(queries, [Piece(DNA, r, 1) for r in near])
    peptides = ["MKTAYIA", "WDERQCHKLMNP"]
    queries = [Query(PROTEIN, p) for p in peptides]
    assert found(search(queries, [Piece(PROTEIN, "GSHM" + p + "LEHH", 1) for p in peptides])) == {0, 1}


def test_what_cannot_be_searched_is_named(maker):
    queries = [Query(DNA, "acgtacg"), Query(DNA, "a" * 60), Query(DNA, maker.dna(60)), Query(PROTEIN, "QQQQQQQQQQQ")]
    reasons = {q.sequence: reason for q, reason in LeakSearch(queries, CleanSettings()).unsearched()}
    assert reasons == {"acgtacg": "too_short_to_search", "a" * 60: "low_complexity_not_searched",
                       "QQQQQQQQQQQ": "low_complexity_not_searched"}  # fmt: skip


@pytest.mark.parametrize("level", ["strict", "family"])
def test_nothing_is_found_in_unrelated_and_shuffled_sequences(maker, level):
    genes, proteins = [maker.dna(300) for _ in range(150)], [maker.protein(100) for _ in range(150)]
    queries = [Query(DNA, g) for g in genes] + [Query(PROTEIN, p) for p in proteins]
    pieces = [Piece(DNA, maker.shuffled(g), 1) for g in genes] + [Piece(DNA, maker.dna(20_000), 1)]
    pieces += [Piece(PROTEIN, maker.shuffled(p), 1) for p in proteins] + [Piece(PROTEIN, maker.protein(20_000), 1)]
    assert search(queries, pieces, level=level) == []


def test_family_level_finds_distant_proteins(maker):
    items = [maker.protein(200) for _ in range(60)]
    pieces = [Piece(PROTEIN, maker.substituted(s, 0.4), 1) for s in items]
    queries = [Query(PROTEIN, s) for s in items]
    assert len(found([h for h in search(queries, pieces, level="family") if h.meets])) >= 57
    assert not search(queries, pieces)


def test_reported_spans_and_identities_are_true(maker):
    items = [maker.dna(120) for _ in range(60)]
    records = [maker.dna(80) + maker.edited(s, 1 + i % 10) + maker.dna(80) for i, s in enumerate(items)]
    for h in search([Query(DNA, s) for s in items], [Piece(DNA, r, 1) for r in records]):
        part, copy = items[h.query][h.item_start : h.item_end], records[h.piece][h.start : h.end]
        assert h.coverage == pytest.approx(len(part) / 120)
        n_columns_least = max(len(part), len(copy))
        assert edits_between(part, copy) <= (1 - h.identity) * (n_columns_least + 10) + 1e-9
        assert h.identity >= (0.95 if h.meets else 0.9) - 1e-9


def test_search_agrees_with_the_exhaustive_check(maker):
    """Whatever a plain edit-distance search over every position calls a copy is found, and nothing far from one."""
    items = [maker.dna(n) for n in (40, 60, 80, 120, 160) for _ in range(8)]
    records = []
    for i, s in enumerate(items):
        copy = maker.edited(s, i % 8 * len(s) // 50)
        records.append(maker.dna(150) + (flipped(copy) if i % 3 == 0 else copy) + maker.dna(150))
    meets = {(h.query, h.piece) for h in search([Query(DNA, s) for s in items], [Piece(DNA, r, 1) for r in records])
             if h.meets}  # fmt: skip
    for i, s in enumerate(items):
        for j, r in enumerate(records):
            if i == j or (i + j) % 5 == 0:
                if stands_in(s, r, 0.96, 1.0):
                    assert (i, j) in meets
                if not stands_in(s, r, 0.85, 0.75):
                    assert (i, j) not in meets


def test_every_copy_in_a_record_is_found_not_only_the_best(maker):
    s = maker.dna(200)
    record = maker.dna(100) + s + maker.dna(50) + maker.edited(s, 4) + s + maker.dna(100) + flipped(s)
    spans = [(h.start, h.strand) for h in search([Query(DNA, s)], [Piece(DNA, record, 1)]) if h.meets]
    assert len(spans) == 4
    assert sorted(strand for _, strand in spans) == [-1, 1, 1, 1]


def test_frequent_seeds_do_not_cost_recall(maker):
    """Hundreds of near-identical family members: every k-mer stands in most of them, and still each is found."""
    founder = maker.dna(120)
    items = sorted({maker.edited(founder, 3, indels=False) for _ in range(160)})
    hits = search([Query(DNA, s) for s in items], [Piece(DNA, s, 1) for s in items])
    assert {(h.query, h.piece) for h in hits if h.identity == h.coverage == 1.0} == {(i, i) for i in range(len(items))}
