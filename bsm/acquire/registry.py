"""The register of external files: where each stands, what pins its version, which checksum its publisher gives.

``registry.csv`` has one row per external file or family; a benchmark's row also holds the published counts that a
download must reproduce (syntax: ``benchmarks/published.py``). The fetching code takes its paths from here, and
``bsm acquire --list`` prints them, so the two cannot disagree.
Sources: the publishers' READMEs (NCBI genomes, Gene/DATA, RefSeq release, E-utilities, Datasets v2; UniProt; ColabFold
setup_databases.sh; Hugging Face hub API), tables 6 and 8 of the ICLR text, and the cited repositories.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

REGISTRY = Path(__file__).with_name("registry.csv")


@dataclass(frozen=True)
class ExternalFile:
    """One external file or family. ``pattern`` is a path below the server's address with {fields}."""

    name: str
    kind: str
    """Source kind that reads it, or ``benchmark``."""
    server: str
    """Entry of the config's ``servers`` that the path belongs to."""
    publisher: str
    pattern: str
    version: str
    """What pins its version."""
    checksum: str
    """What its publisher gives to verify it; ``first use`` means the lock remembers our own sha256."""
    licence: str
    expected: str
    """Published counts of a benchmark; empty where there are none."""

    @property
    def is_payload(self) -> bool:
        """Whether sequences or texts are in it; the others are listings that tell what to fetch."""
        return self.checksum != "none"


def read_registry(path: Path = REGISTRY) -> dict[str, ExternalFile]:
    """Rows by name, in file order."""
    with open(path, newline="", encoding="utf-8") as handle:
        return {row["name"]: ExternalFile(**row) for row in csv.DictReader(handle)}


FILES = read_registry()

FINEWEB_EDU = "HuggingFaceFW/fineweb-edu"
"""Data set of the web source (ODC-By 1.0; the terms of Common Crawl apply)."""


def path_of(registered: str, /, **fields: object) -> str:
    """Path of a registered file below its server's address."""
    return FILES[registered].pattern.format(**fields)
