"""``unresolved.csv``: records and species that could not be had, each with its reason; role ``unresolved``."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from bsm.base.files import atomic_path

COLUMNS = ("kind", "accession", "start", "end", "reason")
"""``kind`` is rna, protein, genomic (a span, 0-based half-open) or species (``accession`` is then its name)."""


def write_unresolved(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    """Write rows under COLUMNS, atomically."""
    with atomic_path(path) as partial, open(partial, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
