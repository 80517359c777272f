"""Planted leaks: every item stands in its record at the stated place, identity, strand and kind."""

from __future__ import annotations

from collections import Counter

import pytest
from Bio.Align import PairwiseAligner
from Bio.Seq import Seq

from bsm.base.alphabet import reverse_complement
from bsm.base.config.load import load_config
from bsm.base.config.miniature import MiniatureSettings
from bsm.miniature.benchmarks import build_benchmarks
from bsm.miniature.leaks import plan_leaks
from bsm.miniature.world import build_world

PROTEIN_ONLY = {"ppi", "protloc", "protstab"}
NUCLEOTIDE_ONLY = {"ncrnafam", "ncrna_fitness"}


@pytest.fixture(scope="module")
def world():
    return build_world(MiniatureSettings.model_validate(load_config()["miniature"]))


@pytest.fixture(scope="module")
def items(world):
    return build_benchmarks(world)


@pytest.fixture(scope="module")
def planted(world, items):
    return plan_leaks(world, items)


def item_of(items, record) -> tuple[dict, str]:
    [row] = [row for row in items[record.dataset] if row["item_id"] == record.item_id]
    return row, row[f"sequence_{record.role}"]


def test_every_kind_is_planted_for_every_data_set_that_it_makes_sense_for(world, items, planted):
    settings = world.settings.leaks
    numbers = {
        kind: getattr(settings, f"n_{kind}") for kind in ("exact", "mutated", "reverse_complement", "protein_in_dna")
    }
    expected = {
        (dataset, kind): n
        for dataset in items if dataset != "private_code"
        for kind, n in numbers.items()
        if not (kind == "reverse_complement" and dataset in PROTEIN_ONLY)
        and not (kind == "protein_in_dna" and dataset in NUCLEOTIDE_ONLY)
    }  # fmt: skip
    assert Counter((record.dataset, record.kind) for record in planted) == expected
    assert {record.corpus for record in planted} == {"uniprot", "colabfold", "refseq_nucleotides", "web"}
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
    for record in hidden:
        _, protein = item_of(items, record)
        assert record.corpus == "refseq_nucleotides"
        coding = record.letters[record.start : record.end]
        assert str(Seq(coding if record.strand > 0 else reverse_complement(coding)).translate()) == protein
    assert {record.start % 3 for record in hidden} == {0, 1, 2} and {record.strand for record in hidden} == {1, -1}


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
