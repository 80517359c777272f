"""Protein families: a star phylogeny whose members are independent given the profile.

A family has a root sequence; every site has a rate and a preference for one physico-chemical class. A member
keeps the root's letter at site i with probability exp(-rate_i * t), else draws from the site's preference (the
F81 substitution model, Felsenstein 1981). Given the root, members are independent and so are their sites: the
likelihood of a protein is a product over sites, and of a corpus a mixture over families (``log2_likelihood``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.config.miniature import WorldSettings
from bsm.base.randomness import generator
from bsm.miniature.divergence import branch_length
from bsm.miniature.model import ProteinFamily

_CLASSES = ("AVLIMC", "FWY", "STNQ", "KRH", "DE", "GP")
_CLASS_WEIGHTS = (0.32, 0.10, 0.22, 0.15, 0.13, 0.08)
_BACKGROUND_SHARE = 0.15
"""Share of a site's preference that is the same for all sites: every letter is possible everywhere."""
_BACKGROUND = np.full(len(AMINO_ACIDS), 1 / len(AMINO_ACIDS))
_RATE_SHAPE = 0.8
"""Shape of the gamma distribution of rates (Yang 1993): below 1, many slow sites and a few fast ones."""


def draw_families(seed: int, settings: WorldSettings) -> tuple[ProteinFamily, ...]:
    """The world's protein families."""
    names = _family_names(seed, settings.n_protein_families)
    return tuple(_draw_family(seed, index, name, settings.protein_aa) for index, name in enumerate(names))


def draw_protein(family: ProteinFamily, rng: np.random.Generator) -> str:
    """One member of a family, starting with M."""
    cumulative = np.cumsum(family.profile, axis=1)
    index = (rng.random(len(cumulative))[:, None] > cumulative[:, :-1]).sum(axis=1)
    return "".join(AMINO_ACIDS[i] for i in index)


def _family_names(seed: int, n: int) -> list[str]:
    """``n`` pronounceable names whose first four letters differ (they become gene symbols): Tovadase, Rilemin, ..."""
    names: dict[str, str] = {}
    rng = generator(seed, "family_names")
    while len(names) < n:
        parts = ("bdfgklmnprstvz", "aeiou", "bdfgklmnprstvz", "aeiou", "bdklmnrstv")
        stem = "".join(part[int(rng.integers(len(part)))] for part in parts)
        names.setdefault(stem[:4], stem.capitalize() + str(rng.choice(["ase", "in", "orin", "ectin"])))
    return list(names.values())


def log2_likelihood(proteins: Sequence[str], families: Sequence[ProteinFamily]) -> np.ndarray:
    """log2 P(protein, its end) under the equal mixture of all families, float64[n_proteins].

    The forward algorithm over the hidden family: a member has exactly one letter per site, so only families
    of the protein's length have a path to its end. -inf where no family can emit the letters.
    """
    by_length: dict[int, list[np.ndarray]] = {}
    for family in families:
        by_length.setdefault(len(family.profile), []).append(family.profile)
    with np.errstate(divide="ignore"):
        stacked = {n: np.log2(np.stack(profiles)) for n, profiles in by_length.items()}
    return np.array([_log2_one(protein, stacked, len(families)) for protein in proteins])


def _log2_one(protein: str, stacked: dict[int, np.ndarray], n_families: int) -> float:
    if len(protein) not in stacked or not set(protein) <= set(AMINO_ACIDS):
        return -np.inf
    letters = [AMINO_ACIDS.index(letter) for letter in protein]
    per_family = stacked[len(protein)][:, np.arange(len(letters)), letters].sum(axis=1)
    return float(np.logaddexp2.reduce(per_family) - np.log2(n_families))


def _draw_family(seed: int, index: int, name: str, protein_aa: tuple[int, int]) -> ProteinFamily:
    rng = generator(seed, "protein_family", index)
    n_sites = int(rng.integers(protein_aa[0], protein_aa[1] + 1))
    preferences = np.stack([_preference(rng) for _ in range(n_sites)])
    roots = np.array([rng.choice(len(AMINO_ACIDS), p=p) for p in preferences])
    rates = rng.gamma(_RATE_SHAPE, 1 / _RATE_SHAPE, n_sites)

    def profile(t: float) -> np.ndarray:
        kept = np.exp(-rates * t)[:, None]
        result = kept * np.eye(len(AMINO_ACIDS))[roots] + (1 - kept) * preferences
        result[0] = np.eye(len(AMINO_ACIDS))[AMINO_ACIDS.index("M")]
        return result

    def units(t: float) -> list[tuple[int, float]]:
        return [(1, float(agree)) for agree in (profile(t) ** 2).sum(axis=1)]

    return ProteinFamily(index, name, profile(branch_length(units, n_sites)))


def _preference(rng: np.random.Generator) -> np.ndarray:
    """A site's equilibrium distribution: mostly one class of amino acids, a little of every other."""
    members = _CLASSES[int(rng.choice(len(_CLASSES), p=_CLASS_WEIGHTS))]
    preference = _BACKGROUND_SHARE * _BACKGROUND
    preference[[AMINO_ACIDS.index(a) for a in members]] += (1 - _BACKGROUND_SHARE) * rng.dirichlet([1.5] * len(members))
    return preference
