"""How many records and letters each stage kept or dropped, and why. Nothing is dropped silently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from bsm.base.csv_tables import read_csv, write_csv

COLUMNS = ("stage", "source", "part", "outcome", "reason", "n_records", "n_letters")
"""Outcomes are kept, dropped and changed; changed records stay but lost or altered letters (also counted as kept)."""


class Counts:
    """Counts per (outcome, reason) of one stage and one part of a source."""

    def __init__(self, stage: str, source: str, part: str) -> None:
        self.stage, self.source, self.part = stage, source, part
        self._counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])

    def keep(self, n_letters: int, n_records: int = 1, reason: str = "") -> None:
        self._add("kept", reason, n_records, n_letters)

    def drop(self, reason: str, n_letters: int = 0, n_records: int = 1) -> None:
        self._add("dropped", reason, n_records, n_letters)

    def change(self, reason: str, n_letters: int = 0, n_records: int = 1) -> None:
        self._add("changed", reason, n_records, n_letters)

    def _add(self, outcome: str, reason: str, n_records: int, n_letters: int) -> None:
        entry = self._counts[outcome, reason]
        entry[0] += n_records
        entry[1] += n_letters

    def rows(self) -> list[dict[str, object]]:
        """Rows sorted by outcome and reason, under COLUMNS."""
        return [
            dict(zip(COLUMNS, (self.stage, self.source, self.part, outcome, reason, *numbers), strict=True))
            for (outcome, reason), numbers in sorted(self._counts.items())
        ]

    def write(self, path: Path | str) -> None:
        write_counts(path, self.rows())


def write_counts(path: Path | str, rows: Iterable[dict[str, object]]) -> None:
    """Write counts as CSV, atomically."""
    write_csv(path, COLUMNS, rows)


def read_counts(path: Path | str) -> list[dict[str, str]]:
    """Read a counts table; InputError where it cannot be read or is another table."""
    return read_csv(path, COLUMNS)
