"""What the benchmark builders share: random streams, item rows, and sequences that no corpus holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from bsm.base.alphabet import Modality
from bsm.base.benchmarks import TASKS
from bsm.base.errors import ConfigError
from bsm.base.randomness import generator
from bsm.miniature.codon_usage import CodonWeights, codon_weights
from bsm.miniature.model import Species, World

Item = dict[str, Any]
"""A row with the columns of ``bsm.base.tables.BENCHMARK_ITEMS``."""
SPLITS = ("train", "valid", "test")


def stream(world: World, *names: object) -> np.random.Generator:
    """Random stream of one named part of the benchmarks; adding another part changes nothing here."""
    return generator("benchmarks", world.settings.seed, *names)


def split_of_each(sizes: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield (split, number inside the split) for every item of a data set, train first."""
    for split, size in zip(SPLITS, sizes, strict=True):
        for number in range(size):
            yield split, number


def item(dataset: str, task: str, split: str, number: int, ids: tuple[str, ...], letters: tuple[str, ...],
         *, label: str | None = None, value: float | None = None) -> Item:  # fmt: skip
    """One row of a published table; ``item_id`` is the split and the 0-based row number in its file."""
    spec = TASKS[task]
    second = len(letters) == 2
    return {
        "task": task, "dataset": dataset, "item_id": f"{split}:{number}", "split": split,
        "id_a": ids[0], "modality_a": str(spec.modality_a), "sequence_a": letters[0],
        "id_b": ids[1] if second else None, "modality_b": str(spec.modality_b) if second else None,
        "sequence_b": letters[1] if second else None,
        "label": label, "value": value, "assay": None, "mutant": None,
    }  # fmt: skip


def exact_counts(n: int, shares: Sequence[float]) -> list[int]:
    """Split ``n`` into integer class counts by largest remainder: the published balance, at any size."""
    wanted = np.asarray(shares) / np.sum(shares) * n
    counts = np.floor(wanted).astype(int)
    for index in np.argsort(-(wanted - counts), kind="stable")[: n - counts.sum()]:
        counts[index] += 1
    return counts.tolist()


def shuffled(values: Sequence[Any], rng: np.random.Generator) -> list[Any]:
    """The values in a random order."""
    return [values[i] for i in rng.permutation(len(values))]


def pick(values: Sequence[Any], rng: np.random.Generator) -> Any:
    """One of the values, uniformly."""
    return values[int(rng.integers(len(values)))]


def letters_from(alphabet: str, n: int, rng: np.random.Generator) -> str:
    """``n`` independent letters, uniform over ``alphabet`` (repeat a letter to weigh it)."""
    return "".join(alphabet[i] for i in rng.integers(len(alphabet), size=n))


def other_letter(letter: str, alphabet: str, rng: np.random.Generator) -> str:
    """A letter of the alphabet that differs from the given one, uniformly."""
    return pick([c for c in alphabet if c != letter], rng)


def weights_under(world: World, species: Species, table_id: int) -> CodonWeights:
    """The species' codon usage; where its nucleus has another code, what it would be under this one."""
    settings = species.settings
    if settings.nuclear_code == table_id or (settings.nuclear_code, table_id) == (11, 1):
        return species.codon_weights
    bias = world.settings.world.codon_bias
    return codon_weights(world.settings.seed, settings.name, settings.gc_content, bias, table_id)


def until(draw: Callable[[], str], accept: Callable[[str], bool]) -> str:
    """Draw until a sequence is accepted; the conditions here are met by most draws."""
    for _ in range(1000):
        letters = draw()
        if accept(letters):
            return letters
    raise ConfigError("the families are too short for the benchmarks' motifs and assays", where="miniature.world",
                      way_out="Raise protein_aa, or draw more families")  # fmt: skip


def modality_of(row: Item, role: str) -> Modality:
    return Modality(row[f"modality_{role}"])
