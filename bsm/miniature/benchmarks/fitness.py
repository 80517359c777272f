"""Deep mutational scans of proteins and of non-coding RNAs, as tables of nucleotide variants.

Protein fitness is the log-odds of the variant under the profile of its family (stops lose everything);
RNA fitness is the log-odds of its conserved letters less a cost per broken base pair. Models that have
learned the families score variants without having seen one. Noise is in units of the signal's spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.codes import CODONS, genetic_code, translate
from bsm.miniature.benchmarks.draws import Item, other_letter, pick, stream, until, weights_under
from bsm.miniature.codon_usage import CodonWeights, back_translate
from bsm.miniature.families import draw_protein
from bsm.miniature.model import ProteinFamily, RnaFamily, World
from bsm.miniature.rna_families import draw_rna

_FLOOR = 1e-3
"""Least probability of a letter at a site: bounds the cost of a variant."""
_PAIRED = frozenset({"at", "ta", "gc", "cg", "gt", "tg"})
_BASES = "acgt"


@dataclass(frozen=True)
class Variant:
    """A sequence of an assay: nucleotide letters, name (WT, A24G, A24G:L30P) and the law's value."""

    letters: str
    mutant: str
    signal: float


def protein_fitness(world: World) -> list[Item]:
    """Proteins with their true coding sequence (no final stop); a stop variant's protein ends at its stop."""
    rows: list[Item] = []
    for index in range(world.settings.benchmarks.n_protein_assays):
        assay = f"mini_protein_{index + 1}"
        rng = stream(world, "protein_fitness", assay)
        family = world.families[int(rng.integers(len(world.families)))]
        variants = _protein_variants(world, family, weights_under(world, pick(world.species, rng), 1), rng)
        for row, (variant, value) in enumerate(zip(variants, _measured(world, variants, rng), strict=True)):
            protein = translate(variant.letters).split("*")[0]
            rows.append(_item("protein_fitness", assay, row, variant, value, protein, variant.letters))
    return rows


def ncrna_fitness(world: World) -> list[Item]:
    """RNAs and their fitness."""
    rows: list[Item] = []
    for index in range(world.settings.benchmarks.n_ncrna_assays):
        assay = f"mini_ncrna_{index + 1}"
        rng = stream(world, "ncrna_fitness", assay)
        family = pick(world.rna_families, rng)
        variants = _rna_variants(world, family, rng)
        for row, (variant, value) in enumerate(zip(variants, _measured(world, variants, rng), strict=True)):
            rows.append(_item("ncrna_fitness", assay, row, variant, value, variant.letters, None))
    return rows


def protein_law(family: ProteinFamily, protein: str) -> float:
    """Log-likelihood (nats) of an aligned protein under its family's profile, each site bounded below."""
    columns = [AMINO_ACIDS.index(c) for c in protein]
    return float(np.log(np.maximum(family.profile[np.arange(len(columns)), columns], _FLOOR)).sum())


def rna_law(family: RnaFamily, letters: str, pairing_weight: float) -> float:
    """Log-likelihood (nats) of the unpaired and 5' paired letters less the cost of broken base pairs."""
    three_prime = {j for _, j in family.pairs}
    free = [i for i in range(len(letters)) if i not in three_prime]
    columns = [_BASES.index(letters[i]) for i in free]
    broken = sum(letters[i] + letters[j] not in _PAIRED for i, j in family.pairs)
    return float(np.log(np.maximum(family.profile[free, columns], _FLOOR)).sum()) - pairing_weight * broken


def _protein_variants(
    world: World, family: ProteinFamily, weights: CodonWeights, rng: np.random.Generator
) -> list[Variant]:
    settings = world.settings.benchmarks
    wild = until(lambda: draw_protein(family, rng), lambda p: len(p) == len(family.profile))
    cds = back_translate(wild, weights, rng, stop=False)
    reference = protein_law(family, wild)
    n_stops = max(1, round(settings.stop_share * settings.n_variants_per_assay))
    variants, seen = [Variant(cds, "WT", 0.0)], {cds}
    while len(variants) < settings.n_variants_per_assay:
        n_sites = 1 + int(rng.random() < settings.double_share)
        is_stop = len(variants) <= n_stops
        changes = _protein_changes(wild, 1 if is_stop else n_sites, is_stop, rng)
        letters = _with_codons(cds, changes, rng)
        if letters in seen:
            continue
        seen.add(letters)
        mutated = "".join(changes.get(i, c) for i, c in enumerate(wild))
        lost = len(wild) * math.log(_FLOOR) / 4
        signal = lost if is_stop else protein_law(family, mutated) - reference
        variants.append(Variant(letters, _mutant_name(wild, changes), signal))
    return variants


def _protein_changes(wild: str, n_sites: int, is_stop: bool, rng: np.random.Generator) -> dict[int, str]:
    """Position -> new amino acid (or stop); the start codon stays."""
    positions = sorted(1 + rng.choice(len(wild) - 1, size=n_sites, replace=False))
    return {int(i): "*" if is_stop else other_letter(wild[i], AMINO_ACIDS, rng) for i in positions}


def _with_codons(cds: str, changes: dict[int, str], rng: np.random.Generator) -> str:
    letters = cds
    for position, amino_acid in changes.items():
        codon = pick([c for c in CODONS if genetic_code(1)[c] == amino_acid], rng)
        letters = letters[: 3 * position] + codon + letters[3 * position + 3 :]
    return letters


def _rna_variants(world: World, family: RnaFamily, rng: np.random.Generator) -> list[Variant]:
    settings = world.settings.benchmarks
    wild = until(lambda: draw_rna(family, rng), lambda r: len(r) == len(family.profile))
    reference = rna_law(family, wild, settings.pairing_weight)
    variants, seen = [Variant(wild, "WT", 0.0)], {wild}
    while len(variants) < settings.n_variants_per_assay:
        changes = _rna_changes(wild, family, rng.random() < settings.double_share, rng)
        letters = "".join(changes.get(i, c) for i, c in enumerate(wild))
        if letters in seen:
            continue
        seen.add(letters)
        signal = rna_law(family, letters, settings.pairing_weight) - reference
        variants.append(Variant(letters, _mutant_name(wild, changes), signal))
    return variants


def _rna_changes(wild: str, family: RnaFamily, double: bool, rng: np.random.Generator) -> dict[int, str]:
    """One change, or two: half of the doubles hit both sides of a base pair, where they may restore it."""
    if double and family.pairs and rng.random() < 0.5:
        positions = pick(family.pairs, rng)
    else:
        positions = rng.choice(len(wild), size=1 + double, replace=False)
    return {int(i): other_letter(wild[i], _BASES, rng) for i in sorted(positions)}


def _measured(world: World, variants: list[Variant], rng: np.random.Generator) -> np.ndarray:
    """float64[n]: the law's values plus noise in units of their spread (stop variants left out of the spread)."""
    signal = np.array([v.signal for v in variants])
    spread = signal[[i for i, v in enumerate(variants) if "*" not in v.mutant]].std()
    return signal + world.settings.benchmarks.regression_noise * spread * rng.standard_normal(len(signal))


def _mutant_name(wild: str, changes: dict[int, str]) -> str:
    return ":".join(f"{wild[i]}{i + 1}{new}" for i, new in sorted(changes.items())).upper()


def _item(task: str, assay: str, row: int, variant: Variant, value: float, letters: str, gene: str | None) -> Item:
    return {
        "task": task, "dataset": task, "item_id": f"{assay}:{row}", "split": "test",
        "id_a": f"{assay}:{row}", "modality_a": "rna" if gene is None else "protein", "sequence_a": letters,
        "id_b": None if gene is None else f"{assay}:{row}",
        "modality_b": None if gene is None else "dna", "sequence_b": gene,
        "label": None, "value": float(value), "assay": assay, "mutant": variant.mutant,
    }  # fmt: skip
