"""Counts of k-mers under a linear model: what composition alone tells about a task.

Features are the counts of every k-mer of each input (of two inputs one after the other), standardised on the training
items; k is ``k_nucleotides`` or ``k_amino_acids`` by the input's modality. Classes: logistic regression; numbers: ridge
regression. The strength of the L2 penalty is chosen by the task's metric on the validation part, the stronger one on a
tie.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from bsm.base.alphabet import AMINO_ACIDS, NUCLEOTIDES, Modality
from bsm.base.config.training import BaselineSettings
from bsm.base.errors import InputError
from bsm.evaluate.items import Dataset, Item
from bsm.evaluate.outcome import Outcome, quality

PENALTIES = (1e4, 1e3, 1e2, 1e1, 1.0)
"""Strengths from strong to weak: ridge's alpha, and 1 / C of the logistic regression."""
_MAX_ITERATIONS = 1000


def kmer_counts(sequences: Sequence[str], modality: Modality, k: int) -> np.ndarray:
    """float32[n_sequences, n_letters**k], k-mers in alphabetical order; not those with n or X."""
    letters = NUCLEOTIDES.replace("n", "") if modality.is_nucleotide else AMINO_ACIDS
    code = np.full(256, -1, dtype=np.int64)
    code[np.frombuffer(letters.encode(), dtype=np.uint8)] = np.arange(len(letters))
    counts = np.zeros((len(sequences), len(letters) ** k), dtype=np.float32)
    for row, sequence in zip(counts, sequences, strict=True):
        numbers = code[np.frombuffer(sequence.encode(), dtype=np.uint8)]
        if len(numbers) >= k:
            windows = np.lib.stride_tricks.sliding_window_view(numbers, k)
            windows = windows[(windows >= 0).all(axis=1)]
            row += np.bincount(windows @ len(letters) ** np.arange(k - 1, -1, -1), minlength=len(row))
    return counts


def features(dataset: Dataset, items: Sequence[Item], settings: BaselineSettings) -> np.ndarray:
    """float32[n_items, n_features]: counts of the first input's k-mers, then of the second's."""
    parts = []
    for index, modality in enumerate(m for m in (dataset.task.modality_a, dataset.task.modality_b) if m):
        k = settings.k_nucleotides if modality.is_nucleotide else settings.k_amino_acids
        parts.append(kmer_counts([item.sequences[index] for item in items], modality, k))
    return np.concatenate(parts, axis=1)


def kmer_model(
    dataset: Dataset, train: Sequence[Item], valid: Sequence[Item], test: Sequence[Item], settings: BaselineSettings
) -> Outcome:
    """Predictions of the test items by the model whose penalty is best on ``valid``."""
    scaler = StandardScaler()
    x_train = scaler.fit_transform(features(dataset, train, settings))
    x_valid, x_test = (scaler.transform(features(dataset, items, settings)) for items in (valid, test))
    targets = dataset.targets(train)
    if dataset.labels and len(np.unique(targets)) < 2:
        raise InputError(
            "all training items are of one class", where=dataset.name, value=train[0].label,
            way_out="Give a benchmark whose training part has two classes or more",
        )  # fmt: skip
    models = [_fitted(dataset, x_train, targets, penalty) for penalty in PENALTIES]
    found = [quality(dataset, valid, _outcome(dataset, model, x_valid)) for model in models]
    return _outcome(dataset, models[int(np.argmax(found))], x_test)


def _fitted(dataset: Dataset, x: np.ndarray, targets: np.ndarray, penalty: float) -> LogisticRegression | Ridge:
    if not dataset.labels:
        return Ridge(alpha=penalty).fit(x, targets)
    return LogisticRegression(C=1 / penalty, max_iter=_MAX_ITERATIONS).fit(x, targets)


def _outcome(dataset: Dataset, model: LogisticRegression | Ridge, x: np.ndarray) -> Outcome:
    if not dataset.labels:
        number = model.predict(x).astype(np.float64)
        return Outcome(number, number)
    probability = model.predict_proba(x).astype(np.float64)
    best = probability.argmax(1)
    is_binary = len(dataset.labels) == 2
    score = probability[:, list(model.classes_).index(1)] if is_binary else probability.max(1)
    return Outcome(model.classes_[best], score)
