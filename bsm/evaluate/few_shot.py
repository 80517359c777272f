"""Few-shot by likelihood, nothing trained: does this protein belong to this DNA? (paper section 3; PAPER.md, reading 7)

One context is one document, joined as round 3 joins related sequences:
``<bos> dna <sep> protein <sep> ... <sep> dna <sep> protein <eos>``: true pairs as demonstrations, the query last.
The score is the log-probability of the query protein's letters, summed (the paper's). Beside it stand:

* the mean per residue, and the lowest residue, which one wrong stretch pulls down;
* PMI: the sum minus the log-probability of the same protein as a document of its own, so that a protein which is easy
  anyway is not called a match.

A pair is called true from a threshold on, which is chosen on validation pairs alone. Demonstrations are true training
pairs, drawn among the shortest, the same for every query. Only queries that fit the context with all demonstrations and
share no sequence with one are scored, so that every number of shots is measured on the same items. Beside the network
stands the majority class of the training pairs, on these items.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bsm.base.alphabet import Modality
from bsm.base.config.training import EvaluateSettings
from bsm.base.progress import Progress
from bsm.base.randomness import stable_hash64
from bsm.base.results import SCORES
from bsm.engine.network import Network
from bsm.engine.prefix import shared_log_likelihoods
from bsm.engine.scorer import Piece, document, letters, log_likelihoods
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.items import Dataset, Item
from bsm.evaluate.outcome import Outcome, majority, tabulate
from bsm.evaluate.parts import Parts, usable_parts

POOL_FACTOR = 2
"""Demonstrations are drawn from this many times as many of the shortest true training pairs."""
_TRUE = 1  # the second class of a binary task
_MODALITIES = (Modality.DNA, Modality.PROTEIN)


@dataclass(frozen=True)
class Prompt:
    """Demonstrations, and the queries that fit behind all of them."""

    demonstrations: list[Item]
    valid: list[Item]
    test: list[Item]


def measure(
    network: Network, dataset: Dataset, settings: EvaluateSettings, tag: CheckpointTag, shots: Sequence[int],
    context_tokens: int,
) -> list[Measured]:  # fmt: skip
    """Accuracy, balanced accuracy and AUROC of every score for every number of shots, and of the majority class.

    ``context_tokens``: the length the network was trained on. The rows of the majority class are the same for every
    checkpoint that is given the same shots and context.
    """
    parts = usable_parts(dataset, settings.valid_share)
    prompt, shots = choose_prompt(dataset, parts, settings, shots, context_tokens)
    if not shots:
        return []
    queries = [*prompt.valid, *prompt.test]
    baseline = Measurement(CheckpointTag("majority"), dataset.task.name, dataset.name, "few-shot", dataset.input)
    outcome = majority(dataset, parts.train, len(prompt.test))
    found = [tabulate(baseline, dataset, prompt.test, {None: outcome}, settings.bootstrap)]
    with Progress(f"{dataset.name}, few-shot", len(queries) * (len(shots) + 1), "queries") as progress:
        alone = protein_log_likelihoods(network, [_pieces(q)[-1:] for q in queries], settings.batch_tokens, progress)
        for n in shots:
            shown = [piece for one in prompt.demonstrations[:n] for piece in _pieces(one)]
            contexts = [(*shown, *_pieces(query)) for query in queries]
            values = protein_log_likelihoods(network, contexts, settings.batch_tokens, progress)
            for name in SCORES:
                shared = Measurement(tag, dataset.task.name, dataset.name, "few-shot", dataset.input, n, name)
                outcome = _decide(dataset, prompt, _score(name, values, alone))
                found.append(tabulate(shared, dataset, prompt.test, {None: outcome}, settings.bootstrap))
    return found


def choose_prompt(
    dataset: Dataset, parts: Parts, settings: EvaluateSettings, shots: Sequence[int], context_tokens: int
) -> tuple[Prompt, list[int]]:
    """The prompt, and the numbers of shots that are measured with it; says on stderr which and how many queries fit.

    A number of shots is kept only if ``settings.min_few_shot_items`` queries of each class fit behind so many
    demonstrations, in validation as in test: a threshold or a metric of fewer means little. The largest numbers are
    dropped until that holds; 0 is kept as long as there is one query of each class.
    """
    true_pairs = [item for item in parts.train if item.label == dataset.labels[_TRUE]]
    asked = sorted(set(shots))
    for n_most in reversed(asked):
        demonstrations = draw_demonstrations(true_pairs, n_most, dataset.name, settings.few_shot_seed)
        valid, test = (_fitting(items, demonstrations, context_tokens) for items in (parts.valid, parts.test))
        n_of_class = min(n for items in (valid, test) for n in _n_of_classes(dataset, items))
        n_needed = settings.min_few_shot_items if n_most else 1
        prompt, kept = Prompt(demonstrations, valid, test), [n for n in asked if n <= n_most]
        is_enough = len(demonstrations) == n_most and n_of_class >= n_needed
        _report(dataset, parts, prompt, n_most, f"measured: {kept} of {asked} shots" if is_enough else "left out")
        if is_enough:
            return prompt, kept
    return Prompt([], [], []), []


def draw_demonstrations(true_pairs: Sequence[Item], n: int, dataset: str, seed: int) -> list[Item]:
    """``n`` of the shortest true pairs (all where there are fewer), drawn and ordered by a hash of (seed, item)."""
    pool = sorted(true_pairs, key=lambda item: (_n_tokens(item), item.item_id))[: POOL_FACTOR * n]
    return sorted(pool, key=lambda item: stable_hash64("demonstrations", dataset, seed, item.item_id))[:n]


def protein_log_likelihoods(
    network: Network, contexts: Sequence[Sequence[Piece]], batch_tokens: int, progress: Progress | None = None
) -> list[np.ndarray]:
    """float64[n_letters] for each context: log-probability of every letter of its last piece.

    Equal contexts are scored once, and what all of them begin with is computed once.
    """
    number: dict[tuple[Piece, ...], int] = {}
    which = [number.setdefault(tuple(pieces), len(number)) for pieces in contexts]
    documents = [document(pieces) for pieces in number]
    has_demonstrations = any(len(pieces) > len(_MODALITIES) for pieces in number)
    score = shared_log_likelihoods if has_demonstrations else log_likelihoods
    found = [values[letters(p, -1)] for p, values in zip(number, score(network, documents, batch_tokens), strict=True)]
    if progress is not None:
        progress.advance(len(contexts))
    return [found[i] for i in which]


def best_threshold(is_true: np.ndarray, scores: np.ndarray) -> float:
    """The threshold (score >= threshold: true) of highest balanced accuracy.

    Candidates lie half-way between neighbouring scores; -inf calls everything true. Of equally good ones the one in the
    widest gap is taken, then the lowest.
    """
    levels = np.unique(scores)
    candidates = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2])
    gaps = np.concatenate([[0.0], np.diff(levels)])
    called = scores[None, :] >= candidates[:, None]
    quality = (called[:, is_true].mean(1) + (~called[:, ~is_true]).mean(1)) / 2
    return float(candidates[np.lexsort((candidates, -gaps, -quality))[0]])


def _pieces(item: Item) -> tuple[Piece, ...]:
    return tuple(zip(_MODALITIES, item.sequences, strict=True))


def _n_tokens(item: Item) -> int:
    """Tokens that a pair takes in a context, separators included."""
    return sum(len(sequence) + 1 for sequence in item.sequences)


def _fitting(items: Sequence[Item], demonstrations: Sequence[Item], context_tokens: int) -> list[Item]:
    shown = {sequence for item in demonstrations for sequence in item.sequences}
    room = context_tokens - 1 - sum(map(_n_tokens, demonstrations))
    return [item for item in items if _n_tokens(item) <= room and not shown & set(item.sequences)]


def _score(name: str, values: Sequence[np.ndarray], alone: Sequence[np.ndarray]) -> np.ndarray:
    """float64[n_queries]."""
    if name == "pmi":
        return np.array([own.sum() - other.sum() for own, other in zip(values, alone, strict=True)])
    reduce: dict[str, Callable[[np.ndarray], float]] = {"sum": np.sum, "mean": np.mean, "minimum": np.min}
    return np.array([reduce[name](own) for own in values])


def _decide(dataset: Dataset, prompt: Prompt, scores: np.ndarray) -> Outcome:
    """Classes of the test queries by the threshold of the validation queries; scores of valid, then test."""
    n_valid = len(prompt.valid)
    threshold = best_threshold(dataset.targets(prompt.valid) == _TRUE, scores[:n_valid])
    return Outcome((scores[n_valid:] >= threshold).astype(np.int64), scores[n_valid:])


def _n_of_classes(dataset: Dataset, items: Sequence[Item]) -> list[int]:
    return [int(n) for n in np.bincount(dataset.targets(items), minlength=len(dataset.labels))]


def _report(dataset: Dataset, parts: Parts, prompt: Prompt, n_most: int, consequence: str) -> None:
    fit = " and ".join(
        f"{len(fitting):,} of {len(items):,} {name} pairs (by class {_n_of_classes(dataset, fitting)})"
        for name, items, fitting in (("validation", parts.valid, prompt.valid), ("test", parts.test, prompt.test))
    )
    print(
        f"{dataset.name}, few-shot: {fit} fit behind {len(prompt.demonstrations)} demonstration(s) of {n_most}: "
        f"{consequence}",
        file=sys.stderr,
    )
