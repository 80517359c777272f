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
from bsm.base.config.training import EvaluateSettings
from bsm.base.errors import InputError
from bsm.base.progress import Progress
from bsm.engine.network import Network
from bsm.engine.prefix import shared_log_likelihoods
from bsm.engine.scorer import Piece, document, letters
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.fitness import assays, means_of, tabulate_fitness, with_genes
from bsm.evaluate.items import Dataset, Item

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
GENE_INPUTS = ("gene", "gene+protein")


def measure(
    network: Network, dataset: Dataset, settings: EvaluateSettings, tag: CheckpointTag, context_tokens: int
) -> list[Measured]:
    """One Measured per input: Spearman by assay and their mean, and the score of every variant.

    ``context_tokens``: the length the network was trained on. Inputs with a gene leave out assays that give none for a
    variant, with a warning; the other input then has a second mean, over the assays that are left.
    """
    test = dataset.part("test")
    every, with_gene = list(assays(test)), with_genes(test)
    found = []
    for name, read in INPUTS[dataset.task.name].items():
        needs_gene = name in GENE_INPUTS
        chosen = with_gene if needs_gene else every
        if lacking := sorted(set(every) - set(chosen)):
            print(f"{dataset.name}, {name}: no gene for all variants of {', '.join(lacking)}", file=sys.stderr)
        items = [item for item in test if str(item.assay) in chosen]
        if not items:
            continue
        scores = np.empty(len(items))
        with Progress(f"{dataset.name}, {name}", len(items), "variants") as progress:
            for rows in assays(items).values():
                pieces = [read(items[row]) for row in rows]
                scores[rows] = variant_scores(network, pieces, context_tokens, settings.batch_tokens, progress)
        shared = Measurement(tag, dataset.task.name, dataset.name, "zero-shot", name)
        means = {name: chosen} if needs_gene else means_of(name, every, with_gene)
        found.append(tabulate_fitness(shared, items, scores, settings.bootstrap, means))
    return found


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
