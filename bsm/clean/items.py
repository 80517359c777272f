"""Benchmark items as queries: which are searched, which stand for others, which cannot be searched.

Test and validation items count, train items do not. Identical sequences are one query with many owners. Of a
fitness assay (thousands of variants of one molecule) the wild type is searched, or where no row is marked WT the
first item; variants of its length that equal it in >= 95 % of the letters are counted through it, because
whoever trained on such a variant trained on the assay. Variants further away are searched themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bsm.base import tables
from bsm.base.alphabet import Modality
from bsm.base.benchmarks import TASKS
from bsm.base.counts import Counts

THROUGH_IDENTITY = 0.95
COUNTS_STAGE = "clean.items"


class Owner(NamedTuple):
    """An item's sequence: role a or b; ``paired`` where the task judges two sequences together."""

    task: str
    dataset: str
    item_id: str
    role: str
    split: str
    paired: bool


@dataclass
class Query:
    """One distinct sequence to search for. ``assay``: it stands for the variants of a fitness assay."""

    modality: Modality
    sequence: str
    assay: bool = False
    owners: list[Owner] = field(default_factory=list)


def read_items(paths: Iterable[Path | str]) -> Iterable[Mapping[str, Any]]:
    """Rows of BENCHMARK_ITEMS tables, in the order of dataset names (not of arguments)."""
    loaded = [tables.read_table(path, tables.BENCHMARK_ITEMS).to_pylist() for path in paths]
    loaded.sort(key=lambda rows: rows[0]["dataset"] if rows else "")
    for rows in loaded:
        yield from rows


def queries_of(items: Iterable[Mapping[str, Any]]) -> tuple[list[Query], list[Counts]]:
    """Distinct sequences of test and validation items, sorted, with their owners; and counts per dataset."""
    queries: dict[tuple[bool, str, bool], Query] = {}
    counts: dict[str, Counts] = {}
    assays: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        count = counts.setdefault(item["dataset"], Counts(COUNTS_STAGE, item["dataset"], "all"))
        if item["split"] == "train":
            count.drop("train_item")
        elif _is_fitness(item):
            assays[item["dataset"], item["assay"] or ""].append(item)
        else:
            _add(queries, item, assay=False)
            count.keep(_n_letters(item))
    for (dataset, _), variants in sorted(assays.items()):
        searched = _representatives(variants)
        for item in searched:
            _add(queries, item, assay=True)
            counts[dataset].keep(_n_letters(item))
        if len(variants) > len(searched):
            counts[dataset].drop("through_wild_type", n_records=len(variants) - len(searched))
    ordered = sorted(queries.values(), key=lambda q: (q.modality.value, q.sequence, q.assay))
    return ordered, [counts[name] for name in sorted(counts)]


def _is_fitness(item: Mapping[str, Any]) -> bool:
    task = TASKS.get(item["task"])
    return task is not None and task.kind == "fitness"


def _n_letters(item: Mapping[str, Any]) -> int:
    return len(item["sequence_a"] or "") + len(item["sequence_b"] or "")


def _add(queries: dict[tuple[bool, str, bool], Query], item: Mapping[str, Any], assay: bool) -> None:
    paired = bool(item["sequence_b"]) and not assay
    for role in ("a", "b"):
        sequence = item[f"sequence_{role}"]
        if not sequence:
            continue
        modality = Modality(item[f"modality_{role}"])
        key = (modality.is_nucleotide, sequence, assay)
        query = queries.setdefault(key, Query(modality, sequence, assay))
        query.owners.append(Owner(item["task"], item["dataset"], item["item_id"], role, item["split"], paired))


def _representatives(variants: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    ordered = sorted(variants, key=lambda v: (v["mutant"] != "WT", v["item_id"]))
    first = ordered[0]
    return [first, *(v for v in ordered[1:] if not _through(v, first))]


def _through(variant: Mapping[str, Any], reference: Mapping[str, Any]) -> bool:
    """Whether every sequence of the variant equals the reference's in THROUGH_IDENTITY of its letters."""
    for role in ("sequence_a", "sequence_b"):
        ours, theirs = variant[role] or "", reference[role] or ""
        if len(ours) != len(theirs):
            return False
        if not ours:
            continue
        equal = np.frombuffer(ours.encode(), np.uint8) == np.frombuffer(theirs.encode(), np.uint8)
        if equal.mean() < THROUGH_IDENTITY:
            return False
    return True
