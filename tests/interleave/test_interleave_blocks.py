"""Blocks of an alignment that go on below one another, and lists that only look like them."""

from __future__ import annotations

import random

import pytest

from bsm.base.config.data import InterleaveSettings
from bsm.interleave.detect import explain, find_sequences

SETTINGS = InterleaveSettings()
RNG = random.Random("blocks")
ONE = "".join(RNG.choices("ACGT", k=100))
TWO = "".join(RNG.choice("ACGT") if RNG.random() < 0.2 else c for c in ONE)
PROTEIN = "".join(RNG.choices("ARNDCQEGHILKMFPSTWYVLAGSEVKALE", k=100))
OTHER = "".join(RNG.choice("ARNDCQEGHILKMFPSTWYV") if RNG.random() < 0.3 else c for c in PROTEIN)
SPANS = (0, 60), (60, 100)


def found(text: str) -> list[str]:
    return [hit.sequence.upper() for hit in find_sequences(f"Text.\n\n{text}\n\nText.\n", SETTINGS)]


def blocks(block: str, between: str = "\n", rows: tuple[str, str] = (ONE, TWO)) -> str:
    """``block`` takes a, b (letters), m (marks), ss, pp (structure, qualities), f, g (first, from 0, 1), l (last)."""
    texts = []
    for first, last in SPANS:
        a, b = (row[first:last] for row in rows)
        marks = "".join("|" if x == y else " " for x, y in zip(a, b, strict=True))
        texts.append(block.format(a=a, b=b, m=marks, f=first, g=first + 1, l=last,
                                  ss="".join("<.>-"[i % 4] for i in range(len(a))), pp="9" * len(a)))  # fmt: skip
    return between.join(texts)


NUCLEOTIDES = {
    "stockholm with a line of structure for each row":
        "    x.1     {a}\n    #=GR x.1 SS {ss}\n    y.2     {b}\n    #=GR y.2 SS {ss}\n",
    "stockholm with a line above":
        "#=GC RF     {ss}\nx.1         {a}\n#=GR x.1 PP {pp}\ny.2         {b}\n#=GC PP_con {pp}\n",
    "structure without a tag": "x.1   {a}\ny.2   {b}\nSS    {ss}\n",
    "names of digits": "gi|2622      {f:2} {a}\n             {f:2} {m}\n42291        {f:2} {b}\n",
    "names of digits alone": "101   {a}\n102   {b}\n",
    "doctest": "    x       {f:2} {a}\n            {f:2} {m}\n    42291   {f:2} {b}\n    <BLANKLINE>",
    "rulers": "        10        20        30\nHUMAN  {a}\n       {m}\nMOUSE  {b}\n        10        20        30\n",
    "no names, rulers": "{f:7} .    :    .    :    .\n        {a}\n        {m}\n        {b}\n",
    "no names, coordinates": "{g:7} {a}\n        {m}\n{g:7} {b}\n",
    "squeezed": "one {a}\na_longer_name {b}\n",
    "squeezed coordinates": "Query {g} {a} {l}\n|||||||| |||||||||||| ||||\nSbjct {g} {b} {l}\n",
    "no blank line": "Query  {g:<3} {a}  {l}\n           {m}\nSbjct  {g:<3} {b}  {l}",
}  # fmt: skip


@pytest.mark.parametrize("name", NUCLEOTIDES)
def test_rows_go_on_in_the_next_block(name):
    assert found(blocks(NUCLEOTIDES[name])) == [ONE, TWO]


def test_the_row_of_a_hit_goes_on_by_its_coordinates_where_the_other_row_is_a_profile():
    rows = (PROTEIN.lower(), OTHER)
    text = blocks(
        "  Globin {g:>4} {a} {l}\n              {m}\n  sp|P1  {g:>4} {b} {l}\n              {pp} PP\n", "\n", rows
    )
    assert found(text) == [OTHER]


def test_two_hits_are_not_joined_even_where_the_coordinates_go_on():
    block = "Query  {g:<4} {a}  {l}\n            {m}\nSbjct  {g:<4} {b}  {l}\n"
    text = " Score = 50 bits\n\n" + blocks(block, "\n Score = 40 bits\n\n", (PROTEIN, OTHER))
    assert found(text) == [PROTEIN[:60], OTHER[:60], PROTEIN[60:], OTHER[60:]]


@pytest.mark.parametrize("line", ["Forward: {}\nReverse: {}\n", "F 60 {}\nR 61 {}\n", "F {}\nR {}\n"])
def test_pairs_of_primers_are_not_an_alignment_in_blocks(line):
    primers = [ONE[at : at + 20] for at in range(0, 80, 20)]
    assert found(line.format(*primers[:2]) + "\n" + line.format(*primers[2:])) == primers


@pytest.mark.parametrize("joint", [" ", "\t", "   "])
def test_lines_of_a_table_that_end_in_two_sequences_give_both(joint):
    first, second = [ONE[:37], ONE[40:77]], [TWO[:38], TWO[50:88]]
    lines = [f"6401 {i} 84.2 12805 {a}{joint}{b}" for i, (a, b) in enumerate(zip(first, second, strict=True))]
    assert found("\n".join(lines)) == [first[0], second[0], first[1], second[1]]


@pytest.mark.parametrize("line", ["{}   12", "1 {}", "   {}  0.5"])
def test_lines_with_counts_or_row_numbers_are_not_one_wrapped_sequence(line):
    rows = [PROTEIN[:60], OTHER[20:80]]
    assert found("\n".join(line.format(row) for row in rows)) == rows


def test_blocks_of_ten_below_rulers_are_one_sequence_to_a_last_row_without_a_number():
    text = ""
    for at in range(0, 95, 30):
        part = PROTEIN[at : min(at + 30, 95)]
        tens = [part[i : i + 10] for i in range(0, len(part), 10)]
        text += "".join(f"{at + 10 * i:>10} " for i, ten in enumerate(tens, 1) if len(ten) == 10).rstrip()
        text += "\n" + " ".join(tens) + "\n\n"
    assert found(text) == [PROTEIN[:95]]


@pytest.mark.parametrize("line", ["{} {}/3-81\n", "{}...ACG {}\n", "[1] {} {}\n"])
def test_rows_before_their_names_are_an_alignment_where_one_has_a_gap(line):
    gapped = TWO[:20] + "---" + TWO[23:44]
    text = "Alignment with 3 rows and 52 columns\n" + line.format(ONE[:44], "A_1") + line.format(gapped, "B_2")
    assert found(text) == [ONE[:44], gapped.replace("-", "")]
    assert found(text.replace("---", "ACG")) == [ONE[:44], gapped.replace("---", "ACG")]


def test_three_lines_that_repeat_one_another_are_three_sequences():
    rows = [ONE[:60], TWO[:60], ONE[:59] + "A"]
    assert found("\n".join(rows)) == rows


def test_coordinates_may_stand_behind_colons():
    block = "{g:>6} : {a} : {l:>6}\n         {m}\n{g:>6} : {b} : {l:>6}\n"
    assert found(blocks(block)) == [ONE, TWO]


def test_a_raised_digit_and_a_number_of_thousands_of_digits_are_no_coordinates():
    for word in ("²", "9" * 6000):
        assert [hit.reason for hit in explain(f"{word} {ONE[:30]}\n{word} {TWO[:30]}\n", SETTINGS)] == ["", ""]
