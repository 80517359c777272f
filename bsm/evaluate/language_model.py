"""Losses of a network on held-out data: bits per letter by section, with and without partners; perplexity of proteins.

Paper section 2.3, and PAPER.md's reading of "validation loss".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS, encode
from bsm.base.config.training import EvaluateSettings
from bsm.base.progress import Progress
from bsm.engine.batch import Batch
from bsm.engine.losses import token_losses
from bsm.engine.network import Network
from bsm.engine.scorer import inference, log_likelihoods_among
from bsm.evaluate.common import CheckpointTag, Measured
from bsm.evaluate.held_out import (
    TASKS,
    held_out_batches,
    held_out_proteins,
    loss_totals,
    tabulate_losses,
    tabulate_proteins,
)


def measure(
    network: Network, manifests: Sequence[Path | str], settings: EvaluateSettings, tag: CheckpointTag,
    tasks: Sequence[str] = TASKS,
) -> list[Measured]:  # fmt: skip
    """The asked ones of TASKS on the held-out rows of all sources, up to ``settings.max_valid_tokens`` of each."""
    found, limits = [], (settings.max_valid_tokens, settings.batch_tokens)
    if "validation_loss" in tasks:

        def losses(batch: Batch) -> np.ndarray:
            with inference(network):
                return token_losses(network, batch)

        totals = loss_totals(losses, held_out_batches(manifests, *limits, "held-out loss"))
        found.append(tabulate_losses(tag, totals, settings.bootstrap))
    if "perplexity" in tasks:
        proteins = held_out_proteins(manifests, *limits)
        with Progress("perplexity", len(proteins.documents), "proteins") as progress:
            values = log_likelihoods_among(
                network, proteins.documents, settings.batch_tokens, encode(AMINO_ACIDS), progress
            )
        found.append(tabulate_proteins(tag, proteins, values, settings.bootstrap))
    return found
