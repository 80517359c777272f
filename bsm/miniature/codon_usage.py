"""Codon usage of a species, and coding sequences drawn from it.

The weight of a codon is exp(bias * z + log base composition), z standard normal, normalised over the
codons of its amino acid: a codon is drawn independently of everything but its amino acid, so the entropy
of a coding sequence given its protein is a sum over residues (see entropies).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from bsm.base.codes import CODONS, genetic_code, start_codons
from bsm.base.randomness import generator
from bsm.miniature.model import Species

CodonWeights = Mapping[str, Mapping[str, float]]
SELENOCYSTEINE_CODON: Final = "tga"


def codon_weights(
    seed: int, species: str, gc_content: float, bias: float, table_id: int
) -> dict[str, dict[str, float]]:
    """Amino acid (``*`` for stop) -> codon -> probability, for one species and one genetic code."""
    normal = generator(seed, "codon_usage", species, table_id).standard_normal(len(CODONS))
    by_amino_acid: dict[str, dict[str, float]] = {}
    for codon, z in zip(CODONS, normal, strict=True):
        n_gc = sum(base in "gc" for base in codon)
        composition = (gc_content / 2) ** n_gc * ((1 - gc_content) / 2) ** (3 - n_gc)
        by_amino_acid.setdefault(genetic_code(table_id)[codon], {})[codon] = math.exp(bias * z) * composition
    return {
        amino_acid: {codon: weight / sum(weights.values()) for codon, weight in weights.items()}
        for amino_acid, weights in sorted(by_amino_acid.items())
    }


def back_translate(
    protein: str, species_or_weights: Species | CodonWeights, rng: np.random.Generator, stop: bool = True
) -> str:
    """Coding letters of ``protein`` drawn by codon usage, with a stop codon unless ``stop`` is false.

    U (selenocysteine) is tga. Raises KeyError for a letter without codons, such as X.
    """
    weights = species_or_weights.codon_weights if isinstance(species_or_weights, Species) else species_or_weights
    letters = protein + "*" if stop else protein
    return "".join(_draw(weights, letter, u) for letter, u in zip(letters, rng.random(len(letters)), strict=True))


def alternative_start(table_id: int, rng: np.random.Generator) -> str:
    """One of the gtg/ttg codons that start a protein with M under this code."""
    return str(rng.choice(sorted(start_codons(table_id) & {"gtg", "ttg"})))


def _draw(weights: CodonWeights, letter: str, u: float) -> str:
    if letter == "U":
        return SELENOCYSTEINE_CODON
    codons = list(weights[letter])
    index = int(np.searchsorted(np.cumsum(list(weights[letter].values())), u, "right"))
    return codons[min(index, len(codons) - 1)]
