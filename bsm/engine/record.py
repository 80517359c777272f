"""What a training run has done so far: counts, the rows of its curves, and the sums behind the next row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bsm.base.sections import SECTIONS
from bsm.engine.batch import Batch
from bsm.engine.losses import SPECIAL, Cell, LossTable, sections

METRIC_COLUMNS = (
    "step", "n_tokens", "learning_rate", "loss", "gradient_norm", *(f"bits_{section}" for section in SECTIONS),
)  # fmt: skip
"""Columns of metrics.csv. ``n_tokens`` and ``step`` are those of this round so far. ``loss``: mean nats per target, and
``bits_*``: bits per letter of each section, over the steps since the row before; ``gradient_norm``: of the row's step,
before clipping."""
VALIDATION_COLUMNS = ("step", "n_tokens", "source", "group", "modality", "given", "n_letters", "bits_per_letter")


@dataclass
class Record:
    """Progress of one run. It goes through a checkpoint unchanged, so that curves do not know of interruptions."""

    step: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Wall time of the steps done, validation and saving included; of killed processes up to their last checkpoint."""
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Tokens trained on by (source, modality: special, dna, rna, protein)."""
    window: LossTable = field(default_factory=LossTable)
    """Losses since the last row of ``metrics``."""
    metrics: list[dict[str, str]] = field(default_factory=list)
    validation: list[dict[str, str]] = field(default_factory=list)

    @property
    def n_tokens(self) -> int:
        return self.tokens.total()

    def add_step(self, batches: list[Batch], losses: LossTable) -> None:
        for batch in batches:
            self.tokens.update(batch.n_tokens_by_source())
        self.window += losses
        self.step += 1

    def close_window(self, learning_rate: float, gradient_norm: float) -> None:
        """Write the metric row of the steps since the last one."""
        n_targets = sum(n for n, _ in self.window.cells.values())
        nats = sum(total for _, total in self.window.cells.values())
        bits = sections(self.window)
        self.metrics.append({
            "step": str(self.step),
            "n_tokens": str(self.n_tokens),
            "learning_rate": f"{learning_rate:.6e}",
            "loss": f"{nats / n_targets:.6f}",
            "gradient_norm": f"{gradient_norm:.6f}",
            **{f"bits_{name}": f"{bits[name]:.6f}" if name in bits else "" for name in SECTIONS},
        })  # fmt: skip
        self.window = LossTable()

    def add_validation(self, losses: LossTable) -> None:
        """Write the rows of one held-out measurement; letters only."""
        here = {"step": str(self.step), "n_tokens": str(self.n_tokens)}
        for row in losses.rows():
            if row["modality"] != SPECIAL:
                values = here | {key: str(value) for key, value in row.items()}
                self.validation.append({key: values[key] for key in VALIDATION_COLUMNS})

    def tokens_by_source(self) -> dict[str, dict[str, int]]:
        """``tokens`` as nested mappings, sorted."""
        nested: dict[str, dict[str, int]] = {}
        for (source, modality), n in sorted(self.tokens.items()):
            nested.setdefault(source, {})[modality] = n
        return nested

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds": self.seconds,
            "tokens": self.tokens_by_source(),
            "window": [[*cell, n, nats] for cell, (n, nats) in self.window.cells.items()],
            "metrics": self.metrics,
            "validation": self.validation,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Record:
        tokens = Counter({(source, m): n for source, counts in value["tokens"].items() for m, n in counts.items()})
        window = LossTable({Cell(*row[:4]): (row[4], row[5]) for row in value["window"]})
        return cls(value["step"], value["seconds"], tokens, window, value["metrics"], value["validation"])
