"""Baselines on the same splits, with the same metrics and intervals as the networks.

* fine-tuned tasks: ``majority`` (the most frequent training class), and counts of k-mers under a linear model;
* zero-shot fitness: ``random`` (a hash of the variant), ``mutations`` (minus the number of changed letters) and, of
  proteins, ``blosum62``; assays that do not tell their wild type are left out of the last two, which then have no mean;
* language model: letter models on the same held-out rows (bsm.evaluate.letter_models).

The majority class of few-shot items is measured where these are chosen (bsm.evaluate.few_shot).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bsm.base.alphabet import Modality
from bsm.base.config.training import EvaluateSettings
from bsm.base.progress import Progress
from bsm.base.randomness import unit_interval
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.fitness import assays, means_of, tabulate_fitness, with_genes
from bsm.evaluate.items import Dataset, Item
from bsm.evaluate.kmers import kmer_model
from bsm.evaluate.outcome import majority, tabulate
from bsm.evaluate.parts import training_subset, usable_parts
from bsm.evaluate.variants import blosum62_scores, mutation_scores, wild_type

_Scorer = Callable[[Sequence[Item]], "np.ndarray | None"]


def baselines(datasets: Sequence[Dataset], settings: EvaluateSettings) -> list[Measured]:
    """Every baseline of every data set, in a fixed order."""
    found: list[Measured] = []
    with Progress("baselines", len(datasets), "data sets") as progress:
        for dataset in datasets:
            measure = _fitness if dataset.task.kind == "fitness" else _supervised
            found += measure(dataset, settings)
            progress.advance()
    return found


def _supervised(dataset: Dataset, settings: EvaluateSettings) -> list[Measured]:
    parts = usable_parts(dataset, settings.valid_share)
    limit, seed = settings.fine_tune.max_train_items, settings.baselines.seed
    train = [parts.train[i] for i in training_subset(parts.train, limit, dataset.name, seed)]
    name = "k-mer logistic regression" if dataset.labels else "k-mer ridge regression"
    outcomes = {name: kmer_model(dataset, train, parts.valid, parts.test, settings.baselines)}
    if dataset.labels:
        outcomes["majority"] = majority(dataset, train, len(parts.test))
    return [
        tabulate(
            Measurement(CheckpointTag(model), dataset.task.name, dataset.name, "fine-tuned", dataset.input),
            dataset, parts.test, {None: outcome}, settings.bootstrap,
        )
        for model, outcome in outcomes.items()
    ]  # fmt: skip


def _fitness(dataset: Dataset, settings: EvaluateSettings) -> list[Measured]:
    scorers: dict[str, _Scorer] = {"random": _random_scores, "mutations": _from_wild_type(mutation_scores)}
    if dataset.task.modality_a is Modality.PROTEIN:
        scorers["blosum62"] = _from_wild_type(blosum62_scores)
    test, found = dataset.part("test"), []
    read = str(dataset.task.modality_a)
    means = means_of(read, assays(test), with_genes(test))
    for model, scorer in scorers.items():
        of_assay = [[test[row] for row in rows] for rows in assays(test).values()]
        scored = [(items, scores) for items in of_assay if (scores := scorer(items)) is not None]
        if not scored:
            continue
        items = [item for members, _ in scored for item in members]
        shared = Measurement(CheckpointTag(model), dataset.task.name, dataset.name, "zero-shot", read)
        scores = np.concatenate([scores for _, scores in scored])
        found.append(tabulate_fitness(shared, items, scores, settings.bootstrap, means))
    return found


def _random_scores(items: Sequence[Item]) -> np.ndarray:
    return np.array([unit_interval("random score", item.item_id) for item in items])


def _from_wild_type(score: Callable[[Sequence[str], str], np.ndarray]) -> _Scorer:
    def scores(items: Sequence[Item]) -> np.ndarray | None:
        wild = wild_type(items)
        return None if wild is None else score([item.sequence_a for item in items], wild)

    return scores
