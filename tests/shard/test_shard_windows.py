"""Windows of genes: the alignment of dna, rna and protein is exact in every window, and nothing gets lost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shard_genes import CODE, blocks_of, random_gene

from bsm.base.codes import translate
from bsm.base.errors import InputError
from bsm.shard.axis import DNA, PROTEIN, RNA, GenePiece, lay, locate_coding
from bsm.shard.windows import centre_window, tile_cuts


def pieces_of(gene, rna_blocks=True, protein_blocks=True):
    def blocks(positions):
        return np.array(blocks_of(positions), dtype=np.int64).reshape(-1, 2)

    return {
        DNA: GenePiece(0, gene.dna, None),
        RNA: GenePiece(1, gene.rna, blocks(gene.exons) if rna_blocks else None),
        PROTEIN: GenePiece(2, gene.protein, blocks(gene.coding) if protein_blocks else None),
    }


gene_cases = st.builds(
    random_gene, seed=st.integers(0, 10**6), n_aa=st.integers(2, 120), n_introns=st.integers(0, 6),
    max_intron=st.sampled_from([0, 5, 300]), slippage=st.booleans(),
)  # fmt: skip


def windows_of(gene, wanted, budget):
    axis = lay(pieces_of(gene), wanted)
    cuts = tile_cuts(axis.cost(), axis.inside_codon(), budget)
    bounds = {m: np.searchsorted(p, cuts) for m, p in axis.positions.items()}
    return cuts, bounds


@settings(deadline=None, max_examples=150)
@given(gene=gene_cases, budget=st.integers(20, 400), wanted=st.sampled_from([(1, 2), (1, 3), (2, 3), (1, 2, 3)]))
def test_tiles_end_to_end_give_back_every_letter_and_none_is_larger_than_the_budget(gene, budget, wanted):
    cuts, bounds = windows_of(gene, wanted, budget)
    text = {DNA: gene.dna, RNA: gene.rna, PROTEIN: gene.protein}
    for modality, inside in bounds.items():
        windows = [text[modality][a:b] for a, b in pairwise(inside)]
        assert "".join(windows) == text[modality]
    for window in range(len(cuts) - 1):
        assert 0 < sum(int(inside[window + 1] - inside[window]) for inside in bounds.values()) <= budget


@settings(deadline=None, max_examples=150)
@given(gene=gene_cases, budget=st.integers(20, 400))
def test_each_tile_holds_the_rna_and_protein_of_its_own_dna(gene, budget):
    cuts, bounds = windows_of(gene, (DNA, RNA, PROTEIN), budget)
    first = gene.coding[::3]
    for window in range(len(cuts) - 1):
        start, end = int(cuts[window]), int(cuts[window + 1])
        rna = "".join(gene.dna[p] for p in gene.exons if start <= p < end)
        codons = [gene.coding[3 * k : 3 * k + 3] for k, p in enumerate(first) if start <= p < end]
        protein = "".join(CODE["".join(gene.dna[p] for p in codon)].replace("*", "X") for codon in codons)
        a, b = bounds[RNA][window], bounds[RNA][window + 1]
        assert gene.rna[a:b] == rna
        a, b = bounds[PROTEIN][window], bounds[PROTEIN][window + 1]
        assert gene.protein[a:b] == protein
        for codon in codons:  # only an intron may part the letters of a codon from their window
            outside = [p for p in codon if not start <= p < end]
            assert not outside or codon != list(range(codon[0], codon[0] + 3))


@settings(deadline=None, max_examples=80)
@given(gene=gene_cases, budget=st.integers(20, 400))
def test_a_tile_of_rna_and_protein_translates_to_its_protein_letter_by_letter(gene, budget):
    axis = lay(pieces_of(gene), (RNA, PROTEIN))
    cuts = tile_cuts(axis.cost(), axis.inside_codon(), budget)
    bounds = np.searchsorted(axis.positions[PROTEIN], cuts)
    for window in range(len(cuts) - 1):
        inside = axis.coding[3 * bounds[window] : 3 * bounds[window + 1]]
        coding = "".join(gene.rna[p] for p in inside)
        assert translate(coding).replace("*", "X") == gene.protein[bounds[window] : bounds[window + 1]]
        assert all(cuts[window] <= p < cuts[window + 1] for p in inside)


@settings(deadline=None, max_examples=80)
@given(gene=gene_cases, budget=st.integers(20, 400))
def test_a_centre_window_fits_and_holds_the_coding_part_where_that_fits(gene, budget):
    axis = lay(pieces_of(gene), (DNA, RNA, PROTEIN))
    cost = axis.cost()
    start, end = centre_window(cost, axis.inside_codon(), budget, *axis.core())
    assert cost[start:end].sum() <= budget
    core_start, core_end = min(gene.coding), max(gene.coding) + 1
    if cost[core_start:core_end].sum() <= budget:
        assert start <= core_start and core_end <= end
    else:
        assert core_start <= gene.coding[len(gene.coding) // 2] < core_end and start < core_end and core_start < end


def test_a_codon_split_by_an_intron_belongs_to_the_window_of_its_first_nucleotide():
    gene = random_gene(3, 2, n_introns=0)
    dna = "atg" + "g" + "gtaaaaaaaaaaaaaaaaag" + "cc" + "taa"  # M, then GCC split after its first letter
    exons = [0, 1, 2, 3, 24, 25, 26, 27, 28]
    gene = type(gene)(dna, "atggcctaa", "MA", exons, exons[:6])
    cuts, bounds = windows_of(gene, (DNA, PROTEIN), 12)
    holds = [gene.protein[a:b] for a, b in pairwise(bounds[PROTEIN])]
    assert holds[0] == "MA" and cuts[1] < 24 and set(holds[1:]) == {""}


def test_protein_is_laid_on_an_rna_without_blocks_only_where_its_codons_are_found_once():
    gene = random_gene(5, 60, n_introns=3)
    start = gene.rna.index("atg", gene.exons.index(gene.coding[0]))
    assert locate_coding(gene.rna, gene.protein, 1) == start
    assert locate_coding(gene.rna + gene.rna, gene.protein, 1) is None
    assert locate_coding(gene.rna, gene.protein[:30] + "W" + gene.protein[31:], 1) in (None, start)
    without = lay(pieces_of(gene, rna_blocks=False), (RNA, PROTEIN))
    through_blocks = lay(pieces_of(gene), (RNA, PROTEIN))
    assert (without.coding == through_blocks.coding).all()


def test_selenocysteine_is_found_at_its_stop_codon_and_x_at_any_codon():
    assert locate_coding("ccatggcatgaaaagttctaa", "MAUKX", 1) == 2
    assert locate_coding("ccatggcatgaaaagttctaa", "MAWKX", 1) is None


def test_what_cannot_be_laid_exactly_is_not_laid():
    gene = random_gene(7, 50)
    assert lay(pieces_of(gene, rna_blocks=False), (DNA, RNA, PROTEIN)) is None
    assert lay(pieces_of(gene, protein_blocks=False), (DNA, PROTEIN)) is None
    pieces = pieces_of(gene)
    backwards = GenePiece(1, gene.rna, pieces[RNA].blocks[::-1])
    if len(backwards.blocks) > 1:
        assert lay({**pieces, RNA: backwards}, (DNA, RNA)) is None


def test_blocks_that_contradict_their_letters_are_an_error():
    gene = random_gene(8, 50)
    pieces = pieces_of(gene)
    with pytest.raises(InputError, match="blocks do not fit"):
        lay({**pieces, RNA: GenePiece(1, gene.rna + "a", pieces[RNA].blocks)}, (DNA, RNA))
    with pytest.raises(InputError, match="blocks do not fit"):
        lay({**pieces, PROTEIN: GenePiece(1, gene.protein + "KK", pieces[PROTEIN].blocks)}, (DNA, PROTEIN))
