"""Benchmark items found in the corpora: how many hits were removed, and how many are left in the clean corpora."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from bsm.base.tables import HITS, iter_tables
from bsm.report.inputs import Row
from bsm.report.remains import Remains

HEADER = ("task", "benchmark", "source", "kind", "items", "hits removed", "hits left")
_COLUMNS = ("task", "dataset", "item_id", "source", "kind", "record_id", "piece", "start", "end", "removed")
_UNKNOWN = "-"


def hit_rows(hits: Sequence[Path], clean: Sequence[Path]) -> list[list[object]]:
    """Rows under HEADER, sorted; hits left are unknown where no clean corpora are given."""
    items: dict[tuple[str, ...], set[str]] = defaultdict(set)
    n_removed: Counter[tuple[str, ...]] = Counter()
    kept: list[Row] = []
    removed_from: set[tuple[str, int]] = set()
    for row in _rows(hits):
        items[_group(row)].add(row["item_id"])
        n_removed[_group(row)] += row["removed"]
        if row["removed"]:
            removed_from.add((row["record_id"], row["piece"]))
        else:
            kept.append(row)
    n_left = _left(kept, removed_from, clean)
    return [[*key, len(items[key]), n_removed[key], n_left[key] if clean else _UNKNOWN] for key in sorted(items)]


def _left(kept: list[Row], removed_from: set[tuple[str, int]], clean: Sequence[Path]) -> Counter[tuple[str, ...]]:
    """Hits whose letters stand in the clean corpora; of a joint record, pieces with a removed hit are gone whole."""
    remains = Remains(clean, {row["record_id"] for row in kept})
    return Counter(
        _group(row)
        for row in kept
        if remains.holds(row["record_id"], row["start"], row["end"])
        and not (remains.is_joint(row["record_id"]) and (row["record_id"], row["piece"]) in removed_from)
    )


def _group(row: Row) -> tuple[str, ...]:
    return row["task"], row["dataset"], row["source"], row["kind"]


def _rows(paths: Sequence[Path]) -> Iterator[Row]:
    for path in paths:
        for table in iter_tables(path, HITS, _COLUMNS):
            yield from table.to_pylist()
