"""``unresolved.csv``: records and species that could not be had, each with its reason; role ``unresolved``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bsm.base.csv_tables import write_csv

COLUMNS = ("kind", "accession", "start", "end", "reason")
"""``kind`` is rna, protein, genomic (a span, 0-based half-open) or species (``accession`` is then its name)."""


def write_unresolved(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    """Write rows under COLUMNS, atomically."""
    write_csv(path, COLUMNS, (dict(zip(COLUMNS, row, strict=True)) for row in rows))
