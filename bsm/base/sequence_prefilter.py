"""The fast first step: which documents of an Arrow text column can hold a sequence at all.

A compiled scan looks at every tenth letter and extends only where it and letters beside it belong to a class (the
stride scan of PERFORMANCE-DATA section 5). It lets every document pass in which interleave's ``candidates.ANCHOR``
matches, so what it leaves out cannot hold a sequence in one-letter code. Acquire keeps what passes and notes in the
Parquet file how much it saw; interleave scans what it gets and counts the rest from that note.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit

N_DOCUMENTS_SEEN, N_CHARACTERS_SEEN = "n_documents_seen", "n_characters_seen"
"""Key-value metadata of a Parquet file of which only the documents that pass were kept."""
_NUCLEOTIDE, _CAPITAL, _BLANK, _CODON_LETTER = 1, 2, 4, 8
_RUN, _HALF = 10, 5
_I1, _I2, _I3, _I4, _I5, _I6, _I7 = (np.uintp(i) for i in range(1, 8))
"""Unsigned offsets: numba then needs no branch for negative indices, which costs a third of the rate."""
_CODON_WINDOW, _CODON_STRIDE = 8, 16
"""Six codons take 23 letters: a window of 8 at some multiple of 16 lies inside them."""


def _classes() -> np.ndarray:
    table = np.zeros(256, dtype=np.uint8)
    table[[ord(c) for c in "ACGTUNacgtun"]] |= _NUCLEOTIDE
    table[ord("A") : ord("Z") + 1] |= _CAPITAL
    table[ord(" ")] |= _BLANK
    table[(table & (_NUCLEOTIDE | _BLANK)) != 0] |= _CODON_LETTER
    return table


CLASSES = _classes()
"""uint8[256]: 1 for ACGTUN in either case, 2 for capitals, 4 for the blank, 8 for 1 or 4 (bits)."""


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
        text = data[offsets[i] : offsets[i + 1]]
        found[i] = _has_run(text, classes) or _has_codons(text, classes)
    return found


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _has_run(text: np.ndarray, classes: np.ndarray) -> bool:
    """Whether ten letters of a class stand in a row.

    Every such run covers a position of the stride and the five letters on one side of it. Looking at two of them
    without a branch leaves one position in ten of English, so that the branch is predicted.
    """
    at = _RUN - 1
    while at + _HALF < len(text):
        i = np.uintp(at)
        left = classes[text[i - _I2]] & classes[text[i - _I5]]
        right = classes[text[i + _I2]] & classes[text[i + _I5]]
        if classes[text[i]] & (left | right) & (_NUCLEOTIDE | _CAPITAL) and _extends(text, at, classes):
            return True
        at += _RUN
    while at < len(text):
        if _extends(text, at, classes):
            return True
        at += _RUN
    return False


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _extends(text: np.ndarray, at: int, classes: np.ndarray) -> bool:
    """Whether a position stands in ten letters of one class."""
    for bit in (_NUCLEOTIDE, _CAPITAL):
        left, right = at, at
        while left >= 0 and at - left < _RUN and classes[text[left]] & bit:
            left -= 1
        while right < len(text) and right - left <= _RUN and classes[text[right]] & bit:
            right += 1
        if right - left > _RUN:
            return True
    return False


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _has_codons(text: np.ndarray, classes: np.ndarray) -> bool:
    """Whether some window of eight letters is two codons: blanks four apart, nucleotides everywhere else."""
    at = 0
    while at + _CODON_WINDOW <= len(text):
        i = np.uintp(at)
        first = classes[text[i]] & classes[text[i + _I3]] & classes[text[i + _I5]] & classes[text[i + _I6]]
        if first & _CODON_LETTER:
            rest = classes[text[i + _I1]] & classes[text[i + _I2]] & classes[text[i + _I4]] & classes[text[i + _I7]]
            if rest & _CODON_LETTER:
                blanks = 0
                for k in range(_CODON_WINDOW):
                    blanks |= ((classes[text[at + k]] & _BLANK) >> 2) << k
                if blanks in (0x11, 0x22, 0x44, 0x88):
                    return True
        at += _CODON_STRIDE
    return False
