"""Zero-shot fitness: rank correlation of a variant's log-likelihood with its measured fitness (paper section 3).

Convention. A score is the natural log-probability of all letters of the variant's document, summed (not averaged);
``<sep>`` and ``<eos>`` do not count. What is read:

* ``protein`` or ``rna``: the variant alone; ``gene``: its coding DNA alone;
* ``gene+protein``: one document, the coding DNA before the protein, the letters of both summed, which is the joint
  log-likelihood of the pair. Given its gene a protein is nearly certain, so that the protein's letters alone could not
  rank variants.

A document longer than the context is cut, as training cuts genes, into the fewest windows of equal size, gene and
protein at the same codons; windows are documents of their own and their scores are added. All variants of an assay are
cut into the same number of windows. Equal documents are scored once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from bsm.base.alphabet import Modality
from bsm.base.config.training import BootstrapSettings, EvaluateSettings
from bsm.base.errors import InputError
from bsm.base.progress import Progress
from bsm.engine.network import Network
from bsm.engine.prefix import shared_log_likelihoods
from bsm.engine.scorer import Piece, document, letters
from bsm.evaluate.bootstrap import mean_estimate, resampled, summary
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.items import Dataset, Item
from bsm.evaluate.metrics import spearman

MEAN = "mean"
_CODON = 3
INPUTS: dict[str, dict[str, Callable[[Item], tuple[Piece, ...]]]] = {
    "protein_fitness": {
        "protein": lambda item: ((Modality.PROTEIN, item.sequence_a),),
        "gene": lambda item: ((Modality.DNA, item.sequence_b or ""),),
        "gene+protein": lambda item: ((Modality.DNA, item.sequence_b or ""), (Modality.PROTEIN, item.sequence_a)),
    },
    "ncrna_fitness": {"rna": lambda item: ((Modality.RNA, item.sequence_a),)},
}
"""What the network reads of an item, by task and name of the input."""


def measure(
    network: Network, dataset: Dataset, settings: EvaluateSettings, tag: CheckpointTag, context_tokens: int
) -> list[Measured]:
    """One Measured per input: Spearman by assay and their mean, and the score of every variant.

    ``context_tokens``: the length the network was trained on. Inputs with a gene leave out assays that give none.
    """
    found = []
    for name, read in INPUTS[dataset.task.name].items():
        items = [item for item in _with_genes(dataset) if item.sequence_b] if "gene" in name else dataset.part("test")
        if not items:
            continue
        scores = np.empty(len(items))
        with Progress(f"{dataset.name}, {name}", len(items), "variants") as progress:
            for _, rows in assays(items):
                pieces = [read(items[row]) for row in rows]
                scores[rows] = variant_scores(network, pieces, context_tokens, settings.batch_tokens, progress)
        measurement = Measurement(tag, dataset.task.name, dataset.name, "zero-shot", name)
        found.append(tabulate_fitness(measurement, items, scores, settings.bootstrap))
    return found


def tabulate_fitness(
    measurement: Measurement, items: Sequence[Item], scores: np.ndarray, settings: BootstrapSettings
) -> Measured:
    """Spearman of each assay and their mean, with intervals over variants drawn inside the assays, and predictions.

    An assay whose correlation is undefined (all scores or all fitness values equal) has no row; the mean stands where
    every assay has a value.
    """
    measured, parts = Measured([]), []
    by_assay = assays(items)
    for assay, rows in by_assay:
        fitness = np.array([items[row].value for row in rows], dtype=np.float64)
        drawn = resampled(spearman, fitness, scores[rows], settings, assay)
        if not np.isnan(drawn[0]):
            parts.append(drawn)
            measured.results.extend(measurement.rows({"spearman": summary(drawn, settings)}, len(rows), assay))
    if len(parts) == len(by_assay):
        measured.results.extend(measurement.rows({"spearman": mean_estimate(parts, settings)}, len(items), MEAN))
    measured.predictions.extend(
        measurement.prediction(item.item_id, assay=item.assay, value=item.value, score=float(score))
        for item, score in zip(items, scores, strict=True)
    )
    return measured


def assays(items: Sequence[Item]) -> list[tuple[str, np.ndarray]]:
    """(assay, positions of its items), in order of first appearance."""
    rows: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        rows.setdefault(str(item.assay), []).append(row)
    return [(assay, np.array(members)) for assay, members in rows.items()]


def variant_scores(
    network: Network, variants: Sequence[Sequence[Piece]], context_tokens: int, batch_tokens: int,
    progress: Progress | None = None,
) -> np.ndarray:  # fmt: skip
    """float64[n_variants]: log-likelihood of all letters of each variant, by the convention above."""
    n_windows = windows_needed(variants, context_tokens)
    scores = np.zeros(len(variants))
    for index in range(n_windows):
        number: dict[tuple[Piece, ...], int] = {}
        which = [number.setdefault(windows(pieces, n_windows)[index], len(number)) for pieces in variants]
        found = shared_log_likelihoods(network, [document(pieces) for pieces in number], batch_tokens)
        sums = [
            sum(float(values[letters(pieces, piece)].sum()) for piece in range(len(pieces)))
            for pieces, values in zip(number, found, strict=True)
        ]
        scores += np.array(sums)[which]
    if progress is not None:
        progress.advance(len(variants))
    return scores


def windows(pieces: Sequence[Piece], n_windows: int) -> list[tuple[Piece, ...]]:
    """The variant cut into windows of equal size, each with its part of every piece.

    Bounds are counted on the last piece; a gene before its protein is cut at the codons of those amino acids, and what
    follows them (a stop codon) stays in the last window.
    """
    last_modality, last_letters = pieces[-1]
    bounds = [len(last_letters) * i // n_windows for i in range(n_windows)]
    steps = [_CODON if m.is_nucleotide and not last_modality.is_nucleotide else 1 for m, _ in pieces]
    ends: list[int | None] = [*bounds[1:], None]
    return [
        tuple(
            (modality, sequence[step * start : None if end is None else step * end])
            for (modality, sequence), step in zip(pieces, steps, strict=True)
        )
        for start, end in zip(bounds, ends, strict=True)
    ]


def windows_needed(variants: Sequence[Sequence[Piece]], context_tokens: int) -> int:
    """The fewest windows per variant with which every document fits ``context_tokens``."""
    shortest = min(len(sequence) for pieces in variants for _, sequence in pieces)
    for n_windows in range(1, shortest + 1):
        if all(_n_tokens(window) <= context_tokens for pieces in variants for window in windows(pieces, n_windows)):
            return n_windows
    raise InputError(
        f"variants cannot be cut to {context_tokens} tokens", where="zero-shot scoring", value=shortest,
        way_out="Use a network with a longer context, or leave the assay out",
    )  # fmt: skip


def _n_tokens(pieces: Sequence[Piece]) -> int:
    return sum(len(sequence) + 1 for _, sequence in pieces) + 1


def _with_genes(dataset: Dataset) -> list[Item]:
    """Test items of the assays in which every variant comes with its gene; the other assays are named on stderr."""
    items = dataset.part("test")
    lacking = sorted({str(item.assay) for item in items if not item.sequence_b})
    if lacking:
        print(f"{dataset.name}: no gene for all variants of {', '.join(lacking)}: not scored with it", file=sys.stderr)
    return [item for item in items if str(item.assay) not in lacking]
