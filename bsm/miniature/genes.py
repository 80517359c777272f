"""Genes in their own 5'->3' coordinates, before they are laid on a contig.

A eukaryotic gene is 5' UTR, coding sequence, 3' UTR with a poly-A signal, cut by GT..AG introns; a bacterial
or mitochondrial one is its coding sequence. UTRs and introns are independent letters of the species' base
composition except for the stated signals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bsm.base.codes import translate
from bsm.miniature.codon_usage import CodonWeights, back_translate

Block = tuple[int, int]

UTR5_NT, UTR3_NT, INTRON_NT = (10, 18), (20, 30), (20, 40)
"""Short beside real ones: letters without a law teach nothing, and minutes of training have to show a law."""
_POLY_A_SIGNAL = "aataaa"
_MIN_EXON_NT = 12
_MIN_ISOFORM_AA = 12
ISOFORM_SHARE = 0.5
"""Share of the genes with introns that are offered a second transcript (some turn out to have none)."""


@dataclass(frozen=True)
class GeneLaws:
    """What a genome's genes are drawn from."""

    gc_content: float
    genetic_code: int
    weights: CodonWeights
    intron_share: float
    has_transcripts: bool
    """Whether genes have UTRs and annotated transcripts (nuclei of eukaryotes)."""


@dataclass(frozen=True)
class Isoform:
    """One transcript in the gene's coordinates."""

    exons: tuple[Block, ...]
    coding: tuple[Block, ...]
    rna: str
    cds: str
    protein: str
    phase: int = 0
    exceptions: tuple[tuple[int, int, str], ...] = ()
    exception: str = ""


@dataclass(frozen=True)
class Template:
    """A gene in its own coordinates: ``segments`` are laid on the contig, each on its own strand."""

    segments: tuple[str, ...]
    isoforms: tuple[Isoform, ...]
    genetic_code: int
    biotype: str = "protein_coding"
    family: int | None = None
    special: str = ""

    @property
    def dna(self) -> str:
        return "".join(self.segments)


def random_letters(rng: np.random.Generator, n: int, gc_content: float) -> str:
    """``n`` independent nucleotides."""
    cumulative = np.cumsum([(1 - gc_content) / 2, gc_content / 2, gc_content / 2])
    return (
        np.frombuffer(b"acgt", dtype=np.uint8)[np.searchsorted(cumulative, rng.random(n), "right")].tobytes().decode()
    )


def between(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    """Uniform integer, both bounds included."""
    return int(rng.integers(bounds[0], bounds[1] + 1))


def protein_gene(
    laws: GeneLaws, protein: str, family: int | None, rng: np.random.Generator, with_introns: bool = True
) -> Template:
    """A gene of ``protein``; its first isoform makes exactly that protein."""
    cds = back_translate(protein, laws.weights, rng)
    if not laws.has_transcripts:
        return Template((cds,), (Isoform((), ((0, len(cds)),), "", cds, protein),), laws.genetic_code, family=family)
    utr5 = random_letters(rng, between(rng, UTR5_NT), laws.gc_content)
    spliced = utr5 + cds + utr3(rng, laws.gc_content)
    n_introns = int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2])) if rng.random() < laws.intron_share else 0
    dna, exons = _insert_introns(spliced, n_introns if with_introns else 0, laws.gc_content, rng)
    coding = project(exons, len(utr5), len(utr5) + len(cds))
    template = Template((dna,), (Isoform(exons, coding, spliced, cds, protein),), laws.genetic_code, family=family)
    if len(exons) > 1 and rng.random() < ISOFORM_SHARE:
        return _with_second_isoform(template, laws, rng)
    return template


def rna_gene(rna: str, biotype: str, genetic_code: int) -> Template:
    """A gene of a non-coding RNA: one exon."""
    return Template((rna,), (Isoform(((0, len(rna)),), (), rna, "", ""),), genetic_code, biotype=biotype)


def utr3(rng: np.random.Generator, gc_content: float) -> str:
    """3' UTR: independent letters with the poly-A signal 12 letters before its end."""
    letters = random_letters(rng, between(rng, UTR3_NT), gc_content)
    return letters[:-12] + _POLY_A_SIGNAL + letters[-12:]


def intron(rng: np.random.Generator, gc_content: float) -> str:
    """GT..AG intron with independent letters between."""
    return "gt" + random_letters(rng, between(rng, INTRON_NT) - 4, gc_content) + "ag"


def project(exons: tuple[Block, ...], start: int, end: int) -> tuple[Block, ...]:
    """Blocks of the gene that spell the interval [start, end) of the spliced transcript."""
    blocks: list[Block] = []
    offset = 0
    for exon_start, exon_end in exons:
        low, high = max(start, offset), min(end, offset + exon_end - exon_start)
        if low < high:
            blocks.append((exon_start + low - offset, exon_start + high - offset))
        offset += exon_end - exon_start
    return tuple(blocks)


def join(dna: str, blocks: tuple[Block, ...]) -> str:
    """Letters of the blocks, in their order."""
    return "".join(dna[start:end] for start, end in blocks)


def _insert_introns(
    spliced: str, n_introns: int, gc_content: float, rng: np.random.Generator
) -> tuple[str, tuple[Block, ...]]:
    """Cut the transcript into exons of at least _MIN_EXON_NT letters and put introns between."""
    n_slots = len(spliced) // _MIN_EXON_NT - 1
    cuts = sorted(int(c) for c in rng.choice(n_slots, size=min(n_introns, n_slots), replace=False))
    cuts = [(c + 1) * _MIN_EXON_NT for c in cuts]
    dna, exons, previous = "", [], 0
    for cut in [*cuts, len(spliced)]:
        exons.append((len(dna), len(dna) + cut - previous))
        dna += spliced[previous:cut] + (intron(rng, gc_content) if cut < len(spliced) else "")
        previous = cut
    return dna, tuple(exons)


def _with_second_isoform(template: Template, laws: GeneLaws, rng: np.random.Generator) -> Template:
    """Skip an inner exon, or end in an alternative last exon; unchanged where that makes no protein."""
    first = template.isoforms[0]
    dna, exons = template.dna, first.exons
    if len(exons) > 2 and rng.random() < 0.5:
        skipped = 1 + int(rng.integers(len(exons) - 2))
        second_exons = exons[:skipped] + exons[skipped + 1 :]
    else:
        longer = dna + intron(rng, laws.gc_content)[2:]
        last = random_letters(rng, between(rng, UTR3_NT), laws.gc_content) + utr3(rng, laws.gc_content)
        dna = longer + last
        second_exons = (*exons[:-1], (len(longer), len(dna)))
    second = _read_open_frame(dna, second_exons, first.coding[0][0], laws.genetic_code)
    if second is None or second.protein == first.protein:
        return template
    return replace(template, segments=(dna,), isoforms=(first, second))


def _read_open_frame(dna: str, exons: tuple[Block, ...], start: int, genetic_code: int) -> Isoform | None:
    """The isoform that starts at gene position ``start`` and reads to its first stop; None where that is no protein."""
    spliced = join(dna, exons)
    offset = 0
    for exon_start, exon_end in exons:
        if exon_start <= start < exon_end:
            break
        offset += exon_end - exon_start
    else:
        return None
    first = offset + start - exon_start
    protein, stop, _ = translate(spliced[first:], genetic_code).partition("*")
    if not stop or len(protein) < _MIN_ISOFORM_AA or spliced[first : first + 3] != "atg":
        return None
    end = first + 3 * (len(protein) + 1)
    return Isoform(exons, project(exons, first, end), spliced, spliced[first:end], protein)
