"""What an annotation says about genes, whatever its format; the readers build it, ``extract`` takes the letters.

Coordinates are 0-based half-open on the contig. On a circular contig a span may end beyond the length:
the rest is read from the origin on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bsm.base.alphabet import normalise_nucleotides, reverse_complement
from bsm.base.genbank import Span

DAMAGED = frozenset(
    {
        "bad_line",
        "bad_location",
        "beyond_sequence",
        "duplicate_id",
        "parent_missing",
        "unknown_genetic_code",
        "truncated_record",
        "sequence_missing",
        "sequence_shorter_than_stated",
        "not_nucleotides",
    }
)
"""Reasons that mean a damaged or unfitting file: PairSettings.on_damaged decides between stop and a counted rejection.
All other reasons are properties of a healthy annotation and are always counted rejections."""


MIN_INTRON_NT = 10
"""A shorter gap between coding parts is a shift of the reading frame (vpr of HIV-1, antizyme), not an intron."""


@dataclass(slots=True)
class Contig:
    """One sequence of an assembly, as internal letters (bytes: a chromosome takes one byte a letter)."""

    name: str
    letters: bytes | bytearray
    is_circular: bool = False
    is_transcript: bool = False
    """The record itself is an RNA (mRNA record): there is no genomic DNA to cut."""
    taxid: int | None = None
    n_ambiguous: int = 0
    """IUPAC codes read as n."""

    @classmethod
    def of(cls, name: str, raw: str, where: str = "") -> Contig:
        letters, n_ambiguous = normalise_nucleotides(raw, where or name)
        return cls(name, letters.encode(), n_ambiguous=n_ambiguous)

    def holds(self, span: Span) -> bool:
        """Whether the span lies on the contig (on a circular one, within one turn)."""
        length = len(self.letters)
        limit = 2 * length if self.is_circular else length
        return 0 <= span.start < span.end <= limit and span.end - span.start <= length

    def cut(self, span: Span) -> str:
        """Letters of a span, 5'->3' on its strand."""
        start, end, length = span.start, span.end, len(self.letters)
        if end <= length:
            letters = self.letters[start:end]
        elif start >= length:
            letters = self.letters[start - length : end - length]
        else:
            letters = self.letters[start:] + self.letters[: end - length]
        text = letters.decode()
        return reverse_complement(text) if span.strand < 0 else text

    def join(self, spans: Iterable[Span]) -> str:
        return "".join(map(self.cut, spans))


@dataclass(slots=True)
class Cds:
    """One coding region: its spans in translation order and all that the annotation states about its reading."""

    spans: list[Span]
    protein_id: str | None
    table: int = 1
    offset: int = 0
    """Letters before the first whole codon (GFF3 phase of the first part; /codon_start - 1)."""
    partial_5: bool = False
    partial_3: bool = False
    exceptions: tuple[str, ...] = ()
    """Stated exceptions, in NCBI's words: ``ribosomal slippage``, ``RNA editing``, ..."""
    transl_except: tuple[tuple[int, int, str], ...] = ()
    """(start, end, amino acid letter): codon at this place of the contig is read as the letter."""
    translation: str | None = None
    """/translation of a flat file."""
    pseudo: bool = False
    line: int = 0
    problem: str = ""


@dataclass(slots=True)
class Transcript:
    """One transcript; ``spans`` are its exons in transcript order."""

    transcript_id: str | None
    kind: str
    spans: list[Span]
    cds: list[Cds] = field(default_factory=list)
    exceptions: tuple[str, ...] = ()
    line: int = 0
    problem: str = ""


@dataclass(slots=True)
class Gene:
    """One gene; ``spans`` has several entries only for trans-spliced genes, in transcript order."""

    gene_id: str
    symbol: str | None
    biotype: str | None
    spans: list[Span]
    transcripts: list[Transcript] = field(default_factory=list)
    cds: list[Cds] = field(default_factory=list)
    """Coding regions without a transcript (bacteria, organelles, many fungi)."""
    pseudo: bool = False
    line: int = 0
    problem: str = ""

    @property
    def strand(self) -> int:
        """+1 or -1; 0 where the parts of a trans-spliced gene lie on both strands."""
        strands = {span.strand for span in self.spans}
        return strands.pop() if len(strands) == 1 else 0

    @property
    def start(self) -> int:
        return min(span.start for span in self.spans)

    @property
    def end(self) -> int:
        return max(span.end for span in self.spans)


def in_transcript_order(spans: list[Span]) -> list[Span]:
    """Spans sorted by coordinate, descending on the minus strand (no trans-splicing, no origin between them)."""
    return sorted(spans, key=lambda s: (s.start, s.end), reverse=spans[0].strand < 0)


def unwrap(spans: list[Span], length: int) -> list[Span]:
    """Spans of one strand in transcript order on a circular contig -> rising coordinates across the origin.

    ``join(3981..5386,1..136)`` of 5386 letters becomes one span 3980..5522. Spans that do not cross stay as they are.
    """
    if len(spans) < 2 or len({span.strand for span in spans}) > 1:
        return spans
    rising = spans if spans[0].strand >= 0 else spans[::-1]
    shift, result = 0, [rising[0]]
    for span in rising[1:]:
        if span.start + shift < result[-1].start:
            shift += length
        result.append(span._replace(start=span.start + shift, end=span.end + shift))
    if result[-1].end - result[0].start > length:
        return spans
    merged = merge_touching(result)
    return merged if spans[0].strand >= 0 else merged[::-1]


def joined(spans: Iterable[Span], min_gap: int = 1) -> list[Span]:
    """Spans in rising order, those of one strand that overlap or leave a gap below ``min_gap`` made one."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start < result[-1].end + min_gap and span.strand == result[-1].strand:
            result[-1] = result[-1]._replace(end=max(result[-1].end, span.end))
        else:
            result.append(span)
    return result


def merge_touching(spans: list[Span]) -> list[Span]:
    """Neighbours of rising spans that touch (end == next start) become one."""
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].end == span.start and merged[-1].strand == span.strand:
            merged[-1] = merged[-1]._replace(end=span.end)
        else:
            merged.append(span)
    return merged


class Axis:
    """The letters of a gene, 5'->3': places on the contig <-> positions on the gene's DNA piece."""

    def __init__(self, spans: list[Span], contig: Contig) -> None:
        self._turn = len(contig.letters) if contig.is_circular else 0
        self._parts: list[tuple[Span, int]] = []
        self.length = 0
        for span in spans:
            self._parts.append((span, self.length))
            self.length += span.end - span.start

    def locate(self, span: Span) -> tuple[int, int] | None:
        """Interval of a span on the DNA piece; None where it is not wholly inside one part on the same strand."""
        for shift in (0, self._turn, -self._turn) if self._turn else (0,):
            start, end = span.start + shift, span.end + shift
            for part, offset in self._parts:
                if part.strand == span.strand and part.start <= start and end <= part.end:
                    at = offset + (start - part.start if span.strand > 0 else part.end - end)
                    return at, at + end - start
        return None

    def blocks(self, spans: Iterable[Span]) -> list[tuple[int, int]] | None:
        """Intervals of all spans, in their order; None where one of them does not fit."""
        located = [self.locate(span) for span in spans]
        return [block for block in located if block] if all(located) else None
