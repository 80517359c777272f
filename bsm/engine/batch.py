"""One batch: rows of shards as one flat run of tokens, with what every target is and what stood before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bsm.base.alphabet import MODALITY_CODES, PAD
from bsm.engine.attention import Layout

NO_TARGET = -100
"""Target of the last token of a document; what torch's cross-entropy ignores."""
_SHAPE_STEP = 64
GIVEN_BITS = np.array([0, 1, 2, 4], dtype=np.int8)
"""Bit of each modality code (special, dna, rna, protein) in ``Batch.given``."""


class Row(NamedTuple):
    """One row of a shard without its padding."""

    source: int
    """Index into the batch's sources."""
    name: str
    """Such as ``refseq_pairs:123``."""
    tokens: np.ndarray
    """uint8[n_tokens]."""
    document_ends: np.ndarray
    """int32[n_documents], inside the row; the last one is n_tokens."""
    span_ends: np.ndarray
    """int32[n_spans]: ends of the runs of one modality, inside the row."""
    span_modality: np.ndarray
    """int8[n_spans]: 0 special, 1 dna, 2 rna, 3 protein."""


class Inputs(NamedTuple):
    """A batch on a device, as the network takes it."""

    ids: Tensor
    """int64[n_padded_tokens]."""
    targets: Tensor
    """int64[n_padded_tokens], NO_TARGET where a document ends and on padding."""
    layout: Layout


@dataclass(frozen=True)
class Batch:
    """Rows one after the other, padding removed. A token's target is the next token of its document."""

    ids: np.ndarray
    """int64[n_tokens]."""
    document_ends: np.ndarray
    """int64[n_documents], ascending; the last one is n_tokens."""
    targets: np.ndarray
    """int64[n_tokens]: the next token inside the document; NO_TARGET at each document's last token."""
    modality: np.ndarray
    """int8[n_tokens]: code of the TARGET, 0 special, 1 dna, 2 rna, 3 protein; 0 where there is no target."""
    given: np.ndarray
    """int8[n_tokens]: which modalities stood in the document before the target's own span (1 dna, 2 rna, 4 protein).
    A protein target whose ``given`` has bit 1 is predicted with DNA before it."""
    source: np.ndarray
    """int16[n_tokens]: index into ``sources``."""
    row: np.ndarray
    """int32[n_tokens]: index into ``row_names``."""
    row_names: tuple[str, ...]
    """Such as ``refseq_pairs:123``: source and row number."""
    sources: tuple[tuple[str, str], ...]
    """(name, group) of every source that ``source`` may point to."""

    @property
    def n_tokens(self) -> int:
        return len(self.ids)

    @property
    def n_targets(self) -> int:
        """Tokens that are predicted: all but the last of each document."""
        return len(self.ids) - len(self.document_ends)

    def to(self, device: torch.device | str) -> Inputs:
        """Tokens, targets and layout on a device.

        Padded to a multiple of 64 tokens by one more document of <pad> without a target: a CPU builds kernels for every
        new shape, and keeps them. Losses of the first ``n_tokens`` are those of the batch.
        """
        n_more = -self.n_tokens % _SHAPE_STEP
        ids = torch.from_numpy(np.pad(self.ids, (0, n_more), constant_values=PAD))
        targets = torch.from_numpy(np.pad(self.targets, (0, n_more), constant_values=NO_TARGET))
        ends = [*self.document_ends, self.n_tokens + n_more] if n_more else self.document_ends
        return Inputs(ids.to(device), targets.to(device), Layout.of(ends, device))

    def n_tokens_by_source(self) -> dict[tuple[str, str], int]:
        """Tokens of this batch by (source, modality: special, dna, rna, protein); zeros are left out.

        Counted as a manifest counts: every token that is not padding, each by its own modality.
        """
        own = np.zeros(self.n_tokens, dtype=np.int64)
        own[1:] = self.modality[:-1]  # a document's first token is <bos>, and its predecessor has no target
        counts = np.bincount(self.source * np.int64(4) + own, minlength=4 * len(self.sources))
        names = ["special", *map(str, MODALITY_CODES)]
        return {(self.sources[i // 4][0], names[i % 4]): int(n) for i, n in enumerate(counts) if n}


def batch_of_rows(rows: Sequence[Row], sources: Sequence[tuple[str, str]]) -> Batch:
    """The batch of at least one row; ``sources`` are the (name, group) that ``Row.source`` points to."""
    lengths = np.array([len(r.tokens) for r in rows], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    ids = np.concatenate([r.tokens for r in rows]).astype(np.int64)
    document_ends = _flat([r.document_ends for r in rows], starts)
    span_ends = _flat([r.span_ends for r in rows], starts)
    span_modality = np.concatenate([r.span_modality for r in rows])
    own_modality, own_given = _facts_of_tokens(document_ends, span_ends, span_modality)
    targets, modality, given = np.empty_like(ids), np.empty_like(own_modality), np.empty_like(own_given)
    for of_target, of_token, at_end in (
        (targets, ids, NO_TARGET), (modality, own_modality, 0), (given, own_given, 0),
    ):  # fmt: skip
        of_target[:-1] = of_token[1:]
        of_target[document_ends - 1] = at_end
    row = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
    source = np.array([r.source for r in rows], dtype=np.int16)[row]
    return Batch(ids, document_ends, targets, modality, given, source, row, tuple(r.name for r in rows), tuple(sources))


def _flat(ends: Sequence[np.ndarray], starts: np.ndarray) -> np.ndarray:
    """int64: ends inside rows -> ends inside the batch."""
    shift = np.repeat(starts, [len(e) for e in ends])
    flat: np.ndarray = np.concatenate(ends).astype(np.int64) + shift
    return flat


def _facts_of_tokens(
    document_ends: np.ndarray, span_ends: np.ndarray, span_modality: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(modality, given) of every token, int8 both.

    A run of special tokens may hold the ``<eos>`` of one document and the ``<bos>`` of the next, so runs are first cut
    where documents end.
    """
    ends = np.union1d(span_ends, document_ends)
    modality = span_modality[np.searchsorted(span_ends, ends)]
    document = np.searchsorted(document_ends, ends)
    first = np.searchsorted(document, np.arange(len(document_ends)))  # first run of each document
    given = np.zeros(len(ends), dtype=np.int8)
    for code in (1, 2, 3):
        is_code = modality == code
        n_before = np.cumsum(is_code) - is_code
        given[n_before > n_before[first][document]] |= GIVEN_BITS[code]
    lengths = np.diff(ends, prepend=0)
    return np.repeat(modality, lengths), np.repeat(given, lengths)
