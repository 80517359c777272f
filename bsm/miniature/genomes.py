"""Laying gene templates on contigs, on both strands, with independent letters between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bsm.base.alphabet import reverse_complement
from bsm.miniature.genes import Block, Isoform, Template, between, random_letters
from bsm.miniature.model import Contig, Gene, Transcript, TranslationException

INTERGENIC_NT = (30, 120)
_MASKED_SHARE = 0.06
_MASKED_NT = (40, 160)


@dataclass(frozen=True)
class Placed:
    """One segment of a template on the contig."""

    start: int
    end: int
    strand: int


@dataclass(frozen=True)
class ContigPlan:
    """A contig to be: its templates in order, and what is peculiar about it."""

    accession: str
    title: str
    name: str
    templates: tuple[Template, ...]
    circular: bool = False
    genetic_code: int = 1
    is_organelle: bool = False
    cut_ends: bool = False
    """The contig begins and ends inside its first and last gene."""
    end_strand: int = 1
    """Strand of the genes at cut ends."""


@dataclass(frozen=True)
class GeneNames:
    """Accessions and names of one gene; transcripts and proteins in the order of the template's isoforms."""

    gene_id: int
    symbol: str
    locus_tag: str
    product: str
    transcript_ids: tuple[str | None, ...]
    protein_ids: tuple[str | None, ...]


Namer = Callable[[Template], GeneNames]


def lay_out(
    plan: ContigPlan, species: str, gc_content: float, names_of: Namer, rng: np.random.Generator
) -> tuple[Contig, list[Gene]]:
    """The contig and its genes. A circular contig is opened in the middle of its first gene's last segment."""
    segments = _ordered_segments(plan.templates)
    strands = _strands(plan, segments, rng)
    letters, placed, gaps = _concatenate(plan, segments, strands, gc_content, rng)
    if plan.circular:
        letters, placed, gaps = _open_inside(letters, placed, gaps)
    at = dict(zip(segments, placed, strict=True))
    contig = Contig(
        plan.accession, plan.title, letters, plan.circular, plan.genetic_code, plan.is_organelle, plan.name,
        _masked(len(letters), rng), tuple(gaps),
    )  # fmt: skip
    genes = [
        gene_on(template, [at[index, part] for part in range(len(template.segments))], contig, species, names_of)
        for index, template in enumerate(plan.templates)
    ]
    return contig, sorted(genes, key=lambda gene: (gene.start, gene.end))


def _ordered_segments(templates: Sequence[Template]) -> list[tuple[int, int]]:
    """(template, part) in contig order: second parts of trans-spliced genes stand at the far end."""
    first = [(index, 0) for index in range(len(templates))]
    return first + [(i, part) for i, t in enumerate(templates) for part in range(1, len(t.segments))]


def _strands(plan: ContigPlan, segments: list[tuple[int, int]], rng: np.random.Generator) -> list[int]:
    """Strands at random, but fixed at cut ends, and minus then plus for the parts of a trans-spliced gene."""
    strands = [1 if u < 0.5 else -1 for u in rng.random(len(segments))]
    for i, (index, part) in enumerate(segments):
        if len(plan.templates[index].segments) > 1:
            strands[i] = -1 if part == 0 else 1
    if plan.cut_ends:
        strands[0] = strands[-1] = plan.end_strand
    return strands


def _concatenate(
    plan: ContigPlan, segments: list[tuple[int, int]], strands: list[int], gc_content: float, rng: np.random.Generator
) -> tuple[str, list[Placed], list[Block]]:
    chunks: list[str] = []
    placed: list[Placed] = []
    gaps: list[Block] = []
    position = 0

    def add(letters: str) -> None:
        nonlocal position
        chunks.append(letters)
        position += len(letters)

    for i, ((index, part), strand) in enumerate(zip(segments, strands, strict=True)):
        if i or not (plan.cut_ends or plan.circular):
            gaps.append((position, position + between(rng, INTERGENIC_NT)))
            add(random_letters(rng, gaps[-1][1] - gaps[-1][0], gc_content))
        letters = plan.templates[index].segments[part]
        placed.append(Placed(position, position + len(letters), strand))
        add(letters if strand > 0 else reverse_complement(letters))
    if not plan.cut_ends:
        gaps.append((position, position + between(rng, INTERGENIC_NT)))
        add(random_letters(rng, gaps[-1][1] - gaps[-1][0], gc_content))
    return "".join(chunks), placed, gaps


def _open_inside(letters: str, placed: list[Placed], gaps: list[Block]) -> tuple[str, list[Placed], list[Block]]:
    """Move the origin into the middle of the first segment, which then runs past the contig's end."""
    first = placed[0]
    origin = (first.start + first.end) // 2
    wrapped = Placed(first.start - origin + len(letters), first.end - origin + len(letters), first.strand)
    moved = [Placed(p.start - origin, p.end - origin, p.strand) for p in placed[1:]]
    return letters[origin:] + letters[:origin], [wrapped, *moved], [(a - origin, b - origin) for a, b in gaps]


def _masked(n: int, rng: np.random.Generator) -> tuple[Block, ...]:
    """Soft-masked intervals, as a repeat finder leaves them; they do not overlap."""
    n_intervals = int(_MASKED_SHARE * n / (sum(_MASKED_NT) / 2))
    starts = sorted(int(s) for s in rng.integers(0, max(1, n - _MASKED_NT[1]), n_intervals))
    masked: list[Block] = []
    for start in starts:
        if not masked or start > masked[-1][1]:
            masked.append((start, start + between(rng, _MASKED_NT)))
    return tuple(masked)


def gene_on(template: Template, places: list[Placed], contig: Contig, species: str, names_of: Namer) -> Gene:
    """The gene whose segments stand at ``places`` of a contig."""
    names = names_of(template)
    transcripts = tuple(
        _transcript(isoform, template, places, transcript_id, protein_id)
        for isoform, transcript_id, protein_id in zip(
            template.isoforms, names.transcript_ids, names.protein_ids, strict=True
        )
    )
    start, end = min(p.start for p in places), max(p.end for p in places)
    crosses = contig.circular and end > len(contig.letters)
    return Gene(
        names.gene_id, names.symbol, species, contig.accession, start, end, places[0].strand, template.dna,
        template.biotype, template.genetic_code, transcripts, template.family,
        template.special or ("origin_crossing" if crosses else ""), names.locus_tag, names.product,
        tuple((p.start, p.end, p.strand) for p in places) if len(places) > 1 else (),
    )  # fmt: skip


def _transcript(
    isoform: Isoform, template: Template, places: list[Placed], transcript_id: str | None, protein_id: str | None
) -> Transcript:
    coding = [_on_contig(block, template, places) for block in isoform.coding]
    exceptions = tuple(
        TranslationException(place.start, place.end, place.strand, amino_acid)
        for start, end, amino_acid in isoform.exceptions
        for place in [_on_contig((start, end), template, places)]
    )
    return Transcript(
        transcript_id, protein_id,
        tuple((p.start, p.end) for p in (_on_contig(block, template, places) for block in isoform.exons)),
        tuple((p.start, p.end) for p in coding),
        isoform.rna, isoform.cds, isoform.protein, isoform.phase,
        tuple(p.strand for p in coding) if len(places) > 1 else (),
        exceptions, isoform.exception,
    )  # fmt: skip


def _on_contig(block: Block, template: Template, places: list[Placed]) -> Placed:
    """A block of the gene (inside one segment) on the contig."""
    start, end = block
    for segment, place in zip(template.segments, places, strict=True):
        if start < len(segment):
            if place.strand > 0:
                return Placed(place.start + start, place.start + end, 1)
            return Placed(place.end - end, place.end - start, -1)
        start, end = start - len(segment), end - len(segment)
    raise ValueError(f"block {block} lies outside the gene")
