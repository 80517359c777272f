"""PHYLIP alignments: the header counts rows and columns, so a reading is exact or there is none.

Names stand in the first block only and later blocks go on in the same order (interleaved), or every row is written to
its end before the next begins (sequential). A name ends at a blank (relaxed) or takes ten columns (strict).
"""

from __future__ import annotations

import bisect
import re
from itertools import product

from bsm.interleave.blocks import Block
from bsm.interleave.candidates import Candidate, letters_of
from bsm.interleave.page import Page

_HEADER = re.compile(r"^[ \t]*(?P<rows>\d{1,5})[ \t]+(?P<columns>\d{1,7})[ \t]*[A-Za-z]?[ \t]*$", re.MULTILINE)
_ALIGNED = re.compile(r"[A-Za-z\-~.?*]++(?: ++[A-Za-z\-~.?*]++)*+")
_STRICT_NAME = 10
Rows = list[list[tuple[int, int]]]


def phylip_block(page: Page, index: int) -> Block | None:
    """The alignment below the nearest header above a line, if every row has the columns that the header promises."""
    if "headers" not in page.memo:
        page.memo["headers"] = [page.line_at(match.start("rows")) for match in _HEADER.finditer(page.text)]
    headers: list[int] = page.memo["headers"]
    at = bisect.bisect_left(headers, index) - 1
    if at < 0:
        return None
    if headers[at] not in page.memo:
        page.memo[headers[at]] = _block_below(page, headers[at])
    block: Block | None = page.memo[headers[at]]
    return block if block and index in block[1] else None


def _block_below(page: Page, header: int) -> Block | None:
    match = _HEADER.fullmatch(page.line(header))
    if not match or int(match["rows"]) < 2 or not int(match["columns"]):
        return None
    for interleaved, strict in product((True, False), (False, True)):
        rows = _rows_below(page, header, int(match["rows"]), int(match["columns"]), interleaved, strict)
        if rows:
            lines = {page.line_at(part[0]) for row in rows for part in row}
            parts = [tuple(part for part in row if letters_of(page.text[slice(*part)])) for row in rows]
            return [Candidate(row, "alignment") for row in parts if row], lines
    return None


def _rows_below(page: Page, header: int, n_rows: int, n_columns: int, interleaved: bool, strict: bool) -> Rows | None:
    """Parts of every row under one reading of the layout, or None where the columns do not come out."""
    rows: Rows = [[] for _ in range(n_rows)]
    filled = [0] * n_rows
    row, index = 0, header
    while filled[-1] < n_columns:
        index += 1
        if index >= page.n_lines:
            return None
        if not page.line(index).strip():
            continue
        part = _aligned_part(page, index, named=not rows[row], strict=strict)
        if part is None:
            return None
        rows[row].append(part)
        filled[row] += len(page.text[slice(*part)].replace(" ", ""))
        if filled[row] > n_columns:
            return None
        row = (row + 1) % n_rows if interleaved else row + (filled[row] == n_columns)
    return rows if {*filled} == {n_columns} else None


def _aligned_part(page: Page, index: int, named: bool, strict: bool) -> tuple[int, int] | None:
    """The aligned letters of a line, behind the name if it has one."""
    line = page.line(index).rstrip()
    name = _STRICT_NAME if strict else len(line) - len(line.lstrip()) + len(line.split()[0])
    at = name if named else 0
    at += len(line[at:]) - len(line[at:].lstrip())
    if not _ALIGNED.fullmatch(line, at):
        return None
    return page.starts[index] + at, page.starts[index] + len(line)
