"""Fine-tuning of a checkpoint on one task (paper section 3; reading 13): the whole network, last token, linear head.

AdamW at constant rates, one for the network and one for the head; after every epoch the task's metric on the
validation part decides which weights are kept (ties: the lower validation loss) and when to stop. The test part is
predicted once, by the best weights. A seed decides the head's first weights, the order of items and, where
``max_train_items`` cuts, which items are trained on. Training runs in bf16 autocast, predictions in fp32.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bsm.base.codehash import code_hash
from bsm.base.config.training import EvaluateSettings, FineTuneSettings
from bsm.base.errors import InputError
from bsm.base.progress import Progress
from bsm.base.randomness import generator, stable_hash64
from bsm.engine.network import Network
from bsm.engine.optimiser import EagerAdamW
from bsm.evaluate.checkpoint import Checkpoint
from bsm.evaluate.common import CheckpointTag, Measured, Measurement
from bsm.evaluate.documents import Documents, documents_of, ordered_batches
from bsm.evaluate.finished import FinishedRuns
from bsm.evaluate.head import Objective, TunedNetwork
from bsm.evaluate.items import Dataset, Item
from bsm.evaluate.outcome import Outcome, quality, tabulate
from bsm.evaluate.parts import training_subset, usable_parts

_BATCHES_SORTED_TOGETHER = 8


@dataclass(frozen=True)
class Encoded:
    """One part of a data set, ready for the network."""

    items: Sequence[Item]
    documents: Documents
    targets: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset, items: Sequence[Item], context_tokens: int) -> Encoded:
        return cls(items, documents_of([item.sequences for item in items], context_tokens), dataset.targets(items))


@dataclass(frozen=True)
class TaskData:
    """A data set split and encoded once, for all seeds."""

    dataset: Dataset
    train: Encoded
    valid: Encoded
    test: Encoded

    @classmethod
    def of(cls, dataset: Dataset, valid_share: float, context_tokens: int) -> TaskData:
        """Usable parts of a data set; says on stderr how many items the context cuts."""
        parts = usable_parts(dataset, valid_share)
        encoded = [Encoded.of(dataset, items, context_tokens) for items in (parts.train, parts.valid, parts.test)]
        if n_cut := sum(part.documents.n_cut for part in encoded):
            n_items = sum(len(part.items) for part in encoded)
            print(f"{dataset.name}: {n_cut:,} of {n_items:,} items cut to {context_tokens} tokens", file=sys.stderr)
        return cls(dataset, *encoded)


def fine_tuned(
    checkpoint: Checkpoint, datasets: Sequence[Dataset], tag: CheckpointTag, settings: EvaluateSettings,
    finished: FinishedRuns,
) -> list[Measured]:  # fmt: skip
    """Fine-tune on every data set with every seed; runs that ``finished`` already holds are not repeated."""
    return [_measure(checkpoint, dataset, tag, settings, finished) for dataset in datasets]


def _measure(
    checkpoint: Checkpoint, dataset: Dataset, tag: CheckpointTag, settings: EvaluateSettings, finished: FinishedRuns
) -> Measured:
    rates = settings.fine_tune
    data = TaskData.of(dataset, settings.valid_share, checkpoint.context_tokens)
    fingerprint = _fingerprint(checkpoint, dataset, settings)
    outcomes: dict[int | None, Outcome] = {}
    for seed in rates.seeds:
        outcome = finished.load(dataset.name, seed, fingerprint)
        if outcome is None:
            outcome = tune(checkpoint.network, data, rates, seed, settings.batch_tokens)
            finished.save(dataset.name, seed, fingerprint, outcome)
        outcomes[seed] = outcome
    shared = Measurement(tag, dataset.task.name, dataset.name, "fine-tuned", dataset.input, seeds=len(rates.seeds))
    return tabulate(shared, dataset, data.test.items, outcomes, settings.bootstrap)


def tune(network: Network, data: TaskData, settings: FineTuneSettings, seed: int, batch_tokens: int) -> Outcome:
    """One fine-tuning of a copy of ``network``; predictions of the test items in order."""
    dataset, train = data.dataset, data.train
    chosen = training_subset(train.items, settings.max_train_items, dataset.name, seed)
    objective = Objective.of(dataset, train.targets[chosen])
    tuned = TunedNetwork(copy.deepcopy(network), objective.n_outputs, seed, dataset.name)
    optimiser = optimiser_of(tuned, settings)
    best, best_epoch, best_weights = (-math.inf, -math.inf), 0, tuned.state_dict()
    with Progress(f"{dataset.name} seed {seed}", settings.max_epochs * len(chosen), "items") as progress:
        for epoch in range(1, settings.max_epochs + 1):
            order = generator("fine-tune order", dataset.name, seed, epoch).permutation(chosen)
            for which in _batches(order, train.documents.lengths, settings.batch_size):
                step(tuned, objective, optimiser, train, which)
                progress.advance(len(which))
            outputs = predict(tuned, data.valid.documents, batch_tokens)
            found = _goodness(dataset, data.valid, objective, outputs)
            if found > best:
                best, best_epoch, best_weights = found, epoch, copy.deepcopy(tuned.state_dict())
            elif epoch - best_epoch >= settings.patience_epochs:
                break
    print(f"{dataset.name} seed {seed}: best epoch {best_epoch}, validation {best[0]:.4f}", file=sys.stderr)
    tuned.load_state_dict(best_weights)
    return objective.outcome(predict(tuned, data.test.documents, batch_tokens))


def optimiser_of(tuned: TunedNetwork, settings: FineTuneSettings) -> torch.optim.Optimizer:
    """AdamW with a rate for the network and one for the head; no weight decay, since the paper states none."""
    groups = [
        {"params": list(tuned.network.parameters()), "lr": settings.learning_rate},
        {"params": list(tuned.head.parameters()), "lr": settings.head_learning_rate},
    ]
    return EagerAdamW(groups, weight_decay=0.0, fused=True)


def step(
    tuned: TunedNetwork, objective: Objective, optimiser: torch.optim.Optimizer, train: Encoded, which: np.ndarray,
    precision: str = "bf16",
) -> float:  # fmt: skip
    """One step on the training items ``which``; returns the loss. InputError where it is not finite."""
    device = tuned.head.weight.device
    tuned.network.use(device, precision)
    ids, layout = train.documents.batch(which, device)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        loss = objective.loss(tuned(ids, layout)[: len(which)], train.targets[which])
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError(
            "the loss of fine-tuning is not finite", where=train.items[which[0]].item_id, value=value,
            way_out="Lower evaluate.fine_tune.learning_rate and head_learning_rate",
        )  # fmt: skip
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return value


@torch.inference_mode()
def predict(tuned: TunedNetwork, documents: Documents, batch_tokens: int) -> Tensor:
    """float32[n_documents, n_outputs] in the order of the documents, computed in fp32."""
    device = tuned.head.weight.device
    tuned.network.use(device, "fp32")
    outputs = torch.empty(len(documents.lengths), tuned.head.out_features, device=device)
    for which in ordered_batches(documents.lengths, batch_tokens):
        outputs[torch.from_numpy(which).to(device)] = tuned(*documents.batch(which, device))[: len(which)]
    return outputs


def _goodness(dataset: Dataset, valid: Encoded, objective: Objective, outputs: Tensor) -> tuple[float, float]:
    """The task's metric on the validation part, then minus the loss: with few items the metric alone ties often."""
    outcome = objective.outcome(outputs)
    return quality(dataset, valid.items, outcome), -float(objective.loss(outputs, valid.targets))


def _batches(order: np.ndarray, lengths: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Batches of a shuffled epoch; items of similar length meet inside stretches of a few batches.

    On a CPU, stacks of one length are faster; the stretches keep the batches of different epochs different.
    """
    stretch = batch_size * _BATCHES_SORTED_TOGETHER
    for start in range(0, len(order), stretch):
        members = order[start : start + stretch]
        members = members[np.argsort(lengths[members], kind="stable")]
        batches = [members[i : i + batch_size] for i in range(0, len(members), batch_size)]
        # In the order in which their first members were drawn, so that short items do not always come first.
        drawn = {int(item): place for place, item in enumerate(order[start : start + stretch])}
        yield from sorted(batches, key=lambda batch: drawn[int(batch[0])])


def _fingerprint(checkpoint: Checkpoint, dataset: Dataset, settings: EvaluateSettings) -> str:
    """Hash of all that decides a run but its seed; the number of seeds does not."""
    read = settings.fine_tune.model_dump_json(exclude={"seeds"}), settings.valid_share
    weights = checkpoint.fingerprint, checkpoint.context_tokens
    return f"{stable_hash64(*weights, *read, dataset, code_hash(__name__)):016x}"
