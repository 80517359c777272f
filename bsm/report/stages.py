"""What each stage kept and lost: the counts of all stages, merged, and tables in which they add up.

A source's corpus is what sample, pair or interleave kept. clean.search takes benchmark items from it, clean.gate
duplicates and what validation sequences stand in training records; both count letters cut from records that stay as
``changed``, so letters in = kept + dropped + changed. clean.group names the duplicates that clean.gate then drops.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

_Row = dict[str, Any]
_Key = tuple[str, ...]
CORPUS_STAGES = ("sample", "pair", "interleave")
SEARCH, GATE, GROUP, SHARD = "clean.search", "clean.gate", "clean.group", "shard"
ITEMS = "clean.items"
_CUTTING = (SEARCH, GATE)
"""Stages whose ``changed`` letters left the corpus."""
_BENCHMARK_STAGES = ("acquire", ITEMS)
_NUMBERS = ("n_records", "n_letters")

LETTERS_HEADER = ("source", "corpus", "benchmark items", "duplicates, validation copies", "clean corpus",
                  "left out of samples", "in shards", "unaccounted")  # fmt: skip
RECORDS_HEADER = ("source", "corpus", "benchmark items", "duplicates, validation copies", "more by cutting",
                  "clean corpus")  # fmt: skip
LOST_HEADER = ("stage", "source", "reason", "records dropped", "records cut", "letters lost")
ITEMS_HEADER = ("stage", "benchmark", "reason", "items", "letters")


def merged_counts(rows: Iterable[_Row]) -> list[_Row]:
    """All rows, sorted; of clean.items one per benchmark and reason.

    The search of every part reads the same benchmarks and counts their items again: these rows are no sum over
    parts, the largest stands for all.
    """
    ordered = sorted(rows, key=lambda row: tuple(map(str, row.values())))
    items: dict[_Key, _Row] = {}
    for row in (row for row in ordered if row["stage"] == ITEMS):
        key = (row["source"], row["outcome"], row["reason"])
        if key not in items or int(row["n_records"]) > int(items[key]["n_records"]):
            items[key] = {**row, "part": "all"}
    others = [row for row in ordered if row["stage"] != ITEMS]
    return sorted([*others, *items.values()], key=lambda row: tuple(map(str, row.values())))


def lost(counts: Sequence[_Row]) -> list[list[object]]:
    """Rows under LOST_HEADER: what left the training data, by stage, source and reason."""
    sums: dict[_Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in counts:
        is_cut = row["outcome"] == "changed" and row["stage"] in _CUTTING
        if row["stage"] in (*_BENCHMARK_STAGES, GROUP) or not (is_cut or row["outcome"] == "dropped"):
            continue
        entry = sums[row["stage"], row["source"], row["reason"]]
        entry[1 if is_cut else 0] += int(row["n_records"])
        entry[2] += int(row["n_letters"])
    return [[*key, *numbers] for key, numbers in sorted(sums.items())]


def left_out_items(counts: Sequence[_Row]) -> list[list[object]]:
    """Rows under ITEMS_HEADER: benchmark items that acquire dropped or the search does not look for.

    clean.items counts items with a sequence that cannot be searched as ``changed``: they stay in the benchmark.
    """
    sums: dict[_Key, list[int]] = defaultdict(lambda: [0, 0])
    for row in counts:
        is_unsearched = row["stage"] == ITEMS and row["outcome"] == "changed"
        if row["stage"] in _BENCHMARK_STAGES and (is_unsearched or row["outcome"] == "dropped"):
            entry = sums[row["stage"], row["source"], row["reason"]]
            for index, name in enumerate(_NUMBERS):
                entry[index] += int(row[name])
    return [[*key, *numbers] for key, numbers in sorted(sums.items())]


def letters_through(counts: Sequence[_Row]) -> list[list[object]]:
    """Rows under LETTERS_HEADER, one per source that reached the gate; ``unaccounted`` is 0 where all adds up."""
    rows: list[list[object]] = []
    for source, flow in _flows(counts, "n_letters"):
        corpus = sum(flow[stage, "kept"] for stage in CORPUS_STAGES)
        cut = [flow[stage, "dropped"] + flow[stage, "changed"] for stage in _CUTTING]
        clean, left_out, in_shards = flow[GATE, "kept"], flow[SHARD, "dropped"], flow[SHARD, "kept"]
        after = clean - left_out - in_shards if (SHARD, "kept") in flow else 0
        rows.append([source, corpus, *cut, clean, left_out, in_shards, abs(corpus - sum(cut) - clean) + abs(after)])
    return rows


def records_through(counts: Sequence[_Row]) -> list[list[object]]:
    """Rows under RECORDS_HEADER; a record that loses its middle becomes two, which ``more by cutting`` counts."""
    rows: list[list[object]] = []
    for source, flow in _flows(counts, "n_records"):
        corpus = sum(flow[stage, "kept"] for stage in CORPUS_STAGES)
        dropped = [flow[stage, "dropped"] for stage in _CUTTING]
        clean = flow[GATE, "kept"]
        rows.append([source, corpus, *dropped, clean - (corpus - sum(dropped)), clean])
    return rows


def _flows(counts: Sequence[_Row], number: str) -> list[tuple[str, Counter[tuple[str, str]]]]:
    """(source, {(stage, outcome): sum}) of the sources that passed the gate."""
    flows: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in counts:
        flows[row["source"]][row["stage"], row["outcome"]] += int(row[number])
    return [(source, flow) for source, flow in sorted(flows.items()) if (GATE, "kept") in flow]
