"""Both strands line under line, perhaps a line of marks between them: one sequence, the upper strand.

Lines of letters alone make blocks that go on below one another; words in running text (``5'-...-3'``) make pairs, also
where the ends of one strand stand over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bsm.base.alphabet import reverse_complement
from bsm.interleave.candidates import ANCHOR, Candidate, kind_of
from bsm.interleave.page import Page
from bsm.interleave.rows import Row, pure_row

Pair = tuple[Row, Row]
STRAND_WIDTH = range(50, 201)
"""Widths at which pairs of lines go on below one another, as wrapped lines do."""
_MARKS = re.compile(r"[|:.+*\-]{10}")
_LINES_BETWEEN_PAIRS = 3
_PAIRED_SHARE = 0.9
_MIN_OVERLAP = 10


def strands_block(page: Page, index: int) -> tuple[list[Candidate], set[int]] | None:
    """Pairs of lines of letters, the lower the complement of the upper."""
    pairs = list(_pairs_below(page, index))
    if not pairs:
        return None
    layout = "word" if len(pairs) == 1 else "wrapped"
    upper = Candidate(tuple(row.part for row, _ in pairs), layout)
    lower = [Candidate((row.part,), layout, refused="complementary_strand") for _, row in pairs]
    return [upper, *lower], {row.line for pair in pairs for row in pair}


def _pairs_below(page: Page, index: int) -> Iterator[Pair]:
    """Pairs from a line on, of one width but the last, over blank lines and numbers."""
    first = pair = _pair(page, index)
    while pair and first:
        yield pair
        if pair[0].width != first[0].width or first[0].width not in STRAND_WIDTH:
            return
        at = pair[1].line + 1
        below = range(at, at + _LINES_BETWEEN_PAIRS + 1)
        top = next((i for i in below if page.line(i).strip(" 0123456789")), at)
        pair = _pair(page, top)
        if pair and (pair[0].width > first[0].width or pair[0].column != first[0].column):
            return


def _pair(page: Page, index: int) -> Pair | None:
    upper, lower = pure_row(page, index), pure_row(page, index + 1 + is_marks(page.line(index + 1)))
    if upper is None or lower is None or len(upper.groups) > 1:
        return None
    return (upper, lower) if is_complement(lower.letters, upper.letters) else None


def is_marks(line: str) -> bool:
    """Whether a line marks the pairs of two strands (beside markup)."""
    return bool(_MARKS.search(line)) and not ANCHOR.search(line)


def is_lower_strand(page: Page, word: Candidate, above: Candidate) -> bool:
    """Whether a word is the complement of the word on the line above, at most a line of marks between them."""
    first, last = page.line_at(above.start), page.line_at(word.start)
    between = "".join(page.line(index) for index in range(first + 1, last))
    if not 1 <= last - first <= 2 or (any(c.isalnum() for c in between) and not is_marks(between)):
        return False
    upper, lower = above.letters(page), word.letters(page)
    return is_complement(lower, upper) or _is_staggered_complement(page, word, above)


def _is_staggered_complement(page: Page, word: Candidate, above: Candidate) -> bool:
    """Whether two words are complements column by column where they overlap, over half of the longer at least."""
    columns = [start - page.starts[page.line_at(start)] for start in (above.start, word.start)]
    shift = columns[1] - columns[0]
    upper, lower = page.text[above.start : above.end], page.text[word.start : word.end]
    upper, lower = upper[max(0, shift) :], lower[max(0, -shift) :]
    n = min(len(upper), len(lower))
    longest = max(above.end - above.start, word.end - word.start)
    return n >= max(_MIN_OVERLAP, longest // 2) and is_complement(lower[:n], upper[:n])


def is_complement(lower: str, upper: str) -> bool:
    """Whether letters are the other strand printed below: the complement, position by position."""
    if len(lower) != len(upper) or kind_of(upper) != "n" or kind_of(lower) != "n":
        return False
    strand = reverse_complement(lower.lower().replace("u", "t"))[::-1]
    equal = sum(a == b for a, b in zip(strand, upper.lower().replace("u", "t"), strict=True))
    return equal >= _PAIRED_SHARE * len(upper)
