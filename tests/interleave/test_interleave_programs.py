"""Sequences in source code: what a program joins is one sequence, what it lists is several."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.config.data import InterleaveSettings
from bsm.interleave.detect import find_sequences

SETTINGS = InterleaveSettings()
JOINED = {
    "python": ('s = Seq(\n    "', '"\n    "', '",\n)\n'),
    "python with key": ('s = Seq("', '"\n        "', '", generic_dna)\n'),
    "python bytes": ('s = (b"', '"\n     b"', '")\n'),
    "python remarks": ('s = (\n    "', '"  # as published\n    "', '"  # the end\n)\n'),
    "python method": ('s = (\n    "', '"\n    "', '"\n).replace(" ", "")\n'),
    "python triple": ('s = """', "\n", '""")\n'),
    "c": ('const char *s = "', '"\n"', '";\n'),
    "c remarks": ('const char *s =\n    "', '" // part\n    "', '"; // end\n'),
    "java": ('String s = "', '"\n    + "', '";\n'),
    "perl": ('my $s = "', '" .\n    "', '";\n'),
    "perl dots first": ("$s = '", "'\n   . '", "';\n"),
    "perl statements": ('$s = "', '";\n$s .= "', '";\n'),
    "javascript statements": ("let s = '", "';\ns += '", "';\n"),
    "lua": ('local s = "', '" ..\n  "', '"\n'),
    "julia": ('s = "', '" *\n    "', '"\n'),
    "haskell": ('s = "', '" ++\n    "', '"\n'),
    "basic": ('s = "', '" & _\n    "', '"\n'),
    "matlab": ("s = ['", "' ...\n     '", "'];\n"),
    "rust": ('let s = "', "\\\n         ", '";\n'),
    "shell": ("SEQ=", "\\\n", "\n"),
    "curly quotes": ("seq = “", "”\n“", "”\n"),
    "comment": ("// ", "\n// ", "\n"),
    "yaml": ("seq: |\n  ", "\n  ", "\nnext: 1\n"),
}
LISTED = {
    "python": ('p = [\n    "', '",\n    "', '",\n]\n'),
    "r": ('p <- c("', '", "', '")\n'),
    "json": ('{"p": ["', '",\n "', '"]}\n'),
    "yaml": ("- ", "\n- ", "\n"),
    "keys": ('a = "', '"\nb = "', '"\n'),
    "sentences": ('He read "', '", then "', '".\n'),
}


def parts_of(seed: int, width: int) -> list[str]:
    rng = random.Random(seed)
    alphabet = rng.choice(["ACGT", "acgt", "ARNDCQEGHILKMFPSTWYVLAGSEVKALE"])
    letters = "".join(rng.choices(alphabet, k=width * rng.randint(2, 5) + rng.randint(1, width)))
    return [letters[at : at + width] for at in range(0, len(letters), width)]


def written(parts: list[str], frame: tuple[str, str, str]) -> str:
    return f"Some text.\n\n{frame[0]}{frame[1].join(parts)}{frame[2]}\nMore text.\n"


@pytest.mark.parametrize("name", JOINED)
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(50, 80))
def test_what_a_program_joins_is_one_sequence(name, seed, width):
    parts = parts_of(seed, width)
    found = find_sequences(written(parts, JOINED[name]), SETTINGS)
    assert [hit.sequence.upper() for hit in found] == ["".join(parts).upper()]


@pytest.mark.parametrize("name", ["python", "python with key", "c", "perl", "java"])
def test_literals_are_joined_at_widths_at_which_lines_alone_are_not(name):
    parts = parts_of(7, 35)
    assert len(find_sequences(written(parts, JOINED[name]), SETTINGS)) == 1
    assert len(find_sequences("\n".join(parts), SETTINGS)) >= len(parts) - 1


@pytest.mark.parametrize("name", LISTED)
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(30, 80))
def test_what_a_program_lists_is_several_sequences(name, seed, width):
    parts = [part for part in parts_of(seed, width) if len(part) == width]
    found = find_sequences(written(parts, LISTED[name]), SETTINGS)
    assert [hit.sequence.upper() for hit in found] == [part.upper() for part in parts]


def test_a_comma_ends_the_literals_of_an_argument_and_the_next_ones_begin_anew():
    one, two = parts_of(1, 60), parts_of(2, 60)
    lines = "".join('    "' + '"\n    "'.join(parts) + '",\n' for parts in (one, two))
    found = find_sequences(f"align(\n{lines})\n", SETTINGS)
    assert [hit.sequence.upper() for hit in found] == ["".join(one).upper(), "".join(two).upper()]


def test_strings_of_a_shell_array_and_of_a_column_are_not_joined():
    primers = ["AGCGTCAGTTACGCATTAGC", "TTGCATACCGATAGCAGCAT", "CCATAGGCATTTACGACTGA"]
    for text in ("P=(\n{}\n)\n", "primer\n{}\n"):
        found = find_sequences(text.format("\n".join(f'"{p}"' for p in primers)), SETTINGS)
        assert [hit.sequence.upper() for hit in found] == primers
