"""Small benchmarks and checkpoints made from nothing, for tests of the stage evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.benchmarks import TASKS
from bsm.base.config.training import BaselineSettings, BootstrapSettings, EvaluateSettings, FineTuneSettings
from bsm.base.tables import BENCHMARK_ITEMS, write_table
from bsm.engine.network import Network, Shape, initial_network
from bsm.engine.weights import save_network
from bsm.evaluate.items import Dataset, read_datasets

SHAPE = Shape(n_layers=1, n_heads=2, width=32, d_ff=64, qk_norm=True)


def network(seed: int = 1) -> Network:
    return initial_network(SHAPE, seed)


def checkpoint_folder(folder: Path, context_tokens: int = 64) -> Path:
    save_network(folder, network(), context_tokens)
    return folder


def settings(**fine_tune: Any) -> EvaluateSettings:
    rates = {"learning_rate": 1e-3, "head_learning_rate": 1e-2, "max_epochs": 2, "seeds": [1]} | fine_tune
    return EvaluateSettings(
        fine_tune=FineTuneSettings(**rates), bootstrap=BootstrapSettings(n_resamples=100),
        baselines=BaselineSettings(k_nucleotides=2, k_amino_acids=1),
    )  # fmt: skip


def letters(seed: int, n: int, alphabet: str = AMINO_ACIDS) -> str:
    return "".join(np.random.default_rng(seed).choice(list(alphabet), n))


def row(task: str, number: int, split: str, a: str, b: str | None = None, **columns: Any) -> dict[str, Any]:
    """One row of BENCHMARK_ITEMS with the modalities of its task."""
    kind = TASKS[task]
    return {
        "task": task, "dataset": task, "item_id": f"{split}:{number}", "split": split,
        "id_a": f"a{number}", "modality_a": kind.modality_a.value, "sequence_a": a,
        "id_b": b and f"b{number}", "modality_b": b and kind.modality_b and kind.modality_b.value, "sequence_b": b,
    } | columns  # fmt: skip


def protloc_rows(n_train: int = 60, n_valid: int = 20, n_test: int = 40, length: int = 12) -> list[dict[str, Any]]:
    """The label is told by the last letter: W is ``cell wall``, K is ``cytoplasmic``."""
    rows = []
    for split, n in (("train", n_train), ("valid", n_valid), ("test", n_test)):
        for number in range(n):
            body = letters(10_000 * len(split) + number + 7 * ord(split[1]), length)
            end, label = (("W", "cell wall"), ("K", "cytoplasmic"))[number % 2]
            rows.append(row("protloc", number, split, body + end, label=label))
    return rows


def protstab_rows(n: int = 40) -> list[dict[str, Any]]:
    """The value is the share of A."""
    rows = []
    for number in range(n):
        split = "train" if number < n // 2 else "valid" if number < 3 * n // 4 else "test"
        sequence = letters(number, 15, "AAAGKL" if number % 3 else "AGKLKL")
        rows.append(row("protstab", number, split, sequence, value=sequence.count("A") / 15))
    return rows


def pair_rows(task: str = "ppi", n: int = 30) -> list[dict[str, Any]]:
    rows = []
    alphabet = AMINO_ACIDS if TASKS[task].modality_a.value == "protein" else "acgt"
    for number in range(n):
        split = "train" if number < n // 2 else "valid" if number < 2 * n // 3 else "test"
        a, b = letters(2 * number, 10 + number % 5, alphabet), letters(2 * number + 1, 8)
        rows.append(row(task, number, split, a, b, label=str(number % 2)))
    return rows


def fitness_rows(n: int = 20) -> list[dict[str, Any]]:
    wild, rows = letters(1, 12), []
    for number in range(n):
        position, letter = number % 12, AMINO_ACIDS[number]
        mutant = wild[:position] + letter + wild[position + 1 :]
        name = "WT" if mutant == wild else f"{wild[position]}{position + 1}{letter}"
        assay = f"assay_{number % 2}"
        rows.append(row("protein_fitness", number, "test", mutant, mutant=name, assay=assay, value=float(number)))
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    write_table(path, rows, BENCHMARK_ITEMS)
    return path


def dataset_of(path: Path, rows: list[dict[str, Any]]) -> Dataset:
    return read_datasets([write(path, rows)])[0]
