"""Central Dogma: does this gene (flanks and introns kept) encode this protein?

One positive to two negatives. A negative is its gene's pair with 5-20 % of the residues changed: DNA
letters substituted, inserted or deleted, or protein letters substituted, the four kinds in equal
parts. All items of a gene stay in one split. ``private_code`` is the same task for a species whose
genetic code exists nowhere else: only the demonstrations of a prompt can reveal it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.codes import genetic_code
from bsm.base.errors import ConfigError
from bsm.miniature.benchmarks.draws import (
    SPLITS,
    Item,
    exact_counts,
    item,
    other_letter,
    pick,
    shuffled,
    stream,
)
from bsm.miniature.families import draw_protein
from bsm.miniature.genes import between, random_letters
from bsm.miniature.model import Gene, World

KINDS = ("substitution", "insertion", "deletion", "protein")
"""The first three change the DNA."""
_ROUNDING = 1e-9
"""0.05 * 140 is a little more than 7 in binary."""


@dataclass(frozen=True)
class Pair:
    """A true pair: ``coding`` marks the letters of ``dna`` that are translated."""

    name: str
    dna: str
    protein: str
    coding: np.ndarray


@dataclass(frozen=True)
class Row:
    """An item before its split and number are known."""

    id_stem: str
    dna: str
    protein: str
    label: str
    mutation: dict[str, Any]
    """kind, dose (share of residues changed), n_changed, n_coding (of these inside codons), gene; empty if positive."""


def central_dogma(world: World) -> list[Item]:
    """Held-out genes with flanks and introns, and their proteins."""
    return [row for row, _ in _central_dogma(world)]


def private_code_items(world: World) -> list[Item]:
    """The same task for the species with a code of its own."""
    return [row for row, _ in _private_code(world)]


def mutation_truth(world: World) -> list[dict[str, Any]]:
    """What was done to every negative of both data sets: kind, dose, changed letters (truth/mutations.parquet)."""
    return [
        {"dataset": row["dataset"], "item_id": row["item_id"], "split": row["split"], **mutation}
        for row, mutation in _central_dogma(world) + _private_code(world)
        if mutation
    ]


def private_code(world: World) -> dict[str, str]:
    """Codon -> amino acid: the standard code with its amino acids permuted, none in its place; stops kept."""
    rng = stream(world, "private_code", "code")
    order = np.arange(len(AMINO_ACIDS))
    while (order == np.arange(len(AMINO_ACIDS))).any():
        order = rng.permutation(len(AMINO_ACIDS))
    new = {old: AMINO_ACIDS[i] for old, i in zip(AMINO_ACIDS, order, strict=True)} | {"*": "*"}
    return {codon: new[aa] for codon, aa in genetic_code(1).items()}


def _central_dogma(world: World) -> list[tuple[Item, dict[str, Any]]]:
    rng = stream(world, "central_dogma", "pairs")
    flank = world.settings.benchmarks.flank_nt
    genes = [gene for gene in world.held_out_genes if gene.transcripts and not gene.special]
    pairs = [_pair_of(gene, flank, rng) for gene in shuffled(genes, rng)]
    return _items(world, "central_dogma", world.settings.benchmarks.central_dogma, pairs)


def _private_code(world: World) -> list[tuple[Item, dict[str, Any]]]:
    settings = world.settings.benchmarks
    rng = stream(world, "private_code", "pairs")
    codons: dict[str, list[str]] = {}
    for codon, amino_acid in private_code(world).items():
        codons.setdefault(amino_acid, []).append(codon)
    families = [f for f in world.families if len(f.profile) <= settings.private_code_max_aa] or list(world.families)
    pairs = []
    for index in range(sum(exact_counts(n, (1, 2))[0] for n in settings.private_code)):
        protein = draw_protein(pick(families, rng), rng)
        cds = "".join(pick(codons[aa], rng) for aa in protein + "*")
        flanks = [random_letters(rng, settings.flank_nt, 0.45) for _ in range(2)]
        coding = np.zeros(len(cds) + 2 * settings.flank_nt, dtype=bool)
        coding[settings.flank_nt : settings.flank_nt + len(cds)] = True
        pairs.append(Pair(f"private_{index:05d}", cds.join(flanks), protein, coding))
    return _items(world, "private_code", settings.private_code, pairs)


def _pair_of(gene: Gene, flank_nt: int, rng: np.random.Generator) -> Pair:
    """The gene on its own strand between flanks (held-out genes stand on no contig, so flanks are drawn)."""
    transcript = gene.transcripts[0]
    coding = np.zeros(len(gene.dna), dtype=bool)
    for start, end in transcript.coding:
        coding[start - gene.start : end - gene.start] = True
    coding = np.pad(coding if gene.strand > 0 else coding[::-1], flank_nt)
    gc = sum(gene.dna.count(c) for c in "gc") / len(gene.dna)
    flanks = [random_letters(rng, flank_nt, gc) for _ in range(2)]
    return Pair(str(gene.gene_id), gene.dna.join(flanks), transcript.protein, coding)


def _items(world: World, dataset: str, sizes: tuple[int, int, int], pairs: list[Pair]
           ) -> list[tuple[Item, dict[str, Any]]]:  # fmt: skip
    positives = [exact_counts(size, (1, 2))[0] for size in sizes]
    needed = sum(max(n, (size - n + 1) // 2) for n, size in zip(positives, sizes, strict=True))
    if len(pairs) < needed:
        raise ConfigError(
            "not enough held-out genes for the benchmark", where=f"miniature.benchmarks.{dataset}",
            value=f"{len(pairs)} genes for {needed}", way_out="Ask for fewer items",
        )  # fmt: skip
    supply, done = iter(pairs), []
    for batch, (split, size, n_positive) in enumerate(zip(SPLITS, sizes, positives, strict=True), 1):
        n_negative = size - n_positive
        genes = [next(supply) for _ in range(max(n_positive, (n_negative + 1) // 2))]
        rng = stream(world, dataset, split)
        rows = [_positive(pair, batch, i) for i, pair in enumerate(genes[:n_positive])]
        kinds = shuffled([kind for kind, n in zip(KINDS, exact_counts(n_negative, [1] * 4), strict=True)
                          for _ in range(n)], rng)  # fmt: skip
        for index, kind in enumerate(kinds):
            pair = genes[index % len(genes)]
            stem = f"Negative{1 + index // len(genes):02d}_Batch{batch:02d}", f"{index % len(genes):05d}"
            rows.append(_negative(world, pair, "_{}_".join(stem), kind, rng))
        done += [_finished(dataset, split, n, row) for n, row in enumerate(shuffled(rows, rng))]
    return done


def _finished(dataset: str, split: str, number: int, row: Row) -> tuple[Item, dict[str, Any]]:
    ids = row.id_stem.format("Nucl"), row.id_stem.format("Prot")
    letters = row.dna, row.protein
    return item(dataset, "central_dogma", split, number, ids, letters, label=row.label), row.mutation


def _positive(pair: Pair, batch: int, index: int) -> Row:
    return Row(f"Positive01_Batch{batch:02d}_{{}}_{index:05d}", pair.dna, pair.protein, "1", {})


def _negative(world: World, pair: Pair, stem: str, kind: str, rng: np.random.Generator) -> Row:
    letters = pair.protein if kind == "protein" else pair.dna
    n = between(rng, n_changed_bounds(len(letters), world.settings.benchmarks.mutation_share))
    if kind == "protein":
        dna, protein, n_coding = pair.dna, _substituted(pair.protein, n, AMINO_ACIDS, rng)[0], n
    else:
        dna, positions = _DNA_CHANGES[kind](pair.dna, n, "acgt", rng)
        protein, n_coding = pair.protein, int(pair.coding[positions].sum())
    mutation = {"kind": kind, "dose": n / len(letters), "n_changed": n, "n_coding": n_coding, "gene": pair.name}
    return Row(stem, dna, protein, "0", mutation)


def n_changed_bounds(n_letters: int, share: tuple[float, float]) -> tuple[int, int]:
    """Least and most changes whose share of the letters lies in the range; the least, where no number does."""
    low = max(1, math.ceil(share[0] * n_letters - _ROUNDING))
    return low, max(low, math.floor(share[1] * n_letters + _ROUNDING))


def _substituted(letters: str, n: int, alphabet: str, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    positions = rng.choice(len(letters), size=n, replace=False)
    changed = list(letters)
    for position in positions:
        changed[position] = other_letter(changed[position], alphabet, rng)
    return "".join(changed), positions


def _inserted(letters: str, n: int, alphabet: str, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    positions = rng.choice(len(letters), size=n, replace=False)
    changed = list(letters)
    for position in positions:
        changed[position] = pick(alphabet, rng) + changed[position]
    return "".join(changed), positions


def _deleted(letters: str, n: int, alphabet: str, rng: np.random.Generator) -> tuple[str, np.ndarray]:
    positions = rng.choice(len(letters), size=n, replace=False)
    gone = set(positions.tolist())
    return "".join(c for i, c in enumerate(letters) if i not in gone), positions


_Change = Callable[[str, int, str, np.random.Generator], tuple[str, np.ndarray]]
_DNA_CHANGES: dict[str, _Change] = {"substitution": _substituted, "insertion": _inserted, "deletion": _deleted}
