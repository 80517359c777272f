"""A person's own files as a source: checked and listed with their checksums, not copied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bsm.acquire.part import Part
from bsm.base.config.sources import LocalFasta, LocalGenome, LocalText
from bsm.base.errors import InputError
from bsm.base.files import reading

_FIRST_BYTES = {
    "nucleotide_fasta": b">", "protein_fasta": b">", "genomic_fasta": b">", "rna_fasta": b">",
    "genbank": b"LOCUS", "web_jsonl": b"{", "gff": b"",
}  # fmt: skip


def acquire_local(part: Part, source: LocalFasta | LocalGenome | LocalText) -> None:
    """List the files of a local source; paths in files.csv are relative to its folder."""
    for role, path in _files(source):
        _check(role, path)
        listed_as = Path(os.path.relpath(path.resolve(), part.folder.resolve())).as_posix()
        part.add_made(path, role, f"file:{path.as_posix()}", "local", listed_as)
    part.finish({})


def _files(source: LocalFasta | LocalGenome | LocalText) -> Iterator[tuple[str, Path]]:
    if isinstance(source, LocalFasta):
        role = "protein_fasta" if source.modality == "protein" else "nucleotide_fasta"
        yield from ((role, Path(path)) for path in source.paths)
    elif isinstance(source, LocalText):
        yield from (("web_jsonl", Path(path)) for path in source.paths)
    else:
        named = {"genomic_fasta": source.fasta, "gff": source.gff, "rna_fasta": source.rna,
                 "protein_fasta": source.protein, "genbank": source.genbank}  # fmt: skip
        yield from ((role, Path(path)) for role, path in named.items() if path is not None)


def _check(role: str, path: Path) -> None:
    if not path.is_file():
        raise InputError("no such file", where=str(path), way_out="Paths are relative to the working directory")
    with reading(path) as handle:
        head = handle.read(512).lstrip()
    if not head.startswith(_FIRST_BYTES[role]) or not head:
        raise InputError(f"does not look like a {role} file", where=str(path), value=head[:40],
                         way_out=f"It should start with {_FIRST_BYTES[role].decode() or 'a GFF3 line'}")  # fmt: skip
