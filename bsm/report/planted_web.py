"""Sequences planted in web documents: found where the document yields these letters at this place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from bsm.base.tables import FOUND, read_table
from bsm.report.inputs import Row, truth_rows
from bsm.report.tally import NOT_PLANTED, Tallies, key_of, take

_TRUTH = (*FOUND.names, "kind", "layout")


def tally_web(truth: Path, paths: Iterable[Path], tallies: Tallies) -> None:
    """A look-alike is wrongly found where any found span overlaps it; other wrong spans are not planted."""
    planted = truth_rows(truth / "web.parquet", _TRUTH)
    for path in paths:
        _compare(path.parent.name, planted, read_table(path, FOUND).to_pylist(), tallies)


def _compare(source: str, planted: list[Row], found: list[Row], tallies: Tallies) -> None:
    remaining = Counter(key_of(row, FOUND.names) for row in found)
    by_document: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        by_document[row["document_id"]].append(row)
    look_alikes: dict[str, list[Row]] = defaultdict(list)
    for row in planted:
        if row["kind"] == "look_alike":
            look_alikes[row["document_id"]].append(row)
            taken = any(_overlap(row, span) for span in by_document[row["document_id"]])
            tally = tallies["web", source, f"look-alike: {row['layout']}"]
            tally.found += not taken
            tally.wrongly_found += taken
        else:
            tally = tallies["web", source, f"{row['modality']}: {row['layout']}"]
            tally.found += take(remaining, key_of(row, FOUND.names))
        tally.planted += 1
    for row in found:
        if take(remaining, key_of(row, FOUND.names)):
            is_look_alike = any(_overlap(row, span) for span in look_alikes[row["document_id"]])
            tallies["web", source, NOT_PLANTED].wrongly_found += not is_look_alike
    tallies["web", source, NOT_PLANTED].wrongly_found += 0


def _overlap(a: Row, b: Row) -> bool:
    return bool(a["start"] < b["end"] and b["start"] < a["end"])
