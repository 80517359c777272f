"""Held-out rows of shards and what is stated of them: one way for networks and for letter models.

Intervals are over rows, because the documents of a row may be neighbours of one record. Predictions are rows too:
``item_id`` names the row, ``value`` is how many letters it has in the section (of perplexity: how many predicted
tokens), ``score`` their summed loss in nats, so that two models can be compared row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bsm.base.alphabet import MODALITY_CODES, Modality
from bsm.base.config.training import BootstrapSettings
from bsm.base.progress import Progress
from bsm.base.sections import SECTIONS
from bsm.engine.batch import Batch
from bsm.engine.loader import Loader, held_out
from bsm.engine.losses import Cell, row_losses
from bsm.engine.sources import read_sources
from bsm.evaluate.bootstrap import estimate, mean_estimate, resampled, summary
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.metrics import METRICS

TASKS = ("validation_loss", "perplexity")
MEAN_OF_SECTIONS = "mean_of_sections"
"""Unweighted, over all sections that have held-out letters; annealing's objective has weights of its own."""
HELD_OUT_PROTEINS = "held_out_proteins"
CONDITIONAL: dict[str, tuple[Modality, str]] = {
    "protein_alone": (Modality.PROTEIN, ""),
    "protein_given_dna": (Modality.PROTEIN, "dna"),
    "protein_given_rna": (Modality.PROTEIN, "rna"),
    "dna_given_protein": (Modality.DNA, "protein"),
}
"""Letters of paired documents (RefSeq and Gene) by what stood before their own sequence: exactly these modalities."""
_PAIRED = ("refseq", "gene")
_SETTING = "language-model"
Totals = dict[str, dict[str, tuple[int, float]]]
"""Section or condition -> name of a row -> (its letters, their summed loss in nats)."""


@dataclass(frozen=True)
class Proteins:
    """Documents of single-modal proteins (uint8 ids) and the name of the row that each stands in."""

    documents: list[np.ndarray]
    rows: list[str]


def held_out_batches(
    manifests: Sequence[Path | str], max_tokens: int, batch_tokens: int, label: str, groups: Sequence[str] | None = None
) -> Iterator[Batch]:
    """Held-out rows of all sources (of ``groups`` only), up to ``max_tokens`` of each."""
    sources = [one for one in read_sources(manifests, "valid") if groups is None or one.group in groups]
    rows = [(i, row) for i, one in enumerate(sources) for row in held_out(one, n_tokens=max_tokens)]
    with Progress(label, len(rows), "rows") as progress:
        for batch in Loader(sources).batches(rows, batch_tokens):
            yield batch
            progress.advance(len(batch.row_names))


def loss_totals(losses: Callable[[Batch], np.ndarray], batches: Iterable[Batch]) -> Totals:
    """Letters and loss of every row; ``losses`` gives float[n_tokens] in nats, 0 without target."""
    totals: Totals = {}
    for batch in batches:
        for row, table in row_losses(losses(batch), batch).items():
            for dataset, total in _by_dataset(table.cells).items():
                totals.setdefault(dataset, {})[row] = total
    return totals


def tabulate_losses(tag: CheckpointTag, totals: Totals, settings: BootstrapSettings) -> Measured:
    """Bits per letter of every section and condition that has letters, and the mean of the sections."""
    measured, of_sections, n_in_sections = Measured([]), [], 0
    for dataset in (name for name in (*SECTIONS, *CONDITIONAL) if name in totals):
        shared = Measurement(tag, "validation_loss", dataset, _SETTING, "")
        n_letters, nats = (np.array(column, dtype=np.float64) for column in zip(*totals[dataset].values(), strict=True))
        values = resampled(METRICS["bits_per_letter"], n_letters, nats, settings, dataset)
        n = int(n_letters.sum())
        measured.results.extend(shared.rows({"bits_per_letter": summary(values, settings)}, n))
        measured.predictions.extend(
            shared.prediction(row, value=float(n), score=total) for row, (n, total) in totals[dataset].items()
        )
        if dataset in SECTIONS:
            of_sections.append(values)
            n_in_sections += n
    if of_sections:
        shared = Measurement(tag, "validation_loss", MEAN_OF_SECTIONS, _SETTING, "")
        found = {"bits_per_letter": mean_estimate(of_sections, settings)}
        measured.results.extend(shared.rows(found, n_in_sections))
    return measured


def held_out_proteins(manifests: Sequence[Path | str], max_tokens: int, batch_tokens: int) -> Proteins:
    """Documents of single-modal proteins on the held-out rows of ``held_out_batches``."""
    found = Proteins([], [])
    for batch in held_out_batches(manifests, max_tokens, batch_tokens, "held-out proteins", ["single"]):
        start = 0
        for end in batch.document_ends.tolist():
            if (batch.modality[start : end - 1] == MODALITY_CODES[Modality.PROTEIN]).any():
                found.documents.append(batch.ids[start:end].astype(np.uint8))
                found.rows.append(batch.row_names[batch.row[start]])
            start = end
    return found


def tabulate_proteins(
    tag: CheckpointTag, proteins: Proteins, values: Sequence[np.ndarray], settings: BootstrapSettings
) -> Measured:
    """Perplexity as the paper prints it, and bits per amino acid; no rows where nothing is held out.

    ``values``: float64[2, n_predicted] of each document, as ``log_likelihoods_among`` gives them for the twenty amino
    acids. perplexity: exp of the mean loss in nats of every predicted token, ``<eos>`` included. bits_per_letter: over
    the twenty amino acids alone, probabilities renormalised over them, so that models with other vocabularies can stand
    beside it (PAPER.md, reading 8).
    """
    measured = Measured([])
    if not proteins.documents:
        return measured
    shared = Measurement(tag, "perplexity", HELD_OUT_PROTEINS, _SETTING, Modality.PROTEIN.value)
    number = {row: index for index, row in enumerate(dict.fromkeys(proteins.rows))}
    which = [number[row] for row in proteins.rows]
    for index, metric in enumerate(("perplexity", "bits_per_letter")):
        counts = [np.count_nonzero(~np.isnan(own[index])) for own in values]
        n_tokens = np.bincount(which, weights=counts)
        nats = np.bincount(which, weights=[-np.nansum(own[index]) for own in values])
        found = estimate(METRICS[metric], n_tokens, nats, settings, HELD_OUT_PROTEINS)
        measured.results.extend(shared.rows({metric: found}, int(n_tokens.sum())))
        if metric == "perplexity":
            measured.predictions.extend(
                shared.prediction(row, value=float(n_tokens[i]), score=float(nats[i])) for row, i in number.items()
            )
    return measured


def _by_dataset(cells: Mapping[Cell, tuple[int, float]]) -> dict[str, tuple[int, float]]:
    """(letters, nats) of one row for every section and condition it holds letters of."""
    totals: dict[str, tuple[int, float]] = {}
    for cell, (n, nats) in cells.items():
        names = [cell.section] if cell.section else []
        if cell.group in _PAIRED:
            names += [name for name, wanted in CONDITIONAL.items() if wanted == (cell.modality, cell.given)]
        for name in names:
            n_before, before = totals.get(name, (0, 0.0))
            totals[name] = (n_before + n, before + nats)
    return totals
