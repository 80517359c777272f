"""Counts of right and wrong answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bsm.report.inputs import Row

NOT_PLANTED = "not planted"
Key = tuple[object, ...]


@dataclass
class Tally:
    """planted: answers that exist; found: those given right; wrongly_found: given, but not right."""

    planted: int = 0
    found: int = 0
    wrongly_found: int = 0

    @property
    def share(self) -> str:
        """Right answers per planted one; empty where nothing was planted."""
        return f"{self.found / self.planted:.4f}" if self.planted else ""


Tallies = dict[tuple[str, str, str], Tally]
"""(subject, source, kind) -> tally."""


def key_of(row: Row, columns: Iterable[str]) -> Key:
    """The row's values under these columns, null as an empty text."""
    return tuple("" if row[name] is None else row[name] for name in columns)


def take(counter: Counter[Key], key: Key) -> int:
    """1 and one fewer left where the key is there, else 0."""
    if counter[key] <= 0:
        return 0
    counter[key] -= 1
    return 1
