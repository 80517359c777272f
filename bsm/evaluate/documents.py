"""Items as the network reads them: ``<bos> a <sep> b <eos>``, or ``<bos> a <eos>``.

An item longer than the context keeps the first letters of each input, the inputs sharing the context in proportion to
their lengths (paper reading 4: never silently, ``n_cut`` is reported).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bsm.base.alphabet import BOS, EOS, PAD, SEP, encode
from bsm.engine.attention import Layout

_SHAPE_STEP = 64


@dataclass(frozen=True)
class Documents:
    """Many documents in one flat array."""

    ids: np.ndarray
    """uint8[n_tokens]."""
    ends: np.ndarray
    """int64[n_documents + 1]: 0, then the end of each document."""
    n_cut: int
    """Documents that were longer than the context."""

    @property
    def lengths(self) -> np.ndarray:
        """int64[n_documents], in tokens."""
        return np.diff(self.ends)

    def batch(self, which: np.ndarray, device: torch.device) -> tuple[Tensor, Layout]:
        """(ids int64[n_tokens], layout) of the documents ``which``, in that order, then one of padding: with few sizes
        of batches a CPU builds few kernels, which it keeps (a third of the memory of a fine-tuning)."""
        ends = np.cumsum(self.lengths[which])
        padding = np.full(_SHAPE_STEP - ends[-1] % _SHAPE_STEP, PAD, dtype=np.uint8)
        flat = np.concatenate([*(self.ids[self.ends[i] : self.ends[i + 1]] for i in which), padding])
        layout = Layout.of([*ends, len(flat)], device)
        return torch.from_numpy(flat).to(device, torch.int64), layout


def documents_of(inputs: Sequence[tuple[str, ...]], context_tokens: int) -> Documents:
    """Documents of the inputs, each one or more sequences of internal letters."""
    rows = [_document(sequences, context_tokens) for sequences in inputs]
    n_cut = sum(sum(map(len, sequences)) + len(sequences) + 1 > context_tokens for sequences in inputs)
    return Documents(np.concatenate(rows), np.cumsum([0, *map(len, rows)]), n_cut)


def _document(sequences: tuple[str, ...], context_tokens: int) -> np.ndarray:
    n_letters, room = sum(map(len, sequences)), context_tokens - len(sequences) - 1
    tokens: list[np.ndarray] = []
    for special, sequence in zip((BOS, *[SEP] * (len(sequences) - 1)), sequences, strict=True):
        n_kept = len(sequence) if n_letters <= room else max(1, len(sequence) * room // n_letters)
        tokens += [np.array([special], dtype=np.uint8), encode(sequence[:n_kept])]
    return np.concatenate([*tokens, np.array([EOS], dtype=np.uint8)])


def ordered_batches(lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Documents by length, grouped so that a batch stays within ``batch_tokens`` (a longer one stands alone)."""
    batches: list[list[int]] = []
    n_tokens = batch_tokens + 1
    for index in np.argsort(lengths, kind="stable"):
        n_tokens += int(lengths[index])
        if n_tokens > batch_tokens:
            batches.append([])
            n_tokens = int(lengths[index])
        batches[-1].append(int(index))
    return [np.array(batch) for batch in batches]
