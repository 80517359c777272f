"""Candidates: where sequences may stand in a page, before anything is decided about their letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bsm.interleave.page import Page

_IUPAC = frozenset("ACGTUNRYSWKMBDHV")
_TELLING_LENGTH = 15
_ELLIPSIS = re.compile(r"\.\.+|…+")
ANCHOR = re.compile(r"[ACGTUNacgtun]{10}|[A-Z]{10}|(?<![A-Za-z])(?:[ACGTUacgtu]{3} ){5}[ACGTUacgtu]{3}(?![A-Za-z])")
"""Every sequence has one of these: ten letters in a row, or six codons."""


@dataclass(frozen=True)
class Candidate:
    """Letters in ``parts`` of the page's text, which layout they stand in, and what the record says about itself."""

    parts: tuple[tuple[int, int], ...]
    layout: str
    """fasta | fastq | numbered | codons | alignment | wrapped | word"""
    label: str = ""
    """FASTA header, or the text just before a word."""
    refused: str = ""
    """Reason that follows from the layout alone (a quality line, a match line, a lower strand)."""
    touches_stop: bool = False
    """A ``*`` and more letters follow or go before: a stretch of a translated frame, if it is protein."""

    @property
    def start(self) -> int:
        return self.parts[0][0]

    @property
    def end(self) -> int:
        return self.parts[-1][1]

    def letters(self, page: Page) -> str:
        """The letters alone: no blanks, digits or gaps."""
        return letters_of("".join(page.text[a:b] for a, b in self.parts))


def between_ellipses(page: Page, candidate: Candidate) -> Iterator[Candidate]:
    """The candidate cut where dots say that letters were left out; rows of an alignment stay, their dots are gaps."""
    if candidate.layout == "alignment" or candidate.refused:
        yield candidate
        return
    pieces: list[tuple[int, int]] = []
    for start, end in candidate.parts:
        at = start
        for dots in _ELLIPSIS.finditer(page.text, start, end):
            pieces.append((at, dots.start()))
            yield replace(candidate, parts=tuple(pieces))
            pieces, at = [], dots.end()
        pieces.append((at, end))
        if _ELLIPSIS.match(page.text, end):
            yield replace(candidate, parts=tuple(pieces))
            pieces = []
    if pieces:
        yield replace(candidate, parts=tuple(pieces))


def letters_of(text: str) -> str:
    return text if text.isalpha() and text.isascii() else re.sub("[^A-Za-z]+", "", text)


def acgtu_share(letters: str) -> float:
    """Share of A, C, G, T and U, any case."""
    upper = letters.upper()
    return sum(upper.count(base) for base in "ACGTU") / len(letters) if letters else 0.0


def kind_of(letters: str) -> str:
    """``n``: could be nucleotides; ``p``: could be a protein; empty: neither (a gap, a word in lower case)."""
    if not letters:
        return ""
    if acgtu_share(letters) >= 0.75 and _IUPAC.issuperset(letters.upper()):
        return "n"
    return "p" if letters.isupper() else ""


def may_go_on(kind: str, letters: str) -> bool:
    """Whether a line can continue letters of a kind: a short last line (``GA``) does not show its kind."""
    if len(letters) >= _TELLING_LENGTH:
        return kind_of(letters) == kind
    return kind_of(letters) != "" and (kind == "p" or _IUPAC.issuperset(letters.upper()))
