"""Letter models of fixed order: how well the last few letters alone predict the next one.

One model per modality, over its own letters only: it is told that a letter of this modality comes, which a network has
to find out, so its bits per letter are a favourable baseline. Contexts end at the start of a sequence. Smoothing is
hierarchical (MacKay & Peto 1995): the estimate of each order is mixed with that of the next lower one,
``p_k = (n_k + m p_(k-1)) / (N_k + m)`` with m letters, order 0 with the uniform one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS, MODALITY_CODES, NUCLEOTIDES, RARE_AMINO_ACIDS, TOKEN_IDS, Modality
from bsm.base.config.training import EvaluateSettings
from bsm.base.progress import Progress
from bsm.base.randomness import generator
from bsm.base.sections import SECTIONS
from bsm.engine.batch import Batch
from bsm.engine.loader import Loader, held_out
from bsm.engine.losses import row_losses
from bsm.engine.sources import ShardSource, read_sources
from bsm.evaluate.bootstrap import estimate
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.language_model import HELD_OUT_PROTEINS
from bsm.evaluate.metrics import METRICS

TRAINING_SHARE = 10
"""Training tokens read per source, in units of ``max_valid_tokens``: counts of short contexts are then settled."""


class LetterModel:
    """Counts of order 0 to ``order`` for one modality."""

    def __init__(self, modality: Modality, order: int) -> None:
        self.modality, self.order = modality, order
        letters = NUCLEOTIDES if modality.is_nucleotide else AMINO_ACIDS + RARE_AMINO_ACIDS
        self.n_letters = len(letters)
        self._symbol = np.zeros(256, dtype=np.int64)  # 0: no letter of this kind
        for number, letter in enumerate(letters, 1):
            self._symbol[TOKEN_IDS[letter]] = number
        base = self.n_letters + 1
        self._counts = [np.zeros((base**k, self.n_letters)) for k in range(order + 1)]

    def learn(self, batch: Batch) -> None:
        """Count the letters of a batch."""
        targets = self._targets(batch)
        letters = self._symbol[batch.targets[targets]] - 1
        for counts, context in zip(self._counts, self._contexts(batch, targets), strict=True):
            counts += np.bincount(context * self.n_letters + letters, minlength=counts.size).reshape(counts.shape)

    def probabilities(self) -> list[np.ndarray]:
        """float64[n_contexts, n_letters] for each order 0, 1, ...; every row sums to 1."""
        found: list[np.ndarray] = []
        lower = np.full((1, self.n_letters), 1 / self.n_letters)
        for counts in self._counts:
            # The newest letter is the lowest digit of a context's number: the lower order keeps the lower digits.
            below = lower[np.arange(len(counts)) % len(lower)]
            m = self.n_letters
            lower = (counts + m * below) / (counts.sum(1, keepdims=True) + m)
            found.append(lower)
        return found

    def fill_losses(self, batch: Batch, order: int, probabilities: np.ndarray, losses: np.ndarray) -> None:
        """Write the loss of this modality's letters, in nats, into ``losses`` float64[n_tokens]."""
        targets = self._targets(batch)
        letters = self._symbol[batch.targets[targets]] - 1
        context = list(self._contexts(batch, targets))[order]
        losses[targets] = -np.log(probabilities[context, letters])

    def _targets(self, batch: Batch) -> np.ndarray:
        return np.flatnonzero((batch.modality == MODALITY_CODES[self.modality]) & (batch.targets >= 0))

    def _contexts(self, batch: Batch, targets: np.ndarray) -> Iterable[np.ndarray]:
        """Number of the context of each target, order by order; symbol 0 stands before the start of the sequence."""
        symbols = self._symbol[batch.ids]
        context, inside, place = np.zeros(len(targets), dtype=np.int64), np.ones(len(targets), dtype=bool), 1
        yield context
        for back in range(self.order):
            before = np.where(targets >= back, symbols[targets - back], 0)
            inside &= before > 0
            context = context + place * np.where(inside, before, 0)
            place *= self.n_letters + 1
            yield context


def letter_baselines(
    manifests: Sequence[Path | str], tasks: Sequence[str], settings: EvaluateSettings
) -> list[Measured]:
    """Held-out losses of order 0 and of the highest order, on the rows that networks are measured on.

    ``tasks``: validation_loss (bits per letter of every section) and perplexity (of single-modal proteins).

    Learned from about TRAINING_SHARE times ``max_valid_tokens`` training tokens of every source, whole row groups in an
    order hashed from the source's name.
    """
    orders = {m: settings.baselines.k_nucleotides if m.is_nucleotide else settings.baselines.k_amino_acids
              for m in Modality}  # fmt: skip
    models = [LetterModel(modality, order) for modality, order in orders.items()]
    for batch in _training_batches(read_sources(manifests, "train"), settings):
        for model in models:
            model.learn(batch)
    found: list[Measured] = []
    for name, is_lowest in (("letter frequencies", True), ("Markov model", False)):
        chosen = [(model, 0 if is_lowest else model.order) for model in models]
        totals = _totals(chosen, read_sources(manifests, "valid"), settings)
        found += [_tabulated(name, task, totals, settings) for task in tasks]
    return found


def _training_batches(sources: Sequence[ShardSource], settings: EvaluateSettings) -> Iterator[Batch]:
    loader = Loader(sources)
    limit = TRAINING_SHARE * settings.max_valid_tokens
    with Progress("letter models", sum(min(s.n_tokens, limit) for s in sources), "tokens") as progress:
        for index, source in enumerate(sources):
            n_rows = math.ceil(source.n_rows * min(1.0, limit / source.n_tokens))
            groups = generator("letter models", source.name).permutation(len(source.row_groups))
            rows = [int(row) for group in groups for row in range(*source.first_rows[group : group + 2])][:n_rows]
            for batch in loader.batches([(index, row) for row in rows], settings.batch_tokens):
                yield batch
                progress.advance(batch.n_tokens)


def _totals(
    models: Sequence[tuple[LetterModel, int]], sources: Sequence[ShardSource], settings: EvaluateSettings
) -> dict[str, list[tuple[int, float]]]:
    """(letters, nats) of every held-out row, by section."""
    tables = [(model, order, model.probabilities()[order]) for model, order in models]
    found: dict[str, list[tuple[int, float]]] = {section: [] for section in SECTIONS}
    rows = [
        (i, row) for i, source in enumerate(sources) for row in held_out(source, n_tokens=settings.max_valid_tokens)
    ]
    for batch in Loader(sources).batches(rows, settings.batch_tokens):
        losses = np.zeros(batch.n_tokens)
        for model, order, probabilities in tables:
            model.fill_losses(batch, order, probabilities, losses)
        for table in row_losses(losses, batch).values():
            for section, total in table.by_section().items():
                found[section].append(total)
    return {section: totals for section, totals in found.items() if totals}


def _tabulated(
    name: str, task: str, totals: dict[str, list[tuple[int, float]]], settings: EvaluateSettings
) -> Measured:
    found = Measured([])
    for section in totals if task == "validation_loss" else ["proteins"]:
        n_letters, nats = (np.array(column, dtype=np.float64) for column in zip(*totals[section], strict=True))
        dataset, read = (section, "") if task == "validation_loss" else (HELD_OUT_PROTEINS, Modality.PROTEIN.value)
        shared = Measurement(CheckpointTag(name), task, dataset, "language-model", read)
        metrics = ("bits_per_letter",) if task == "validation_loss" else ("perplexity", "bits_per_letter")
        values = {m: estimate(METRICS[m], n_letters, nats, settings.bootstrap, dataset) for m in metrics}
        found.results.extend(shared.rows(values, int(n_letters.sum())))
    return found
