"""A person's own benchmark: a CSV whose columns are those of BENCHMARK_ITEMS.

Required: ``split``, ``sequence_a`` and ``label`` or ``value``. Everything else has a default: modalities those of the
task, ``item_id`` the split and the 0-based row number.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bsm.acquire.benchmarks.items import SPLITS, Converted, Files, Item, letters_of, number_of, read_rows
from bsm.acquire.benchmarks.published import Published
from bsm.base.alphabet import Modality
from bsm.base.benchmarks import TASKS, Task
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.tables import BENCHMARK_ITEMS

_REQUIRED = ("split", "sequence_a")
_AS_THEY_STAND = ("id_a", "id_b", "assay", "mutant")


def read_benchmark_table(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items in file order; InputError for an unknown column, split, modality or class. Role: table."""
    path = files["table"]
    task = TASKS[benchmark.task]
    converted = Converted([], Published())
    for number, (where, row) in enumerate(read_rows(path, _REQUIRED)):
        unknown = [column for column in row if column not in BENCHMARK_ITEMS.names]
        if unknown:
            raise InputError(f"unknown column(s) {', '.join(unknown)}", where=f"{path}:1",
                             way_out=f"Allowed: {', '.join(BENCHMARK_ITEMS.names)}")  # fmt: skip
        if row["split"] not in SPLITS:
            raise InputError("unknown split", where=where, value=row["split"], way_out=f"Allowed: {', '.join(SPLITS)}")
        item = _item(row, number, where, task, benchmark, counts)
        facts = ("label", "value", "assay", "sequence_a", "sequence_b")
        converted.published.note(row["split"], **{fact: item.get(fact) for fact in facts})
        converted.items.append(item)
    _check_ids(converted.items, path)
    return converted


def _item(row: dict[str, str], number: int, where: str, task: Task, benchmark: Benchmark, counts: Counts) -> Item:
    item: Item = {
        "task": task.name, "dataset": benchmark.name, "split": row["split"],
        "item_id": row.get("item_id") or f"{row['split']}:{number}",
        **{column: row[column] for column in _AS_THEY_STAND if row.get(column)},
    }  # fmt: skip
    for side, default in (("a", task.modality_a), ("b", task.modality_b)):
        if row.get(f"sequence_{side}"):
            modality = _modality(row.get(f"modality_{side}", ""), default, where)
            item[f"modality_{side}"] = modality.value
            item[f"sequence_{side}"] = letters_of(row[f"sequence_{side}"], modality, where, counts)
    needs_b = task.modality_b is not None and task.kind != "fitness"
    if "sequence_a" not in item or (needs_b and "sequence_b" not in item):
        raise InputError("row without a sequence", where=where, way_out="A pair task has sequence_a and sequence_b")
    return item | _target(row, task, where)


def _target(row: dict[str, str], task: Task, where: str) -> Item:
    if task.kind in ("regression", "fitness"):
        value = number_of(row.get("value", ""), where)
        if value is None:
            raise InputError("row without a value", where=where, way_out="Measured values stand in the column value")
        return {"value": value}
    label = row.get("label", "")
    if not label or (task.labels and label not in task.labels):
        raise InputError("unknown class", where=where, value=label,
                         way_out=f"Classes of the column label: {', '.join(task.labels) or 'any'}")  # fmt: skip
    return {"label": label}


def _modality(text: str, default: Modality | None, where: str) -> Modality:
    try:
        return Modality(text) if text or default is None else default
    except ValueError:
        raise InputError("unknown modality", where=where, value=text, way_out="Allowed: dna, rna, protein") from None


def _check_ids(items: list[Item], path: Path) -> None:
    twice = [item_id for item_id, n in Counter(item["item_id"] for item in items).items() if n > 1]
    if twice:
        raise InputError("item_id occurs twice", where=str(path), value=twice[0], way_out="Every item needs its own")
