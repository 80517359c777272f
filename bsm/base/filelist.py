"""``files.csv``: the raw files of one part of a source, as acquire left them and later stages find them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bsm.base.csv_tables import read_csv, write_csv

FILE_LIST_NAME = "files.csv"


@dataclass(frozen=True)
class RawFile:
    """One raw file. ``role`` says what it is for, ``path`` is relative to the folder of files.csv."""

    role: str
    """genomic_fasta | gff | rna_fasta | protein_fasta | genbank | gene2accession | nucleotide_fasta |
    web_parquet | web_jsonl | benchmark | archive (what other files were made from) |
    unresolved (records that could not be had, with the reason) | readme"""
    path: str
    url: str
    version: str
    """Accession.version and annotation name, release number or commit."""
    n_bytes: int
    """Size and checksums of the file as it lies here; ``url`` is where it, or what it was made from, stands."""
    md5: str
    sha256: str
    licence: str


_COLUMNS = [field.name for field in fields(RawFile)]


def write_file_list(path: Path | str, files: Iterable[RawFile]) -> None:
    """Write files.csv, sorted by role and path, atomically."""
    ordered = sorted(files, key=lambda f: (f.role, f.path))
    write_csv(path, _COLUMNS, (asdict(file) for file in ordered))


def read_file_list(place: Path | str) -> list[RawFile]:
    """The raw files that a folder's files.csv names, or a list under another name; InputError where it is none."""
    path = Path(place) / FILE_LIST_NAME if Path(place).is_dir() else Path(place)
    rows = read_csv(path, _COLUMNS, ("n_bytes",), way_out="Run bsm acquire for this source first")
    return [RawFile(**{name: row[name] for name in _COLUMNS}) for row in rows]


def files_of(folder: Path | str, role: str) -> list[Path]:
    """Paths of the files with this role, in the order of files.csv."""
    return [Path(folder) / f.path for f in read_file_list(folder) if f.role == role]
