"""The detector: the sequences of one document, and why its other candidates were refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from Bio.Data.IUPACData import protein_letters_1to3

from bsm.base.alphabet import Modality
from bsm.base.config.data import InterleaveSettings
from bsm.interleave.alignments import alignment_block, listed_block
from bsm.interleave.blocks import fasta_block, fastq_block, numbered_block, opened_block, wrapped_block
from bsm.interleave.candidates import ANCHOR, Candidate, between_ellipses
from bsm.interleave.page import Page, page_of
from bsm.interleave.phylip import phylip_block
from bsm.interleave.score import Verdict, judge
from bsm.interleave.strands import is_lower_strand, strands_block
from bsm.interleave.words import words_of_line

_LAYOUTS = (
    fastq_block,
    fasta_block,
    phylip_block,
    numbered_block,
    strands_block,
    alignment_block,
    listed_block,
    wrapped_block,
    opened_block,
)
"""Tried in this order on every line with an anchor; a line that none of them takes is running text."""
_THREE_LETTERS = {name: letter for letter, name in protein_letters_1to3.items()} | {"Sec": "U", "Pyl": "O"}
_NAMES = "|".join(_THREE_LETTERS)
_THREE_LETTER_RUN = re.compile(rf"(?<![A-Za-z])(?:{_NAMES})(?:[- ·]?(?:{_NAMES}))+(?![A-Za-z])")


@dataclass(frozen=True)
class Hit:
    """A candidate of a document with what was decided; ``reason`` is empty for a sequence."""

    start: int
    end: int
    layout: str
    modality: Modality | None
    sequence: str
    reason: str
    shown: str
    """The first letters, for a person."""


def find_sequences(document: str, settings: InterleaveSettings) -> list[Hit]:
    """Sequences of a document in reading order; spans are characters of ``document``."""
    if settings.three_letter == "drop" and not ANCHOR.search(document):
        return []
    return [hit for hit in _hits(document, settings, settings.three_letter == "read") if not hit.reason]


def explain(document: str, settings: InterleaveSettings) -> list[Hit]:
    """Every candidate of a document in reading order, found or refused (with the reason)."""
    return _hits(document, settings, True)


def _hits(document: str, settings: InterleaveSettings, with_three_letter: bool) -> list[Hit]:
    page = page_of(document)
    anchored = ANCHOR.search(document) is not None  # what the prefilter asks, so that both agree on every document
    hits = [_hit(page, candidate, settings) for candidate in candidates_of(page)] if anchored else []
    if with_three_letter:
        hits += [_three_letter_hit(page, match, settings) for match in _THREE_LETTER_RUN.finditer(page.text)]
    return sorted(hits, key=lambda hit: (hit.start, hit.end))


def candidates_of(page: Page) -> Iterator[Candidate]:
    """Every place where a sequence may stand, each letter in one candidate at most."""
    used: set[int] = set()
    above: Candidate | None = None
    anchored = sorted({page.line_at(match.start()) for match in ANCHOR.finditer(page.text)})
    for index in anchored:
        if index in used:
            continue
        block = next((b for layout in _LAYOUTS if (b := layout(page, index)) is not None), None)
        if block is not None:
            yield from (part for candidate in block[0] for part in between_ellipses(page, candidate))
            used |= block[1]
            continue
        for word in words_of_line(page, index):
            if above and is_lower_strand(page, word, above):
                word = replace(word, refused="complementary_strand")
            yield word
            above = word


def _hit(page: Page, candidate: Candidate, settings: InterleaveSettings) -> Hit:
    letters = candidate.letters(page)
    verdict = judge(letters, candidate, settings) if letters else Verdict(None, "", candidate.refused or "too_short")
    start, end = page.span(*_trimmed(page, candidate))
    return Hit(start, end, candidate.layout, verdict.modality, verdict.sequence, verdict.reason, letters[:60])


def _trimmed(page: Page, candidate: Candidate) -> tuple[int, int]:
    """From the first letter to one past the last: gaps at the ends of a row are not part of the span."""
    start, end = candidate.start, candidate.end
    while start < end - 1 and not page.text[start].isalpha():
        start += 1
    while end > start + 1 and not page.text[end - 1].isalpha():
        end -= 1
    return start, end


def _three_letter_hit(page: Page, match: re.Match[str], settings: InterleaveSettings) -> Hit:
    letters = "".join(_THREE_LETTERS[name] for name in re.findall(_NAMES, match[0]))
    reason = "" if settings.three_letter == "read" else "three_letter_notation"
    if len(letters) < settings.min_amino_acids:
        reason = "too_short"
    modality = None if reason else Modality.PROTEIN
    start, end = page.span(*match.span())
    return Hit(start, end, "three_letter", modality, "" if reason else letters, reason, match[0][:60])
