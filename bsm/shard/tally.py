"""Numbers of one shard run: counts per part and reason, and what the manifest states per split."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bsm.base.alphabet import MODALITY_CODES
from bsm.base.counts import Counts
from bsm.shard.batches import Batch
from bsm.shard.samples import WHOLE, Samples

TOO_MANY_N = "share of n above max_n_share"
WHOLE_RECORDS, WINDOWS = "whole", "window"


class PartCounts:
    """Counts of every part of the source. Records are samples where kept or above max_n_share, else pieces;
    letters add up: kept plus dropped are the letters of the corpus."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._by_part: dict[str, Counts] = {}

    def of(self, part: str) -> Counts:
        return self._by_part.setdefault(part, Counts("shard", self._source, part))

    def left_out(self, batch: Batch, record: int, reason: str, n_pieces: int, n_letters: int) -> None:
        self.of(batch.parts[batch.part[record]]).drop(reason, n_letters, n_pieces)

    def samples(self, batch: Batch, samples: Samples, accepted: np.ndarray) -> None:
        """Count each sample as whole, window or dropped."""
        letters, part = samples.n_letters(), batch.part[samples.record]
        is_window = samples.window != WHOLE
        for code, name in enumerate(batch.parts):
            counts, mine = self.of(name), part == code
            for reason, chosen in ((WHOLE_RECORDS, ~is_window), (WINDOWS, is_window)):
                kept = mine & accepted & chosen
                if kept.any():
                    counts.keep(int(letters[kept].sum()), int(kept.sum()), reason)
            dropped = mine & ~accepted
            if dropped.any():
                counts.drop(TOO_MANY_N, int(letters[dropped].sum()), int(dropped.sum()))
            n_cut = len(np.unique(samples.record[mine & is_window]))
            if n_cut:
                counts.change("cut into windows", 0, n_cut)

    def rows(self) -> list[dict[str, object]]:
        return [row for part in sorted(self._by_part) for row in self._by_part[part].rows()]


class SplitTotals:
    """What the manifest states about one split."""

    def __init__(self) -> None:
        self.n_rows = self.n_documents = self.n_cut_documents = self.n_tokens = 0
        self._by_modality = np.zeros(4, dtype=np.int64)

    def samples(self, samples: Samples) -> None:
        self.n_documents += samples.n_samples
        self.n_cut_documents += int((samples.window != WHOLE).sum())

    def rows(self, rows: pa.Table) -> None:
        ends, modality = rows["span_ends"].combine_chunks(), rows["span_modality"].combine_chunks()
        values = ends.flatten().to_numpy().astype(np.int64)
        lengths = np.diff(values, prepend=0)
        first = ends.offsets.to_numpy()[:-1]
        lengths[first] = values[first]
        self._by_modality += np.bincount(modality.flatten().to_numpy(), weights=lengths, minlength=4).astype(np.int64)
        self.n_rows += rows.num_rows
        self.n_tokens += int(np.sum(rows["n_tokens"].to_numpy(), dtype=np.int64))

    def as_dict(self, context_tokens: int) -> dict[str, object]:
        """The split's entry of the manifest. Shares are 0 for a split without rows."""
        names = ["special", *map(str, MODALITY_CODES)]
        n_positions = self.n_rows * context_tokens
        return {
            "n_rows": self.n_rows,
            "n_documents": self.n_documents,
            "n_cut_documents": self.n_cut_documents,
            "n_tokens": self.n_tokens,
            "n_tokens_by_modality": dict(zip(names, self._by_modality.tolist(), strict=True)),
            "cut_share": _share(self.n_cut_documents, self.n_documents),
            "padding_share": _share(n_positions - self.n_tokens, n_positions),
        }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
