"""Both strands line under line give the upper strand, with and without marks, names, numbers and ends."""

from __future__ import annotations

import random

import pytest

from bsm.base.config.data import InterleaveSettings
from bsm.interleave.detect import explain, find_sequences

SETTINGS = InterleaveSettings()
COMPLEMENT = str.maketrans("ACGTacgt", "TGCAtgca")
RNG = random.Random("strands")
DNA = "".join(RNG.choices("ACGT", k=137))
PAIRS = {
    "no names, marks": "{a}\n{m}\n{b}\n1            60\n",
    "no names": "{a}\n{b}\n",
    "names": "top     {a}\nbottom  {b}\n",
    "ends": "5'-{a}-3'\n   {m}\n3'-{b}-5'\n",
    "blanks": "5' {a} 3'\n3' {b} 5'\n",
    "scale": "{a}\n---------+---------+---------+---------+---------+\n{b}\n",
    "scale with numbers": "     {a}\n   1 ---------+---------+---------+---------+--- 60\n     {b}\n",
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("length", [20, 60])
def test_the_lower_strand_is_refused(name, length):
    upper = DNA[:length]
    hits = explain(PAIRS[name].format(a=upper, m="|" * length, b=upper.translate(COMPLEMENT)), SETTINGS)
    assert [hit.sequence.upper() for hit in hits if not hit.reason] == [upper]
    assert "complementary_strand" in {hit.reason for hit in hits}


@pytest.mark.parametrize("block", ["{a}\n{b}\n\n", "{a}\n{m}\n{b}\n\n", "{g:5} {a} {l:5}\n{g:5} {b} {l:5}\n\n",
                                   "{g:5} {a}\n      {m}\n      {b}\n\n"])  # fmt: skip
def test_the_upper_strand_goes_on_in_the_next_pair_of_lines(block):
    text = ""
    for at in range(0, len(DNA), 60):
        part = DNA[at : at + 60]
        text += block.format(a=part, b=part.translate(COMPLEMENT), m="|" * len(part), g=at + 1, l=at + len(part))
    assert [hit.sequence.upper() for hit in find_sequences(f"Text.\n\n{text}", SETTINGS)] == [DNA]


def test_strands_whose_ends_stand_over_are_a_pair_and_two_primers_are_not():
    upper, lower = DNA[:30], DNA[4:34].translate(COMPLEMENT)
    pair = f"5'-{upper}-3'\n3'-    {lower}-5'\n"
    assert [hit.sequence.upper() for hit in find_sequences(pair, SETTINGS)] == [upper]
    primers = f"5'-{upper}-3'\n5'-{DNA[60:90]}-3'\n"
    assert len(find_sequences(primers, SETTINGS)) == 2
