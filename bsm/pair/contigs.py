"""Contigs of a genomic FASTA file, with what the annotation says about each; one chromosome in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bsm.base.errors import InputError
from bsm.base.fasta import read_fasta_letters
from bsm.pair.model import Contig

T = TypeVar("T")
COMPILED_BYTES = 8 << 20
"""FASTA and GFF3 files of together at least this size (as they lie on disk) are read by compiled scanners; below,
starting those takes longer than the plain readers need. Both give the same rows (tested)."""


def is_large(fasta: Path, gff: Path) -> bool:
    """Whether the compiled readers pay."""
    try:
        return fasta.stat().st_size + gff.stat().st_size >= COMPILED_BYTES
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", where=f"{fasta}, {gff}") from error


def read_contigs(path: Path, compiled: bool) -> Iterator[Contig]:
    """Contigs as internal letters. Raises InputError for letters that are no nucleotides, and as ``read_fasta``."""
    n_done = 0
    if compiled:
        from bsm.base.fasta_scan import UnusualFasta  # numba: only where it pays

        try:
            for contig in _scan(path):
                yield contig
                n_done += 1
                del contig
            return
        except UnusualFasta:
            pass  # the reader below understands every file, or says what is wrong
    for record in islice(read_fasta_letters(path), n_done, None):
        yield Contig.of(record.name, record.letters.decode("ascii"), str(path))


def _scan(path: Path) -> Iterator[Contig]:
    from bsm.base.fasta_scan import UnusualFasta, scan_fasta

    contig: Contig | None = None
    for block in scan_fasta(path, nucleotides=True):
        at = n_counted = 0
        for place, n_ambiguous, header in [*block.begins, (block.letters.size, block.n_ambiguous, b"")]:
            if contig is not None:
                assert isinstance(contig.letters, bytearray)
                contig.letters += block.letters[at:place].data
                contig.n_ambiguous += n_ambiguous - n_counted
            if header:
                if contig is not None:
                    yield contig
                words = header.decode("utf-8", "replace").split(None, 1)
                if not words:
                    raise UnusualFasta
                contig = Contig(words[0], bytearray())
            at, n_counted = place, n_ambiguous
    if contig is not None:
        yield contig


def with_annotation(
    contigs: Iterator[Contig], groups: Iterator[tuple[str, T]], where: str
) -> Iterator[tuple[Contig, T]]:
    """Annotated contigs in the order of the FASTA file; annotation that comes early waits, letters never.

    Annotation without a sequence comes last, on contigs without letters. Raises InputError where none has one.
    """
    waiting: dict[str, T] = {}
    n_found = 0
    for contig in contigs:
        while contig.name not in waiting:
            group = next(groups, None)
            if group is None:
                break
            waiting[group[0]] = group[1]
        if contig.name in waiting:
            n_found += 1
            yield contig, waiting.pop(contig.name)
        del contig  # before the next chromosome is read
    waiting.update(groups)
    if not n_found and waiting:
        raise InputError("no sequence of the annotation stands in the FASTA file", where=where,
                         value=sorted(waiting)[:3], way_out="Both must use the same sequence names")  # fmt: skip
    for name, annotation in sorted(waiting.items(), key=lambda item: item[0]):
        yield Contig(name, b""), annotation
