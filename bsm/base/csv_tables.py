"""CSV tables that people read: one reader and one writer for all of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bsm.base.errors import InputError
from bsm.base.files import atomic_path


def write_csv(path: Path | str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under a header, atomically; a table without rows still has its header."""
    with atomic_path(path) as partial, open(partial, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(
    path: Path | str, columns: Iterable[str] = (), integers: Iterable[str] = (), way_out: str = ""
) -> list[dict[str, Any]]:
    """Rows of a CSV file that has at least ``columns``, as text; those of ``integers`` become whole numbers.

    InputError where the file cannot be read, lacks a column, or holds something else where a number stands.
    """
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"missing column(s) {', '.join(missing)}", where=str(path), value=reader.fieldnames,
                                 way_out="Give the file that the stage wrote")  # fmt: skip
            return [{**row, **{name: int(row[name]) for name in integers}} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise InputError(
            f"cannot read as a table: {getattr(error, 'strerror', None) or error}", where=str(path),
            way_out=way_out or "Check the path, or run the stage that writes it",
        ) from error  # fmt: skip
