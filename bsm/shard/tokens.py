"""Letters to token ids: the documents of a batch, laid end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from bsm.base.alphabet import (
    AMINO_ACIDS,
    BOS,
    ENCODE,
    EOS,
    MODALITY_CODES,
    NUCLEOTIDES,
    RARE_AMINO_ACIDS,
    SEP,
    UNK,
    Modality,
)  # fmt: skip
from bsm.base.errors import InputError
from bsm.shard.batches import Batch
from bsm.shard.samples import WHOLE, Samples

SPECIAL = 0  # modality code of special tokens in spans


def _encoding_by_modality() -> np.ndarray:
    """uint8[4, 256]: ENCODE with the letters that do not belong to the modality read as UNK."""
    tables = np.full((4, 256), UNK, dtype=np.uint8)
    for modality, code in MODALITY_CODES.items():
        letters = AMINO_ACIDS + RARE_AMINO_ACIDS if modality is Modality.PROTEIN else NUCLEOTIDES
        for letter in letters.encode():
            tables[code, letter] = ENCODE[letter]
    return tables


ENCODE_MODALITY = _encoding_by_modality()


@dataclass(frozen=True)
class Documents:
    """Tokenised documents: document i is ``tokens[offsets[i]:offsets[i + 1]]``.

    Its runs of one modality, ``span_offsets[i]`` to ``span_offsets[i + 1]``, end at ``span_ends`` (inside the
    document) and have ``span_modality`` (0 special, 1 dna, 2 rna, 3 protein).
    """

    tokens: np.ndarray  # uint8
    offsets: np.ndarray  # int64[n + 1]
    span_offsets: np.ndarray  # int64[n + 1]
    span_ends: np.ndarray  # int32
    span_modality: np.ndarray  # int8
    ids: pa.StringArray  # "record_id" or "record_id@window"

    @property
    def n_documents(self) -> int:
        return len(self.ids)

    def lengths(self) -> np.ndarray:
        """int64[n]: tokens of each document."""
        return np.diff(self.offsets)


def n_share(batch: Batch, samples: Samples) -> np.ndarray:
    """float64[n_samples]: share of n among the nucleotides of each sample, 0 where it has none."""
    return _n_share(
        batch.letters, batch.row_start, batch.modality, samples.offsets, samples.row, samples.start, samples.length
    )


def tokenise(batch: Batch, samples: Samples) -> Documents:
    """The documents of the samples. Raises InputError for a letter that is foreign to its piece's modality."""
    n_pieces = np.diff(samples.offsets)
    offsets = np.concatenate([[0], np.cumsum(samples.n_tokens())])
    span_offsets = np.concatenate([[0], np.cumsum(2 * n_pieces + 1)])
    tokens = np.empty(offsets[-1], dtype=np.uint8)
    span_ends = np.empty(span_offsets[-1], dtype=np.int32)
    span_modality = np.empty(span_offsets[-1], dtype=np.int8)
    bad_row = _tokenise(
        ENCODE_MODALITY, batch.letters, batch.row_start, batch.modality,
        samples.offsets, samples.row, samples.start, samples.length,
        offsets, tokens, span_offsets, span_ends, span_modality,
    )  # fmt: skip
    if bad_row >= 0:
        record = int(np.searchsorted(batch.first_row, bad_row, side="right")) - 1
        raise InputError(
            "letters that do not belong to the modality", where=batch.record_ids[record].as_py(),
            value=batch.sequence(int(bad_row))[:60], way_out="Run bsm clean again on internal letters",
        )  # fmt: skip
    return Documents(tokens, offsets, span_offsets, span_ends, span_modality, _document_ids(batch, samples))


def join_documents(parts: Sequence[Documents]) -> Documents:
    """Documents of several batches as one."""
    return Documents(
        np.concatenate([p.tokens for p in parts]),
        np.concatenate([[0], np.cumsum(np.concatenate([p.lengths() for p in parts]))]),
        np.concatenate([[0], np.cumsum(np.concatenate([np.diff(p.span_offsets) for p in parts]))]),
        np.concatenate([p.span_ends for p in parts]),
        np.concatenate([p.span_modality for p in parts]),
        pa.concat_arrays([p.ids for p in parts]),
    )


def _document_ids(batch: Batch, samples: Samples) -> pa.StringArray:
    records = batch.record_ids.take(pa.array(samples.record))
    numbered = pc.binary_join_element_wise(records, pa.array(samples.window).cast(pa.string()), "@")
    return pc.if_else(pa.array(samples.window == WHOLE), records, numbered)


@njit(cache=True, nogil=True)
def _n_share(letters, row_start, modality, offsets, row, start, length):  # type: ignore[no-untyped-def]
    shares = np.zeros(len(offsets) - 1, dtype=np.float64)
    for sample in range(len(shares)):
        n_unknown = n_nucleotides = 0
        for piece in range(offsets[sample], offsets[sample + 1]):
            if modality[row[piece]] == 3:
                continue
            first = row_start[row[piece]] + start[piece]
            for position in range(first, first + length[piece]):
                n_unknown += letters[position] == 110  # ord("n")
            n_nucleotides += length[piece]
        if n_nucleotides:
            shares[sample] = n_unknown / n_nucleotides
    return shares


@njit(cache=True, nogil=True)
def _tokenise(  # type: ignore[no-untyped-def]
    table, letters, row_start, modality, offsets, row, start, length,
    document_offsets, tokens, span_offsets, span_ends, span_modality,
):  # fmt: skip
    """Fill the documents; returns the first row with a foreign letter, or -1."""
    for sample in range(len(offsets) - 1):
        first = out = document_offsets[sample]
        span = span_offsets[sample]
        for piece in range(offsets[sample], offsets[sample + 1]):
            tokens[out] = BOS if piece == offsets[sample] else SEP
            out += 1
            span_ends[span], span_modality[span] = out - first, SPECIAL
            code = modality[row[piece]]
            encode = table[code]
            source = row_start[row[piece]] + start[piece]
            # Slices spare numba the check for negative indices: twice as fast.
            letters_in, tokens_out = letters[source : source + length[piece]], tokens[out : out + length[piece]]
            is_foreign = False
            for position in range(len(letters_in)):
                token = encode[letters_in[position]]
                tokens_out[position] = token
                is_foreign |= token == UNK
            if is_foreign:
                return row[piece]
            out += length[piece]
            span_ends[span + 1], span_modality[span + 1] = out - first, code
            span += 2
        tokens[out] = EOS
        span_ends[span], span_modality[span] = out + 1 - first, SPECIAL
    return -1
