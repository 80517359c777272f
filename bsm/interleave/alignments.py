"""Aligned rows: Clustal, Stockholm, SELEX, PHYLIP with names, BLAST and MAF, pairwise alignments with match lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from operator import eq

from bsm.interleave.blocks import WRAPPED_WIDTH, Block
from bsm.interleave.candidates import ANCHOR, Candidate, kind_of
from bsm.interleave.page import Page
from bsm.interleave.rows import Row, is_annotation, is_match_line, named_by_number, named_row, row_named_behind
from bsm.interleave.strands import is_complement

Chains = list[list[Row]]
Following = tuple[list[tuple[list[Row], Row]], list[int], int]
_BLANK_LINES_BETWEEN_BLOCKS = 3
_LINES_BETWEEN_COORDINATES = 8
_MIN_BLOCK_WIDTH = 40
"""Alignments are cut into blocks of more columns, primers have fewer letters."""
_ALIKE_NUCLEOTIDES, _ALIKE_PROTEINS = 0.5, 0.25
"""Share of equal columns above which rows without gaps are alike (chance: 1/4 and 1/16)."""
_NEW_HIT = re.compile(r"(?i)\b(?:score|expect|e-?value|identities)\b|^\s*>")
_NO_SEQUENCE = re.compile(r"CO(?!\S)|#=G|(?i:#?consensus\b)")
"""Names of rows that are no molecule: ProDom's consensus, Stockholm's annotation, a consensus called so."""


def alignment_block(page: Page, index: int) -> Block | None:
    """Two or more rows in the same columns; rows of one name in successive blocks are one sequence."""
    rows, matches, last = _rows_of_block(page, index)
    if sum(bool(row.letters) for row in rows) < 2:
        return _chain_of_coordinates(page, index)
    chains = [[row] for row in rows]
    used = {row.line for row in rows} | set(matches)
    while following := _following(page, last + 1, chains, matches):
        for chain, row in following[0]:
            chain.append(row)
        used |= {row.line for _, row in following[0]} | set(following[1])
        matches, last = matches + following[1], following[2]
    return [*_candidates(page, chains), *(_refused_match_line(page, line) for line in matches)], used


def listed_block(page: Page, index: int) -> Block | None:
    """Rows in the same columns with their names behind them and a gap somewhere; other such lines are words."""
    refused: set[int] = page.memo.setdefault("listed", set())
    first = None if index in refused else row_named_behind(page, index)
    listed, at = [], index
    while first and (found := row_named_behind(page, at)) and _is_aligned(found[0], first[0]):
        listed.append(found)
        at += 1
    if len(listed) < 2 or not any("-" in page.text[row.start : row.end] for row, _ in listed):
        refused |= {row.line for row, _ in listed}
        return None
    parts = [part for row, rest in listed for part in (row.part, rest) if part]
    return [Candidate((part,), "alignment") for part in parts], {row.line for row, _ in listed}


def _following(page: Page, at: int, chains: Chains, matches: list[int]) -> Following | None:
    """The rows of the block below with the chains that they go on, its match lines and its last line."""
    first = [chain[0] for chain in chains]
    names = {row.name for row in first} - {""}
    if not names and len(first) == 2:
        return _next_pair(page, at, chains)
    if len(names) < len(first) or not (matches or _are_alike(page, first)):
        return None
    return _next_block(page, at, {chain[0].name: chain for chain in chains})


def _next_pair(page: Page, at: int, chains: Chains) -> Following | None:
    """Rows without names go on in their order, below blank lines and rulers, where the block above was full."""
    first = chains[0][0]
    top = _top_below(page, at)
    if first.width not in WRAPPED_WIDTH or chains[0][-1].width != first.width or top is None:
        return None
    rows, matches, last = _rows_of_block(page, top)
    if len(rows) != 2 or rows[0].name or rows[0].column != first.column or rows[0].width > first.width:
        return None
    pairs = list(zip(chains, rows, strict=True))
    return (pairs, matches, last) if all(_next_letter_fits(chain, row) for chain, row in pairs) else None


def _next_letter_fits(chain: list[Row], row: Row) -> bool:
    """Whether a coordinate before the letters, where there is one, counts those of the chain."""
    previous = chain[-1]
    return None in (previous.before, row.before) or row.before == (previous.before or 0) + len(previous.letters)


def _chain_of_coordinates(page: Page, index: int) -> Block | None:
    """Rows of one name whose coordinates go on, where the rows beside them are in other columns or no sequences."""
    row = named_row(page, index)
    if row is None or not row.name or row.before is None or row.after is None:
        return None
    chain, at = [row], index + 1
    while at <= chain[-1].line + _LINES_BETWEEN_COORDINATES:
        row = named_row(page, at)
        if _NEW_HIT.search(page.line(at)):
            break
        if row and row.name == chain[0].name:
            if not _coordinates_go_on(chain[-1], row):
                break
            chain.append(row)
        at += 1
    return (list(_candidates(page, [chain])), {row.line for row in chain}) if len(chain) > 1 else None


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
    if rows[0].width >= _MIN_BLOCK_WIDTH:
        return True
    texts = [page.text[row.start : row.end].upper() for row in rows]
    if any(not text.isalpha() for text in texts):
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
    names = {first.name} - {""}
    while True:
        row = named_row(page, at)
        if row and len(rows) == 1:
            first, row = _with_names(page, first, row)
            rows[0], names = first, {first.name} - {""}
        elif row and first.name:
            row = named_by_number(row)
        is_named = row is not None and row.name.isdecimal()  # digits may also be the coordinate of a match line
        is_marks = not is_named and is_match_line(page, at, rows[-1], needs_symbols=not first.name)
        below_marks = at - 1 in matches  # rows without names are an alignment only where match lines say so
        if row and row.name in names:
            break  # the next block, without a blank line above it
        if row and _is_aligned(row, first) and not is_marks and (first.name or below_marks):
            rows.append(row)
            names |= {row.name} - {""}
        elif is_marks or (row and _refusal(row.name)) or (first.name and is_annotation(page, at, first)):
            matches.append(at)
        else:
            break
        last, at = at, at + 1
    return rows, matches, last


def _with_names(page: Page, first: Row, row: Row) -> tuple[Row, Row]:
    """The first two rows, with a number read as a name where the other row has one, or where both count rows."""
    if first.name or row.name:
        return named_by_number(first), named_by_number(row)
    numbers = first.before, row.before
    counts_rows = None not in numbers and numbers[1] not in (numbers[0], (numbers[0] or 0) + len(first.letters))
    if counts_rows and row.after is None and _is_aligned(row, first) and _are_alike(page, [first, row]):
        return named_by_number(first), named_by_number(row)
    return first, row


def _next_block(page: Page, at: int, chains: dict[str, list[Row]]) -> Following | None:
    """The rows of known names that go on after at most three blank lines; a name alone is an empty row (SELEX)."""
    above = next(iter(chains.values()))[0]
    rows: dict[str, Row] = {}
    matches: list[int] = []
    tight = named_row(page, at)
    is_tight = tight and tight.name in chains and _coordinates_go_on(chains[tight.name][-1], tight)
    index = top = at if is_tight else _top_below(page, at)
    while index is not None:
        row = named_row(page, index)
        row = named_by_number(row) if row and row.name not in chains else row
        if row and row.name in chains and _goes_on(chains[row.name], row) and row.name not in rows:
            rows[row.name] = row
        elif (rows and is_match_line(page, index, [*rows.values()][-1])) or is_annotation(page, index, above):
            matches.append(index)
        elif page.line(index).strip() not in chains:
            break
        index += 1
    pairs = [(chains[name], row) for name, row in rows.items()]
    return (pairs, matches, index - 1) if pairs and index is not None and top != index else None


def _top_below(page: Page, at: int) -> int | None:
    """The first line below one to three blank lines or rulers (MSF prints columns above a block)."""
    below = range(at, at + _BLANK_LINES_BETWEEN_BLOCKS + 1)
    top = next((i for i in below if page.line(i).strip(" 0123456789.:")), at)
    return top if top > at else None


def _is_aligned(row: Row, first: Row) -> bool:
    """Same columns; where runs of blanks were squeezed, rows of one width behind a name each."""
    if (row.width, bool(row.name)) != (first.width, bool(first.name)):
        return False
    is_squeezed = row.is_squeezed and first.is_squeezed and row.width >= _MIN_BLOCK_WIDTH
    return row.column == first.column or (bool(row.name) and is_squeezed)


def _row_without_anchor(page: Page, index: int) -> Row | None:
    return None if ANCHOR.search(page.line(index)) else named_row(page, index)


def _goes_on(chain: list[Row], row: Row) -> bool:
    """Same column as the rows above and, where coordinates are printed, the next one."""
    if row.column == chain[0].column:
        return _number_fits(chain[-1], row)
    return _coordinates_go_on(chain[-1], row)


def _coordinates_go_on(previous: Row, row: Row) -> bool:
    return None not in (previous.after, row.before, row.after) and _number_fits(previous, row)


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
