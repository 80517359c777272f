"""The miniature's benchmarks: eight tasks with planted laws, in the publishers' formats and class balances."""

from __future__ import annotations

from pathlib import Path

from bsm.miniature.benchmarks.central_dogma import central_dogma, mutation_truth, private_code, private_code_items
from bsm.miniature.benchmarks.draws import Item
from bsm.miniature.benchmarks.fitness import ncrna_fitness, protein_fitness
from bsm.miniature.benchmarks.interaction import ncrpi, ppi
from bsm.miniature.benchmarks.localisation import protloc
from bsm.miniature.benchmarks.published import write_fitness_archive, write_lucaone
from bsm.miniature.benchmarks.rna_family import ncrnafam
from bsm.miniature.benchmarks.stability import protstab
from bsm.miniature.model import World

__all__ = ["build_benchmarks", "mutation_truth", "private_code", "write_benchmarks"]

_BUILDERS = {
    "ncrpi": ncrpi,
    "central_dogma": central_dogma,
    "ppi": ppi,
    "protloc": protloc,
    "protstab": protstab,
    "ncrnafam": ncrnafam,
    "private_code": private_code_items,
    "protein_fitness": protein_fitness,
    "ncrna_fitness": ncrna_fitness,
}


def build_benchmarks(world: World) -> dict[str, list[Item]]:
    """All items, by the config's data set name; rows have the columns of BENCHMARK_ITEMS."""
    return {dataset: build(world) for dataset, build in _BUILDERS.items()}


def write_benchmarks(world: World, items: dict[str, list[Item]], out: Path) -> None:
    """Write the mirrors of the hub's data sets and of the fitness archive below ``out``."""
    write_lucaone(items, out)
    write_fitness_archive(items, out)
