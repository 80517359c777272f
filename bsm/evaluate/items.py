"""Benchmark items as evaluations read them, with everything that could spoil a number checked beforehand.

Items are compared by what the model reads (the two sequences), never by their name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bsm.base.benchmarks import TASKS, Task
from bsm.base.errors import InputError
from bsm.base.tables import BENCHMARK_ITEMS, read_table

_SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Item:
    """One benchmark item; sequences in internal letters."""

    item_id: str
    split: str
    id_a: str
    sequence_a: str
    id_b: str | None
    sequence_b: str | None
    label: str | None
    value: float | None
    assay: str | None
    mutant: str | None

    @property
    def sequences(self) -> tuple[str, ...]:
        """What the model reads, one or two sequences."""
        return (self.sequence_a,) if self.sequence_b is None else (self.sequence_a, self.sequence_b)


@dataclass(frozen=True)
class Dataset:
    """One benchmark: its task and its items in file order."""

    task: Task
    name: str
    items: tuple[Item, ...]
    labels: tuple[str, ...]
    """Classes in a fixed order: the task's list, or the sorted classes of all splits; empty for numbers."""

    def part(self, split: str) -> list[Item]:
        """Items of train, valid or test."""
        return [item for item in self.items if item.split == split]

    @property
    def input(self) -> str:
        """What the model reads, such as ``rna+protein``."""
        return "+".join(m.value for m in (self.task.modality_a, self.task.modality_b) if m)

    def key(self, item: Item) -> tuple[str, ...]:
        """What makes two items the same one: their sequences; the order of two inputs of one modality means nothing."""
        same_kind = self.task.modality_a is self.task.modality_b
        return tuple(sorted(item.sequences)) if same_kind else item.sequences

    def clusters(self, items: Sequence[Item]) -> np.ndarray | None:
        """int64[n_items]: which items are drawn together in a bootstrap; None: each on its own.

        Central Dogma's negatives are true pairs with one of the two sequences changed, so items that share a sequence,
        directly or through others, are about one gene. Pairs of the other tasks recombine sequences on both sides until
        nearly all hang together; they are drawn by item, which leaves their intervals too narrow.
        """
        return _linked(items) if self.task.name == "central_dogma" else None

    def targets(self, items: Sequence[Item]) -> np.ndarray:
        """int64 class numbers, or float64 target values."""
        if not self.labels:
            return np.array([item.value for item in items], dtype=np.float64)
        number = {label: index for index, label in enumerate(self.labels)}
        return np.array([number[str(item.label)] for item in items], dtype=np.int64)


def read_datasets(paths: Sequence[Path | str], tasks: Iterable[str] | None = None) -> list[Dataset]:
    """Every benchmark of the files whose task is asked for, in the order of the files.

    Raises InputError: a column is missing, an empty sequence, an unknown task or split, a label outside the task's
    list, a missing label or value, no test items, or a task that is asked for and found in no file.
    """
    wanted = set(tasks) if tasks is not None else None
    found = [dataset for path in paths for dataset in _datasets(path) if wanted is None or dataset.task.name in wanted]
    absent = sorted((wanted or set()) - {dataset.task.name for dataset in found})
    if absent:
        raise InputError(
            "no benchmark file holds the task(s)", where="--tasks", value=", ".join(absent),
            way_out="Give their files with --benchmarks, or leave the task out",
        )  # fmt: skip
    return found


def _linked(items: Sequence[Item]) -> np.ndarray:
    """int64[n_items]: the smallest position among the items that share a sequence, directly or through others."""
    cluster = np.arange(len(items))
    first: dict[tuple[int, str], int] = {}
    for position, item in enumerate(items):
        for key in enumerate(item.sequences):
            one, other = sorted((cluster[first.setdefault(key, position)], cluster[position]))
            cluster[cluster == other] = one
    return cluster


def _datasets(path: Path | str) -> list[Dataset]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in read_table(path, BENCHMARK_ITEMS).to_pylist():
        groups.setdefault((row["dataset"], row["task"]), []).append(row)
    return [_dataset(name, task, rows, str(path)) for (name, task), rows in groups.items()]


def _dataset(name: str, task_name: str, rows: list[dict[str, Any]], path: str) -> Dataset:
    task = TASKS.get(task_name)
    if task is None:
        raise InputError("unknown task", where=path, value=task_name, way_out=f"Allowed: {', '.join(TASKS)}")
    items = tuple(_item(row, task, path) for row in rows)
    if all(item.split != "test" for item in items):
        raise InputError(f"{name} has no test items", where=path, way_out="Acquire the benchmark again")
    labels = task.labels or tuple(sorted({item.label for item in items if item.label is not None}))
    return Dataset(task, name, items, labels if task.kind in ("binary", "multiclass") else ())


def _item(row: dict[str, Any], task: Task, path: str) -> Item:
    problem, value = _problem(row, task)
    if problem:
        raise InputError(
            problem, where=f"{path}, item {row['item_id']} of {row['dataset']}", value=value,
            way_out="Repair the benchmark at its source and acquire it again",
        )  # fmt: skip
    return Item(**{name: row[name] for name in Item.__slots__})


def _problem(row: dict[str, Any], task: Task) -> tuple[str, object]:
    """(what is wrong, offending value), or ("", None)."""
    if row["split"] not in _SPLITS:
        return f"split is none of {', '.join(_SPLITS)}", row["split"]
    for role, modality in (("a", task.modality_a), ("b", task.modality_b)):
        sequence, found = row[f"sequence_{role}"], row[f"modality_{role}"]
        if sequence is None and (role == "b" and (modality is None or task.kind == "fitness")):
            continue
        if not sequence:
            return f"sequence_{role} is empty", sequence
        if modality is None or found != modality.value:
            return f"modality_{role} does not fit task {task.name}", found
    if task.kind in ("binary", "multiclass"):
        if row["label"] is None or (task.labels and row["label"] not in task.labels):
            return f"label is none of the task's ({', '.join(task.labels) or 'any text'})", row["label"]
    elif row["value"] is None or not math.isfinite(row["value"]):
        return "value is no finite number", row["value"]
    return "", None
