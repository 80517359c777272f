"""NCBI's gene2accession: choosing genes (``bsm.base.gene2accession``) and finding out which records they need."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bsm.base import gene2accession
from bsm.base.config.sources import NcbiGene
from bsm.base.errors import InputError
from bsm.base.files import atomic_path

_GENE, _RNA, _PROTEIN, _GENOMIC, _START, _END = 1, 3, 5, 7, 9, 10
_REFSEQ = re.compile(rb"^[A-Z]{2}_")


def choose_genes(table: Path, source: NcbiGene) -> np.ndarray:
    """int64[n, 2]: (tax_id, GeneID) of the genes of ``source``; InputError where none is left.

    At most ``max_genes_per_species`` of each species; then, in order of the hash, until their genomic spans reach
    ``max_tokens`` letters (transcripts and proteins come on top and are cut to size later).
    """
    chosen = gene2accession.choose_genes(
        table, source.name, taxids=frozenset(source.taxids) if source.taxids else None,
        max_per_species=source.max_genes_per_species, max_span_nt=source.max_tokens,
    )  # fmt: skip
    if not len(chosen):
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


def write_subset(table: Path, chosen: np.ndarray, out: Path) -> Needed:
    """Write header and rows of the chosen genes to ``out`` and collect the records they need."""
    needed = Needed()
    with atomic_path(out) as partial, open(partial, "wb") as handle:
        handle.write(("#" + "\t".join(gene2accession.COLUMNS) + "\n").encode())
        for rows in gene2accession.rows_of_genes(table, chosen):
            handle.write(rows)
            for row in rows.splitlines():
                needed.note(row.split(b"\t"))
    return needed
