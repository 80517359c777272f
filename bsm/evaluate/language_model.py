"""Losses on held-out data: bits per letter by section, with and without partners, and perplexity of proteins.

Intervals are over rows of the shards, because the documents of a row may be neighbours of one record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS, MODALITY_CODES, Modality, encode
from bsm.base.config.training import EvaluateSettings
from bsm.base.progress import Progress
from bsm.base.sections import SECTIONS
from bsm.engine.batch import Batch
from bsm.engine.loader import Loader, held_out
from bsm.engine.losses import Cell, row_losses, token_losses
from bsm.engine.network import Network
from bsm.engine.scorer import inference, log_likelihoods
from bsm.engine.sources import read_sources
from bsm.evaluate.bootstrap import estimate, mean_estimate, resampled, summary
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.metrics import METRICS

TASKS = ("validation_loss", "perplexity")
OBJECTIVE = "objective"
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


def measure(
    network: Network, manifests: Sequence[Path | str], settings: EvaluateSettings, tag: CheckpointTag,
    tasks: Sequence[str] = TASKS,
) -> list[Measured]:  # fmt: skip
    """The asked ones of TASKS on the held-out rows of all sources, up to ``settings.max_valid_tokens`` of each."""
    found = []
    if "validation_loss" in tasks:
        found.append(validation_loss(network, manifests, settings, tag))
    if "perplexity" in tasks:
        found.append(protein_perplexity(network, manifests, settings, tag))
    return found


def validation_loss(
    network: Network, manifests: Sequence[Path | str], settings: EvaluateSettings, tag: CheckpointTag
) -> Measured:
    """Bits per letter of every section and condition that has held-out letters, and the unweighted mean of the
    sections as ``objective`` (paper section 2.3; PAPER.md's reading of "validation loss")."""
    totals: dict[str, list[tuple[int, float]]] = {}
    for batch in _held_out_batches(manifests, settings, "held-out loss"):
        with inference(network):
            losses = token_losses(network, batch)
        for table in row_losses(losses, batch).values():
            for dataset, total in _by_dataset(table.cells).items():
                totals.setdefault(dataset, []).append(total)
    measurement = Measurement(tag, "validation_loss", OBJECTIVE, _SETTING, "")
    measured, drawn, n_in_sections = Measured([]), [], 0
    for dataset in (name for name in (*SECTIONS, *CONDITIONAL) if name in totals):
        n_letters, nats = (np.array(column, dtype=np.float64) for column in zip(*totals[dataset], strict=True))
        values = resampled(METRICS["bits_per_letter"], n_letters, nats, settings.bootstrap, dataset)
        found = {"bits_per_letter": summary(values, settings.bootstrap)}
        measured.results.extend(measurement.rows(found, int(n_letters.sum()), dataset))
        if dataset in SECTIONS:
            drawn.append(values)
            n_in_sections += int(n_letters.sum())
    if drawn:
        found = {"bits_per_letter": mean_estimate(drawn, settings.bootstrap)}
        measured.results.extend(measurement.rows(found, n_in_sections))
    return measured


def protein_perplexity(
    network: Network, manifests: Sequence[Path | str], settings: EvaluateSettings, tag: CheckpointTag
) -> Measured:
    """Perplexity of held-out single-modal proteins, as the paper prints it, and bits per amino acid.

    perplexity: exp of the mean loss in nats of every predicted token, ``<eos>`` included. bits_per_letter: over the
    twenty amino acids alone, probabilities renormalised over them, so that models with other vocabularies can stand
    beside it (PAPER.md, reading 8). No rows where nothing is held out.
    """
    documents, rows = _protein_documents(manifests, settings)
    if not documents:
        return Measured([])
    measurement = Measurement(tag, "perplexity", HELD_OUT_PROTEINS, _SETTING, Modality.PROTEIN.value)
    measured = Measured([])
    for metric, among in (("perplexity", None), ("bits_per_letter", encode(AMINO_ACIDS))):
        with Progress(metric, len(documents), "proteins") as progress:
            values = log_likelihoods(network, documents, settings.batch_tokens, progress, among)
        n_letters, nats = np.zeros(rows[-1] + 1), np.zeros(rows[-1] + 1)
        np.add.at(n_letters, rows, [np.count_nonzero(~np.isnan(own)) for own in values])
        np.add.at(nats, rows, [-np.nansum(own) for own in values])
        found = estimate(METRICS[metric], n_letters, nats, settings.bootstrap, HELD_OUT_PROTEINS)
        measured.results.extend(measurement.rows({metric: found}, int(n_letters.sum())))
    return measured


def _held_out_batches(manifests: Sequence[Path | str], settings: EvaluateSettings, label: str) -> Iterator[Batch]:
    sources = read_sources(manifests, "valid")
    rows = [(i, row) for i, one in enumerate(sources) for row in held_out(one, n_tokens=settings.max_valid_tokens)]
    with Progress(label, len(rows), "rows") as progress:
        for batch in Loader(sources).batches(rows, settings.batch_tokens):
            yield batch
            progress.advance(len(batch.row_names))


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


def _protein_documents(
    manifests: Sequence[Path | str], settings: EvaluateSettings
) -> tuple[list[np.ndarray], np.ndarray]:
    """(documents of single-modal proteins, int64: row that each stands in, numbered from 0)."""
    documents, rows = [], []
    n_rows = 0
    for batch in _held_out_batches(manifests, settings, "held-out proteins"):
        start = 0
        for end in batch.document_ends.tolist():
            is_protein = (batch.modality[start : end - 1] == MODALITY_CODES[Modality.PROTEIN]).any()
            if is_protein and batch.sources[batch.source[start]][1] == "single":
                documents.append(batch.ids[start:end].astype(np.uint8))
                rows.append(n_rows + int(batch.row[start]))
            start = end
        n_rows += len(batch.row_names)
    return documents, np.unique(np.array(rows, dtype=np.int64), return_inverse=True)[1]
