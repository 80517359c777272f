"""Which items train, choose and test: the published parts, freed of what would spoil the number.

Test items stay as published. An item whose sequences stand in test is dropped from train and valid, one that stands in
valid is dropped from train. A validation part of which more than half stands in test is not used at all (LucaOne's
ncRPI: paper reading 6); then, as without one, ``valid_share`` is cut from train by a hash of the sequences, so that
repeated items fall on the same side.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bsm.base.errors import InputError
from bsm.base.randomness import stable_hash64
from bsm.evaluate.items import Dataset, Item


@dataclass(frozen=True)
class Parts:
    """Disjoint parts of one data set; ``notes`` say what was changed and how many items it touched."""

    train: list[Item]
    valid: list[Item]
    test: list[Item]
    notes: tuple[str, ...]


def usable_parts(dataset: Dataset, valid_share: float) -> Parts:
    """The parts of a data set, and warnings on stderr; InputError where nothing is left to train on."""
    train, valid, test = (dataset.part(split) for split in ("train", "valid", "test"))
    notes: list[str] = []
    kept = _without(valid, test, dataset.key)
    if 2 * len(kept) < len(valid):
        notes.append(f"validation part not used: {len(valid) - len(kept):,} of its {len(valid):,} items are test items")
        kept = []
    elif len(kept) < len(valid):
        notes.append(f"{len(valid) - len(kept):,} validation items dropped: they are test items")
    for name, other in (("test", test), ("validation", kept)):
        n_before = len(train)
        train = _without(train, other, dataset.key)
        if len(train) < n_before:
            notes.append(f"{n_before - len(train):,} training items dropped: they are {name} items")
    if not kept:
        train, kept = _cut(train, dataset, valid_share)
        notes.append(f"{len(kept):,} of {len(train) + len(kept):,} training items set aside for validation")
    if not train or not kept:
        raise InputError(
            "too few training items are left", where=dataset.name, value="; ".join(notes),
            way_out="Give a benchmark whose training part is not its test part",
        )  # fmt: skip
    for note in notes:
        print(f"{dataset.name}: {note}", file=sys.stderr)
    return Parts(train, kept, test, tuple(notes))


def training_subset(train: Sequence[Item], max_items: int | None, dataset: str, seed: int) -> np.ndarray:
    """int64 positions of at most ``max_items`` items, ascending; which ones is a hash of (data set, seed, item)."""
    if max_items is None or len(train) <= max_items:
        return np.arange(len(train))
    ranks = [stable_hash64("training subset", dataset, seed, item.item_id) for item in train]
    return np.sort(np.argsort(np.array(ranks, dtype=np.uint64), kind="stable")[:max_items])


def _without(items: list[Item], others: list[Item], key: Callable[[Item], object]) -> list[Item]:
    known = {key(item) for item in others}
    return [item for item in items if key(item) not in known]


def _cut(items: list[Item], dataset: Dataset, share: float) -> tuple[list[Item], list[Item]]:
    keys = sorted({dataset.key(item) for item in items}, key=lambda key: stable_hash64("valid", dataset.name, *key))
    chosen = set(keys[: math.ceil(share * len(keys))]) if len(keys) > 1 else set()
    return (
        [item for item in items if dataset.key(item) not in chosen],
        [item for item in items if dataset.key(item) in chosen],
    )
