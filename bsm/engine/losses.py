"""Losses by source, modality and what stood before; bits per letter of the held-out sections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from bsm.base.alphabet import MODALITY_CODES, SPECIAL_TOKENS, Modality
from bsm.base.sections import SECTIONS
from bsm.engine.batch import NO_TARGET, Batch
from bsm.engine.network import Network

COLUMNS = ("source", "group", "modality", "given", "n_letters", "nats", "bits_per_letter")
SPECIAL = "special"
_MODALITIES = (SPECIAL, *map(str, MODALITY_CODES))
_GIVEN = tuple("+".join(m for bit, m in enumerate(map(str, MODALITY_CODES)) if mask >> bit & 1) for mask in range(8))


class Cell(NamedTuple):
    """What a loss is counted under."""

    source: str
    group: str
    modality: str
    """dna | rna | protein, or special for targets that are no letters (<sep>, <eos>)."""
    given: str
    """Modalities that stood in the document before the target's own sequence, such as ``dna+rna``; else empty."""

    @property
    def section(self) -> str | None:
        """The section of the objective that the letters count for; None for special tokens."""
        if self.modality == SPECIAL:
            return None
        if self.group != "single":
            return self.group
        return "proteins" if self.modality == Modality.PROTEIN else "nucleotides"


class LossTable:
    """Sums of negative log-likelihood (nats, float64) and of targets by cell."""

    def __init__(self, cells: Mapping[Cell, tuple[int, float]] | None = None) -> None:
        self.cells: dict[Cell, tuple[int, float]] = dict(sorted((cells or {}).items()))

    @classmethod
    def of(cls, losses: np.ndarray | torch.Tensor, batch: Batch) -> LossTable:
        """Sums of one batch from the loss of every token, float[n_tokens] in nats; without target, none counts."""
        return cls({cell: total for _, cell, total in _sums(losses, batch, np.zeros_like(batch.row))})

    def __add__(self, other: LossTable) -> LossTable:
        cells = dict(self.cells)
        for cell, (n, nats) in other.cells.items():
            n_before, before = cells.get(cell, (0, 0.0))
            cells[cell] = (n_before + n, before + nats)
        return LossTable(cells)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LossTable) and self.cells == other.cells

    __hash__ = None  # type: ignore[assignment]

    def letters(self) -> tuple[int, float]:
        """(letters, nats) over all cells but those of special tokens."""
        return _total(v for cell, v in self.cells.items() if cell.modality != SPECIAL)

    def by_section(self) -> dict[str, tuple[int, float]]:
        """(letters, nats) of every section that has letters, in the order of SECTIONS."""
        found = {
            section: _total(v for cell, v in self.cells.items() if cell.section == section) for section in SECTIONS
        }
        return {section: total for section, total in found.items() if total[0]}

    def rows(self) -> list[dict[str, object]]:
        """Rows of a CSV table (COLUMNS), sorted by cell; numbers as text with six decimals."""
        return [
            {
                **cell._asdict(),
                "n_letters": n,
                "nats": f"{nats:.6f}",
                "bits_per_letter": f"{bits_per_letter(n, nats):.6f}",
            }
            for cell, (n, nats) in self.cells.items()
        ]


def row_losses(losses: np.ndarray | torch.Tensor, batch: Batch) -> dict[str, LossTable]:
    """The table of every row of a batch by the row's name (documents of a row are packed together: resample rows)."""
    cells: dict[str, dict[Cell, tuple[int, float]]] = {name: {} for name in batch.row_names}
    for row, cell, (n, nats) in _sums(losses, batch, batch.row):
        n_before, before = cells[batch.row_names[row]].get(cell, (0, 0.0))  # a row may stand twice in a batch
        cells[batch.row_names[row]][cell] = (n_before + n, before + nats)
    return {name: LossTable(found) for name, found in cells.items()}


def bits_per_letter(n_letters: int, nats: float) -> float:
    """Mean loss in bits; NaN without letters."""
    return nats / math.log(2) / n_letters if n_letters else math.nan


def sections(table: LossTable) -> dict[str, float]:
    """Bits per letter of every section that has letters (a section without any is absent)."""
    return {section: bits_per_letter(n, nats) for section, (n, nats) in table.by_section().items()}


@torch.no_grad()
def token_losses(network: Network, batch: Batch, precision: Literal["fp32", "bf16"] = "fp32") -> np.ndarray:
    """float32[n_tokens]: negative log-likelihood of each token's target in nats; 0 where there is no target.

    Runs on the network's device; with bf16, products run in bf16 and the loss itself in fp32.
    """
    device = next(network.parameters()).device
    ids, targets, layout = batch.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        logits = network(ids, layout)
    losses = F.cross_entropy(logits.float(), targets, ignore_index=NO_TARGET, reduction="none")
    return losses[: batch.n_tokens].cpu().numpy()  # type: ignore[no-any-return]


def _sums(
    losses: np.ndarray | torch.Tensor, batch: Batch, part: np.ndarray
) -> Iterator[tuple[int, Cell, tuple[int, float]]]:
    """(part, cell, (targets, nats)) of every cell of every part that has targets."""
    nats = losses.detach().cpu().numpy() if isinstance(losses, torch.Tensor) else losses
    has_target = batch.targets != NO_TARGET
    is_letter = batch.targets >= len(SPECIAL_TOKENS)
    modality = np.where(is_letter, batch.modality, 0)
    given = np.where(is_letter, batch.given, 0)
    n_cells = len(batch.sources) * 32
    key = ((part * n_cells + batch.source * 32) + modality * 8 + given)[has_target].astype(np.int64)
    found, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    totals = np.bincount(inverse, weights=nats[has_target].astype(np.float64), minlength=len(found))
    for code, n, total in zip(found.tolist(), counts.tolist(), totals.tolist(), strict=True):
        row, cell = divmod(code, n_cells)
        name, group = batch.sources[cell // 32]
        yield row, Cell(name, group, _MODALITIES[cell // 8 % 4], _GIVEN[cell % 8]), (n, total)


def _total(values: Iterator[tuple[int, float]]) -> tuple[int, float]:
    found = list(values)
    return sum(n for n, _ in found), math.fsum(nats for _, nats in found)
