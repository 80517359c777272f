"""Layouts of one sequence over several lines: FASTQ, FASTA, numbered blocks, wrapped lines.

Each function is given a line and returns the candidates that start there with the lines they use, or None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bsm.interleave.candidates import Candidate, kind_of, may_go_on
from bsm.interleave.page import Page
from bsm.interleave.rows import (
    QUOTES,
    Row,
    is_decoration,
    is_quote,
    number_line,
    pure_row,
    ruler_start,
    says_left_out,
    top_of_run,
)  # fmt: skip
from bsm.interleave.strands import is_complement, is_marks

Block = tuple[list[Candidate], set[int]]
WRAPPED_WIDTH, LITERAL_WIDTH = range(50, 201), range(30, 201)
"""Widths at which equal lines without a header are one sequence; a program joins literals on successive lines."""
_HEADER = re.compile(rf"[\s{QUOTES}#|/;%*]*(?:\d+[.)]\s+)?>(?!>)\s*\S|.*[{QUOTES}]>\w")
_PIR_HEADER = re.compile(r"\s*>[A-Z][A-Z0-9];")
_OPENING = re.compile(rf".*[\s={QUOTES}>(](?P<body>[A-Za-z]{{30,}})[{QUOTES}]?\s*")
_RAGGED = 2
"""Columns by which the right edges of such a value's lines may differ."""
_MIN_TWIN_COLUMNS, _TWIN_SHARE = 30, 0.5
"""Lines are sequences to compare, not one wrapped, where this share of so many columns is equal (chance: 1/4)."""
_LINES_BETWEEN_ROWS = 12
"""Annotation lines between two rows of one numbered block (features of a part page)."""


def fastq_block(page: Page, index: int) -> Block | None:
    """``@name`` (it may be missing), read, ``+``, qualities of the read's length."""
    row = pure_row(page, index)
    name, plus, quality = (page.line(index + i).strip() for i in (-1, 1, 2))
    if row is None or len(row.groups) > 1 or len(quality) != row.width:
        return None
    if not (plus.startswith("+") and name.startswith("@")) and plus != "+":
        return None
    start = page.starts[index + 2] + page.line(index + 2).index(quality)
    read = Candidate((row.part,), "fastq", name)
    qualities = Candidate(((start, start + len(quality)),), "fastq", refused="quality_string")
    return [read, qualities], {index - 1, index, index + 1, index + 2} if name.startswith("@") else {index, index + 2}


def fasta_block(page: Page, index: int) -> Block | None:
    """The record that the line belongs to: lines of letters below a ``>`` header."""
    if not pure_row(page, index):
        return None
    top = top_of_run(page, index)
    header = page.line(top - 1)
    if _PIR_HEADER.match(page.line(top - 2)) and not _HEADER.match(header):
        header = page.line(top - 2)
    if not _HEADER.match(header):
        return None
    pieces = _pieces_below(page, top)
    candidates = [Candidate(tuple(row.part for row in rows), "fasta", header.strip()) for rows in pieces]
    return candidates, {row.line for rows in pieces for row in rows}


def _pieces_below(page: Page, top: int) -> list[list[Row]]:
    """The lines of a record, cut where a line of dots says that some were left out."""
    pieces: list[list[Row]] = []
    at = top
    while rows := list(_rows_below(page, at)):
        pieces.append(rows)
        at = rows[-1].line + 1
        while is_decoration(page.line(at)) or says_left_out(page.line(at)):
            at += 1
        if rows[-1].ends or not says_left_out(page.line(at - 1)):
            break
    return pieces


def numbered_block(page: Page, index: int) -> Block | None:
    """Blocks of ten or codons over lines, with or without numbers, one strand or two."""
    first = pure_row(page, index)
    if first is None:
        return None
    above = (first.before, number_line(page, index - 1), ruler_start(page, index - 1))
    number = next((number for number in above if number is not None), None)
    is_numbered = number is not None or first.after == len(first.letters)
    if not (first.is_grouped or (is_numbered and len(first.letters) >= 30 and len(first.groups) == 1)):
        return None
    rows, lower = [first], []
    base = number if number is not None else (first.after - len(first.letters) + 1 if first.after else None)
    at, n_letters = index + 1, len(first.letters)
    while True:
        row = pure_row(page, at + is_marks(page.line(at)))
        if row and row.before in (None, rows[-1].before) and is_complement(row.letters, rows[-1].letters):
            lower.append(row)
            at = row.line + 1
            continue
        found = _continuation(page, at, rows[0], rows[-1], None if base is None else base + n_letters)
        if found is None:
            break
        rows.append(found)
        n_letters += len(found.letters)
        at = found.line + 1
    layout = "codons" if first.is_codons else "numbered"
    if len(rows) == 1 and not first.is_grouped and not lower:
        return None
    candidates = [Candidate(tuple(row.part for row in rows), layout, _locus_line(page, first.start))]
    candidates += [Candidate((row.part,), layout, refused="complementary_strand") for row in lower]
    return candidates, {row.line for row in rows + lower}


def wrapped_block(page: Page, index: int) -> Block | None:
    """Lines of letters of one width, the last not longer: one sequence written over several lines."""
    rows: list[Row] = []
    for row in _rows_below(page, index):
        widths = LITERAL_WIDTH if row.is_literal else WRAPPED_WIDTH
        if len(row.groups) > 1 or (not rows and row.width not in widths) or row.is_numbered:
            break
        if rows and (row.width > rows[0].width or row.is_literal != rows[0].is_literal):
            break
        if rows and not may_go_on(kind_of(rows[0].letters), row.letters):
            break
        rows.append(row)
        if row.width < rows[0].width:
            break
    if len(rows) < 2:
        return None
    if all(_are_twins(page, *pair) for pair in pairwise(rows)):
        return [Candidate((row.part,), "word") for row in rows], {row.line for row in rows}
    return [Candidate(tuple(row.part for row in rows), "wrapped")], {row.line for row in rows}


def _are_twins(page: Page, upper: Row, lower: Row) -> bool:
    """Whether two lines of one width repeat one another column by column (AXT, strings to compare)."""
    if upper.width != lower.width:
        return False
    columns = zip(page.text[upper.start : upper.end].upper(), page.text[lower.start : lower.end].upper(), strict=True)
    known = [a == b for a, b in columns if a.isalpha() and b.isalpha() and "N" not in (a, b)]
    return len(known) >= _MIN_TWIN_COLUMNS and sum(known) > _TWIN_SHARE * len(known)


def opened_block(page: Page, index: int) -> Block | None:
    """A value that starts behind its key and goes on below: to its closing quote, over literals that a program joins,
    in lines as long as the first, or up to the same column (GenBank's ``/translation``)."""
    line = page.line(index)
    match = _OPENING.fullmatch(line)
    if match is None or not (kind := kind_of(match["body"])):
        return None
    start, end = match.span("body")
    opened, closed = is_quote(line[start - 1]), is_quote(line[end : end + 1])
    quoted = _quoted(page, index + 1, closed) if opened else []
    parts = [(page.starts[index] + start, page.starts[index] + end)]
    lines = {index}
    for row in quoted or _rows_below(page, index + 1):
        overhang = row.column + row.width - end
        full = abs(overhang) <= _RAGGED or (row.width == end - start and row.width in WRAPPED_WIDTH)
        if len(row.groups) > 1 or row.is_numbered or not may_go_on(kind, row.letters):
            break
        if overhang > _RAGGED and not full and not quoted:
            break
        parts.append(row.part)
        lines.add(row.line)
        if not (full or quoted):
            break
    return ([Candidate(tuple(parts), "wrapped")], lines) if len(parts) > 1 else None


def _quoted(page: Page, top: int, closed: bool) -> list[Row]:
    """The rows that quotes show to belong to a value: literals below a literal, or all up to the closing quote."""
    rows: list[Row] = []
    for row in _rows_below(page, top):
        if row.is_literal != closed or (not closed and is_quote(page.text[row.start - 1])):
            break
        rows.append(row)
        if not closed and is_quote(page.text[row.end : row.end + 1]):
            return rows
    return rows if closed else []


def _rows_below(page: Page, top: int) -> Iterator[Row]:
    """Consecutive lines of letters from ``top`` on, over lines of string decoration."""
    at = top
    while (row := pure_row(page, at)) or is_decoration(page.line(at)):
        if row:
            yield row
        if row and row.ends:
            return
        at += 1


def _continuation(page: Page, at: int, first: Row, previous: Row, expected: int | None) -> Row | None:
    """The next row of a numbered block: the one with the expected number, or directly below a full row."""
    if expected is None:
        row = pure_row(page, at)
        if row is None or row.before is not None or previous.groups != first.groups or previous.ends:
            return None
        fits = row.groups[0] <= first.groups[0] and (row.is_grouped or len(row.groups) == 1)
        return row if fits and may_go_on(kind_of(first.letters), row.letters) else None
    if previous.ends:
        return None
    pending: int | None = None
    for index in range(at, at + _LINES_BETWEEN_ROWS):
        row = pure_row(page, index)
        if row and (expected in (row.before, pending) or row.after == expected + len(row.letters) - 1):
            return row if may_go_on(kind_of(first.letters), row.letters) else None
        if row and pending is None and len(row.letters) < 10 and ruler_start(page, first.line - 1) is not None:
            return row if previous.groups == first.groups and may_go_on(kind_of(first.letters), row.letters) else None
        if row and (row.is_grouped or row.is_numbered):
            return None  # a row of another block
        if page.line(index).strip() == "//":
            return None
        for number in (number_line(page, index), ruler_start(page, index)):
            pending = pending if number is None or pending == expected else number
    return None


def _locus_line(page: Page, start: int) -> str:
    """The LOCUS line of the GenBank record that a position stands in, or nothing."""
    at = page.text.rfind("LOCUS ", max(0, start - 200_000), start)
    if at < 0 or "\n//" in page.text[at:start]:
        return ""
    return page.text[at : page.text.index("\n", at)]
