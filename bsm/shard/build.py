"""One clean corpus to shards, manifest and counts, in bounded memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bsm.base.config.data import ShardSettings
from bsm.base.counts import write_counts
from bsm.base.errors import ConfigError
from bsm.base.files import write_json
from bsm.base.progress import Progress
from bsm.base.randomness import generator
from bsm.shard.batches import SPLITS, Batch, read_batches
from bsm.shard.pack import pack_rows
from bsm.shard.pairs import gene_samples
from bsm.shard.samples import Samples, joined_samples, number_windows, select
from bsm.shard.tally import PartCounts, SplitTotals
from bsm.shard.tokens import Documents, join_documents, n_share, tokenise
from bsm.shard.unpaired import unpair
from bsm.shard.writer import Shard, ShardWriter, combined_hash, replaced_folder

BUFFER_TOKENS = 32 << 20
"""Documents are packed and their rows shuffled within buffers of about this many tokens."""
GENE_GROUPS = ("refseq", "gene")
"""Data groups whose records are genes: DNA, RNA and protein of one gene."""


class _Split:
    """The documents of one split on their way through the buffer to the shards."""

    def __init__(self, name: str, source: str, folder: Path, settings: ShardSettings) -> None:
        self._names = ("shard", settings.seed, source, name)
        self._context = settings.context_tokens
        self._writer = ShardWriter(folder, name, settings.rows_per_shard, settings.context_tokens)
        self._waiting: list[Documents] = []
        self._kin: list[np.ndarray] = []
        self._n_waiting = self._n_buffers = 0
        self.n_alone = 0
        self.totals = SplitTotals()

    def add(self, batch: Batch, samples: Samples) -> None:
        if not samples.n_samples:
            return
        documents = tokenise(batch, samples)
        self.totals.samples(samples)
        self._waiting.append(documents)
        if batch.kin is not None:
            self._kin.append(batch.kin[samples.record])
        self._n_waiting += len(documents.tokens)
        if self._n_waiting >= BUFFER_TOKENS:
            self._flush()

    def finish(self) -> list[Shard]:
        if self._waiting:
            self._flush()
        return self._writer.finish()

    def _flush(self) -> None:
        documents = join_documents(self._waiting)
        if self._kin:
            documents = self._unpaired(documents)
        self._waiting, self._kin, self._n_waiting = [], [], 0
        rows = pack_rows(documents, self._context, generator(*self._names, self._n_buffers))
        self._n_buffers += 1
        self.totals.rows(rows)
        self._writer.add(rows)

    def _unpaired(self, documents: Documents) -> Documents:
        rng = generator("unpaired", *self._names, self._n_buffers)
        exchanged, n_alone = unpair(documents, np.concatenate(self._kin), self._context, rng)
        self.totals.n_documents += n_alone
        self.n_alone += n_alone
        return exchanged


def build_shards(
    corpus: Path, source: str, group: str, settings: ShardSettings, out: Path, manifest: Path, counts: Path,
    unpaired: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write the shards of a clean corpus (CLEAN) to ``out``, its manifest and its counts; returns the manifest.

    group: single, web (rows of a record joined in order) or refseq, gene (DNA, RNA and protein of one gene).
    unpaired: the control whose documents hold pieces of different genes (unpaired.py); of refseq and gene only.
    """
    if unpaired and group not in GENE_GROUPS:
        raise ConfigError("only pieces of genes can be unpaired", where=source, value=group,
                          way_out=f"--unpaired is for sources of the groups {' and '.join(GENE_GROUPS)}")  # fmt: skip
    tally = PartCounts(source)
    with replaced_folder(out) as folder, Progress(f"shard {source}") as progress:
        splits = [_Split(name, source, folder, settings) for name in SPLITS]
        for batch in read_batches(corpus, with_kin=unpaired):
            samples = _samples(batch, group, settings, tally)
            accepted = n_share(batch, samples) <= settings.max_n_share
            tally.samples(batch, samples, accepted)
            for code, split in enumerate(splits):
                split.add(batch, select(samples, accepted & (batch.split[samples.record] == code)))
            progress.advance(batch.n_records)
        shards = [shard for split in splits for shard in split.finish()]
    value = _manifest(source, group, settings, {n: s.totals for n, s in zip(SPLITS, splits, strict=True)}, shards)
    if unpaired:
        value |= {"unpaired": True, "n_pieces_left_alone": sum(split.n_alone for split in splits)}
    write_counts(counts, tally.rows())
    write_json(manifest, value)
    return value


def _samples(batch: Batch, group: str, settings: ShardSettings, tally: PartCounts) -> Samples:
    if group in GENE_GROUPS:
        return gene_samples(batch, settings, partial(tally.left_out, batch))
    lengths = batch.row_length
    if group == "web":
        return joined_samples(lengths, batch.first_row, settings.context_tokens, chop=settings.window == "whole")
    # A single-modal record has one row; several are what cleaning left around a hole, and not one text.
    by_row = joined_samples(lengths, np.arange(len(lengths) + 1), settings.context_tokens, chop=False)
    record = np.searchsorted(batch.first_row, by_row.record, side="right") - 1
    return Samples(by_row.offsets, by_row.row, by_row.start, by_row.length, record, number_windows(record))


def _manifest(
    source: str, group: str, settings: ShardSettings, totals: dict[str, SplitTotals], shards: list[Shard]
) -> dict[str, Any]:
    context = settings.context_tokens
    return {
        "source": source,
        "group": group,
        "context_tokens": context,
        "window": settings.window,
        "seed": settings.seed,
        "splits": {name: total.as_dict(context) for name, total in totals.items()},
        "shards": [vars(shard) for shard in shards],
        "content_sha256": combined_hash(shards, context),
    }
