"""The fast first step: which documents of an Arrow text column can hold a sequence at all.

A compiled scan looks at every tenth letter and extends only where it belongs to a class (the stride scan
of PERFORMANCE-DATA section 5). It lets every document pass in which interleave's ``candidates.ANCHOR`` matches, so
what it leaves out cannot hold a sequence in one-letter code. Acquire keeps what passes and notes in the Parquet file
how much it saw; interleave scans what it gets and counts the rest from that note.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit

N_DOCUMENTS_SEEN, N_CHARACTERS_SEEN = "n_documents_seen", "n_characters_seen"
"""Key-value metadata of a Parquet file of which only the documents that pass were kept."""
_NUCLEOTIDE, _CAPITAL, _BLANK = 1, 2, 4
_RUN = 10
_CODON_WINDOW, _CODON_STRIDE = 8, 16
"""Six codons take 23 letters: a window of 8 at some multiple of 16 lies inside them."""


def _classes() -> np.ndarray:
    table = np.zeros(256, dtype=np.uint8)
    table[[ord(c) for c in "ACGTUNacgtun"]] |= _NUCLEOTIDE
    table[ord("A") : ord("Z") + 1] |= _CAPITAL
    table[ord(" ")] |= _BLANK
    return table


CLASSES = _classes()
"""uint8[256]: 1 for ACGTUN in either case, 2 for capitals, 4 for the blank (bits)."""


def may_hold_sequences(texts: pa.Array) -> np.ndarray:
    """bool[n]: whether each document (string or large_string) can hold a sequence. Nulls cannot."""
    if not len(texts):
        return np.zeros(0, dtype=bool)
    wide = pa.types.is_large_string(texts.type)
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int64 if wide else np.int32)[texts.offset :][: len(texts) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer else np.zeros(0, dtype=np.uint8)
    found = scan(data, offsets.astype(np.int64), CLASSES)
    return found & ~texts.is_null().to_numpy(zero_copy_only=False) if texts.null_count else found


@njit(cache=True, nogil=True)  # type: ignore[misc]
def scan(data: np.ndarray, offsets: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """bool[n_documents] for documents data[offsets[i]:offsets[i + 1]] (uint8, int64, uint8[256])."""
    found = np.zeros(len(offsets) - 1, dtype=np.bool_)
    for i in range(len(found)):
        start, end = offsets[i], offsets[i + 1]
        found[i] = (
            _has_run(data, start, end, classes, _CAPITAL)
            or _has_run(data, start, end, classes, _NUCLEOTIDE)
            or _has_codons(data, start, end, classes)
        )
    return found


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _has_run(data: np.ndarray, start: int, end: int, classes: np.ndarray, bit: int) -> bool:
    """Whether ten letters of a class stand in a row: every such run covers a position of the stride."""
    at = start + _RUN - 1
    while at < end:
        if classes[data[at]] & bit:
            left = at
            while left > start and at - left < _RUN and classes[data[left - 1]] & bit:
                left -= 1
            right = at + 1
            while right < end and right - left < _RUN and classes[data[right]] & bit:
                right += 1
            if right - left >= _RUN:
                return True
            at = right + _RUN
        else:
            at += _RUN
    return False


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _has_codons(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> bool:
    """Whether some window of eight letters is two codons: blanks four apart, nucleotides everywhere else."""
    at = start
    while at + _CODON_WINDOW <= end:
        n_nucleotides, blanks = 0, 0
        for k in range(_CODON_WINDOW):
            letter = classes[data[at + k]]
            n_nucleotides += letter & _NUCLEOTIDE
            blanks |= (letter >> 2) << k
        if n_nucleotides == _CODON_WINDOW - 2 and blanks in (0x11, 0x22, 0x44, 0x88):
            return True
        at += _CODON_STRIDE
    return False
