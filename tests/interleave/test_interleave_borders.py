"""Where one sequence ends and the next begins: strings of a program, dots, stops, tokens, pairs of lines, labels."""

from __future__ import annotations

import random

import pytest

from bsm.base.config.data import InterleaveSettings
from bsm.interleave.detect import explain, find_sequences

SETTINGS = InterleaveSettings()
RNG = random.Random("borders")
DNA = "".join(RNG.choices("ACGT", k=120))
OTHER = "".join(RNG.choices("ACGT", k=60))
PROTEIN = "MKWVTFISLLFLFSSAYSRGVFRRDAHKSEVAHRFKDLGEENFKALVLIAFAQYLQQCPFEDH"


def found(text: str) -> list[str]:
    return [hit.sequence for hit in find_sequences(text, SETTINGS)]


def nucleotides(*parts: str) -> list[str]:
    return [part.lower() for part in parts]


@pytest.mark.parametrize("dots", ["..", "...", "\n...deleted...\n", "...\n", "\n...\n"])
def test_dots_end_a_sequence_of_a_record(dots):
    assert found(f">x\n{DNA[:60]}{dots}{DNA[60:]}\n") == nucleotides(DNA[:60], DNA[60:])


def test_dots_at_the_end_of_a_record_are_no_letters_and_single_dots_are_gaps():
    assert found(f">x\n{DNA[:60]}...\n>y\n{DNA[60:]}..\n") == nucleotides(DNA[:60], DNA[60:])
    assert found(f">x\n{DNA[:30]}.{DNA[30:]}\n") == nucleotides(DNA)


def test_open_stretches_of_a_translated_frame_are_refused_also_between_two_stops():
    hits = explain(f"KLC*{PROTEIN}**{PROTEIN}*VR", SETTINGS)
    assert [hit.reason for hit in hits] == ["stop_inside", "stop_inside"]


def test_asterisks_in_a_padded_reference_end_a_nucleotide_word():
    assert found(f"ref      AGCATGTTAGATAA**{DNA[:30]}\n") == nucleotides(DNA[:30])


def test_a_mask_token_ends_a_protein():
    assert found(f'data = [("protein", "{PROTEIN}<mask>{PROTEIN[:40]}")]') == [PROTEIN, PROTEIN[:40]]


def test_an_attribute_of_a_tag_can_hold_a_sequence_and_its_lines_may_differ_by_two_columns():
    text = f'<x value="{DNA[:40]}\n          {DNA[40:81]}\n          {DNA[81:119]}"/>'
    assert found(text) == nucleotides(DNA[:119])
    assert found('<a href="x.html" title="INTERNATIONALIZATION GUIDE">link</a>') == []


def test_two_lines_that_repeat_one_another_are_two_sequences_not_one_wrapped():
    twin = "".join(c if i % 4 else "A" for i, c in enumerate(OTHER))
    assert found(f"0 chr19 3001012 3001075 chr11 70568380 70568443 - 3500\n{OTHER}\n{twin}\n") == nucleotides(
        OTHER, twin
    )
    assert found(f"\n{DNA[:60]}\n{DNA[60:]}\n") == nucleotides(DNA)


def test_two_primers_on_one_line_are_not_blocks():
    assert found(f"{DNA[:20]} {DNA[20:40]}\n") == nucleotides(DNA[:20], DNA[20:40])
    assert found(f"{DNA[:10]} {DNA[10:20]}\n") == nucleotides(DNA[:20])
    assert found(f"  1 {DNA[:20]} {DNA[20:40]}\n 41 {DNA[40:60]} {DNA[60:80]}\n") == nucleotides(DNA[:80])


@pytest.mark.parametrize(("before", "modality"), [
    (">ECOLI_RNase_P_RNA 1-377\n", "rna"),
    ("<accver>NM_000518.5</accver><defline>Homo sapiens beta, mRNA</defline><sequence>", "dna"),
    ("The siRNA: ", "rna"), ("siRNA sequence is 5'-", "rna"), ("mRNA:\n", "rna"), ("Made from mRNA.\n", "dna"),
])  # fmt: skip
def test_only_a_header_or_a_label_directly_before_the_letters_makes_rna_of_t(before, modality):
    hits = find_sequences(f"{before}{DNA[:50]}\n", SETTINGS)
    assert [(str(hit.modality), hit.sequence) for hit in hits] == [(modality, DNA[:50].lower())]


def test_a_header_inside_a_programs_string_is_a_header():
    lines = "".join(f'    "{DNA[i : i + 30]}\\n" +\n' for i in range(0, 120, 30))
    assert found(f'String s = ">NM_1234567 some name\\n" +\n{lines}    "";') == nucleotides(DNA)


@pytest.mark.parametrize("dots", ["...", "[...]", "....", "(...)", "… 200 letters …", "# ..."])
def test_a_record_goes_on_below_a_line_of_dots_and_each_piece_is_judged_whole(dots):
    masked = f"{DNA[:15]}{'N' * 35}\n{DNA[20:70]}\n{'N' * 40}{DNA[:10]}\n"
    hits = explain(
        f">chr1 masked\n{DNA[:60]}\n{DNA[60:]}\n{dots}\n{masked}{dots}\n{OTHER[:30]}\n{OTHER[30:]}\n", SETTINGS
    )
    assert [(hit.layout, hit.sequence, hit.reason) for hit in hits] == [
        ("fasta", DNA.lower(), ""), ("fasta", "", "too_few_acgtu"), ("fasta", OTHER.lower(), ""),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["...", "…", "[...]", " [...]", "&hellip;"])
def test_dots_of_any_kind_behind_the_last_letters_of_a_record(end):
    assert found(f">x\n{DNA[:60]}\n{DNA[60:90]}{end}\n>y\n{OTHER}{end}\n") == nucleotides(DNA[:90], OTHER)


def test_a_quality_string_is_known_by_the_read_before_it_or_two_lines_above():
    read, quality = DNA[:40], "".join(RNG.choices("ADEFGHIKLMNPQRS", k=40))
    for text in (f"r1\t0\tchr1\t5\t60\t40M\t*\t0\t0\t{read}\t{quality}\tNM:i:0\n", f"{read}\n+\n{quality}\n"):
        assert [(hit.sequence, hit.reason) for hit in explain(text, SETTINGS)] == [
            (read.lower(), ""), ("", "quality_string"),
        ]  # fmt: skip


@pytest.mark.parametrize(("text", "n"), [
    ("-a {}$", 1), ("-g ^{}", 1), ("?seq={}&x=1", 1), ("~{}~", 1), ("${}", 0), ("%20{}", 0), ("{}%20", 0),
    ("{}=1", 0), ("key={}", 1), ("a_{}", 0), ("{}/x", 0), ("{}+", 0), ("{}@x", 0),
])  # fmt: skip
def test_what_may_touch_a_word(text, n):
    assert len(find_sequences(text.format(DNA[:30]), SETTINGS)) == n
