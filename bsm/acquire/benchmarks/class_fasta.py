"""FASTA files whose headers name the class: nRC's 13 classes of ncRNA in its two layouts.

Roles: train, valid, test (at least one). In ncrna-deep's files the record's name is the class, so names repeat; in
nRC's own files (also Rossi's split) the name is an accession and the last word of the header the class.

The official split leaks: sequences of train stand in test as well. Such items are left out of train (and of valid),
named and counted; the two published splits are of the same data and must not be joined.
"""

from __future__ import annotations

from bsm.acquire.benchmarks.items import SPLITS, Converted, Files, drop_leaks, letters_of
from bsm.acquire.benchmarks.published import Published
from bsm.base.benchmarks import TASKS
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import ConfigError
from bsm.base.fasta import read_fasta


def read_class_fasta(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items by split, in file order."""
    task = TASKS[benchmark.task]
    if task.kind != "multiclass" or task.modality_b is not None:
        raise ConfigError("the format is for tasks of one sequence and a class", value=task.name,
                          way_out="Use it with ncrnafam or protloc")  # fmt: skip
    converted = Converted([], Published())
    for split in (split for split in SPLITS if split in files):
        for number, record in enumerate(read_fasta(files[split])):
            label = (record.description or record.name).split()[-1]
            letters = letters_of(record.sequence, task.modality_a, f"{files[split]}: record {number + 1}", counts)
            converted.published.note(split, label=label, sequence_a=letters)
            converted.items.append({
                "task": task.name, "dataset": benchmark.name, "item_id": f"{split}:{number}", "split": split,
                "id_a": record.name if record.description else f"{split}:{number}", "label": label,
                "modality_a": task.modality_a.value, "sequence_a": letters,
            })  # fmt: skip
    converted.items = drop_leaks(converted.items, counts, benchmark.name)
    return converted
