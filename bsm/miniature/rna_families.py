"""Non-coding RNA families: hairpins whose two arms vary together, loops and linkers that vary alone.

As for proteins the phylogeny is a star and members are independent given the profile. The 3' partner of a
base pair follows its 5' partner: Watson-Crick, or the G-U wobble with probability WOBBLE.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bsm.base.config.miniature import WorldSettings
from bsm.base.randomness import generator
from bsm.miniature.divergence import branch_length
from bsm.miniature.model import RnaFamily

BASES = "acgt"
WOBBLE = 0.1
"""P(3' partner is the wobble partner) where one exists: g pairs with t, t pairs with g."""
PAIRING = np.array([[0, 0, 0, 1.0], [0, 0, 1.0, 0], [0, 1 - WOBBLE, 0, WOBBLE], [1 - WOBBLE, 0, WOBBLE, 0]])
"""P(3' partner | 5' partner), rows and columns in the order of BASES."""
_N_HAIRPINS = (2, 4)
_STEM_NT, _LOOP_NT, _LINKER_NT = (5, 9), (4, 8), (3, 9)
_RATE_SHAPE = 0.8


def draw_rna_families(seed: int, settings: WorldSettings) -> tuple[RnaFamily, ...]:
    """The world's RNA families."""
    return tuple(_draw_family(seed, index) for index in range(settings.n_ncrna_families))


def draw_rna(family: RnaFamily, rng: np.random.Generator) -> str:
    """One member of a family, in internal letters."""
    n_sites = len(family.profile)
    u = rng.random(n_sites)
    letters = (u[:, None] > np.cumsum(family.profile, axis=1)[:, :-1]).sum(axis=1)
    five, three = _arms(family)
    conditional = np.cumsum(PAIRING[letters[five]], axis=1)
    letters[three] = (u[three][:, None] > conditional[:, :-1]).sum(axis=1)
    return "".join(BASES[i] for i in letters)


def log2_likelihood(rnas: Sequence[str], families: Sequence[RnaFamily]) -> np.ndarray:
    """log2 P(RNA, its end) under the equal mixture of all families, float64[n]; -inf where none can emit it."""
    return np.array([_log2_one(rna, families) for rna in rnas])


def _log2_one(rna: str, families: Sequence[RnaFamily]) -> float:
    letters = np.array([BASES.index(letter) for letter in rna])
    paths = [_log2_given(letters, family) for family in families if len(family.profile) == len(rna)]
    return float(np.logaddexp2.reduce(paths) - np.log2(len(families))) if paths else -np.inf


def _log2_given(letters: np.ndarray, family: RnaFamily) -> float:
    five, three = _arms(family)
    free = np.setdiff1d(np.arange(len(letters)), three)
    with np.errstate(divide="ignore"):
        alone = np.log2(family.profile[free, letters[free]]).sum()
        paired = np.log2(PAIRING[letters[five], letters[three]]).sum()
    return float(alone + paired)


def _arms(family: RnaFamily) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array(family.pairs, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _draw_family(seed: int, index: int) -> RnaFamily:
    rng = generator(seed, "rna_family", index)
    pairs, n_sites = _structure(rng)
    preferences = rng.dirichlet([1.5] * len(BASES), n_sites)
    roots = np.array([rng.choice(len(BASES), p=p) for p in preferences])
    rates = rng.gamma(_RATE_SHAPE, 1 / _RATE_SHAPE, n_sites)
    partner = {three: five for five, three in pairs}

    def profile(t: float) -> np.ndarray:
        kept = np.exp(-rates * t)[:, None]
        result = kept * np.eye(len(BASES))[roots] + (1 - kept) * preferences
        for three, five in partner.items():
            result[three] = result[five] @ PAIRING
        return result

    def units(t: float) -> list[tuple[int, float]]:
        # A paired site agrees whenever its 5' partner does (up to wobble), so it adds no mismatch of its own.
        agree = (profile(t) ** 2).sum(axis=1)
        return [(1, 1.0 if site in partner else float(agree[site])) for site in range(n_sites)]

    return RnaFamily(index, f"RF{90001 + index}", profile(branch_length(units, n_sites)), tuple(pairs))


def _structure(rng: np.random.Generator) -> tuple[list[tuple[int, int]], int]:
    """Base pairs of hairpins separated by linkers, and the number of sites."""
    pairs: list[tuple[int, int]] = []
    position = _between(rng, _LINKER_NT)
    for _ in range(_between(rng, _N_HAIRPINS)):
        stem, loop = _between(rng, _STEM_NT), _between(rng, _LOOP_NT)
        end = position + 2 * stem + loop
        pairs += [(position + i, end - 1 - i) for i in range(stem)]
        position = end + _between(rng, _LINKER_NT)
    return pairs, position


def _between(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    return int(rng.integers(bounds[0], bounds[1] + 1))
