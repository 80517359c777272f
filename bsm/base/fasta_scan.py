"""FASTA at the speed of decompression: one compiled pass from file blocks to letters and record positions.

For callers that want letters, not records: whole chromosomes, or millions of proteins. State is carried from block to
block, never bytes of a sequence, so long records cost nothing. Anything unusual (blanks, comments, lone CRs,
bytes that are no letters) is left to ``bsm.base.fasta``, which reads every case and names file and line.
"""

from __future__ import annotations

import contextlib
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numba import njit

from bsm.base.alphabet import normalise_nucleotides
from bsm.base.errors import InputError
from bsm.base.files import reading

_BLOCK_BYTES = 1 << 20
_SKIP, _UNUSUAL, _AMBIGUOUS = 0, 1, 128
"""Values of a letter table: left out; stops the scan; _AMBIGUOUS + letter is counted and written as the letter."""


class FastaBlock(NamedTuple):
    """Letters of one block of the file; the array is reused for the next."""

    letters: np.ndarray
    """uint8[n]"""
    begins: list[tuple[int, int, bytes]]
    """Where in ``letters`` a record begins, ambiguous letters of the block before it, header line without ``>``."""
    n_ambiguous: int
    """IUPAC codes written as n (0 where letters are taken as they stand)."""


class UnusualFasta(Exception):
    """The file holds something that only the line by line reader understands."""


@cache
def _letter_table(nucleotides: bool) -> np.ndarray:
    """uint8[256]: what becomes of a byte of a sequence; nucleotides follow ``alphabet.normalise_nucleotides``."""
    table = np.full(256, _UNUSUAL, dtype=np.uint8)
    for letter in string.ascii_letters + "*-":
        with contextlib.suppress(InputError):
            internal, n_ambiguous = normalise_nucleotides(letter) if nucleotides else (letter, 0)
            table[ord(letter)] = ord(internal) + _AMBIGUOUS * n_ambiguous
    table[ord("\r")] = _SKIP
    return table


def scan_fasta(path: Path | str, nucleotides: bool = False) -> Iterator[FastaBlock]:
    """Yield a file's letters block by block, as they stand or as internal nucleotide letters.

    Raises UnusualFasta (see there), also where a record has no letters or the file no record; InputError for
    a damaged gzip stream.
    """
    table = _letter_table(nucleotides)
    buffer = bytearray(2 * _BLOCK_BYTES)
    block, letters = np.frombuffer(buffer, dtype=np.uint8), np.empty(2 * _BLOCK_BYTES, dtype=np.uint8)
    headers = np.empty((_BLOCK_BYTES, 4), dtype=np.int64)
    inside, n_filled, n_since = False, 0, -1
    with reading(path) as handle:
        while n_read := _fill(handle, buffer, n_filled):
            end = n_filled + n_read
            used, n_letters, n_headers, n_ambiguous, inside = _scan(
                block, end, inside, table, nucleotides, letters, headers
            )
            if used < 0 or (n_since < 0 and not n_headers):
                raise UnusualFasta
            found = headers[:n_headers]
            _check_lengths(found[:, 0], n_since)
            n_since = n_letters - int(found[-1, 0]) if n_headers else n_since + n_letters
            begins = [(at, n, bytes(buffer[low:high])) for at, n, low, high in found.tolist()]
            yield FastaBlock(letters[:n_letters], begins, n_ambiguous)
            n_filled = end - used
            if n_filled >= _BLOCK_BYTES:
                raise UnusualFasta
            buffer[:n_filled] = buffer[used:end]
    if n_filled or n_since <= 0:
        raise UnusualFasta


def _fill(handle: IO[bytes], buffer: bytearray, start: int) -> int:
    return handle.readinto(memoryview(buffer)[start : start + _BLOCK_BYTES])  # type: ignore[attr-defined]


def _check_lengths(begins: np.ndarray, n_since: int) -> None:
    """Every record must have letters; the first one began ``n_since`` letters before the block (-1: nowhere)."""
    if begins.size and (n_since + begins[0] == 0 or (n_since < 0 and begins[0]) or (np.diff(begins) == 0).any()):
        raise UnusualFasta


@njit(cache=True, nogil=True)
def _scan(block: np.ndarray, end: int, inside: bool, table: np.ndarray, nucleotides: bool, letters: np.ndarray,
          headers: np.ndarray) -> tuple[int, int, int, int, bool]:  # fmt: skip
    """-> (bytes used, letters, headers, ambiguous letters, ends inside a line); used is -1 for something unusual.

    A header line that the block cuts off is not used; a sequence line is. Most lines are as long as the one before and
    hold plain letters only: they are copied eight or more letters at a time, others go letter by letter.
    """
    at = n_letters = n_headers = n_ambiguous = width = 0
    while at < end:
        if not inside and block[at] == 62:  # >
            stop = _line_end(block, at, end)
            if stop == end:
                return at, n_letters, n_headers, n_ambiguous, False
            headers[n_headers, 0], headers[n_headers, 1] = n_letters, n_ambiguous
            headers[n_headers, 2], headers[n_headers, 3] = at + 1, stop
            n_headers += 1
            at = stop + 1
            continue
        stop = at + width
        if stop >= end or block[stop] != 10:
            stop = _line_end(block, at, end)
        if _copy_line(block[at:stop], letters[n_letters : n_letters + stop - at], nucleotides):
            n_letters += stop - at
        else:  # the line holds another byte, or ends earlier than the one before
            stop = _line_end(block, at, end)
            for i in range(at, stop):
                letter = int(table[block[i]])
                if letter == 1:
                    return -1, 0, 0, 0, False
                letters[n_letters] = letter & 127
                n_letters += letter > 1
                n_ambiguous += letter >> 7
        width = stop - at
        inside = stop == end
        at = stop + 1
    return min(at, end), n_letters, n_headers, n_ambiguous, inside


@njit(cache=True, nogil=True)
def _line_end(block: np.ndarray, at: int, end: int) -> int:
    while at < end and block[at] != 10:
        at += 1
    return at


@njit(cache=True, nogil=True)
def _copy_line(line: np.ndarray, out: np.ndarray, nucleotides: bool) -> bool:
    """Copy a line as it stands, or as internal letters; False where it holds anything but A-Z (or ACGTUN), any case."""
    n_other = 0
    if nucleotides:
        for i in range(line.size):
            lower = np.uint8(line[i] | 32)
            out[i] = np.uint8(116) if lower == 117 else lower
            n_other += (lower != 97) & (lower != 99) & (lower != 103) & (lower != 116) & (lower != 110) & (lower != 117)
    else:
        for i in range(line.size):
            n_other += np.uint8((line[i] | 32) - 97) > 25  # type: ignore[assignment]
            out[i] = line[i]
    return n_other == 0
