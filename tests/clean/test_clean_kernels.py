"""Each compiled kernel against an independent reference."""

from __future__ import annotations

import numpy as np
from Bio.Align import PairwiseAligner, substitution_matrices
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.clean import kernels
from bsm.clean.letters import amino_acids, encode, join, nucleotides, open_frames, reverse_complement, translate_frames

settings.register_profile("compiled", deadline=None)  # the first call may compile
settings.load_profile("compiled")
DNA = st.text("acgt", min_size=1, max_size=60)
PROTEIN = st.text("ACDEFGHIKLMNPQRSTVWY", min_size=1, max_size=40)


@given(st.text("acgtn", max_size=80), st.integers(2, 6))
def test_kmer_codes_are_the_plain_base_4_numbers(letters, k):
    codes = kernels.kmer_codes(encode(letters, nucleotides()), 4, k, 0)
    for i in range(len(letters)):
        word = letters[i : i + k]
        expected = -1 if len(word) < k or "n" in word else int("".join(str("acgt".index(c)) for c in word), 4)
        assert codes[i] == expected


@given(st.text("ac", min_size=12, max_size=60), st.integers(1, 3))
def test_exactly_the_periodic_kmers_are_masked(letters, max_period):
    k = 8
    codes = kernels.kmer_codes(encode(letters, nucleotides()), 4, k, max_period)
    for i in range(len(letters) - k + 1):
        word = letters[i : i + k]
        periodic = any(word[p:] == word[:-p] for p in range(1, max_period + 1))
        assert (codes[i] < 0) == periodic


def _score(query, target, columns, i, j, alphabet):
    """Score and reach of the alignment that the columns describe."""
    total, gap = 0, None
    for column in columns.tolist():
        if column == 0:
            total += int(alphabet.scores[query[i], target[j]])
        else:
            total -= alphabet.gap_extend + (alphabet.gap_open if gap != column else 0)
        gap = column
        i, j = i + (column != 1), j + (column != 2)
    assert i <= query.size and j <= target.size
    return total


def _biopython(alphabet, protein):
    matrix = substitution_matrices.load("BLOSUM62") if protein else None
    aligner = PairwiseAligner(mode="local", open_gap_score=-alphabet.gap_open - alphabet.gap_extend,
                              extend_gap_score=-alphabet.gap_extend)  # fmt: skip
    if protein:
        aligner.substitution_matrix = matrix
    else:
        aligner.match_score, aligner.mismatch_score = 1, -2
    return aligner


@settings(max_examples=150)
@given(DNA, DNA)
def test_full_band_alignment_scores_what_biopython_scores_on_nucleotides(a, b):
    ours, biopython = _scores_of_both(a, b, nucleotides(), protein=False)
    assert ours == biopython


@settings(max_examples=150)
@given(PROTEIN, PROTEIN)
def test_full_band_alignment_scores_what_biopython_scores_on_proteins(a, b):
    ours, biopython = _scores_of_both(a, b, amino_acids(), protein=True)
    assert ours == biopython


def _scores_of_both(a, b, alphabet, protein):
    query, target = encode(a, alphabet), encode(b, alphabet)
    columns, i, j = kernels.align(query, target, -query.size, target.size, alphabet.scores, alphabet.gap_open,
                                  alphabet.gap_extend)  # fmt: skip
    return _score(query, target, columns, i, j, alphabet), max(0, _biopython(alphabet, protein).score(a, b))


@given(st.text("01", min_size=1, max_size=40), st.sampled_from([0.5, 0.9, 0.95, 1.0]))
def test_longest_stretch_is_the_brute_force_one(same, identity):
    target = np.array([0 if c == "1" else 1 for c in same], dtype=np.uint8)
    query, columns = np.zeros(len(same), dtype=np.uint8), np.zeros(len(same), dtype=np.uint8)
    q0, q1, t0, t1, matches, n = kernels.longest_stretch(query, target, columns, 0, 0, identity)
    spans = [(b - a) for a in range(len(same)) for b in range(a + 1, len(same) + 1)
             if same[a:b].count("1") >= identity * (b - a) - 1e-9]  # fmt: skip
    assert n == q1 - q0 == t1 - t0 == max(spans, default=0)
    assert matches == same[q0:q1].count("1")


@given(st.text("acgtn", min_size=3, max_size=100))
def test_frames_and_reverse_complement_equal_biopython(letters):
    from clean_reference import frames

    codes = encode(letters, nucleotides())
    ours = translate_frames(codes, 1) + translate_frames(reverse_complement(codes), 1)
    table = "ACDEFGHIKLMNPQRSTVWYX*"
    theirs = frames(letters)
    for mine, reference in zip(ours, theirs, strict=True):
        text = "".join(table[c] for c in mine)
        for x, y in zip(text, reference, strict=True):
            assert x == y or x == "X"  # Biopython resolves codons such as CTN; here a codon with n is X


def test_open_frames_hold_the_coding_protein_on_both_strands(maker):
    protein = maker.protein(50)
    gene = "taa" + maker.coding(protein) + "tga" + maker.dna(31)
    for letters, strand in ((gene, 1), (reverse_complement(encode(gene, nucleotides())), -1)):
        codes = encode(letters, nucleotides()) if isinstance(letters, str) else letters
        found = [f for f in open_frames(codes, 1, 20) if np.array_equal(f.protein, encode(protein, amino_acids()))]
        assert [(f.strand, f.start, f.end) for f in found] == [(strand, 3, 153)]


def test_segments_never_cross_a_separator():
    joined, starts = join([encode("acgtac", nucleotides()), encode("gtacgt", nucleotides())])
    assert joined[0] == joined[7] == joined[14] == 22
    assert starts.tolist() == [1, 8]
