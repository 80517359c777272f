"""ProtLoc: where a bacterial protein ends up is written in its termini and in its composition.

Class mixes are the published ones, which differ between train and test (cytoplasmic 60 % and 22 %).
"""

from __future__ import annotations

import re

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.benchmarks import TASKS
from bsm.miniature.benchmarks.draws import (
    Item,
    exact_counts,
    item,
    letters_from,
    pick,
    shuffled,
    split_of_each,
    stream,
    until,
)
from bsm.miniature.families import draw_protein
from bsm.miniature.model import World

LOCATIONS = TASKS["protloc"].labels
CLASS_COUNTS = {
    "train": (2_010, 75, 5_913, 869, 592, 456),
    "valid": (2_010, 75, 5_913, 869, 592, 456),
    "test": (325, 35, 250, 288, 160, 73),
}
"""Published counts in the order of LOCATIONS; the validation mix is not published and taken from train."""

_HYDROPHOBIC = "LLLAAVVIFM"
_SEC_SIGNAL = re.compile(r"M[KR]{2}[LAVIFM]{8,10}A[A-Z]A")
_TAT_SIGNAL = re.compile(r"MSRR[A-Z]FLK[LAVIGST]{7,9}A[A-Z]A")
_SORTING_TAIL = re.compile(r"LP[A-Z]TG[LAVIFM]{8}[KR]{3}$")
_BARREL_END = re.compile(r"([FYWVL][STNQKREDG]){4}F$")
_MEMBRANE_HELIX = re.compile(r"[LAVIFM]{16}[KR]{3}")


def protloc(world: World) -> list[Item]:
    """Proteins with their location; ids keep the ``>`` that the published file has."""
    sizes = world.settings.benchmarks.protloc
    rng = stream(world, "protloc")
    labels = {
        split: shuffled([c for c, n in enumerate(exact_counts(size, CLASS_COUNTS[split])) for _ in range(n)], rng)
        for split, size in zip(CLASS_COUNTS, sizes, strict=True)
    }
    rows: list[Item] = []
    for split, number in split_of_each(sizes):
        location = LOCATIONS[labels[split][number]]
        letters = _protein(world, _true_location(location, world, rng), rng)
        name = f">A0A{len(rows):05d}M{number % 10}"
        rows.append(item("protloc", "protloc", split, number, (name,), (letters,), label=location))
    return rows


def location_by_rule(letters: str) -> str:
    """The planted law read backwards: the location that the signals of a protein spell."""
    if _TAT_SIGNAL.match(letters):
        return "periplasmic"
    if _SEC_SIGNAL.match(letters):
        if _SORTING_TAIL.search(letters):
            return "cell wall"
        return "outer membrane" if _BARREL_END.search(letters) else "extracellular"
    return "cytoplasmic membrane" if _MEMBRANE_HELIX.search(letters) else "cytoplasmic"


def _true_location(label: str, world: World, rng: np.random.Generator) -> str:
    if rng.random() >= world.settings.benchmarks.label_noise:
        return label
    return pick([location for location in LOCATIONS if location != label], rng)


def _protein(world: World, location: str, rng: np.random.Generator) -> str:
    def draw() -> str:
        mature = draw_protein(pick(world.families, rng), rng).removeprefix("M")
        return _with_signals(mature, location, rng)

    return until(draw, lambda letters: location_by_rule(letters) == location)


def _with_signals(mature: str, location: str, rng: np.random.Generator) -> str:
    """The mature protein with the targeting signals of its location (Sec or Tat leader, anchor, tail)."""
    any_letter = letters_from(AMINO_ACIDS, 1, rng)
    sec = "M" + letters_from("KR", 2, rng) + letters_from(_HYDROPHOBIC, int(rng.integers(8, 11)), rng)
    sec += f"A{any_letter}A"
    if location == "periplasmic":
        core = letters_from("LAVIGST", int(rng.integers(7, 10)), rng)
        return f"MSRR{any_letter}FLK{core}A{letters_from(AMINO_ACIDS, 1, rng)}A{mature}"
    if location == "cytoplasmic membrane":
        at = len(mature) // 2
        helix = letters_from(_HYDROPHOBIC, 16, rng) + letters_from("KR", 3, rng)
        return f"M{mature[:at]}{helix}{mature[at:]}"
    if location == "cell wall":
        anchor = letters_from(_HYDROPHOBIC, 8, rng) + letters_from("KR", 3, rng)
        return f"{sec}{mature}LP{letters_from(AMINO_ACIDS, 1, rng)}TG{anchor}"
    if location == "outer membrane":
        strand = "".join(letters_from("FYWVL", 1, rng) + letters_from("STNQKREDG", 1, rng) for _ in range(4))
        return f"{sec}{mature}{strand}F"
    return sec + mature if location == "extracellular" else "M" + mature
