"""ProtStab: designed mini-proteins of 43-50 residues, stable by their hydrophobic core and their composition.

The real set's test proteins are neighbours of the best designs, hence more stable than the training
set (mean 1.00 against 0.18): the miniature's test designs are drawn better in the same way.
"""

from __future__ import annotations

import numpy as np

from bsm.miniature.benchmarks.draws import SPLITS, Item, item, letters_from, split_of_each, stream
from bsm.miniature.model import World

HYDROPATHY = dict(zip("ARNDCQEGHILKMFPSTWYV", (
    1.8, -4.5, -3.5, -3.5, 2.5, -3.5, -3.5, -0.4, -3.2, 4.5, 3.8, -3.9, 1.9, 2.8, -1.6, -0.8, -0.7, -0.9, -1.3, 4.2,
), strict=True))  # fmt: skip
"""Kyte and Doolittle 1982."""
HELIX_COST = dict(zip("ARNDCQEGHILKMFPSTWYV", (
    0.00, 0.21, 0.65, 0.69, 0.68, 0.39, 0.40, 1.00, 0.61, 0.41, 0.21, 0.26, 0.24, 0.54, 3.16, 0.50, 0.66, 0.49, 0.53,
    0.61,
), strict=True))  # fmt: skip
"""Helix propensity in kcal/mol relative to alanine, Pace and Scholtz 1998."""

MEAN, SPREAD = 0.1791, 1.0
"""Published mean of the training scores, and the spread given to the signal."""
_LENGTHS = (43, 50)
_QUALITY = {"train": 0.5, "valid": 0.5, "test": 0.68}
_CORE_LETTERS, _SURFACE_LETTERS = "LLLIIVVFMAW", "EEKKKRDQSTNAG"
_HELIX_LETTERS, _LOOP_LETTERS = "AALLEEKKMQR", "GPNDSTHYCVF"


def core_contrast(letters: str) -> float:
    """Mean hydropathy at the core positions (a and d of the heptads) minus that of the other positions."""
    scale = np.array([HYDROPATHY[c] for c in letters])
    core = np.isin(np.arange(len(letters)) % 7, (0, 3))
    return float(scale[core].mean() - scale[~core].mean())


def helix_propensity(letters: str) -> float:
    """Mean helix propensity of the composition; higher folds more readily."""
    return -float(np.mean([HELIX_COST[c] for c in letters]))


def stability_signal(all_letters: list[str], reference: list[str], core_weight: float) -> np.ndarray:
    """float64[n]: the planted law without noise, standardised on the reference (training) proteins."""
    total = np.zeros(len(all_letters))
    for weight, term in ((core_weight, core_contrast), (1 - core_weight, helix_propensity)):
        known = np.array([term(letters) for letters in reference])
        total += weight * (np.array([term(letters) for letters in all_letters]) - known.mean()) / (known.std() or 1.0)
    return total / np.hypot(core_weight, 1 - core_weight)


def protstab(world: World) -> list[Item]:
    """Mini-proteins with their stability score, printed as float32 like the published file."""
    settings = world.settings.benchmarks
    rng = stream(world, "protstab")
    places = list(split_of_each(settings.protstab))
    designs = [_design(_QUALITY[split], rng) for split, _ in places]
    train = [letters for (split, _), letters in zip(places, designs, strict=True) if split == SPLITS[0]]
    signal = stability_signal(designs, train, settings.core_weight)
    noisy = signal + settings.regression_noise * rng.standard_normal(len(signal))
    values = (MEAN + SPREAD * noisy).astype(np.float32)
    published = {"train": "train", "valid": "dev", "test": "test"}
    return [
        item("protstab", "protstab", split, n, (f"{published[split]}_prot_{n + 1}",), (letters,), value=float(value))
        for (split, n), letters, value in zip(places, designs, values, strict=True)
    ]


def _design(quality: float, rng: np.random.Generator) -> str:
    """A design whose core and composition are as good as a draw around ``quality`` (0-1) makes them."""
    n = int(rng.integers(_LENGTHS[0], _LENGTHS[1] + 1))
    core_quality, helix_quality = np.clip(rng.normal(quality, 0.2, size=2), 0.05, 0.95)
    letters = []
    for position in range(n):
        in_core = position % 7 in (0, 3)
        if rng.random() < 0.5:
            letters.append(letters_from(_HELIX_LETTERS if rng.random() < helix_quality else _LOOP_LETTERS, 1, rng))
        else:
            wants_core = in_core if rng.random() < core_quality else not in_core
            letters.append(letters_from(_CORE_LETTERS if wants_core else _SURFACE_LETTERS, 1, rng))
    return "".join(letters)
