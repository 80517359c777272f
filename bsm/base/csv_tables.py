"""CSV tables that people read: one reader and one writer for all of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bsm.base.errors import InputError
from bsm.base.files import atomic_path


def write_csv(path: Path | str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under a header, atomically; a table without rows still has its header."""
    with atomic_path(path) as partial, open(partial, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path | str, columns: Sequence[str] | None = None, way_out: str = "") -> list[dict[str, str]]:
    """Rows of a CSV file; InputError where it cannot be read or has other columns than the given ones."""
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            if columns is not None and list(reader.fieldnames or ()) != list(columns):
                raise InputError("a table with other columns", where=str(path), value=reader.fieldnames,
                                 way_out=f"Expected the columns {', '.join(columns)}")  # fmt: skip
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"cannot read as CSV: {getattr(error, 'strerror', None) or error}", where=str(path),
            way_out=way_out or "Check the path, or run the stage that writes it",
        ) from error  # fmt: skip
