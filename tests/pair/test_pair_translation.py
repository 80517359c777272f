"""Reading a CDS by what the annotation states, and finding coding regions in RNA."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.codes import genetic_code, translate
from bsm.base.genbank import Span
from bsm.pair.model import Cds
from bsm.pair.place import place_on_genome
from bsm.pair.translation import compare, find_coding, find_orf, read_cds, read_transl_except


def _cds(length, **facts):
    return Cds([Span(0, length, 1)], "P", **facts)


def test_transl_except_reads_positions_in_every_notation():
    assert read_transl_except("(pos:7..9,aa:Sec),(pos:complement(20..22),aa:Pyl)") == ((6, 9, "U"), (19, 22, "O"))
    assert read_transl_except("(pos:5,aa:TERM)") == ((4, 5, "*"),)
    assert read_transl_except("(pos:join(9..9,20..21),aa:OTHER)") == ((8, 9, "X"), (19, 21, "X"))


@pytest.mark.parametrize(("name", "letter"), [("Sec", "U"), ("Pyl", "O"), ("Trp", "W"), ("OTHER", "X")])
def test_stated_codon_replaces_a_stop_inside(name, letter):
    letters = "atgaaatgaaaataa"
    reading = read_cds(letters, _cds(15, transl_except=read_transl_except(f"(pos:7..9,aa:{name})")))
    assert reading.protein == f"MK{letter}K" and reading.has_stop and reading.n_read == 12


def test_stated_codon_on_the_minus_strand_and_behind_an_intron():
    cds = Cds([Span(30, 36, -1), Span(11, 20, -1)], "P", transl_except=((14, 17, "U"),))
    assert read_cds("atgaaaaaatgataa", cds).protein == "MKKU"


@pytest.mark.parametrize("ending", ["t", "ta"])
def test_stop_completed_by_poly_a(ending):
    letters = "atgaaa" + ending
    at = f"(pos:7..{len(letters)},aa:TERM)"
    reading = read_cds(letters, _cds(len(letters), table=2, transl_except=read_transl_except(at)))
    assert reading.protein == "MK" and reading.has_stop and reading.applied == ["stop completed by poly-A"]


@pytest.mark.parametrize(("table", "start"), [(11, "gtg"), (11, "ttg"), (2, "att"), (5, "ata"), (1, "ctg"), (4, "ctg")])
def test_initiation_codons_give_m_unless_the_5_prime_end_is_open(table, start):
    letters = start + "aaataa"
    assert read_cds(letters, _cds(9, table=table)).protein == "MK"
    assert read_cds(letters, _cds(9, table=table, partial_5=True)).protein == genetic_code(table)[start] + "K"


@pytest.mark.parametrize(("table", "residue"), [(1, "L"), (12, "S"), (26, "A")])
def test_ctg_follows_the_yeast_codes(table, residue):
    assert read_cds("atgctgtaa", _cds(9, table=table)).protein == f"M{residue}"


def test_partial_last_codon_counts_only_where_two_letters_decide():
    open_end = _cds(8, partial_3=True)
    assert compare(read_cds("atgaaagg", open_end), "MKG", open_end, "atgaaagg").kind == "equal_with_partial_last_codon"
    assert compare(read_cds("atgaaaag", open_end), "MKR", open_end, "atgaaaag").kind == "length_differs"


@pytest.mark.parametrize(
    ("published", "exceptions", "kind", "agrees"),
    [
        ("MKK", (), "equal", True),
        ("VKK", (), "alternative_start", True),
        ("MKR", (), "substitutions", False),
        ("MK", (), "length_differs", False),
        ("MKR", ("RNA editing",), "stated: RNA editing", True),
        ("MKR", ("ribosomal slippage",), "substitutions", False),
        (None, (), "no_published", True),
    ],
)
def test_every_class_of_disagreement_has_its_name(published, exceptions, kind, agrees):
    cds = _cds(12, exceptions=exceptions)
    verdict = compare(read_cds("atgaaaaaataa", cds), published, cds, "atgaaaaaataa")
    assert (verdict.kind, verdict.agrees) == (kind, agrees)


def test_stop_inside_without_a_published_protein_is_rejected():
    cds = _cds(12)
    assert not compare(read_cds("atgtgaaaataa", cds), None, cds, "atgtgaaaataa").agrees


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 4, 5, 11, 12, 26]))
def test_planted_orf_is_found_and_spells_the_protein(seed, table):
    rng = random.Random(seed)
    sense = [codon for codon, aa in genetic_code(table).items() if aa != "*"]
    stop = next(codon for codon, aa in genetic_code(table).items() if aa == "*")
    cds = "atg" + "".join(rng.choices(sense, k=rng.randint(10, 60))) + stop
    utr = "".join(rng.choices("acgt", k=rng.randint(0, 40)))
    rna = utr + cds + "".join(rng.choices("acgt", k=rng.randint(0, 40)))
    protein = translate(cds, table)[:-1]
    orf = find_orf(rna, protein, (table,))
    assert orf is not None and orf.has_stop and translate(orf.cut(rna), table) == protein + "*"
    cut = 3 * rng.randint(4, len(protein) - 4)
    for slipped in (cds[:cut] + cds[cut + 1 :] if cds[cut] == cds[cut - 1] else "", cds[:cut] + "a" + cds[cut:]):
        found = find_coding(utr + slipped, protein, (table,)) if slipped else None
        assert not slipped or (found is not None and translate(found.cut(utr + slipped), table)[:-1] == protein)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_a_transcript_is_laid_on_its_gene_exactly_or_not_at_all(seed):
    rng = random.Random(seed)
    exons = ["".join(rng.choices("acgt", k=rng.randint(30, 120))) for _ in range(rng.randint(1, 5))]
    introns = ["gt" + "".join(rng.choices("acgt", k=rng.randint(40, 200))) + "ag" for _ in exons[1:]]
    dna = "".join(a + b for a, b in zip(exons, [*introns, ""], strict=True))
    blocks = place_on_genome("".join(exons), dna)
    expected, at = [], 0
    for exon, intron in zip(exons, [*introns, ""], strict=True):
        expected.append((at, at + len(exon)))
        at += len(exon) + len(intron)
    assert blocks is None or blocks == expected or "".join(dna[a:b] for a, b in blocks) == "".join(exons)
    changed = "".join(exons)[:-1] + ("a" if exons[-1][-1] != "a" else "c")
    assert place_on_genome(changed, dna) is None or changed in dna
