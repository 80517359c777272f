"""Scores of fitness variants that need no model: how far a variant is from its wild type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from Bio.Align import substitution_matrices

from bsm.evaluate.items import Item

_SUBSTITUTION = re.compile(r"^([A-Z])(\d+)([A-Z])$")


def wild_type(items: Sequence[Item]) -> str | None:
    """The wild type of an assay: the item called WT, or a variant with its substitutions (``A24G:K30R``) undone.

    None where an assay tells neither.
    """
    for item in items:
        if item.mutant == "WT":
            return item.sequence_a
    for item in items:
        changes = [_SUBSTITUTION.match(change) for change in (item.mutant or "").split(":")]
        letters = list(item.sequence_a)
        if all(c and int(c[2]) <= len(letters) and letters[int(c[2]) - 1].upper() == c[3] for c in changes):
            for change in filter(None, changes):
                position = int(change[2]) - 1
                letters[position] = change[1] if letters[position].isupper() else change[1].lower()
            return "".join(letters)
    return None


def mutation_scores(variants: Sequence[str], wild: str) -> np.ndarray:
    """float64[n_variants]: minus the number of changed, missing and additional letters."""
    return np.array([-float(len(_changes(variant, wild))) for variant in variants])


def blosum62_scores(variants: Sequence[str], wild: str) -> np.ndarray:
    """float64[n_variants]: sum over the changes of BLOSUM62(wild, variant) - BLOSUM62(wild, wild).

    Letters outside the matrix (U, O) read as X; a missing or additional letter counts as the matrix's ``*``.
    """
    matrix = _blosum62()
    return np.array([float(sum(matrix[a, b] - matrix[a, a] for a, b in _changes(v, wild))) for v in variants])


def _changes(variant: str, wild: str) -> list[tuple[str, str]]:
    """(wild letter, variant letter) of every change; ``*`` stands for no letter.

    Of a variant of another length, what it shares with the wild type at either end is set aside and the rest is laid
    side by side, which is exact for one insertion or deletion.
    """
    if len(variant) != len(wild):
        start = next(
            (i for i, (a, b) in enumerate(zip(wild, variant, strict=False)) if a != b), min(len(wild), len(variant))
        )
        wild, variant = wild[start:], variant[start:]
        limit = min(len(wild), len(variant))
        end = next((i for i in range(limit) if wild[-1 - i] != variant[-1 - i]), limit)
        wild, variant = wild[: len(wild) - end], variant[: len(variant) - end]
        width = max(len(wild), len(variant))
        wild, variant = wild.ljust(width, "*"), variant.ljust(width, "*")
    return [(a, b) for a, b in zip(wild, variant, strict=True) if a != b]


@cache
def _blosum62() -> dict[tuple[str, str], float]:
    matrix = substitution_matrices.load("BLOSUM62")
    known = {letter: letter if letter in matrix.alphabet else "X" for letter in "ACDEFGHIKLMNPQRSTVWYXUO*"}
    scores = {(a, b): float(matrix[known[a], known[b]]) for a in known for b in known}
    return scores | {("*", "*"): 0.0}  # an additional letter replaces nothing
