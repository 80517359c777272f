"""Compiled kernels for ordinary genes: their letters, amino acids, blocks, and texts from their attributes."""

from __future__ import annotations

import numpy as np
from numba import njit

from bsm.base.codes import BASE_INDEX
from bsm.base.gff3_scan import END, START, STRAND
from bsm.pair.link import (
    UNIT_CODING,
    UNIT_CODING_END,
    UNIT_EXONS,
    UNIT_EXONS_END,
    UNIT_GENE,
    UNIT_HEAD,
    UNIT_OFFSET,
    UNIT_OPEN,
    UNIT_TRANSCRIPT,
)


@njit(cache=True, nogil=True)
def measure(rows: np.ndarray, units: np.ndarray, parts: np.ndarray, sizes: np.ndarray) -> None:
    """sizes int64[n, 4]: letters of dna, rna, cds (behind the offset), and whole codons of each unit."""
    for unit in range(units.shape[0]):
        gene = units[unit, UNIT_GENE]
        sizes[unit, 0] = rows[gene, END] - rows[gene, START]
        n_rna = n_cds = 0
        for k in range(units[unit, UNIT_EXONS], units[unit, UNIT_EXONS_END]):
            n_rna += parts[k, 1] - parts[k, 0]
        for k in range(units[unit, UNIT_CODING], units[unit, UNIT_CODING_END]):
            n_cds += parts[k, 1] - parts[k, 0]
        sizes[unit, 1] = n_rna if units[unit, UNIT_TRANSCRIPT] >= 0 else sizes[unit, 0]
        sizes[unit, 2] = n_cds - units[unit, UNIT_OFFSET] if n_cds else 0
        sizes[unit, 3] = sizes[unit, 2] // 3


@njit(cache=True, nogil=True)
def gather(letters: np.ndarray, rows: np.ndarray, units: np.ndarray, parts: np.ndarray, tables: np.ndarray,
           starts: np.ndarray, codes: np.ndarray, at: np.ndarray, dna: np.ndarray, rna: np.ndarray, cds: np.ndarray,
           protein: np.ndarray, n_residues: np.ndarray) -> None:  # fmt: skip
    """Write the letters of all units behind each other; ``at`` int32[n + 1, 4] says where those of each unit begin.

    ``tables`` uint8[m, 125] and ``starts`` bool[m, 125]: amino acid, and whether it can start a protein, by codon
    (base 5: t, c, a, g, other); ``codes`` the table of each unit. ``n_residues``: residues without the final stop,
    -1 for a stop inside.
    """
    for unit in range(units.shape[0]):
        gene = units[unit, UNIT_GENE]
        low, high, minus = rows[gene, START], rows[gene, END], rows[gene, STRAND] < 0
        _take(letters, low, high, minus, dna, at[unit, 0])
        if units[unit, UNIT_TRANSCRIPT] < 0:
            rna[at[unit, 1] : at[unit + 1, 1]] = dna[at[unit, 0] : at[unit + 1, 0]]
        else:
            _splice(letters, parts, units[unit, UNIT_EXONS], units[unit, UNIT_EXONS_END], minus, 0, rna, at[unit, 1])
        if units[unit, UNIT_HEAD] < 0:
            continue
        _splice(letters, parts, units[unit, UNIT_CODING], units[unit, UNIT_CODING_END], minus,
                units[unit, UNIT_OFFSET], cds, at[unit, 2])  # fmt: skip
        begin, n_codons = at[unit, 3], at[unit + 1, 3] - at[unit, 3]
        translate_into(cds, at[unit, 2], n_codons, tables[codes[unit]], protein, begin)
        begins = units[unit, UNIT_OFFSET] == 0 and not units[unit, UNIT_OPEN]
        if begins and starts[codes[unit], _codon(cds, at[unit, 2])]:
            protein[begin] = 77
        if protein[begin + n_codons - 1] == 42:
            n_codons -= 1
        n_residues[unit] = n_codons
        for k in range(begin, begin + n_codons):
            if protein[k] == 42:
                n_residues[unit] = -1


@njit(cache=True, nogil=True)
def _splice(letters: np.ndarray, parts: np.ndarray, first: int, end: int, minus: bool, n_left_out: int,
            out: np.ndarray, at: int) -> None:  # fmt: skip
    """Join parts in transcript order, without the first letters."""
    for k in range(first, end):
        part = end - 1 - (k - first) if minus else k
        low, high = parts[part, 0], parts[part, 1]
        skipped = min(n_left_out, high - low)
        n_left_out -= skipped
        low, high = (low, high - skipped) if minus else (low + skipped, high)
        _take(letters, low, high, minus, out, at)
        at += high - low


@njit(cache=True, nogil=True)
def _take(letters: np.ndarray, low: int, high: int, minus: bool, out: np.ndarray, at: int) -> None:
    """Copy letters, or their reverse complement (a <-> t and c <-> g are xor 21 and 4; n stays)."""
    n = high - low
    source, target = letters[low:high], out[at : at + n]
    if not minus:
        for k in range(n):
            target[k] = source[k]
    else:
        for k in range(n):
            letter = source[n - 1 - k]
            flip = 21 if letter == 97 or letter == 116 else 4 if letter != 110 else 0
            target[k] = letter ^ flip


@njit(cache=True, nogil=True)
def _codon(cds: np.ndarray, at: int) -> int:
    return 25 * _BASE[cds[at]] + 5 * _BASE[cds[at + 1]] + _BASE[cds[at + 2]]


_BASE = np.frombuffer(BASE_INDEX, dtype=np.uint8)


@njit(cache=True, nogil=True)
def translate_into(cds: np.ndarray, at: int, n_codons: int, table: np.ndarray, out: np.ndarray, place: int) -> None:
    """Amino acids of the whole codons from cds[at] on, to out[place:]."""
    source, target = cds[at : at + 3 * n_codons], out[place : place + n_codons]
    for k in range(n_codons):
        i = np.uint64(3 * k)
        index = 25 * _BASE[source[i]] + 5 * _BASE[source[i + np.uint64(1)]] + _BASE[source[i + np.uint64(2)]]
        target[k] = table[index]


@njit(cache=True, nogil=True)
def blocks(rows: np.ndarray, units: np.ndarray, parts: np.ndarray, n_residues: np.ndarray, exons: np.ndarray,
           exon_ends: np.ndarray, coding: np.ndarray, coding_ends: np.ndarray) -> None:  # fmt: skip
    """Flattened [start, end) on the gene's DNA: exons, and coding blocks from the first codon to the last residue."""
    n_exons = n_coding = 0
    for unit in range(units.shape[0]):
        gene = units[unit, UNIT_GENE]
        low, high, minus = rows[gene, START], rows[gene, END], rows[gene, STRAND] < 0
        if units[unit, UNIT_TRANSCRIPT] < 0:
            exons[n_exons], exons[n_exons + 1] = 0, high - low
            n_exons += 2
        first, end = units[unit, UNIT_EXONS], units[unit, UNIT_EXONS_END]
        for k in range(first, end):
            part = end - 1 - (k - first) if minus else k
            exons[n_exons] = high - parts[part, 1] if minus else parts[part, 0] - low
            exons[n_exons + 1] = exons[n_exons] + parts[part, 1] - parts[part, 0]
            n_exons += 2
        exon_ends[unit] = n_exons
        first, end = units[unit, UNIT_CODING], units[unit, UNIT_CODING_END]
        begin = units[unit, UNIT_OFFSET]
        stop, at = begin + 3 * max(n_residues[unit], 0), 0
        for k in range(first, end):
            part = end - 1 - (k - first) if minus else k
            length = parts[part, 1] - parts[part, 0]
            a, b = max(begin - at, 0), min(stop - at, length)
            if a < b:
                base = high - parts[part, 1] if minus else parts[part, 0] - low
                coding[n_coding], coding[n_coding + 1] = base + a, base + b
                n_coding += 2
            at += length
        coding_ends[unit] = n_coding


@njit(cache=True, nogil=True)
def find_values(text: np.ndarray, spans: np.ndarray, tag: np.ndarray, prefix: np.ndarray, found: np.ndarray) -> None:
    """found int64[n, 2]: where the value of ``tag`` stands in each span of text, or (with ``prefix``, such as
    ``GeneID:``) that one of its comma-separated values; -1 where it is absent or empty, -2 where it must be decoded."""
    for i in range(spans.shape[0]):
        at, end = spans[i, 0], spans[i, 1]
        found[i, 0] = found[i, 1] = -1
        while at < end:
            stop = at
            while stop < end and text[stop] != 59:
                stop += 1
            if stop - at > tag.size and text[at + tag.size] == 61 and _equal(text, at, tag):
                _choose_value(text, at + tag.size + 1, stop, prefix, found[i])
                break
            at = stop + 1


@njit(cache=True, nogil=True)
def _choose_value(text: np.ndarray, at: int, end: int, prefix: np.ndarray, found: np.ndarray) -> None:
    for k in range(at, end):
        if text[k] == 37 or text[k] >= 128:
            found[0] = -2
            return
    if prefix.size == 0:
        if at < end:
            found[0], found[1] = at, end
        return
    while at < end:
        stop = at
        while stop < end and text[stop] != 44:
            stop += 1
        if stop - at > prefix.size and _equal(text, at, prefix):
            found[0], found[1] = at + prefix.size, stop
            return
        at = stop + 1


@njit(cache=True, nogil=True)
def _equal(text: np.ndarray, at: int, word: np.ndarray) -> bool:
    for k in range(word.size):  # noqa: SIM110 (numba)
        if text[at + k] != word[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def copy_spans(text: np.ndarray, spans: np.ndarray, ends: np.ndarray, out: np.ndarray) -> None:
    """Copy spans of text behind each other; ``ends`` int32[n + 1] are the places where they end (ends[0] = 0)."""
    at = 0
    for i in range(spans.shape[0]):
        for k in range(spans[i, 0], spans[i, 1]):
            out[at] = text[k]
            at += 1
        ends[i + 1] = at
