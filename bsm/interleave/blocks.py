"""Layouts of one sequence over several lines: FASTQ, FASTA, numbered blocks, wrapped lines.

Each function is given a line and returns the candidates that start there with the lines they use, or None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bsm.base.alphabet import reverse_complement
from bsm.interleave.candidates import Candidate, kind_of, may_go_on
from bsm.interleave.page import Page
from bsm.interleave.rows import Row, is_decoration, number_line, pure_row, top_of_run

Block = tuple[list[Candidate], set[int]]
WRAPPED_WIDTH = range(50, 201)
"""Widths at which equal lines without a header are one sequence."""
_HEADER = re.compile(r"[\s\"'`#|]*>(?!>)\s*\S|.*[\"'`]>\w")
_PIR_HEADER = re.compile(r"\s*>[A-Z][A-Z0-9];")
_OPENING = re.compile(r".*[\s=\"'`>(](?P<body>[A-Za-z]{30,})[\"'`]?\s*")
_RAGGED = 2
"""Columns by which the right edges of such a value's lines may differ."""
_MIN_TWIN_COLUMNS, _TWIN_SHARE = 30, 0.5
"""Two lines are two aligned sequences, not one wrapped, where this share of so many columns is equal (chance: 1/4)."""
_LINES_BETWEEN_ROWS = 12
"""Annotation lines between two rows of one numbered block (features of a part page)."""


def fastq_block(page: Page, index: int) -> Block | None:
    """``@name``, read, ``+``, qualities of the read's length."""
    row = pure_row(page, index)
    if row is None or len(row.groups) > 1 or not page.line(index - 1).lstrip().startswith("@"):
        return None
    quality = page.line(index + 2).strip()
    if not page.line(index + 1).lstrip().startswith("+") or len(quality) != row.width:
        return None
    start = page.starts[index + 2] + page.line(index + 2).index(quality)
    read = Candidate((row.part,), "fastq", page.line(index - 1).strip())
    qualities = Candidate(((start, start + len(quality)),), "fastq", refused="quality_string")
    return [read, qualities], {index - 1, index, index + 1, index + 2}


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
    rows = list(_rows_below(page, top))
    return [Candidate(tuple(row.part for row in rows), "fasta", header.strip())], {row.line for row in rows}


def numbered_block(page: Page, index: int) -> Block | None:
    """Blocks of ten or codons over lines, with or without numbers, one strand or two."""
    first = pure_row(page, index)
    if first is None:
        return None
    number = first.before if first.before is not None else number_line(page, index - 1)
    if not (first.is_grouped or (number is not None and len(first.letters) >= 30 and len(first.groups) == 1)):
        return None
    rows, lower = [first], []
    base = number if number is not None else (first.after - len(first.letters) + 1 if first.after else None)
    at, n_letters = index + 1, len(first.letters)
    while True:
        row = pure_row(page, at)
        if row and is_complement(row.letters, rows[-1].letters) and not row.before:
            lower.append(row)
            at += 1
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
        if len(row.groups) > 1 or (not rows and row.width not in WRAPPED_WIDTH):
            return None
        if rows and (row.width > rows[0].width or not may_go_on(kind_of(rows[0].letters), row.letters)):
            break
        rows.append(row)
        if row.width < rows[0].width:
            break
    if len(rows) < 2:
        return None
    if len(rows) == 2 and _are_twins(page, *rows):
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
    """A value that starts behind its key and goes on below, up to the same column (GenBank's ``/translation``)."""
    match = _OPENING.fullmatch(page.line(index))
    if match is None or not (kind := kind_of(match["body"])):
        return None
    parts = [(page.starts[index] + match.start("body"), page.starts[index] + match.end("body"))]
    lines = {index}
    for row in _rows_below(page, index + 1):
        overhang = row.column + row.width - match.end("body")
        if len(row.groups) > 1 or overhang > _RAGGED or not may_go_on(kind, row.letters):
            break
        parts.append(row.part)
        lines.add(row.line)
        if overhang < -_RAGGED:
            break
    return ([Candidate(tuple(parts), "wrapped")], lines) if len(parts) > 1 else None


def _rows_below(page: Page, top: int) -> Iterator[Row]:
    """Consecutive lines of letters from ``top`` on, over lines of string decoration."""
    at = top
    while (row := pure_row(page, at)) or is_decoration(page.line(at)):
        if row:
            yield row
        at += 1


def _continuation(page: Page, at: int, first: Row, previous: Row, expected: int | None) -> Row | None:
    """The next row of a numbered block: the one with the expected number, or directly below a full row."""
    if expected is None:
        row = pure_row(page, at)
        if row is None or row.before is not None or previous.groups != first.groups:
            return None
        fits = row.groups[0] <= first.groups[0] and (row.is_grouped or len(row.groups) == 1)
        return row if fits and may_go_on(kind_of(first.letters), row.letters) else None
    pending: int | None = None
    for index in range(at, at + _LINES_BETWEEN_ROWS):
        row = pure_row(page, index)
        if row and (expected in (row.before, pending) or row.after == expected + len(row.letters) - 1):
            return row if may_go_on(kind_of(first.letters), row.letters) else None
        if row and (row.is_grouped or row.before is not None or row.after is not None):
            return None  # a row of another block
        if page.line(index).strip() == "//":
            return None
        alone = number_line(page, index)
        pending = alone if alone is not None else pending
    return None


def is_complement(lower: str, upper: str) -> bool:
    """Whether a row is the other strand printed below: the complement, position by position."""
    if len(lower) != len(upper) or kind_of(upper) != "n" or kind_of(lower) != "n":
        return False
    strand = reverse_complement(lower.lower().replace("u", "t"))[::-1]
    equal = sum(a == b for a, b in zip(strand, upper.lower().replace("u", "t"), strict=True))
    return equal >= 0.9 * len(upper)


def _locus_line(page: Page, start: int) -> str:
    """The LOCUS line of the GenBank record that a position stands in, or nothing."""
    at = page.text.rfind("LOCUS ", max(0, start - 200_000), start)
    if at < 0 or "\n//" in page.text[at:start]:
        return ""
    return page.text[at : page.text.index("\n", at)]
