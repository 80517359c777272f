"""NCBI's gene2accession: choosing genes and finding out which records they need.

Format: Gene/DATA/README. 16 tab-separated columns, ``-`` for nothing (a strand in ``orientation``), positions 0-based
and inclusive, several rows per gene. The real table has hundreds of millions of rows; it is read twice, line by line.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bsm.base.config.sources import NcbiGene
from bsm.base.errors import InputError
from bsm.base.files import atomic_path, reading
from bsm.base.progress import Progress
from bsm.base.randomness import unit_interval

COLUMNS = (
    "tax_id", "GeneID", "status", "RNA_nucleotide_accession.version", "RNA_nucleotide_gi", "protein_accession.version",
    "protein_gi", "genomic_nucleotide_accession.version", "genomic_nucleotide_gi",
    "start_position_on_the_genomic_accession", "end_position_on_the_genomic_accession", "orientation", "assembly",
    "mature_peptide_accession.version", "mature_peptide_gi", "Symbol",
)  # fmt: skip
_TAXID, _GENE, _RNA, _PROTEIN, _GENOMIC, _START, _END = 0, 1, 3, 5, 7, 9, 10
_REFSEQ = re.compile(rb"^[A-Z]{2}_")


class GeneKey(NamedTuple):
    taxid: int
    gene_id: int


def read_rows(path: Path) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield (line, fields) of a gene2accession table; InputError where header or a row is not as documented."""
    with reading(path) as handle, Progress(path.name, unit="rows") as progress:
        header = handle.readline().rstrip(b"\r\n").lstrip(b"#").decode("ascii", "replace").split("\t")
        if tuple(header) != COLUMNS:
            raise InputError("not the 16 columns of gene2accession", where=f"{path}:1", value=header[:16],
                             way_out="Very old copies have 13 columns; fetch the current table")  # fmt: skip
        for number, line in enumerate(handle, 2):
            fields = line.rstrip(b"\r\n").split(b"\t")
            if len(fields) != len(COLUMNS):
                raise InputError(f"row of {len(fields)} fields instead of 16", where=f"{path}:{number}",
                                 value=line[:80], way_out="The table is cut or damaged; fetch it again")  # fmt: skip
            if number % 4096 == 0:
                progress.advance(4096)
            yield line, fields


def _key(fields: list[bytes], path: Path) -> GeneKey:
    try:
        return GeneKey(int(fields[_TAXID]), int(fields[_GENE]))
    except ValueError as error:
        raise InputError("tax_id or GeneID is no number", where=str(path), value=b"\t".join(fields)[:80],
                         way_out="The table is damaged; fetch it again") from error  # fmt: skip


class GeneChoice:
    """A seeded sample of genes in one pass: the smallest hashes of (source, taxid, GeneID), in bounded memory.

    At most ``max_genes_per_species`` of each species; then, in order of the hash, until their genomic spans reach
    ``max_tokens`` letters (transcripts and proteins come on top and are cut to size later).
    """

    def __init__(self, source: NcbiGene) -> None:
        self._source = source
        self._taxids = frozenset(source.taxids) if source.taxids else None
        self._heaps: dict[int, list[tuple[float, GeneKey]]] = defaultdict(list)
        self._spans: dict[GeneKey, int] = {}
        self._total = 0

    def offer(self, gene: GeneKey, span: int) -> None:
        """Consider a gene with the length of its genomic span, in nucleotides."""
        if self._taxids is not None and gene.taxid not in self._taxids:
            return
        if gene in self._spans:
            self._total += max(0, span - self._spans[gene])
            self._spans[gene] = max(span, self._spans[gene])
            return
        cap = self._source.max_genes_per_species
        heap = self._heaps[gene.taxid if cap else 0]
        heapq.heappush(heap, (-self._rank(gene), gene))
        self._spans[gene] = span
        self._total += span
        if cap and len(heap) > cap:
            self._drop_last(heap)
        while not cap and self._source.max_tokens and self._total - self._spans[heap[0][1]] >= self._source.max_tokens:
            self._drop_last(heap)

    def _rank(self, gene: GeneKey) -> float:
        return unit_interval("gene", self._source.name, gene.taxid, gene.gene_id)

    def _drop_last(self, heap: list[tuple[float, GeneKey]]) -> None:
        _, gene = heapq.heappop(heap)
        self._total -= self._spans.pop(gene)

    def chosen(self) -> frozenset[GeneKey]:
        """The sample."""
        genes = set()
        n_letters = 0
        for gene in sorted(self._spans, key=self._rank):
            if self._source.max_tokens is not None and n_letters >= self._source.max_tokens:
                break
            genes.add(gene)
            n_letters += self._spans[gene]
        return frozenset(genes)


def _span(fields: list[bytes]) -> int:
    start, end = fields[_START], fields[_END]
    return int(end) - int(start) + 1 if start.isdigit() and end.isdigit() else 0


def choose_genes(table: Path, source: NcbiGene) -> frozenset[GeneKey]:
    """The genes of ``source``; InputError where none is left."""
    choice = GeneChoice(source)
    # The rows of a gene stand together: one offer for each run of them.
    for key, rows in itertools.groupby((fields for _, fields in read_rows(table)), key=lambda f: f[_TAXID : _GENE + 1]):
        choice.offer(_key(key, table), max(map(_span, rows)))
    chosen = choice.chosen()
    if not chosen:
        raise InputError("no gene of the wanted species", where=str(table), value=source.taxids,
                         way_out="Check taxids: subspecies have their own")  # fmt: skip
    return chosen


def slice_name(accession: str, start: int, end: int) -> str:
    """Name of a genomic slice in FASTA files, 0-based half-open."""
    return f"{accession}:{start}-{end}"


def parse_slice(name: str) -> tuple[str, int, int]:
    """(accession, start, end) of a slice's name."""
    accession, _, span = name.rpartition(":")
    start, _, end = span.partition("-")
    return accession, int(start), int(end)


def slice_names(slices: Mapping[str, set[tuple[int, int]]]) -> set[str]:
    """Names of all slices."""
    return {slice_name(accession, *span) for accession, spans in slices.items() for span in spans}


@dataclass
class Needed:
    """Records that the chosen genes refer to; accessions with version."""

    rna: set[str] = field(default_factory=set)
    protein: set[str] = field(default_factory=set)
    slices: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    """Genomic accession -> spans, 0-based half-open."""
    insdc: set[tuple[str, str]] = field(default_factory=set)
    """(kind, accession) of records outside RefSeq, without genomic ones that have a span."""
    insdc_slices: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    """Spans on genomic records outside RefSeq: a whole record can be a chromosome."""
    genes_of: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Accession of a RefSeq record -> GeneIDs that refer to it."""

    def note(self, fields: list[bytes]) -> None:
        """Take up what one row refers to."""
        for kind, column in (("rna", _RNA), ("protein", _PROTEIN), ("genomic", _GENOMIC)):
            accession = fields[column]
            if accession == b"-":
                continue
            name, is_refseq = accession.decode(), bool(_REFSEQ.match(accession))
            has_span = fields[_START].isdigit() and fields[_END].isdigit()
            if is_refseq:
                self.genes_of[name].add(int(fields[_GENE]))
            if kind == "genomic" and has_span:
                slices = self.slices if is_refseq else self.insdc_slices
                slices[name].add((int(fields[_START]), int(fields[_END]) + 1))
            elif not is_refseq:
                self.insdc.add((kind, name))
            elif kind != "genomic":
                getattr(self, kind).add(name)


def write_subset(table: Path, chosen: frozenset[GeneKey], out: Path) -> Needed:
    """Write header and rows of the chosen genes to ``out`` and collect the records they need."""
    needed = Needed()
    with atomic_path(out) as partial, open(partial, "wb") as handle:
        handle.write(("#" + "\t".join(COLUMNS) + "\n").encode())
        for line, fields in read_rows(table):
            if _key(fields, table) in chosen:
                handle.write(line.rstrip(b"\r\n") + b"\n")
                needed.note(fields)
    return needed
