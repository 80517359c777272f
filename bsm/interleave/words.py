"""Sequences in running text and tables: single words, and blocks of ten or codons inside a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bsm.interleave.candidates import Candidate, kind_of
from bsm.interleave.page import Page

_WORD = re.compile(
    r"(?<![A-Za-z])(?:(?:[acgtun]{10}|[A-Z]{10}) )+(?:[acgtun]{1,10}|[A-Z]{1,10})(?![A-Za-z])"
    r"|(?P<codons>(?<![A-Za-z])(?:(?:[ACGTU]{3} ){5,}[ACGTU]{1,3}|(?:[acgtu]{3} ){5,}[acgtu]{1,3})(?![A-Za-z]))"
    r"|[A-Za-z]{10,}"
)
_TOUCHING_BEFORE = re.compile(r"[0-9_/+@%$]")
_TOUCHING_AFTER = re.compile(r"[0-9_/+@%=]")
_STOP_BEFORE, _STOP_AFTER = re.compile(r"[A-Za-z]\*+$"), re.compile(r"\*+[A-Za-z]")
_NEAR = 8
"""Characters looked at on either side of a word."""
_LABEL_LENGTH = 60
_MAX_READ = 1000


def words_of_line(page: Page, index: int) -> Iterator[Candidate]:
    """Every long word of a line, with the text before it; words inside a longer token are marked as refused."""
    offset = page.starts[index]
    line = page.line(index)
    for match in _WORD.finditer(line):
        start, end = match.span()
        layout = "codons" if match["codons"] else "word"
        before, after = line[max(0, start - _NEAR) : start], line[end : end + _NEAR]
        refused = "part_of_longer_token" if _touches(before, after) else ""
        if _is_quality(line, start, end):
            refused = "quality_string"
        stop = bool(_STOP_BEFORE.search(before) or _STOP_AFTER.match(after))
        label = page.text[max(0, offset + start - _LABEL_LENGTH) : offset + start]
        yield Candidate(((offset + start, offset + end),), layout, label, refused, stop)


def _is_quality(line: str, start: int, end: int) -> bool:
    """Whether a word stands in a token as long as the read before it (SAM)."""
    left = line.rfind(" ", max(0, start - _MAX_READ), start) + 1
    right = line.find(" ", end, end + _MAX_READ)
    length = (right if right >= 0 else len(line)) - left
    read = line[max(0, left - 1 - length) : max(0, left - 1)]
    is_token = left > length and line[left - length - 2 : left - length - 1] in ("", " ") and " " not in read
    return is_token and kind_of(read) == "n" and kind_of(line[start:end]) != "n"


def _touches(before: str, after: str) -> bool:
    inside_left = _TOUCHING_BEFORE.match(before[-1:]) and not (before[-1:] in "35" and not before[-2:-1].isalnum())
    inside_right = _TOUCHING_AFTER.match(after[:1]) and not (after[:1] in "35" and not after[1:2].isalnum())
    return bool(inside_left or inside_right)
