"""Letter models of fixed order: how well the last few letters alone predict the next one.

One model per modality. It is told of which modality the sequence is, which a network has to find out from its letters;
this makes its bits per letter a favourable baseline. It is told nothing else: the end of a sequence is a symbol that it
predicts like a letter, as a network predicts ``<sep>`` and ``<eos>``. Contexts begin with the sequence. Smoothing is
hierarchical (MacKay & Peto 1995): the estimate of each order is mixed with that of the next lower one,
``p_k = (n_k + m p_(k-1)) / (N_k + m)`` with m symbols, order 0 with the uniform one.
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
from bsm.engine.batch import Batch
from bsm.engine.loader import Loader
from bsm.engine.sources import ShardSource, read_sources
from bsm.evaluate.common import CheckpointTag, Measured
from bsm.evaluate.held_out import held_out_batches, held_out_proteins, loss_totals, tabulate_losses, tabulate_proteins

TRAINING_SHARE = 10
"""Training tokens read per source, in units of ``max_valid_tokens``: counts of short contexts are then settled."""
_BATCH_TOKENS = 1 << 16


class LetterModel:
    """Counts of order 0 to ``order`` for one modality: its letters, and last the end of a sequence."""

    def __init__(self, modality: Modality, order: int) -> None:
        self.modality, self.order = modality, order
        letters = NUCLEOTIDES if modality.is_nucleotide else AMINO_ACIDS + RARE_AMINO_ACIDS
        self.n_symbols = len(letters) + 1
        self._number = np.zeros(256, dtype=np.int64)  # 0: no letter of this kind
        for number, letter in enumerate(letters, 1):
            self._number[TOKEN_IDS[letter]] = number
        self._counts = [np.zeros((self.n_symbols**k, self.n_symbols)) for k in range(order + 1)]

    def learn(self, batch: Batch) -> None:
        """Count the letters and ends of a batch."""
        positions = self._positions(batch)
        symbols = self._symbols(batch.targets[positions])
        for counts, context in zip(self._counts, self._contexts(batch.ids, positions), strict=True):
            counts += np.bincount(context * self.n_symbols + symbols, minlength=counts.size).reshape(counts.shape)

    def probabilities(self) -> list[np.ndarray]:
        """float64[n_contexts, n_symbols] for each order 0, 1, ...; every row sums to 1."""
        found: list[np.ndarray] = []
        m = self.n_symbols
        lower = np.full((1, m), 1 / m)
        for counts in self._counts:
            # The newest letter is the lowest digit of a context's number: the lower order keeps the lower digits.
            below = lower[np.arange(len(counts)) % len(lower)]
            lower = (counts + m * below) / (counts.sum(1, keepdims=True) + m)
            found.append(lower)
        return found

    def fill_losses(self, batch: Batch, order: int, probabilities: np.ndarray, losses: np.ndarray) -> None:
        """Write the loss of this modality's letters and ends, in nats, into ``losses`` float64[n_tokens]."""
        positions = self._positions(batch)
        context = self._context(batch.ids, positions, order)
        losses[positions] = -np.log(probabilities[context, self._symbols(batch.targets[positions])])

    def log_likelihoods(self, documents: Sequence[np.ndarray], order: int) -> list[np.ndarray]:
        """float64[2, n_tokens - 1] of documents of this modality, as ``engine.scorer.log_likelihoods_among`` gives them
        for the twenty amino acids."""
        if not documents:
            return []
        probabilities = self.probabilities()[order]
        ids, ends = np.concatenate(documents), np.cumsum([len(ids) for ids in documents])
        positions = np.delete(np.arange(len(ids)), ends - 1)
        symbols, context = self._symbols(ids[positions + 1]), self._context(ids, positions, order)
        n_amino_acids = len(AMINO_ACIDS)
        of_twenty = np.where(symbols < n_amino_acids, probabilities[:, :n_amino_acids].sum(1)[context], np.nan)
        values = np.log(probabilities[context, symbols])
        both = np.stack([values, values - np.log(of_twenty)])
        return np.split(both, (ends - np.arange(1, len(ends) + 1))[:-1], axis=1)

    def _positions(self, batch: Batch) -> np.ndarray:
        """Tokens whose target is a letter of this modality, or the special token behind one."""
        code = MODALITY_CODES[self.modality]
        is_letter = batch.modality == code
        is_last = np.concatenate([[False], is_letter[:-1]]) & (batch.modality == 0)
        return np.flatnonzero((is_letter | is_last) & (batch.targets >= 0))

    def _symbols(self, targets: np.ndarray) -> np.ndarray:
        return (self._number[targets] - 1) % self.n_symbols

    def _context(self, ids: np.ndarray, positions: np.ndarray, order: int) -> np.ndarray:
        return list(self._contexts(ids, positions))[order]

    def _contexts(self, ids: np.ndarray, positions: np.ndarray) -> Iterator[np.ndarray]:
        """Number of the context of each target, order by order; digit 0 stands before the start of the sequence."""
        numbers = self._number[ids]
        context, inside, place = np.zeros(len(positions), dtype=np.int64), np.ones(len(positions), dtype=bool), 1
        yield context
        for back in range(self.order):
            before = np.where(positions >= back, numbers[positions - back], 0)
            inside &= before > 0
            context = context + place * np.where(inside, before, 0)
            place *= self.n_symbols
            yield context


def letter_baselines(
    manifests: Sequence[Path | str], tasks: Sequence[str], settings: EvaluateSettings
) -> list[Measured]:
    """Held-out losses of order 0 and of the highest order, on the rows that networks are measured on.

    ``tasks``: validation_loss and perplexity, as of a network. Learned from about TRAINING_SHARE times
    ``max_valid_tokens`` training tokens of every source, whole row groups in an order hashed from the source's name.
    """
    orders = {m: settings.baselines.k_nucleotides if m.is_nucleotide else settings.baselines.k_amino_acids
              for m in Modality}  # fmt: skip
    models = {modality: LetterModel(modality, order) for modality, order in orders.items()}
    for batch in _training_batches(read_sources(manifests, "train"), TRAINING_SHARE * settings.max_valid_tokens):
        for model in models.values():
            model.learn(batch)
    found, limits = [], (settings.max_valid_tokens, _BATCH_TOKENS)
    proteins = held_out_proteins(manifests, *limits)
    for name, is_lowest in (("letter frequencies", True), ("Markov model", False)):
        tag, chosen = CheckpointTag(name), {m: 0 if is_lowest else order for m, order in orders.items()}
        if "validation_loss" in tasks:
            losses = _Losses([(model, chosen[modality]) for modality, model in models.items()])
            totals = loss_totals(losses, held_out_batches(manifests, *limits, name))
            found.append(tabulate_losses(tag, totals, settings.bootstrap))
        if "perplexity" in tasks:
            values = models[Modality.PROTEIN].log_likelihoods(proteins.documents, chosen[Modality.PROTEIN])
            found.append(tabulate_proteins(tag, proteins, values, settings.bootstrap))
    return found


class _Losses:
    """float64[n_tokens] of a batch: every letter and end by the model of its modality."""

    def __init__(self, models: Iterable[tuple[LetterModel, int]]) -> None:
        self._tables = [(model, order, model.probabilities()[order]) for model, order in models]

    def __call__(self, batch: Batch) -> np.ndarray:
        losses = np.zeros(batch.n_tokens)
        for model, order, probabilities in self._tables:
            model.fill_losses(batch, order, probabilities, losses)
        return losses


def _training_batches(sources: Sequence[ShardSource], max_tokens: int) -> Iterator[Batch]:
    loader = Loader(sources)
    with Progress("letter models", sum(min(s.n_tokens, max_tokens) for s in sources), "tokens") as progress:
        for index, source in enumerate(sources):
            n_rows = math.ceil(source.n_rows * min(1.0, max_tokens / source.n_tokens))
            groups = generator("letter models", source.name).permutation(len(source.row_groups))
            rows = [int(row) for group in groups for row in range(*source.first_rows[group : group + 2])][:n_rows]
            for batch in loader.batches([(index, row) for row in rows], _BATCH_TOKENS):
                yield batch
                progress.advance(batch.n_tokens)
