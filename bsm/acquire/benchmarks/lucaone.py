"""LucaOne's downstream data sets (dataset/README of LucaOneTasks), from the hub or as plain folders.

``dataset/<TASK>/<TYPE>/<TASK_TYPE>/{train/train.csv, dev/dev.csv, test/test.csv, label.txt}``. Nucleotides are in DNA
capitals also where they are RNA; what they are follows from the task, never from the letters. ``label`` is the
0-based line of label.txt below its header, or the measured value. Ids may carry the label and are never fed to a model.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

from bsm.acquire.benchmarks.items import SPLITS, Converted, Item, letters_of, n_letters, number_of, read_rows
from bsm.acquire.benchmarks.published import Published
from bsm.base.alphabet import Modality
from bsm.base.benchmarks import TASKS, Task
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import ConfigError, InputError
from bsm.base.randomness import unit_interval

FOLDERS = {
    "ncrpi": "dataset/ncRPI/gene_protein/binary_class",
    "central_dogma": "dataset/CentralDogma/gene_protein/binary_class",
    "ppi": "dataset/PPI/protein/binary_class",
    "protloc": "dataset/ProtLoc/protein/multi_class",
    "protstab": "dataset/ProtStab/protein/regression",
    "ncrnafam": "dataset/ncRNAFam/gene/multi_class",
}
FILES_OF_SPLITS = {"train": "train/train.csv", "valid": "dev/dev.csv", "test": "test/test.csv"}
_SINGLE = ("seq_id", "seq_type", "seq", "label")
_PAIR = ("seq_id_a", "seq_id_b", "seq_type_a", "seq_type_b", "seq_a", "seq_b", "label")
_VALID_SHARE = 0.1


def folder_of(benchmark: Benchmark) -> str:
    """Folder of the benchmark's task in the data set."""
    if benchmark.task not in FOLDERS:
        raise ConfigError("the lucaone format has no such task", where=f"benchmarks[{benchmark.name}].task",
                          value=benchmark.task, way_out=f"Allowed: {', '.join(FOLDERS)}")  # fmt: skip
    return FOLDERS[benchmark.task]


def read_lucaone(folder: Path, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items of train, valid and test. A dev set that is the test set again (ncRPI's is) is not used: a tenth of
    train, chosen by hash, becomes the validation set and keeps its ``train:`` item ids."""
    task = TASKS[benchmark.task]
    names = _label_names(folder / "label.txt", task)
    splits = {
        split: _read_split(folder / name, split, benchmark, names, counts) for split, name in FILES_OF_SPLITS.items()
    }
    published = Published()
    for split, items in splits.items():
        for item in items:
            facts = ("label", "value", "sequence_a", "sequence_b")
            published.note(split, **{fact: item.get(fact) for fact in facts})
    if splits["valid"] and _content(splits["valid"]) == _content(splits["test"]):
        print(f"warning: {benchmark.name}: the dev set equals the test set; it is not used, and a tenth of train "
              "is cut off for validation", file=sys.stderr)  # fmt: skip
        counts.drop("dev_equals_test", sum(map(n_letters, splits["valid"])), len(splits["valid"]))
        splits["valid"] = []
        for item in splits["train"]:
            if unit_interval("valid", benchmark.name, item["item_id"]) < _VALID_SHARE:
                item["split"] = "valid"
    _report_shared(splits, benchmark.name)
    return Converted([item for split in SPLITS for item in splits[split]], published)


def _report_shared(splits: dict[str, list[Item]], name: str) -> None:
    """How far train and test share sequences (a random split of pairs does): a number to read scores with."""
    known = {i[key] for i in splits["train"] for key in ("sequence_a", "sequence_b") if key in i}
    n_shared = sum(i["sequence_a"] in known or i.get("sequence_b") in known for i in splits["test"])
    print(f"{name}: {n_shared:,} of {len(splits['test']):,} test items have a sequence that train has too",
          file=sys.stderr)  # fmt: skip


def _content(items: list[Item]) -> Counter[tuple[object, ...]]:
    """What the items say, whatever their ids and order."""
    return Counter((i["sequence_a"], i.get("sequence_b"), i.get("label"), i.get("value")) for i in items)


def _read_split(path: Path, split: str, benchmark: Benchmark, names: tuple[str, ...], counts: Counts) -> list[Item]:
    task = TASKS[benchmark.task]
    if split == "valid" and not path.exists():
        return []
    items = []
    for number, (where, row) in enumerate(read_rows(path, _PAIR if task.modality_b else _SINGLE)):
        item: Item = {
            "task": task.name, "dataset": benchmark.name, "item_id": f"{split}:{number}", "split": split,
            **_target(row["label"], task, names, where),
        }  # fmt: skip
        sides = (("a", task.modality_a, "_a"), ("b", task.modality_b, "_b")) if task.modality_b else (
            ("a", task.modality_a, ""),)  # fmt: skip
        for side, modality, suffix in sides:
            assert modality is not None
            _check_type(row[f"seq_type{suffix}"], modality, where)
            item[f"id_{side}"] = row[f"seq_id{suffix}"].removeprefix(">")
            item[f"modality_{side}"] = modality.value
            item[f"sequence_{side}"] = letters_of(row[f"seq{suffix}"], modality, where, counts)
        items.append(item)
    return items


def _check_type(found: str, modality: Modality, where: str) -> None:
    expected = "gene" if modality.is_nucleotide else "prot"
    if found.strip() != expected:
        raise InputError("sequence type does not fit the task", where=where, value=found,
                         way_out=f"This task has {expected} there; is it the right benchmark?")  # fmt: skip


def _target(text: str, task: Task, names: tuple[str, ...], where: str) -> Item:
    number = number_of(text, where)
    if number is None:
        raise InputError("row without a label", where=where, value=text, way_out="The row is damaged")
    if task.kind == "regression":
        return {"value": number}
    if number != int(number) or not 0 <= number < len(names):
        raise InputError("label outside label.txt", where=where, value=text, way_out=f"Allowed: 0 to {len(names) - 1}")
    return {"label": names[int(number)]}


def _label_names(path: Path, task: Task) -> tuple[str, ...]:
    """Class names by index: the registry's names in label.txt's order; label.txt alone where the registry has none."""
    if task.kind == "regression":
        return ()
    if not path.exists():
        if task.labels:
            return task.labels
        raise InputError("no label.txt", where=str(path), way_out="Fetch the data set again")
    published = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines()[1:] if line.strip())
    if not task.labels:
        return published
    if len(published) != len(task.labels):
        raise InputError(f"{len(published)} classes instead of {len(task.labels)}", where=str(path), value=published,
                         way_out="This is not the published set")  # fmt: skip
    by_key = {_key(label): label for label in task.labels}
    if {_key(name) for name in published} == by_key.keys():
        return tuple(by_key[_key(name)] for name in published)
    print(f"warning: {path}: other class names than the published ones, taken in the published order", file=sys.stderr)
    return task.labels


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
