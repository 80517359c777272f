"""Aligned blocks of every format: any rows are found exactly, gaps left out, annotation refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.config.data import InterleaveSettings
from bsm.interleave.detect import explain, find_sequences

SETTINGS = InterleaveSettings()
PROTEIN = "ARNDCQEGHILKMFPSTWYVLAGSEVKALE"
NAMES = ("HBA_HUMAN", "seq1", "AB012345.1", "Pan_trop", "O83071/1", "x", "gi|91|em")
Rows = list[tuple[str, str]]
"""(name, aligned letters), all of one width."""


def blocks(rows: Rows, line: str, width: int, between: str = "\n", below: str = "") -> str:
    """Interleaved blocks: ``line`` is formatted with name, part, first and last column of the part."""
    parts = []
    for at in range(0, len(rows[0][1]), width):
        lines = [line.format(name=n, part=s[at : at + width], first=at + 1, last=at + len(s[at : at + width]))
                 for n, s in rows]  # fmt: skip
        parts.append("\n".join(lines) + "\n" + below)
    return between.join(parts)


def tens(letters: str) -> str:
    return " ".join(letters[i : i + 10] for i in range(0, len(letters), 10))


def msf(rows: Rows) -> str:
    text = f" msf  MSF: {len(rows[0][1])}  Type: P  Check: 1 ..\n\n//\n\n"
    for at in range(0, len(rows[0][1]), 50):
        text += f"            {at + 1:<10}{'':34}{at + 50:>10}\n"
        text += "".join(f"{n:10}  {tens(s[at : at + 50].replace('-', '.'))}\n" for n, s in rows) + "\n"
    return text


def phylip(rows: Rows, interleaved: bool, strict: bool, grouped: bool) -> str:
    """Strict names take ten columns and touch the letters, relaxed ones end at a blank."""
    show = tens if grouped else str
    named = [f"{n:10}" if strict else f"{n} " for n, _ in rows]
    width = len(rows[0][1])
    head = f" {len(rows)} {width}\n"
    if interleaved:
        text = "".join(f"{name}{show(s[:60])}\n" for name, (_, s) in zip(named, rows, strict=True))
        for at in range(60, width, 60):
            text += "\n" + "".join(f"{show(s[at : at + 60])}\n" for _, s in rows)
        return head + text
    lines = [[s[at : at + 60] for at in range(0, width, 60)] for _, s in rows]
    return head + "".join(name + "\n".join(map(show, parts)) + "\n" for name, parts in zip(named, lines, strict=True))


def counted_pair(rows: Rows, names: tuple[str, str], first: int) -> str:
    """Query above a match line above subject, with coordinates that count letters, not gaps."""
    (_, upper), (_, lower) = rows[:2]
    at, text = [first, first], ""
    for start in range(0, len(upper), 60):
        parts = upper[start : start + 60], lower[start : start + 60]
        marks = "".join("|" if a == b != "-" else " " for a, b in zip(*parts, strict=True))
        for i in (0, 1):
            n = sum(c != "-" for c in parts[i])
            end = at[i] + n - first
            text += f"{names[i]:8} {at[i]:<6} {parts[i]} {end}\n" + (f"{'':16}{marks}\n" if i == 0 else "")
            at[i] += n
        text += "\n"
    return text


def marked_pair(rows: Rows) -> str:
    marks = "".join("|" if a == b != "-" else " " for a, b in zip(rows[0][1], rows[1][1], strict=True))
    return f"\n{rows[0][1]}\n{marks}\n{rows[1][1]}\n"


def stockholm(rows: Rows) -> str:
    text = "# STOCKHOLM 1.0\n#=GF ID X\n"
    text += "".join(f"{n:16}{s.replace('-', '.')}\n#=GR {n:11}{'H' * 20 + 'C' * (len(s) - 20)}\n" for n, s in rows)
    return text + f"{'#=GC seq_cons':16}{rows[0][1]}\n//\n"


FORMATS = {
    "clustal": lambda r: "CLUSTAL W (1.83)\n\n" + blocks(r, "{name:16}{part}", 60, below=" " * 16 + "*" * 12 + "\n"),
    "clustal omega": lambda r: "CLUSTAL O(1.2.4)\n\n" + blocks(r, "{name:16}{part}\t{last}", 60, between="\n\n"),
    "stockholm": stockholm,
    "selex": lambda r: "# SELEX\n" + blocks(r, "  {name:14}{part}", 80),
    "nexus": lambda r: "#NEXUS\nbegin data;\nmatrix\n" + blocks(r, "{name:12} {part}", 60) + ";\nend;\n",
    "mega": lambda r: "#mega\n!Title x;\n\n" + blocks(r, "#{name:12} {part}", 60),
    "prodom": lambda r: "".join(f"AL   {n:14}   12   99  0.00 {s}\n" for n, s in r) + f"CO   {r[0][1]}\n",
    "maf": lambda r: "##maf version=1\na score=23262.0\n"
        + "".join(f"s {n:12} 27578828 {len(s):5} + 158545518 {s}\n" for n, s in r) + "\n",
    "msf": msf,
    "phylip interleaved": lambda r: phylip(r, True, False, True),
    "phylip interleaved strict": lambda r: phylip(r, True, True, False),
    "phylip sequential": lambda r: phylip(r, False, False, False),
    "phylip sequential strict": lambda r: phylip(r, False, True, True),
}  # fmt: skip
PAIRS = {
    "blast": lambda r: counted_pair(r, ("Query", "Sbjct"), 1),
    "blast old": lambda r: counted_pair(r, ("Query:", "Sbjct:"), 1),
    "bio align": lambda r: counted_pair(r, ("target", "query"), 0),
    "marks only": marked_pair,
}


def gapped(rng: random.Random, letters: str, alphabet: str) -> str:
    """A relative: some letters changed, a gap or two, at times a long one at the end."""
    row = [rng.choice(alphabet) if rng.random() < 0.15 else c for c in letters]
    for _ in range(rng.randrange(3)):
        at = rng.randrange(15, len(row) - 3)
        row[at : at + 3] = "---"
    if rng.random() < 0.3:
        at = rng.randrange(25, len(row))
        row[at:] = "-" * (len(row) - at)
    return "".join(row)


def draw_rows(rng: random.Random, n: int) -> Rows:
    alphabet = rng.choice((PROTEIN, "ACGT", "acgt", "ACGU"))
    base = "".join(rng.choices(alphabet, k=rng.randint(50, 230)))
    rows = [gapped(rng, base, alphabet) for _ in range(n)]
    return list(zip(rng.sample(NAMES, n), rows, strict=True))


def internal(row: str) -> str:
    letters = row.replace("-", "")
    return letters if set(letters) - set("ACGTUacgtu") else letters.lower().replace("u", "t")


def same_case(text: str, like: str) -> str:
    return text.lower().replace("u", "t") if like.islower() else text


def assert_rows_are_found(text: str, rows: Rows) -> None:
    document = f"Some text before it.\n\n{text}\n\nAnd some after."
    found = find_sequences(document, SETTINGS)
    assert [hit.sequence for hit in found] == [internal(row) for _, row in rows], text
    for hit in found:
        shown = same_case(document[hit.start : hit.end], hit.sequence)
        letters = iter(shown)
        assert shown[0] == hit.sequence[0] and shown[-1] == hit.sequence[-1]
        assert all(letter in letters for letter in hit.sequence), "the sequence is a subsequence of its span"


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_rows_of_any_alignment_are_found_exactly(name, seed, n):
    rows = draw_rows(random.Random(seed), n)
    assert_rows_are_found(FORMATS[name](rows), rows)


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_both_rows_of_any_pairwise_alignment_are_found_exactly(name, seed):
    rows = draw_rows(random.Random(seed), 2)
    rows = [(n, s.rstrip("-").ljust(30, rows[0][1][0])) for n, s in rows]
    width = min(len(s) for _, s in rows)
    rows = [(n, s[:width]) for n, s in rows]
    assert_rows_are_found(PAIRS[name](rows), rows)


def test_a_row_of_gaps_alone_keeps_the_rows_around_it_together():
    top, low = "ATGGCCATTAGGACCATGACCATTGGCATC", "CCGATTAGACATCGGATTACCAGGTACATT"
    text = f"a  {'-' * 30}\nb  {top}\nc  {low}\n\na  {low}\nb  {'-' * 30}\nc  {top}\n"
    assert [hit.sequence for hit in find_sequences(text, SETTINGS)] == [
        (top + "").lower(), (low + top).lower(), low.lower(),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["CO", "Consensus", "#=GC seq_cons", "consensus/80%"])
def test_a_consensus_is_refused_by_its_name(name):
    rows = "".join(f"{n:16}MKWVTFISLLFLFSSAYSRGVFRRDAHKSEV\n" for n in ("first", "second", name))
    assert [hit.reason for hit in explain(rows, SETTINGS)] == ["", "", "match_line"]


def test_a_phylip_header_that_counts_other_columns_changes_nothing():
    rows = "one  ATGGCCATTAGGACCATGACC\ntwo  ATGGCCATTAGGTCCATGACC\n"
    with_header = [hit.sequence for hit in find_sequences(f" 2 21\n{rows}", SETTINGS)]
    assert with_header == [hit.sequence for hit in find_sequences(f" 2 40\n{rows}", SETTINGS)]
    assert len(with_header) == 2


def test_successive_alignments_of_maf_and_of_blast_are_not_joined():
    block = "a score=1\ns hg18 1 20 + 99 ATGGCCATTAGGACCATGACC\ns rn3  1 20 + 99 ATGGCCATTAGGTCCATGACC\n\n"
    assert len(find_sequences(block * 2, SETTINGS)) == 4
