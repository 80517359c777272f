"""Genes in their own coordinates: what is joined is what is translated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.codes import genetic_code, start_codons, translate
from bsm.base.randomness import generator
from bsm.miniature import specials
from bsm.miniature.codon_usage import back_translate, codon_weights
from bsm.miniature.genes import GeneLaws, join, project, protein_gene

PROTEINS = st.text(AMINO_ACIDS, min_size=14, max_size=50).map(lambda tail: "M" + tail)
CODES = st.sampled_from([1, 2, 11, 12])


def laws(code: int = 1, intron_share: float = 1.0, has_transcripts: bool = True) -> GeneLaws:
    return GeneLaws(0.45, code, codon_weights(1, "toy", 0.45, 1.0, code), intron_share, has_transcripts)


@given(PROTEINS, CODES, st.integers(0, 10**6))
def test_back_translation_reads_back_under_every_code(protein, code, seed):
    cds = back_translate(protein, laws(code).weights, generator(seed))
    assert translate(cds, code) == protein + "*"


def test_codon_weights_are_distributions_over_the_codes_own_codons():
    for code in (1, 2, 11, 12):
        weights = laws(code).weights
        assert all(sum(codons.values()) == pytest.approx(1) for codons in weights.values())
        assert {c: a for a, codons in weights.items() for c in codons} == genetic_code(code)
    assert "ctg" in laws(12).weights["S"]


@settings(deadline=None)
@given(PROTEINS, st.integers(0, 10**6))
def test_spliced_genes_make_their_protein_and_introns_are_gt_ag(protein, seed):
    gene = protein_gene(laws(), protein, 0, generator(seed))
    assert gene.isoforms[0].protein == protein
    for isoform in gene.isoforms:
        assert join(gene.dna, isoform.exons) == isoform.rna
        assert join(gene.dna, isoform.coding) == isoform.cds
        assert translate(isoform.cds) == isoform.protein + "*"
        for left, right in zip(isoform.exons, isoform.exons[1:], strict=False):
            assert gene.dna[left[1] :].startswith("gt")
            assert gene.dna[: right[0]].endswith("ag")
            assert right[0] - left[1] >= 20


def test_isoforms_differ_in_exons_and_protein():
    genes = [protein_gene(laws(), "M" + "ACDEFGHIKL" * 4, 0, generator(seed)) for seed in range(60)]
    two = [gene for gene in genes if len(gene.isoforms) == 2]
    assert len(two) >= 10
    for gene in two:
        first, second = gene.isoforms
        assert first.protein != second.protein
        skips = len(second.exons) < len(first.exons)
        assert skips or second.exons[-1] != first.exons[-1]
    assert {len(g.isoforms[1].exons) < len(g.isoforms[0].exons) for g in two} == {True, False}


def test_project_maps_spliced_intervals_to_blocks():
    assert project(((0, 10), (20, 30)), 8, 13) == ((8, 10), (20, 23))
    assert project(((0, 10), (20, 30)), 10, 12) == ((20, 22),)


@given(PROTEINS, st.integers(0, 10**6))
def test_slippage_reads_one_letter_twice(protein, seed):
    gene = specials.ribosomal_slippage(laws(), protein, 0, generator(seed))
    (isoform,) = gene.isoforms
    (_, end), (start, _) = isoform.coding
    assert start == end - 1
    assert translate(join(gene.dna, isoform.coding)) == protein + "*"
    assert translate(gene.dna[isoform.coding[0][0] : isoform.coding[1][1]]) != protein + "*"


@given(PROTEINS, st.integers(0, 10**6))
def test_selenocysteine_is_a_tga_inside(protein, seed):
    gene = specials.selenocysteine(laws(), protein, 0, generator(seed))
    (isoform,) = gene.isoforms
    ((start, end, amino_acid),) = isoform.exceptions
    assert (gene.dna[start:end], amino_acid) == ("tga", "Sec")
    site = (start - isoform.coding[0][0]) // 3
    assert isoform.protein[site] == "U"
    assert translate(isoform.cds)[site] == "*"


@given(PROTEINS, st.integers(0, 10**6))
def test_partial_genes_translate_from_their_first_whole_codon(protein, seed):
    gene = specials.partial_5(laws(), protein, 0, generator(seed))
    (isoform,) = gene.isoforms
    assert join(gene.dna, isoform.coding)[isoform.phase :] == isoform.cds
    assert translate(isoform.cds) == isoform.protein + "*"
    assert protein.endswith(isoform.protein)
    gene = specials.partial_3(laws(), protein, 0, generator(seed))
    assert translate(gene.isoforms[0].cds) == gene.isoforms[0].protein
    assert protein.startswith(gene.isoforms[0].protein)


@given(PROTEINS, st.integers(0, 10**6))
def test_a_mitochondrial_stop_is_completed_by_poly_a(protein, seed):
    gene = specials.poly_a_stop(laws(2, 0.0, False), protein, 0, generator(seed))
    (isoform,) = gene.isoforms
    missing = -len(isoform.cds) % 3
    assert missing in (1, 2)
    assert translate(isoform.cds + "a" * missing, 2) == protein + "*"


@given(PROTEINS, st.integers(0, 10**6))
def test_an_alternative_start_is_a_start_codon_that_is_not_atg(protein, seed):
    (isoform,) = specials.alternative_start_codon(laws(11, 0.0, False), protein, 0, generator(seed)).isoforms
    assert isoform.cds[:3] in start_codons(11) - {"atg"}
    assert translate(isoform.cds, 11)[1:] == protein[1:] + "*"


def test_a_pseudogene_does_not_read_through():
    gene = specials.pseudogene(laws(), "M" + "ACDEFGHIKL" * 3, 0, generator(1))
    assert "*" in translate(gene.dna)[:-2]
    assert len(gene.dna) % 3 == 2


def test_the_differing_transcript_keeps_its_coding_letters():
    gene = specials.differing_transcript(laws(), "M" + "ACDEFGHIKL" * 3, 0, generator(3))
    first = gene.isoforms[0]
    genomic = join(gene.dna, first.exons)
    assert sum(a != b for a, b in zip(genomic, first.rna, strict=True)) == 4
    assert join(gene.dna, first.coding) == first.cds
    assert first.cds in first.rna
