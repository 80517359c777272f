"""The pairs report: how an assembly's annotation agrees with its published transcripts and proteins."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from bsm.base.csv_tables import write_csv

COLUMNS = ("source", "part", "assembly", "what", "kind", "n", "examples")
"""``what``: cds (translation against the published protein), rna (genome slice against the published transcript),
gene (rows of the annotation by outcome), damage (lines and records left out). ``examples``: the first names."""
N_EXAMPLES = 20


class PairsReport:
    """Counts with example names; rows come out sorted, so that reports of two runs compare byte by byte."""

    def __init__(self, source: str, part: str, assembly: str) -> None:
        self.labels = (source, part, assembly)
        self._counts: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], list[str]] = {}

    def add(self, what: str, kind: str, name: str = "", n: int = 1) -> None:
        key = (what, kind)
        self._counts[key] = self._counts.get(key, 0) + n
        examples = self._examples.setdefault(key, [])
        if name and len(examples) < N_EXAMPLES:
            examples.append(name)

    def count(self, what: str, kind: str) -> int:
        return self._counts.get((what, kind), 0)

    def of(self, what: str) -> dict[str, int]:
        """Counts by kind."""
        return {kind: n for (w, kind), n in sorted(self._counts.items()) if w == what}

    def rows(self) -> list[tuple[object, ...]]:
        return [(*self.labels, *key, n, " ".join(self._examples[key])) for key, n in sorted(self._counts.items())]

    def write(self, path: Path | str) -> None:
        write_report(path, self.rows())

    def show(self, stream: TextIO | None = None) -> None:
        """Print the counts as a small table."""
        for (what, kind), n in sorted(self._counts.items()):
            names = " ".join(self._examples[what, kind][:3]) if kind not in ("equal", "kept") else ""
            print(f"{what:7} {kind:45} {n:>9,}  {names}".rstrip(), file=stream or sys.stderr)


def write_report(path: Path | str, rows: Iterable[tuple[object, ...]]) -> None:
    """Write report rows as CSV, atomically."""
    write_csv(path, COLUMNS, (dict(zip(COLUMNS, row, strict=True)) for row in rows))
