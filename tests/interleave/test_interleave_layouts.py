"""Any list of sequences, in any supported layout, is found exactly; spans point at the text they name."""

from __future__ import annotations

import random
import re

import pytest
from Bio.Data.IUPACData import protein_letters_1to3
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bsm.base.config.data import InterleaveSettings
from bsm.interleave.detect import find_sequences
from bsm.interleave.score import is_toy

SETTINGS = InterleaveSettings()
FILLER = (
    "Canals were the roads of that century, and boats carried coal, grain and news from town to town.",
    "A careful reader will ask: how was it measured, and by whom? NASA and UNESCO kept the records (see FAQ).",
    "ALL RIGHTS RESERVED. THE SOFTWARE IS PROVIDED AS IS, WITHOUT WARRANTY OF ANY KIND.",
    "The temperature at night fell to 4 degrees; 12 of 37 samples had to be thrown away.",
    "<p>Click <a href='/part/BBa_K5115069'>here</a> for &nbsp;more.</p>",
    "commit 9f2c4e8d1a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d fixes that.",
)
AMINO_ACIDS = "ARNDCQEGHILKMFPSTWYV"
WEIGHTS = (8, 6, 4, 5, 1, 4, 7, 7, 2, 6, 10, 6, 2, 4, 5, 7, 5, 1, 3, 7)
COMPLEMENT = str.maketrans("ACGTacgt", "TGCAtgca")


def wrapped(letters: str, width: int, before: str = "", behind: str = "") -> str:
    return "\n".join(before + letters[i : i + width] + behind for i in range(0, len(letters), width))


def tens(letters: str, rng: random.Random, numbers: str) -> str:
    rows = []
    for start in range(0, len(letters), 60):
        part = letters[start : start + 60]
        blocks = " ".join(part[i : i + 10] for i in range(0, len(part), 10))
        rows.append({"left": f"{start + 1:>9} {blocks}", "right": f"     {blocks:<66}{start + len(part):>9}",
                     "none": blocks}[numbers])  # fmt: skip
    return "\n".join(rows)


def two_strands(letters: str, rng: random.Random) -> str:
    rows = []
    for start in range(0, len(letters), 100):
        part = letters[start : start + 100]
        groups = " ".join(part[i : i + 10] for i in range(0, len(part), 10))
        rows.append(f"<div>{start + 1}</div><div class='x'>{groups}</div><div>{groups.translate(COMPLEMENT)}</div>")
    return "".join(rows)


LAYOUTS = {
    "fasta": lambda s, r: f">seq{r.randrange(99)} an example\n{wrapped(s, r.choice((50, 60, 70, 80)))}\n",
    "pir": lambda s, r: f">P1;CODE\nan example of a record\n{wrapped(s, 60)}*\n",
    "fasta_quoted_markup": lambda s, r: f"<pre>&gt;seq example\n{wrapped(s, 60)}</pre>",
    "sentence": lambda s, r: f"The sequence is {s}, as was said.",
    "quoted": lambda s, r: f"seq = Seq('{s}')",
    "string_sum": lambda s, r: f"seq = ('{s[:12]}' + '{s[12:]}')",
    "string_lines": lambda s, r: "x = (\n" + "\n".join(f'    "{part}"' for part in wrapped(s, 60).split("\n")) + "\n)",
    "option": lambda s, r: f"tool --adapter={s} --cores 2",
    "table": lambda s, r: f"| name | {s} | 12 |",
    "html": lambda s, r: f"<td><code>{s[:7]}<b>{s[7:9]}</b>{s[9:]}</code></td><td>7</td>",
    "wrapped": lambda s, r: f"\n{wrapped(s, 60)}\n",
    "genbank_numbers": lambda s, r: f"ORIGIN\n{tens(s, r, 'left')}\n//",
    "embl_numbers": lambda s, r: f"SQ   Sequence;\n{tens(s, r, 'right')}\n//",
    "blocks": lambda s, r: f"\n{tens(s, r, 'none')}\n",
    "doctest": lambda s, r: ">>> x = Seq(\n" + wrapped(s, 60, '...     "', '"') + "\n... )",
    "doctest_opened": lambda s, r: f'>>> x = ("{s[:46]}"\n' + wrapped(s[46:], 46, '...      "', '"') + "\n... )",
    "fasta_in_program": lambda s, r: 's = ">name some text\\n" +\n' + wrapped(s, 45, '    "', '\\n" +') + '\n"";',
    "attribute": lambda s, r: f'<part name="x" value="{s[:46]}\n' + wrapped(s[46:], 46, " " * 22) + '"/>',
    "line_breaks": lambda s, r: f"<p>{wrapped(s, 60).replace(chr(10), '<br/>')}</p>",
    "bold": lambda s, r: f"The sequence is **{s}** (see below).",
    "bracketed": lambda s, r: f"It reads [{s}] or ({s[:12]}).",
    "translation": lambda s, r: f'     CDS 1..3\n          /translation="{s[:44]}\n' + "\n".join(
        f"          {part}" for part in wrapped(s[44:], 58).split("\n") if part) + '"\n',
}  # fmt: skip
NUCLEOTIDE_LAYOUTS = {
    "five_prime": lambda s, r: f"Forward primer (M13): 5'-{s}-3'\n",
    "bare_five_prime": lambda s, r: f"<pre>U158_T7    5-{s}-3\n",
    "codons": lambda s, r: " ".join(s[i : i + 3] for i in range(0, len(s), 3)) + "\n",
    "fastq": lambda s, r: f"@read1\n{s}\n+\n{''.join(r.choice('FGHIJKLMN') for _ in s)}\n",
}
DNA_LAYOUTS = {
    "two_strands": two_strands,
    "two_lines_of_tex": lambda s, r: (
        f"\\texttt{{{s}}} \\\\\n\\texttt{{{'|' * len(s)}}} \\\\\n\\texttt{{{s.translate(COMPLEMENT)}}} \\\\\n"
    ),
    "two_lines": lambda s, r: f"5'-{s}-3'\n   {'|' * len(s)}\n3'-{s.translate(COMPLEMENT)}-5'\n",
}

SHORT_LAYOUTS = ("sentence", "quoted", "option", "table", "bold", "five_prime", "bare_five_prime")
"""Without those that interrupt the letters: ten of them must stand in a row."""


def draw_sequence(rng: random.Random) -> tuple[str, str, str, str]:
    """(layout name, modality, internal letters, text)."""
    modality = rng.choice(("dna", "rna", "protein"))
    length = rng.randint(46, 260)
    if modality == "protein":
        letters = shown = "".join(rng.choices(AMINO_ACIDS, WEIGHTS, k=length))
        layouts = LAYOUTS
    else:
        letters = "".join(rng.choices("acgt", k=length))
        shown = letters.replace("t", "u") if modality == "rna" else letters
        shown = shown.upper() if rng.random() < 0.5 else shown
        layouts = LAYOUTS | NUCLEOTIDE_LAYOUTS | (DNA_LAYOUTS if modality == "dna" else {})
    name = rng.choice(sorted(layouts))
    return name, modality, letters, layouts[name](shown, rng)


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.booleans())
def test_any_list_of_sequences_is_found_exactly(seed, n, crlf):
    rng = random.Random(seed)
    drawn = [draw_sequence(rng) for _ in range(n)]
    parts = [rng.choice(FILLER)]
    for _, _, _, text in drawn:
        parts += [text, rng.choice(FILLER)]
    document = "\n\n".join(parts)
    document = document.replace("\n", "\r\n") if crlf else document
    found = find_sequences(document, SETTINGS)
    names = [name for name, *_ in drawn]
    assert [(str(h.modality), h.sequence) for h in found] == [(m, s) for _, m, s, _ in drawn], names
    for hit, name in zip(found, names, strict=True):
        assert name == "two_strands" or shown_letters(document[hit.start : hit.end]) == hit.sequence.upper()


@settings(max_examples=150, deadline=None)
@given(st.text("ACGT", min_size=15, max_size=45), st.sampled_from(SHORT_LAYOUTS))
def test_any_primer_that_is_no_toy_is_found_exactly_in_running_text(letters, name):
    assume(len(set(letters)) >= 3 and max(map(letters.count, "ACGT")) <= 0.8 * len(letters) and not is_toy(letters))
    document = f"{FILLER[0]}\n\n{(LAYOUTS | NUCLEOTIDE_LAYOUTS)[name](letters, random.Random(1))}\n\n{FILLER[1]}"
    assert [document[hit.start : hit.end] for hit in find_sequences(document, SETTINGS)] == [letters]


@settings(max_examples=100, deadline=None)
@given(st.text(AMINO_ACIDS, min_size=15, max_size=60), st.sampled_from(["-", " ", ""]))
def test_any_peptide_in_three_letter_notation_is_read_where_the_policy_asks_for_it(letters, joint):
    text = f"The peptide {joint.join(protein_letters_1to3[c] for c in letters)} was made."
    found = find_sequences(text, InterleaveSettings(three_letter="read"))
    assert [hit.sequence for hit in found] == [letters]
    assert text[found[0].start : found[0].end].replace(joint, "") == "".join(protein_letters_1to3[c] for c in letters)
    assert find_sequences(text, SETTINGS) == []


def shown_letters(text: str) -> str:
    """Letters of a span without markup, escapes, blanks, digits and quotes; U as T for nucleotides."""
    letters = re.sub("[^A-Za-z]", "", re.sub(r"<[^>]*>|\\n", "", text))
    return letters.upper().replace("U", "T")


@pytest.mark.parametrize("end", ["G", "GA", "CAT", "N", "RY", "M"])
def test_a_short_last_line_belongs_to_the_lines_above_whatever_its_letters(end):
    rng = random.Random(end)
    protein = "".join(rng.choices(AMINO_ACIDS, WEIGHTS, k=120)) + end
    assert [h.sequence for h in find_sequences(f"{wrapped(protein, 60)}\n\nText.", SETTINGS)] == [protein]
    if end != "M":
        dna = "".join(rng.choices("ACGT", k=120)) + end
        assert [len(h.sequence) for h in find_sequences(f"{wrapped(dna, 60)}\n\nText.", SETTINGS)] == [len(dna)]


CLUSTAL = """CLUSTAL W (1.83) multiple sequence alignment

first           ATGGCC-TTAGGACCATGACCATTGGCAT
second_one      ATGGCCATTAGG-CCATGACGATTGGCAT
third           --GGCCATTAGGACCATGACCATT--CAT
                  **** ***** ******* ***  ***

first           CCGATTAG-CATC
second_one      CCGTTTAGACATC
third           CCGATTAGACATC
                *** **** ****
"""
BLAST = """Query  214      YFQGEWRWEDGSRFDYSNWDTPRSTAYYQCLLLNSQ  249
                + Q EWRWEDGSRFDYSNWDTP STAYYQCLLLNSQ
Sbjct  2542610  FLQDEWRWEDGSRFDYSNWDTPSSTAYYQCLLLNSQ  2542503

Query  250      VSMGWSNNGCNMNFPFVCQVRQLNC  274
                VS GWSNNGCNM FPFVCQVRQL+C
Sbjct  2542502  VSKGWSNNGCNMRFPFVCQVRQLDC  2542429
"""


def test_rows_of_an_alignment_are_joined_by_name_without_gaps():
    found = find_sequences(CLUSTAL, SETTINGS)
    assert [hit.sequence for hit in found] == [
        "atggccttaggaccatgaccattggcatccgattagcatc",
        "atggccattaggccatgacgattggcatccgtttagacatc",
        "ggccattaggaccatgaccattcatccgattagacatc",
    ]
    assert [CLUSTAL[hit.start : hit.end][:6] for hit in found] == ["ATGGCC", "ATGGCC", "GGCCAT"]


def test_blast_rows_go_on_only_where_the_coordinates_do_and_the_match_line_is_no_sequence():
    assert [hit.sequence for hit in find_sequences(BLAST, SETTINGS)] == [
        "YFQGEWRWEDGSRFDYSNWDTPRSTAYYQCLLLNSQVSMGWSNNGCNMNFPFVCQVRQLNC",
        "FLQDEWRWEDGSRFDYSNWDTPSSTAYYQCLLLNSQVSKGWSNNGCNMRFPFVCQVRQLDC",
    ]
    assert len(find_sequences(BLAST.replace("250 ", "260 "), SETTINGS)) == 4


def test_pairwise_alignment_without_names_needs_its_match_line():
    rows = "ATGGCC-TTAGGACCATGACC\n|||||| ||||||||| ||||\nATGGCCATTAGGACCAAGACC\n"
    assert [h.sequence for h in find_sequences(rows, SETTINGS)] == ["atggccttaggaccatgacc", "atggccattaggaccaagacc"]


def test_rows_of_selex_whose_sequence_has_ended_are_empty():
    rows = "  S1  ttcctctttctcgactccat\n  S2  ctaccattttccctctcgat\n\n  S1\n  S2  gccaatatgcagctctttgt\n"
    assert [h.sequence for h in find_sequences(rows, SETTINGS)] == [
        "ttcctctttctcgactccat", "ctaccattttccctctcgatgccaatatgcagctctttgt",
    ]  # fmt: skip


@pytest.mark.parametrize(("header", "modality"), [
    (">NM_000518.5 Homo sapiens hemoglobin subunit beta (HBB), mRNA", "rna"),
    (">X1 Escherichia coli 16S ribosomal RNA", "rna"),
    (">X1 Escherichia coli 16S ribosomal RNA gene, partial sequence", "dna"),
    (">X1 DNA-directed RNA polymerase", "dna"),
    (">NC_000011.10 Homo sapiens chromosome 11", "dna"),
])  # fmt: skip
def test_a_record_written_with_t_is_rna_only_where_its_header_says_so(header, modality):
    found = find_sequences(f"{header}\nATGGCCATTAGGACCATGACCATTGGCATC\n", SETTINGS)
    assert [str(hit.modality) for hit in found] == [modality]
