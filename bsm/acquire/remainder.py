"""What a RefSeq release lacks: gene packages first, E-utilities for the rest, each where its server is configured.

Both are asked in batches, and each batch's records are kept as an extract until the part is finished, so a stopped run
goes on with the next batch. The name of an extract is a hash of what was asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from bsm.acquire import eutils, gene_package
from bsm.acquire.gene_table import Needed, parse_slice, slice_names
from bsm.acquire.part import Part
from bsm.base.fasta import format_fasta
from bsm.base.files import atomic_path
from bsm.base.progress import Progress
from bsm.base.randomness import stable_hash64

T = TypeVar("T")
_SPANS_PER_EXTRACT = 200


class Extraction(Protocol):
    """What is still missing, and where found records go."""

    def left(self, type_: str) -> list[str]: ...
    def take(self, type_: str, extract: Path) -> None: ...
    def asked(self, server: str) -> None: ...


_Records = Iterable[tuple[str, str, str]]
"""(name, description, letters)."""


def fetch_remainder(part: Part, extraction: Extraction, needed: Needed) -> None:
    """Ask for everything that the release files did not hold."""
    if part.fetcher.has_server(gene_package.SERVER):
        _from_packages(part, extraction, needed)
    if part.fetcher.has_server(eutils.SERVER):
        _from_eutils(part, extraction, needed)


def _from_packages(part: Part, extraction: Extraction, needed: Needed) -> None:
    kinds = ("genomic", "rna", "protein")
    wanted = {kind: set(extraction.left(kind)) for kind in kinds}
    accessions = {parse_slice(name)[0] if kind == "genomic" else name for kind in kinds for name in wanted[kind]}
    genes = sorted({gene for accession in accessions for gene in needed.genes_of[accession]})
    with Progress("gene packages", len(genes), "genes") as progress:
        for group in _groups(genes, gene_package.GENES_PER_PACKAGE):
            extracts = {kind: part.work / f"package.{kind}.{stable_hash64(*group):016x}.extract" for kind in kinds}
            if not all(extract.exists() for extract in extracts.values()):
                found = list(gene_package.package_records(part.fetcher, group, part.work))
                for kind, extract in extracts.items():
                    records = ((n, d, s) for k, n, d, s in found if k == kind and n in wanted[kind])
                    _write(extract, records)
            for kind, extract in extracts.items():
                extraction.take(kind, extract)
            progress.advance(len(group))
    extraction.asked(gene_package.SERVER)


def _from_eutils(part: Part, extraction: Extraction, needed: Needed) -> None:
    client = eutils.Eutils(part.fetcher)
    for kind in ("rna", "protein"):
        names = sorted({*extraction.left(kind), *(name for k, name in needed.insdc if k == kind)})
        _in_batches(part, extraction, kind, names, eutils.RECORDS_PER_QUERY,
                    lambda group, kind=kind: client.records(kind, group))  # fmt: skip
    slices = sorted({*extraction.left("genomic"), *slice_names(needed.insdc_slices)})
    _in_batches(part, extraction, "genomic", slices, _SPANS_PER_EXTRACT, lambda group: _spans(client, group))
    extraction.asked(eutils.SERVER)


def _spans(client: eutils.Eutils, group: Sequence[str]) -> _Records:
    for name in group:
        letters = client.span(*parse_slice(name))
        if letters is not None:
            yield name, "", letters


def _in_batches(
    part: Part, extraction: Extraction, kind: str, names: Sequence[object], size: int,
    records: Callable[..., _Records],
) -> None:  # fmt: skip
    if not names:
        return
    print(f"E-utilities: asking for {len(names):,} {kind} records", file=sys.stderr)
    with Progress(f"efetch {kind}", len(names), "records") as progress:
        for group in _groups(names, size):
            extract = part.work / f"efetch.{kind}.{stable_hash64(*group):016x}.extract"
            if not extract.exists():
                _write(extract, records(group))
            extraction.take(kind, extract)
            progress.advance(len(group))


def _groups(names: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (names[first : first + size] for first in range(0, len(names), size))


def _write(extract: Path, records: _Records) -> None:
    with atomic_path(extract) as partial, open(partial, "w", encoding="utf-8") as out:
        out.writelines(format_fasta([record]) for record in records)
