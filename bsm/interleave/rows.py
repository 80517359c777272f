"""What one line of a page can be: letters only, blocks of letters with numbers, or a named row of an alignment."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bsm.interleave.candidates import ANCHOR, kind_of, letters_of
from bsm.interleave.page import Page

# Quantifiers are possessive where letters run long: a line of a megabase must not be tried from every position.
QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_DECORATION = rf"(?:\s*\.\.\. +(?=\w?[{QUOTES}])|\s*(?://[/!]*|%+|;+)\s)?[\s{QUOTES}+\\#;]*(?:[bBfFrRuU](?=[{QUOTES}]))?[{QUOTES}]*"
"""Before the letters: a prompt of doctest, the sign of a comment, quotes with the prefix of a literal."""
_CLOSING = rf"[{QUOTES}]+\s*(?:[,;)\]}}]|\.[A-Za-z_]).*|[,;)\]}}]+\s*|\s*[\[(<]\s*(?:\.\.+|…).*"
"""Behind the letters: what ends a literal, and a bracket that says that letters were left out."""
_PURE = re.compile(
    rf"{_DECORATION}(?:ORIGIN\s+)?(?:(?P<before>\d{{1,9}})[\s:]+)?"
    r"(?P<body>(?=[\-~.]*+[A-Za-z])[A-Za-z\-~.…]++(?: ++[A-Za-z\-~.…]++)*+)"
    rf"\*?(?:\s+(?P<after>\d{{1,9}}))?[\s\\]*+"
    rf"(?:[\s{QUOTES}+\\]*|[{QUOTES}]\s*(?:#|//)(?P<remark>.*)|(?P<closing>{_CLOSING}))"
)
_NAMED = re.compile(
    r"(?<!\S)(?P<body>(?:[A-Za-z\-~.]{10} )+[A-Za-z\-~.]{1,10}|(?=[\-~.]*+[A-Za-z])[A-Za-z\-~.]++|[\-~.]+)"
    r"\*?(?:\s+(?::\s+)?(?P<after>\d{1,9}))?[\s|\"'`]*$"
)
_NAMED_BEHIND = re.compile(
    r"\s*+(?:\[\d+\]\s+)?(?P<body>[A-Za-z\-]{15,})(?:\.\.\.(?P<rest>[A-Za-z\-]+))?\s+(?=\S*[A-Za-z])\S[^\s|]*\s*"
)
_ONLY_DECORATION = re.compile(rf"[{QUOTES}+\\#\s]*+")
_LEFT_OUT = re.compile(r"[\s\"'`#(<\[{*/;%]*(?:\.+|(?:\.{2,}|…)[^.…]{1,60}(?:\.{2,}|…)?|…+)[\s\"'`)>\]}*/]*")
_LETTER = re.compile("[A-Za-z]")
_MIN_SEQUENCE = 15
_MAX_GROUP = 10
"""Longer groups without numbers are words of their own: a primer pair on one line."""
_NUMBER = re.compile(r"\s*(\d{1,9})\s*:?\s*")


@dataclass(frozen=True)
class Row:
    """The sequence part of one line; positions on the page's text."""

    line: int
    start: int
    end: int
    letters: str
    groups: tuple[int, ...]
    """Lengths of the blank-separated groups."""
    before: int | None
    after: int | None
    name: str = ""
    column: int = 0
    is_squeezed: bool = False
    """One blank stands between each word of the line."""
    is_literal: bool = False
    """Quotes open and close on this line."""
    ends: bool = False
    """A comma, a bracket or the like behind the letters: a program's string ends here."""

    @property
    def part(self) -> tuple[int, int]:
        return self.start, self.end

    @property
    def width(self) -> int:
        """Columns that the row takes, gaps included."""
        return self.end - self.start

    @property
    def is_numbered(self) -> bool:
        return self.before is not None or self.after is not None

    @property
    def is_grouped(self) -> bool:
        """Two or more groups of one length, the last may be shorter: blocks of ten, codons; longer only if numbered."""
        size = self.groups[0]
        if len(self.groups) < 2 or size < 3 or (size > _MAX_GROUP and not self.is_numbered):
            return False
        return {*self.groups[:-1]} == {size} and self.groups[-1] <= size

    @property
    def is_codons(self) -> bool:
        return self.is_grouped and self.groups[0] == 3


def pure_row(page: Page, index: int) -> Row | None:
    """The line as letters only (with numbers, quotes, gaps around them), or None."""
    if index not in page.rows:
        page.rows[index] = _read_pure_row(page, index)
    return page.rows[index]


def _read_pure_row(page: Page, index: int) -> Row | None:
    match = _PURE.fullmatch(page.line(index))
    if not match:
        return None
    body = match["body"].rstrip(".…")
    letters = letters_of(body)
    if not kind_of(letters) or ANCHOR.search(match["closing"] or match["remark"] or ""):
        return None
    column = match.start("body")
    start = page.starts[index] + column
    is_literal = is_quote(match.string[column - 1 : column]) and is_quote(match.string[match.end("body") :][:1])
    return Row(index, start, start + len(body), letters, tuple(len(letters_of(g)) for g in body.split()),
               _number(match["before"]), _number(match["after"]), "", column, False, is_literal,
               match["closing"] is not None)  # fmt: skip


def is_quote(character: str) -> bool:
    return character != "" and character in QUOTES


def top_of_run(page: Page, index: int) -> int:
    """First line of the run of letter lines (and string decoration) that a line stands in."""
    top = index
    while top not in page.tops and _may_stand_above(page, top - 1):
        top -= 1
    page.tops[index] = page.tops.get(top, top)
    return page.tops[index]


def _may_stand_above(page: Page, index: int) -> bool:
    row = pure_row(page, index)
    return not row.ends if row else is_decoration(page.line(index)) or says_left_out(page.line(index))


def named_row(page: Page, index: int) -> Row | None:
    """The line as a row of an alignment (name, numbers, aligned letters or gaps alone, number), or None."""
    line = page.line(index)
    match = _NAMED.search(line)
    if not match:
        return None
    letters = letters_of(match["body"])
    if letters and not kind_of(letters):
        return None
    words = line[: match.start()].split()
    if any(_is_sequence(word, i) for i, word in enumerate(words)):
        return None
    numbers = [w for w in words if _is_number(w)]
    name = " ".join(w for w in words if not _is_number(w))
    name = name if any(map(str.isalnum, name)) else ""
    if not name and len(numbers) > 1:
        name = numbers.pop(0)
    start = page.starts[index] + match.start("body")
    before = _number(numbers[-1] if numbers else None)
    return Row(index, start, start + len(match["body"]), letters, (len(letters),), before, _number(match["after"]),
               name, match.start("body"), "  " not in line.strip())  # fmt: skip


def row_named_behind(page: Page, index: int) -> tuple[Row, tuple[int, int] | None] | None:
    """The line as aligned letters before their name, and what stands behind an ellipsis (Biopython, Bioconductor)."""
    match = _NAMED_BEHIND.fullmatch(page.line(index))
    letters = letters_of(match["body"]) if match else ""
    if not match or not kind_of(letters):
        return None
    start, end = (page.starts[index] + at for at in match.span("body"))
    rest = tuple(page.starts[index] + at for at in match.span("rest")) if match["rest"] else None
    row = Row(index, start, end, letters, (len(letters),), None, None, column=match.start("body"))
    return row, (rest[0], rest[1]) if rest else None


def named_by_number(row: Row) -> Row:
    """The row with its only number read as its name, not as a coordinate."""
    return row if row.name or row.before is None else replace(row, name=str(row.before), before=None)


def _is_sequence(word: str, position: int) -> bool:
    """Whether a word before the letters is a sequence too (columns of a table); a first word of capitals is a name."""
    kind = kind_of(word) if len(word) >= _MIN_SEQUENCE and word.isalpha() else ""
    return kind == "n" or (kind == "p" and position > 0)


def number_line(page: Page, index: int) -> int | None:
    """The number that stands alone on a line, or None."""
    match = _NUMBER.fullmatch(page.line(index))
    return int(match[1]) if match else None


def ruler_start(page: Page, index: int) -> int | None:
    """The number of the first letter below a line of numbers that count its blocks of ten (``10  20  30``), or None."""
    words = page.line(index).split()
    if not words or not all(map(_is_number, words)):
        return None
    start = int(words[0]) - _MAX_GROUP + 1
    return start if start > 0 and all(int(w) == start + _MAX_GROUP * i - 1 for i, w in enumerate(words, 1)) else None


def is_decoration(line: str) -> bool:
    """Whether a line is what a string literal leaves behind: quotes, plus signs, nothing else (but not blank)."""
    return bool(line.strip()) and bool(_ONLY_DECORATION.fullmatch(line))


def says_left_out(line: str) -> bool:
    """Whether a line holds nothing but dots, or a remark between dots: letters were left out."""
    return bool(_LEFT_OUT.fullmatch(line)) and not ANCHOR.search(line)


def is_annotation(page: Page, index: int, above: Row) -> bool:
    """Whether a line annotates the columns of a row: Stockholm's ``#=G``, or symbols and digits without any letter."""
    line = page.line(index)
    if line.lstrip().startswith("#=G"):
        return True
    inside = line[above.column : above.column + above.width]
    behind = line[above.column + above.width :]
    return bool(inside.strip()) and not _LETTER.search(inside) and len(behind.split()) <= 1


def is_match_line(page: Page, index: int, above: Row, needs_symbols: bool = False) -> bool:
    """Whether a line marks the columns of the row above: symbols, or letters repeated from it (a consensus)."""
    line = page.line(index).ljust(above.column + above.width)
    inside = line[above.column : above.column + above.width]
    outside = line[: above.column] + line[above.column + above.width :]
    if not inside.strip() or outside.strip(" 0123456789"):
        return False
    aligned = page.text[above.start : above.end]
    symbols = sum(c in "|:.*+" for c in inside)
    equal = sum(a == b and a != " " for a, b in zip(inside, aligned, strict=True))
    n_marks = len(inside.replace(" ", ""))
    return (symbols >= 5 if needs_symbols else True) and symbols + equal >= 0.9 * n_marks


def _is_number(word: str) -> bool:
    """Whether a word is a coordinate: decimal digits (not a raised 2), as many as a sequence can need."""
    return word.isdecimal() and len(word) < 10


def _number(text: str | None) -> int | None:
    return int(text) if text else None
