"""The world has every planted peculiarity, and its coordinates spell its truth."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from bsm.base.alphabet import reverse_complement
from bsm.base.codes import translate
from bsm.base.config.miniature import MiniatureSettings, SpeciesSettings, WorldSettings
from bsm.miniature.model import Contig, Gene, Transcript, World
from bsm.miniature.world import MIN_HELD_OUT, build_world


def all_genes(world: World) -> list[tuple[Contig, Gene]]:
    contigs = {c.accession: c for s in (*world.species, *world.gene_species) for c in s.contigs}
    return [(contigs[g.contig], g) for s in (*world.species, *world.gene_species) for g in s.genes]


def letters_at(contig: Contig, start: int, end: int, strand: int) -> str:
    """Letters of an interval; on a circular contig it may run past the end."""
    letters = contig.letters
    piece = letters[start:end] if end <= len(letters) else letters[start:] + letters[: end - len(letters)]
    return piece if strand > 0 else reverse_complement(piece)


def spelled(contig: Contig, gene: Gene, transcript: Transcript) -> str:
    """Coding letters by coordinates alone."""
    strands = transcript.coding_strands or (gene.strand,) * len(transcript.coding)
    return "".join(letters_at(contig, *block, strand) for block, strand in zip(transcript.coding, strands, strict=True))


def test_every_planted_peculiarity_exists(world):
    found = Counter(gene.special for species in world.species for gene in species.genes)
    wanted = {
        "selenocysteine", "ribosomal_slippage", "trans_splicing", "origin_crossing", "partial_5", "partial_3",
        "pseudogene", "poly_a_stop", "alternative_start", "differing_transcript",
    }  # fmt: skip
    assert wanted <= found.keys()
    assert found["trans_splicing"] == 1


def test_the_codes_2_11_and_12_are_in_use(world):
    codes = Counter(gene.genetic_code for species in world.species for gene in species.genes if gene.family is not None)
    assert codes.keys() == {1, 2, 11, 12}
    assert min(codes.values()) >= 5
    yeast = next(s for s in world.species if s.settings.nuclear_code == 12)
    ctg_as_serine = [
        t for g in yeast.genes for t in g.transcripts
        if any(t.cds[i : i + 3] == "ctg" for i in range(0, len(t.cds), 3))
    ]  # fmt: skip
    assert ctg_as_serine
    assert all(translate(t.cds, 1) != translate(t.cds, 12) for t in ctg_as_serine)


def test_dna_of_every_gene_stands_on_its_contig(world):
    for contig, gene in all_genes(world):
        parts = gene.parts or ((gene.start, gene.end, gene.strand),)
        assert "".join(letters_at(contig, *part) for part in parts) == gene.dna


def test_coordinates_spell_transcripts_and_coding_sequences(world):
    for contig, gene in all_genes(world):
        for transcript in gene.transcripts:
            assert spelled(contig, gene, transcript)[transcript.phase :] == transcript.cds
            rna = "".join(letters_at(contig, *exon, gene.strand) for exon in transcript.exons)
            if gene.special == "differing_transcript" and transcript.exception:
                assert sum(a != b for a, b in zip(rna, transcript.rna, strict=True)) == 4
            elif gene.biotype != "pseudogene":
                assert rna == transcript.rna


def test_coding_sequences_translate_to_their_proteins(world):
    for _, gene in all_genes(world):
        for transcript in gene.transcripts:
            if transcript.cds and gene.special not in ("selenocysteine", "alternative_start"):
                end = "" if gene.special in ("partial_3", "poly_a_stop") else "*"
                assert translate(transcript.cds, gene.genetic_code) == transcript.protein + end


def test_genes_stand_on_both_strands_and_do_not_overlap(world):
    by_contig: dict[str, list[Gene]] = {}
    for _, gene in all_genes(world):
        by_contig.setdefault(gene.contig, []).append(gene)
    for genes in by_contig.values():
        assert {gene.strand for gene in genes} == {1, -1}
        plain = sorted((g.start, g.end) for g in genes if not g.parts)
        assert all(left[1] <= right[0] for left, right in pairwise(plain))


def test_genes_of_the_vertebrate_have_isoforms_and_introns(world):
    genes = [g for g in world.species[0].genes if g.biotype == "protein_coding"]
    spliced = [g for g in genes if len(g.transcripts[0].exons) > 1]
    assert 0.1 < len(spliced) / len(genes) < 0.35
    assert sum(len(g.transcripts) > 1 for g in genes) >= 10


def test_identifiers_are_unique(world):
    genes = [gene for _, gene in all_genes(world)]
    assert len({g.gene_id for g in genes}) == len(genes)
    assert len({g.locus_tag for g in genes}) == len(genes)
    for attribute in ("transcript_id", "protein_id"):
        names = [getattr(t, attribute) for g in genes for t in g.transcripts if getattr(t, attribute)]
        assert len(set(names)) == len(names)
    symbols = Counter((g.species, g.symbol) for g in genes)
    assert max(symbols.values()) == 1


def test_held_out_genes_are_many_and_written_nowhere(world):
    assert len(world.held_out_genes) >= MIN_HELD_OUT
    everything = "|".join(c.letters for s in (*world.species, *world.gene_species) for c in s.contigs)
    both = everything + "|" + reverse_complement(everything.replace("|", "n"))
    assert not any(gene.transcripts[0].cds in both for gene in world.held_out_genes)
    published = {t.protein for _, g in all_genes(world) for t in g.transcripts}
    assert not any(gene.transcripts[0].protein in published for gene in world.held_out_genes)


def test_one_species_is_in_genbank_only(world):
    assert [s.is_genbank for s in world.species] == [False, False, False, True]


@pytest.mark.parametrize("code", [1, 11, 12])
def test_a_world_of_one_tiny_species_is_possible(code):
    species = SpeciesSettings(name="Miniatura sola", taxid=7, n_genes=1, nuclear_code=code, mitochondrion=code == 1)
    world = build_world(
        MiniatureSettings(world=WorldSettings(species=[species], n_protein_families=2, n_ncrna_families=1,
                                              n_gene_species=1, n_genes_per_gene_species=1))
    )  # fmt: skip
    assert not world.species[0].is_genbank
    for contig, gene in all_genes(world):
        assert spelled(contig, gene, gene.transcripts[0])[gene.transcripts[0].phase :] == gene.transcripts[0].cds
