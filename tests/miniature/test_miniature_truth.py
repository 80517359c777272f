"""The truth: every pair, and entropies that agree with an independent reckoning."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from bsm.base.config.miniature import MiniatureSettings, SpeciesSettings, WorldSettings
from bsm.miniature.entropies import UNIFORM_BITS, entropies
from bsm.miniature.truth import GENE_PAIRS, REFSEQ_PAIRS, TRUE_PAIRS, true_pairs
from bsm.miniature.world import build_world


@pytest.fixture(scope="module")
def pairs(world):
    return list(true_pairs(world))


@pytest.fixture(scope="module")
def by_name(world):
    found = entropies(world)
    assert len({e["name"] for e in found}) == len(found)
    return {e["name"]: e for e in found}


def test_every_annotated_transcript_is_a_true_pair(world, pairs):
    rows = [row for row in pairs if row["source"] == REFSEQ_PAIRS]
    assert len(rows) == sum(len(g.transcripts) for s in world.species for g in s.genes)
    assert {row["part"] for row in rows} == {
        "miniatura_vertebrata", "miniatura_saccharina", "miniatura_bacillaris", "miniatura_florida",
    }  # fmt: skip
    assert all(set(row) == set(TRUE_PAIRS.names) for row in pairs)
    keys = [(r["source"], r["part"], r["gene_id"], r["transcript_id"], r["protein_id"]) for r in pairs]
    assert len(set(keys)) == len(keys)


def test_pseudogenes_alone_are_expected_to_be_rejected_from_assemblies(pairs):
    rejected = Counter(r["special"] for r in pairs if r["source"] == REFSEQ_PAIRS and r["expected"] == "rejected")
    assert rejected.keys() == {"pseudogene"}


def test_gene_pairs_name_triples_with_a_place_and_a_product(pairs):
    rows = [row for row in pairs if row["source"] == GENE_PAIRS]
    assert {row["part"] for row in rows} == {"all"}
    for row in rows:
        has_product = bool(row["transcript_id"] or row["protein_id"])
        is_placed = row["special"] not in ("trans_splicing", "origin_crossing")
        assert (row["expected"] == "kept") == (has_product and is_placed)


def test_kept_pairs_are_consistent(pairs):
    for row in pairs:
        if row["expected"] == "kept" and not row["special"] and row["cds"]:
            assert row["cds"] in (row["rna"] or row["dna"])
            assert len(row["cds"]) == 3 * len(row["protein"]) + 3
            assert row["protein"][0] == "M"


def test_kinds_are_exact_or_bounds_and_bounds_are_ordered(by_name):
    for entry in by_name.values():
        if entry["kind"] == "exact":
            assert 0 <= entry["bits_per_letter"] <= 4.33
            assert "lower" not in entry
        else:
            assert entry["kind"] == "bound"
            assert 0 < entry["lower"] <= entry["upper"] <= UNIFORM_BITS


@pytest.mark.parametrize("gc_content", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_lower_bound_exceeds_its_upper_bound_however_few_the_letters(gc_content, seed):
    species = SpeciesSettings(name="Miniatura sola", taxid=7, n_genes=2, gc_content=gc_content, intron_share=1.0)
    settings = WorldSettings(species=[species], n_protein_families=2, n_ncrna_families=1, n_gene_species=1,
                             n_genes_per_gene_species=1, n_colabfold=3, n_release_rna=3)  # fmt: skip
    bounds = [e for e in entropies(build_world(MiniatureSettings(seed=seed, world=settings))) if e["kind"] == "bound"]
    assert len(bounds) >= 3
    assert all(0 <= entry["lower"] <= entry["upper"] <= UNIFORM_BITS for entry in bounds)


def test_realised_bits_are_near_their_expectation(by_name):
    for entry in by_name.values():
        if "expected_bits_per_codon" in entry:
            assert entry["bits_per_codon"] == pytest.approx(entry["expected_bits_per_codon"], abs=0.03)
            assert entry["bits_per_codon"] == pytest.approx(3 * entry["bits_per_letter"], abs=1e-5)
        if "expected_bits_per_letter" in entry:
            assert entry["bits_per_letter"] == pytest.approx(entry["expected_bits_per_letter"], abs=0.01)


def test_codon_bits_equal_a_plain_reckoning(world, by_name):
    species = world.species[0]
    bits = n_letters = 0.0
    for gene in species.genes:
        if gene.biotype == "protein_coding" and gene.genetic_code == 1 and not gene.special:
            cds, protein = gene.transcripts[0].cds, gene.transcripts[0].protein + "*"
            for i, amino_acid in enumerate(protein):
                bits -= math.log2(species.codon_weights[amino_acid][cds[3 * i : 3 * i + 3]])
            n_letters += len(cds)
    entry = by_name["Miniatura vertebrata: codons"]
    assert entry["n_letters"] == n_letters
    assert entry["bits_per_letter"] == pytest.approx(bits / n_letters, abs=1e-6)


def test_knowing_the_families_beats_letter_frequencies(by_name):
    assert by_name["colabfold"]["bits_per_letter"] < 3
    assert by_name["ncrna_families"]["bits_per_letter"] < 1.5
    assert by_name["Miniatura vertebrata: translation"]["bits_per_letter"] == 0
