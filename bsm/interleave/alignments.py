"""Aligned rows: Clustal, Stockholm, SELEX, PHYLIP with names, BLAST and MAF, pairwise alignments with match lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from operator import eq

from bsm.interleave.blocks import Block
from bsm.interleave.candidates import ANCHOR, Candidate, kind_of
from bsm.interleave.page import Page
from bsm.interleave.rows import Row, is_annotation, is_match_line, named_by_number, named_row
from bsm.interleave.strands import is_complement

_BLANK_LINES_BETWEEN_BLOCKS = 3
_MIN_BLOCK_WIDTH = 40
"""Alignments are cut into blocks of more columns, primers have fewer letters."""
_ALIKE_NUCLEOTIDES, _ALIKE_PROTEINS = 0.5, 0.25
"""Share of equal columns above which rows without gaps are alike (chance: 1/4 and 1/16)."""
_NO_SEQUENCE = re.compile(r"CO(?!\S)|#=G|(?i:#?consensus\b)")
"""Names of rows that are no molecule: ProDom's consensus, Stockholm's annotation, a consensus called so."""


def alignment_block(page: Page, index: int) -> Block | None:
    """Two or more rows in the same columns; rows of one name in successive blocks are one sequence."""
    rows, matches, last = _rows_of_block(page, index)
    if sum(bool(row.letters) for row in rows) < 2:
        return None
    chains = [[row] for row in rows]
    used = {row.line for row in rows} | set(matches)
    by_name = {row.name: chain for row, chain in zip(rows, chains, strict=True) if row.name}
    while len(by_name) == len(rows) and (matches or _are_alike(page, rows)):
        following, more, end = _next_block(page, last + 1, by_name)
        if not following:
            break
        for row in following:
            by_name[row.name].append(row)
        used |= {row.line for row in following} | set(more)
        matches, last = matches + more, end
    return [*_candidates(page, chains), *(_refused_match_line(page, line) for line in matches)], used


def _candidates(page: Page, chains: list[list[Row]]) -> Iterator[Candidate]:
    """One for each chain; the complement of the chain above is its other strand."""
    above = ""
    for chain in chains:
        parts = tuple(row.part for row in chain if row.letters)
        letters = "".join(row.letters for row in chain)
        refused = "complementary_strand" if is_complement(letters, above) else _refusal(chain[0].name)
        if parts:
            yield Candidate(parts, "alignment", chain[0].name, refused)
        above = letters


def _are_alike(page: Page, rows: list[Row]) -> bool:
    """Whether rows of one width are an alignment and not a pair of primers: long, with gaps, or with equal columns."""
    texts = [page.text[row.start : row.end].upper() for row in rows]
    if rows[0].width >= _MIN_BLOCK_WIDTH or any(not text.isalpha() for text in texts):
        return True
    shares = [sum(map(eq, a, b)) / len(a) for a, b in pairwise(texts)]
    return max(shares) >= (_ALIKE_NUCLEOTIDES if kind_of(rows[0].letters) == "n" else _ALIKE_PROTEINS)


def _refusal(name: str) -> str:
    return "match_line" if _NO_SEQUENCE.match(name) else ""


def _rows_of_block(page: Page, index: int) -> tuple[list[Row], list[int], int]:
    """Aligned rows from a line on, the match lines among and below them, and the last line."""
    first = named_row(page, index)
    if first is None:
        return [], [], index
    while first.name and (above := _row_without_anchor(page, first.line - 1)) and _is_aligned(above, first):
        first = above  # rows full of gaps, from which no block is looked for
    index = first.line
    rows, matches, at, last = [first], [], index + 1, index
    while True:
        row = named_row(page, at)
        if row and first.name and not row.name:
            row = named_by_number(row)
        elif row and row.name and not first.name and len(rows) == 1:
            first = rows[0] = named_by_number(first)
        is_named = row is not None and row.name != ""  # a name of digits looks like the coordinate of a match line
        is_marks = not is_named and is_match_line(page, at, rows[-1], needs_symbols=not first.name)
        below_marks = at - 1 in matches  # rows without names are an alignment only where match lines say so
        if row and _is_aligned(row, first) and not is_marks and (first.name or below_marks):
            rows.append(row)
        elif is_marks or (row and _refusal(row.name)) or (first.name and is_annotation(page, at, first)):
            matches.append(at)
        else:
            break
        last, at = at, at + 1
    return rows, matches, last


def _next_block(page: Page, at: int, chains: dict[str, list[Row]]) -> tuple[list[Row], list[int], int]:
    """The rows of known names that go on after at most three blank lines; a name alone is an empty row (SELEX)."""
    below = range(at, at + _BLANK_LINES_BETWEEN_BLOCKS + 1)
    top = next((i for i in below if page.line(i).strip(" 0123456789")), at)  # MSF prints columns above a block
    above = next(iter(chains.values()))[0]
    rows: list[Row] = []
    matches: list[int] = []
    index = top
    while top > at:
        row = named_row(page, index)
        row = named_by_number(row) if row and row.name not in chains else row
        if row and row.name in chains and _goes_on(chains[row.name], row) and row.name not in {r.name for r in rows}:
            rows.append(row)
        elif (rows and is_match_line(page, index, rows[-1])) or is_annotation(page, index, above):
            matches.append(index)
        elif page.line(index).strip() not in chains:
            break
        index += 1
    return rows, matches, index - 1


def _is_aligned(row: Row, first: Row) -> bool:
    return (row.column, row.width, bool(row.name)) == (first.column, first.width, bool(first.name))


def _row_without_anchor(page: Page, index: int) -> Row | None:
    return None if ANCHOR.search(page.line(index)) else named_row(page, index)


def _goes_on(chain: list[Row], row: Row) -> bool:
    """Same column as the rows above and, where coordinates are printed, the next one."""
    return row.column == chain[0].column and _number_fits(chain[-1], row)


def _number_fits(previous: Row, row: Row) -> bool:
    if row.before is None or previous.after is None or not (row.letters and previous.letters):
        return True
    if previous.before is not None and previous.after == previous.before + len(previous.letters):
        return row.before == previous.after  # counted between letters (Bio.Align)
    step = 1 if previous.before is None or previous.after >= previous.before else -1
    return row.before == previous.after + step


def _refused_match_line(page: Page, line: int) -> Candidate:
    text = page.line(line)
    start = page.starts[line] + len(text) - len(text.lstrip())
    return Candidate(((start, page.starts[line] + len(text.rstrip())),), "alignment", refused="match_line")
