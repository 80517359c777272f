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
    """The wild type of an assay: the items called WT, or the variants with their substitutions (``A24G:K30R``) undone.

    None unless all of the named items, or without one all variants whose names are substitutions, give the same one:
    where numbers do not count from the sequence's first letter, some variants fit their names by chance.
    """
    found: set[str | None] = {item.sequence_a for item in items if item.mutant == "WT"}
    if not found:
        named = ((item.sequence_a, item.mutant) for item in items if item.mutant)
        found = {_undone(sequence, mutant) for sequence, mutant in named if _are_substitutions(mutant)}
    return found.pop() if len(found) == 1 else None


def _are_substitutions(mutant: str) -> bool:
    return all(map(_SUBSTITUTION.match, mutant.split(":")))


def _undone(sequence: str, mutant: str) -> str | None:
    """The sequence before its substitutions; None where it does not show them. Names of RNA may say U for t."""
    letters = list(sequence)
    for change in filter(None, map(_SUBSTITUTION.match, mutant.split(":"))):
        position = int(change[2]) - 1
        here = letters[position : position + 1]
        before, after = (_internal(letter, sequence) for letter in (change[1], change[3]))
        if here != [after]:
            return None
        letters[position] = before
    return "".join(letters)


def _internal(letter: str, sequence: str) -> str:
    return letter.lower().replace("u", "t") if sequence.islower() else letter


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
