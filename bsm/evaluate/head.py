"""A linear head on the state of the last token (paper reading 13), and what its outputs mean for a task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bsm.base.randomness import generator
from bsm.engine.attention import Layout
from bsm.engine.network import INITIAL_DEVIATION, Network
from bsm.evaluate.items import Dataset
from bsm.evaluate.last_state import last_states
from bsm.evaluate.outcome import Outcome


class TunedNetwork(nn.Module):
    """``forward(ids, layout)`` -> float32[n_documents, n_outputs], from the state at each document's ``<eos>``."""

    def __init__(self, network: Network, n_outputs: int, seed: int, name: str) -> None:
        super().__init__()
        self.network = network
        device = next(network.parameters()).device
        self.head = nn.Linear(network.shape.width, n_outputs, device=device)
        values = generator("head", seed, name).standard_normal((n_outputs, network.shape.width), dtype=np.float32)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(values * np.float32(INITIAL_DEVIATION)))
            self.head.bias.zero_()

    def forward(self, ids: Tensor, layout: Layout) -> Tensor:
        last = last_states(self.network, ids, layout)
        with torch.autocast(last.device.type, enabled=False):
            return self.head(last.float())


@dataclass(frozen=True)
class Objective:
    """Classes under cross-entropy, or one number under the squared error of standardised targets."""

    n_classes: int
    """0 for regression."""
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, dataset: Dataset, train_targets: np.ndarray) -> Objective:
        """Of a task; targets are standardised by the training items alone."""
        if dataset.labels:
            return cls(len(dataset.labels))
        return cls(0, float(train_targets.mean()), float(train_targets.std()) or 1.0)

    @property
    def n_outputs(self) -> int:
        return self.n_classes or 1

    def loss(self, outputs: Tensor, targets: np.ndarray) -> Tensor:
        """Mean over the items; targets as ``Dataset.targets`` gives them."""
        if self.n_classes:
            return F.cross_entropy(outputs, torch.from_numpy(targets).to(outputs.device))
        standard = torch.from_numpy((targets - self.mean) / self.deviation)
        return F.mse_loss(outputs[:, 0], standard.to(outputs.device, torch.float32))

    def outcome(self, outputs: Tensor) -> Outcome:
        """Predicted classes with their probability (binary: that of the second class), or numbers."""
        if not self.n_classes:
            number = outputs[:, 0].double().cpu().numpy() * self.deviation + self.mean
            return Outcome(number, number)
        probability = outputs.double().softmax(1).cpu().numpy()
        prediction = probability.argmax(1)
        score = probability[:, 1] if self.n_classes == 2 else probability.max(1)
        return Outcome(prediction, score)
