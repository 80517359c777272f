"""NCBI Datasets gene packages (Datasets v2 API, ``/gene/id/{ids}/download``): RefSeq records of genes.

A package is a zip with ``ncbi_dataset/data/{gene,rna,protein}.fna|faa``. It has the current records only, so it helps
where a release is older than the gene table, or where the record's division is not read. A genomic record is the gene's
own range, headed ``ACC.V:from-to`` (1-based, ``c`` before the range on the minus strand).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from Bio.Seq import reverse_complement

from bsm.acquire.fetch import Fetcher
from bsm.acquire.registry import path_of
from bsm.base.errors import DownloadError, InputError
from bsm.base.fasta import read_fasta

SERVER = "datasets"
GENES_PER_PACKAGE = 100
"""Small packages: one giant zip cannot be resumed (NCBI Datasets issues 83, 554, 582)."""
_MEMBERS = {"gene.fna": "genomic", "rna.fna": "rna", "protein.faa": "protein"}
_RANGE = re.compile(r"^(?P<accession>[^:]+):(?P<complement>c?)(?P<first>\d+)-(?P<last>\d+)$")
_QUERY = "&".join(f"include_annotation_type=FASTA_{kind}" for kind in ("GENE", "RNA", "PROTEIN"))


def package_records(fetcher: Fetcher, gene_ids: Sequence[int], work: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield (kind, name, description, letters) of one package of at most ``GENES_PER_PACKAGE`` genes.

    Genomic names are ``ACC.V:START-END``, 0-based half-open, letters of the plus strand.
    """
    archive = work / "genes.zip"
    path = f"{path_of('gene_package', gene_ids=','.join(map(str, gene_ids)))}?{_QUERY}"
    fetcher.fetch(SERVER, path, archive)
    try:
        yield from _records(archive, work)
    except (zipfile.BadZipFile, InputError) as error:
        raise DownloadError(f"not a gene package: {error}", where=fetcher.url(SERVER, path),
                            way_out="Run again: what was found is kept") from error  # fmt: skip
    finally:
        archive.unlink(missing_ok=True)


def _records(archive: Path, work: Path) -> Iterator[tuple[str, str, str, str]]:
    with zipfile.ZipFile(archive) as package:
        damaged = package.testzip()
        if damaged:
            raise zipfile.BadZipFile(f"member {damaged} is damaged")
        for member in package.namelist():
            kind = _MEMBERS.get(PurePosixPath(member).name)
            if kind is None or not package.getinfo(member).file_size:
                continue
            extracted = work / f"package.{PurePosixPath(member).name}"
            extracted.write_bytes(package.read(member))
            for record in read_fasta(extracted):
                name, letters = _as_slice(record.name, record.sequence) if kind == "genomic" else record[::2]
                yield kind, name, record.description, letters
            extracted.unlink()


def _as_slice(name: str, letters: str) -> tuple[str, str]:
    match = _RANGE.match(name)
    if not match:
        return name, letters
    first, last = int(match["first"]), int(match["last"])
    if match["complement"]:
        letters = str(reverse_complement(letters))
    return f"{match['accession']}:{min(first, last) - 1}-{max(first, last)}", letters
