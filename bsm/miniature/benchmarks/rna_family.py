"""ncRNAFam: which Rfam family an RNA belongs to, told by its conserved letters and its base pairs.

As in the published set the training part is balanced by resampling WITH replacement, so it holds
duplicates, and the test part is as skewed as Rfam itself (largest class first, some with one item).
"""

from __future__ import annotations

from bsm.miniature.benchmarks.draws import Item, exact_counts, item, pick, shuffled, split_of_each, stream
from bsm.miniature.model import World
from bsm.miniature.rna_families import draw_rna

RESAMPLED_FROM = 0.75
"""Distinct training sequences of a class before resampling, as a share of its rows after it."""


def ncrnafam(world: World) -> list[Item]:
    """RNAs with the Rfam-like accession of their family; a class index is the rank of its accession."""
    sizes = world.settings.benchmarks.ncrnafam
    rng = stream(world, "ncrnafam")
    families = sorted(world.rna_families, key=lambda family: family.name)
    balanced, skewed = [1.0] * len(families), [1.0 / (rank + 1) for rank in range(len(families))]
    drawn: dict[str, list[tuple[str, str]]] = {}
    for split, size, mix in zip(("train", "valid", "test"), sizes, (balanced, balanced, skewed), strict=True):
        rows: list[tuple[str, str]] = []
        for family, n in zip(families, exact_counts(size, mix), strict=True):
            n_distinct = max(1, round(RESAMPLED_FROM * n)) if split == "train" else n
            distinct = [draw_rna(family, rng) for _ in range(n_distinct)]
            letters = [pick(distinct, rng) for _ in range(n)] if split == "train" else distinct
            rows += [(family.name, one) for one in letters]
        drawn[split] = shuffled(rows, rng)
    published = {"train": "train", "valid": "dev", "test": "test"}
    return [
        item("ncrnafam", "ncrnafam", split, n, (f"{published[split]}_{n + 1}",), (drawn[split][n][1],),
             label=drawn[split][n][0])
        for split, n in split_of_each(sizes)
    ]  # fmt: skip
