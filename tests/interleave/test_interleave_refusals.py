"""Look-alikes are refused, each for its reason; policies decide what the definition leaves open."""

from __future__ import annotations

import gzip
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.config.data import InterleaveSettings
from bsm.interleave.candidates import letters_of
from bsm.interleave.detect import explain, find_sequences
from bsm.interleave.page import page_of

SETTINGS = InterleaveSettings()
LOOK_ALIKES = {
    "headings": ("INTERNATIONALIZATION AND CHARACTERISTICS\nACKNOWLEDGEMENTS\n", "english"),
    "words run together": ("THEQUICKBROWNFOXJUMPSOVERTHELAZYDOG", "english"),
    "fasta-like quotation": ("> THE SAILOR SAID\nANDTHENTHEREWASNOTHINGLEFT\n", "english"),
    "alphabet": ('letters = "ACDEFGHIKLMNPQRSTVWY"', "alphabet_listing"),
    "keyboard": ("QWERTYUIOPASDFGHJKL", "alphabet_listing"),
    "base64": ("TWFuIGlzIGRpc3RpbmdACGTACGTTAGCCAGT3Vpc2hlZA==", "part_of_longer_token"),
    "identifier": ("MAX_ACGATCGATTAGCTAGCTTAGC_LEN", "part_of_longer_token"),
    "hex": ("9f2cacaaccacatcca4e8d1a7b", "part_of_longer_token"),
    "toy": ("ACGTACGTACGTACGT GATTACAGATTACAGATTACA", "toy"),
    "toy runs": ("AAAACCCCGGGGTTTT", "toy"),
    "homopolymer": ("AAAAAAAAAAAAAAAAAAAAAA", "composition"),
    "barcode": ("CCCCCCCCCCNNNNNNNNNNNN", "too_few_acgtu"),
    "helix": ("HHHHHHHHCCCCEEEEEEETTTTHHHHGGG", "toy"),
    "codon table": ("TTT TTC TTA TTG TCT TCC TCA TCG TAT TAC TAA TAG", "codon_table"),
    "frame with stops": ("LRSK*MKWVTFISLLFLFSSAYSRGVFRR*DAHKSEV", "stop_inside"),
    "short site": ("cut with GAATTCGGATCC and then", "too_short"),
    "three letters": ("Met-Ala-Gly-Ser-Lys-Leu-Val-Ile-Phe-Trp-Tyr-His-Gln-Asn-Asp-Glu", "three_letter_notation"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alike_is_refused_for_its_reason(name):
    text, reason = LOOK_ALIKES[name]
    hits = explain(text, SETTINGS)
    assert find_sequences(text, SETTINGS) == []
    assert reason in {hit.reason for hit in hits}


@pytest.mark.parametrize("text", [
    "N{10}ACGT[AC]GT", "^[ACGTUN]+$", "C8H10N4O2 and CH3CH2OH", "123e4567-e89b-12d3-a456-426614174000",
    "NASA UNESCO GATT SALT TCAS CAT TAG ACT", "if (A < CGT && T > ACG) { GATTACA(); }",
    "@read\nACGTNNNN\n+\nFFFFFFFFFFFFFFFF", "SOMERANDOMTEXTINCAPITALSTHATSPELLSWORDS",
])  # fmt: skip
def test_nothing_is_found_where_nothing_is(text):
    assert find_sequences(text, SETTINGS) == []


def test_quality_line_of_a_read_is_refused_whatever_its_letters():
    text = "@r1\nGATTGCACATTAGACCATGACAG\n+\nMKWVTFISLLFLFSSAYSRGVFR\n"
    assert [(h.sequence, h.reason) for h in explain(text, SETTINGS)] == [
        ("gattgcacattagaccatgacag", ""), ("", "quality_string"),
    ]  # fmt: skip


def test_policies_for_primers_toys_and_three_letters():
    def n_found(text: str, **policy: object) -> int:
        return len(find_sequences(text, InterleaveSettings(**policy)))

    primer = "primer AGCGTCAGTTACGCATTAGC binds"
    assert (n_found(primer), n_found(primer, take_primers=False)) == (1, 0)
    assert n_found(f">r\n{primer.split()[1]}\n", take_primers=False) == 1
    assert (n_found("GATTACAGATTACAGATTACA"), n_found("GATTACAGATTACAGATTACA", toy_sequences="keep")) == (0, 1)
    peptide = LOOK_ALIKES["three letters"][0]
    hits = find_sequences(peptide, InterleaveSettings(three_letter="read"))
    assert [(h.sequence, peptide[h.start : h.end]) for h in hits] == [("MAGSKLVIFWYHQNDE", peptide)]


def test_minimal_lengths_are_the_configured_ones():
    letters = "AGCGTCAGTTACGCATTAGC"
    assert len(find_sequences(letters, InterleaveSettings(min_nucleotides=20))) == 1
    assert find_sequences(letters, InterleaveSettings(min_nucleotides=21)) == []


def test_page_offsets_lead_back_to_the_document():
    rng = random.Random(5)
    pieces = [
        "<b>",
        "</b>",
        "<div class='a'>",
        "&amp;",
        "&nbsp;",
        "ACG",
        "word",
        "\n",
        "\xad",
        "é",
        "𝔸",
        "' + '",
        "\\n",
        " ",
    ]
    for _ in range(300):
        document = "".join(rng.choices(pieces, k=30))
        page = page_of(document)
        for match in [i for i, c in enumerate(page.text) if c.isalpha()]:
            start, end = page.span(match, match + 1)
            assert document[start:end] == page.text[match]


def documents(path):
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def test_no_hard_negative_reaches_three_sequences(shared_data):
    negatives = documents(shared_data("web") / "documents_hard_negatives.jsonl.gz")
    assert len(negatives) == 252
    assert [d["id"] for d in negatives if len(find_sequences(d["text"], SETTINGS)) >= 3] == []


def test_real_documents_give_sequences_that_their_spans_hold(shared_data):
    n_documents = 0
    for document in documents(shared_data("web") / "documents_with_sequences.jsonl.gz"):
        hits = find_sequences(document["text"], SETTINGS)
        n_documents += len(hits) >= 3
        for hit in hits:
            letters = iter(letters_of(document["text"][hit.start : hit.end]).upper().replace("U", "T"))
            wanted = hit.sequence.upper().replace("U", "T")
            assert all(any(a == b or b in "NX" for a in letters) for b in wanted), (document["id"], hit)
    assert n_documents >= 60


FRAGMENTS = [
    *"\n\n\n\t  \"\"'`,;.:|+*>@#&$^~-()[]{}\\<²٣…\x00\x01é", "...", "\\\n", "' +\n'", "<b>", "</div>", "&hellip;",
    "ACGTTGCATTAGCATCAGGAT", "TGCAACGTAATCGTAGTCCTA", "MKWVTFISLLFLFSSAYSRGVF", "N" * 12, "acg", "gca", "ATG ", "GCC ",
    "12", "60 ", "#=GR", ">x", "@r\n", "+\n", " 2 21\n", "LOCUS x\n", "//\n", "|" * 21, "Query 1 ", "&#0;",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60))
def test_any_text_is_read_without_an_error_and_spans_lie_in_it(parts):
    text = "".join(parts)
    for hit in explain(text, SETTINGS):
        assert 0 <= hit.start < hit.end <= len(text)
        if not hit.reason:
            letters = iter(text[hit.start : hit.end].upper().replace("U", "T"))
            wanted = hit.sequence.upper().replace("U", "T")
            assert all(any(a == b or b in "NX" for a in letters) for b in wanted)
