"""Planted leaks: every item stands in its record at the stated place, identity, strand and kind."""

from __future__ import annotations

from collections import Counter

import pytest
from Bio.Align import PairwiseAligner
from Bio.Seq import Seq

from bsm.base.alphabet import reverse_complement
from bsm.miniature.leaked_genes import with_leaked_genes
from bsm.miniature.leaks import HIDDEN, MIN_SPLICED_AA, own_codons, plan_leaks, plans

PROTEIN_ONLY = {"ppi", "protloc", "protstab"}
NUCLEOTIDE_ONLY = {"ncrnafam", "ncrna_fitness"}


def item_of(items, record) -> tuple[dict, str]:
    [row] = [row for row in items[record.dataset] if row["item_id"] == record.item_id]
    return row, row[f"sequence_{record.role}"]


def test_every_kind_is_planted_for_every_data_set_that_it_makes_sense_for(world, items, planted):
    expected = {
        (dataset, plan.kind, plan.code): plan.n
        for dataset in items if dataset != "private_code"
        for plan in plans(world.settings.leaks)
        if not (plan.kind == "reverse_complement" and dataset in PROTEIN_ONLY)
        and not (plan.kind in (*HIDDEN, "gene_product") and dataset in NUCLEOTIDE_ONLY)
    }  # fmt: skip
    long = {row["sequence_a"] for row in items["protein_fitness"] if row["mutant"] == "WT"}
    n_long = sum(len(letters) >= MIN_SPLICED_AA for letters in long)
    spliced = ("protein_fitness", "spliced_protein_in_dna", 1)
    expected[spliced] = min(expected[spliced], n_long)  # an assay is planted through its wild type
    assert {code for _, _, code in expected} == {None, 1, 2, 12}
    assert Counter((record.dataset, record.kind, record.genetic_code) for record in planted) == expected
    corpora = {"uniprot", "colabfold", "refseq_nucleotides", "refseq_pairs", "web"}
    assert {record.corpus for record in planted} == corpora
    assert len({record.name for record in planted}) == len(planted)


def test_only_test_and_validation_items_of_fair_length_are_planted(world, items, planted):
    for record in planted:
        row, letters = item_of(items, record)
        assert row["split"] != "train" and len(letters) >= 25
        assert row["mutant"] in (None, "WT")


def test_exact_copies_and_reverse_complements_stand_letter_by_letter(items, planted):
    for record in planted:
        _, letters = item_of(items, record)
        copy = record.letters[record.start : record.end]
        if record.kind == "exact":
            assert copy == letters and record.identity == 1.0
        if record.kind == "reverse_complement":
            assert str(Seq(copy).reverse_complement()) == letters and record.strand == -1


def test_mutated_copies_align_at_the_stated_identity(world, items, planted):
    aligner = PairwiseAligner(mode="global", match_score=2, mismatch_score=-1, open_gap_score=-3, extend_gap_score=-1)
    low, high = world.settings.leaks.mutated_identity
    mutated = [record for record in planted if record.kind == "mutated"]
    for record in mutated:
        _, letters = item_of(items, record)
        alignment = aligner.align(letters, record.letters[record.start : record.end])[0]
        counts = alignment.counts()
        identity = counts.identities / (counts.identities + counts.mismatches + counts.gaps)
        assert identity == pytest.approx(record.identity, abs=1.01 / len(letters)) and identity < 1
        assert low - 1e-9 <= record.identity < max(high, 1 - 0.5 / len(letters)) + 0.5 / len(letters)
    assert any(len(item_of(items, r)[1]) != r.end - r.start for r in mutated), "an indel now and then"


def test_hidden_proteins_are_spelt_by_the_stated_strand_in_several_frames(items, planted):
    hidden = [record for record in planted if record.kind == "protein_in_dna"]
    in_files = [record for record in hidden if record.corpus == "refseq_nucleotides"]
    for record in hidden:
        _, protein = item_of(items, record)
        assert record.corpus in ("refseq_nucleotides", "web")
        assert str(Seq(coding_of(record)).translate(record.genetic_code)) == protein
    assert {record.start % 3 for record in in_files} == {0, 1, 2} and {record.strand for record in hidden} == {1, -1}


def coding_of(record) -> str:
    return record.copy if record.strand > 0 else reverse_complement(record.copy)


def test_under_another_code_only_that_code_reads_the_protein(items, planted):
    others = [record for record in planted if record.genetic_code not in (None, 1)]
    assert {record.genetic_code for record in others} == {2, 12}
    for record in others:
        protein, coding = item_of(items, record)[1], Seq(coding_of(record))
        standard = str(coding.translate())
        changed = sum(a != b for a, b in zip(standard, protein, strict=True))
        assert str(coding.translate(record.genetic_code)) == protein
        assert changed == sum(map(protein.count, own_codons(record.genetic_code))) > 0


def test_codons_of_a_codes_own_are_those_of_ncbis_table():
    assert own_codons(1) == own_codons(11) == {}
    assert own_codons(2) == {"M": "ata", "W": "tga"} and own_codons(12) == {"S": "ctg"}


def test_a_spliced_protein_is_read_where_one_gt_ag_intron_is_cut_out(items, planted):
    spliced = [record for record in planted if record.kind == "spliced_protein_in_dna"]
    for record in spliced:
        protein, letters = item_of(items, record)[1], coding_of(record)
        n_intron = len(letters) - 3 * len(protein)
        read = [
            at for at in range(len(letters) - n_intron + 1)
            if letters.startswith("gt", at) and letters.endswith("ag", 0, at + n_intron)
            and str(Seq(letters[:at] + letters[at + n_intron :]).translate()) == protein
        ]  # fmt: skip
        assert read and 20 <= n_intron <= 60 and len(protein) >= MIN_SPLICED_AA
    assert {record.strand for record in spliced} == {1, -1}


def test_leaked_genes_stand_on_a_contig_of_the_genbank_species_and_nothing_else_changes(world, items, planted):
    larger = with_leaked_genes(world, planted)
    assert larger.species[:-1] == world.species[:-1] and larger.gene_species == world.gene_species
    host, before = larger.species[-1], world.species[-1]
    assert host.is_genbank and host.contigs[:-1] == before.contigs
    genes = host.genes[len(before.genes) :]
    assert host.genes[: len(before.genes)] == before.genes
    products = {f"miniatura_florida:{g.locus_tag}:gnl|WGS:MIN4|mrna.{g.locus_tag}": g for g in genes}
    leaked = {record.name: item_of(items, record)[1] for record in planted if record.kind == "gene_product"}
    assert {name: gene.transcripts[0].protein for name, gene in products.items()} == leaked and leaked
    for gene in genes:
        letters = host.contigs[-1].letters[gene.start : gene.end]
        assert gene.dna == (letters if gene.strand > 0 else reverse_complement(letters))
        assert str(Seq(gene.transcripts[0].cds).translate()) == gene.transcripts[0].protein + "*"
    all_genes = [gene for species in (*larger.species, *larger.gene_species) for gene in species.genes]
    assert len({gene.gene_id for gene in all_genes}) == len({gene.locus_tag for gene in all_genes}) == len(all_genes)
    proteins = [t.protein_id for gene in all_genes for t in gene.transcripts if t.protein_id]
    assert len(set(proteins)) == len(proteins)


def test_leaks_of_several_kinds_stand_on_web_pages(planted):
    assert len({record.kind for record in planted if record.corpus == "web"}) >= 4


def test_nothing_but_the_planted_items_stands_in_the_genomes(world, items):
    contigs = [contig.letters for species in (*world.species, *world.gene_species) for contig in species.contigs]
    text = "|".join(contigs + [reverse_complement(letters) for letters in contigs])
    genes = [gene for species in (*world.species, *world.gene_species) for gene in species.genes]
    proteins = {transcript.protein for gene in genes for transcript in gene.transcripts}
    for rows in items.values():
        for row in rows:
            for role in "ab":
                letters, modality = row[f"sequence_{role}"], row[f"modality_{role}"]
                assert letters is None or letters not in (proteins if modality == "protein" else text)


def test_the_plan_is_a_pure_function_of_world_and_items(world, items, planted):
    assert plan_leaks(world, items) == planted
