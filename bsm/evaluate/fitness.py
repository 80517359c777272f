"""Fitness assays: rank correlation of scores with measured fitness, assay by assay, and means over assays."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bsm.base.config.training import BootstrapSettings
from bsm.evaluate.bootstrap import mean_estimate, resampled, summary
from bsm.evaluate.common import Measured, Measurement
from bsm.evaluate.items import Item
from bsm.evaluate.metrics import spearman


def assays(items: Sequence[Item]) -> dict[str, np.ndarray]:
    """Assay -> positions of its items, in order of first appearance."""
    rows: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        rows.setdefault(str(item.assay), []).append(row)
    return {assay: np.array(members) for assay, members in rows.items()}


def with_genes(items: Sequence[Item]) -> list[str]:
    """Assays in which every variant comes with its gene."""
    return [assay for assay, rows in assays(items).items() if all(items[row].sequence_b for row in rows)]


def means_of(name: str, every: Collection[str], with_gene: Collection[str]) -> dict[str, Collection[str]]:
    """Input -> assays of its mean. Where some assays lack a gene, inputs with one can be compared with this input only
    on the others: a second mean is over those."""
    is_part = 0 < len(with_gene) < len(every)
    return {name: every} | ({f"{name}, assays with a gene": with_gene} if is_part else {})


def tabulate_fitness(
    measurement: Measurement, items: Sequence[Item], scores: np.ndarray, settings: BootstrapSettings,
    means: Mapping[str, Collection[str]],
) -> Measured:  # fmt: skip
    """Spearman of each assay (``dataset``: its name) and of ``means`` (``dataset``: the benchmark), and predictions.

    Intervals are over variants drawn inside the assays. ``means``: input -> its assays. An assay whose correlation is
    undefined (all scores or all fitness values equal) has no row; a mean with such an assay, or one that has no items
    here, is left out, with a warning.
    """
    measured, drawn, n_items = Measured([]), {}, {}
    for assay, rows in assays(items).items():
        fitness = np.array([items[row].value for row in rows], dtype=np.float64)
        values = resampled(spearman, fitness, scores[rows], settings, assay)
        if not np.isnan(values[0]):
            drawn[assay], n_items[assay] = values, len(rows)
            measured.results.extend(measurement.rows({"spearman": summary(values, settings)}, len(rows), assay))
    for name, wanted in means.items():
        if lacking := sorted(set(wanted) - drawn.keys()):
            print(
                f"{measurement.dataset}: no mean of {measurement.tag.model}, {name}: no value for {', '.join(lacking)}",
                file=sys.stderr,
            )
            continue
        found = {"spearman": mean_estimate([drawn[assay] for assay in wanted], settings)}
        n = sum(n_items[assay] for assay in wanted)
        measured.results.extend(replace(measurement, input=name).rows(found, n))
    measured.predictions.extend(
        measurement.prediction(item.item_id, assay=item.assay, value=item.value, score=float(score))
        for item, score in zip(items, scores, strict=True)
    )
    return measured
