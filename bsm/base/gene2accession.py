"""NCBI Gene's gene2accession: a seeded sample of genes and their rows, from a table of any size in bounded memory.

Format: Gene/DATA/README. 16 tab-separated columns, ``-`` for nothing (a strand in ``orientation``), positions 0-based
and inclusive, several rows per gene. The table is read twice, once to choose genes and once to take their rows, each
time in one compiled pass that gives back the interpreter lock: with two threads, decompression and scan overlap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numba import njit

from bsm.base.errors import InputError
from bsm.base.files import reading
from bsm.base.gff3_scan import find_byte
from bsm.base.progress import Progress
from bsm.base.randomness import stable_hash64

T = TypeVar("T")
COLUMNS = (
    "tax_id", "GeneID", "status", "RNA_nucleotide_accession.version", "RNA_nucleotide_gi", "protein_accession.version",
    "protein_gi", "genomic_nucleotide_accession.version", "genomic_nucleotide_gi",
    "start_position_on_the_genomic_accession", "end_position_on_the_genomic_accession", "orientation", "assembly",
    "mature_peptide_accession.version", "mature_peptide_gi", "Symbol",
)  # fmt: skip
_BLOCK_BYTES = 4 << 20
_LEAST_ROW_BYTES = 2 * len(COLUMNS)
_MAX_CANDIDATES = 4_000_000
"""Genes in memory before those that cannot be chosen any more are dropped."""
_TAXID, _GENE, _SPAN = range(3)


def choose_genes(
    table: Path, name: str, *, taxids: frozenset[int] | None = None, max_per_species: int | None = None,
    max_span_nt: int | None = None, n_threads: int = 1,
) -> np.ndarray:  # fmt: skip
    """int64[n, 2]: (tax_id, GeneID) of a sample of genes, sorted; a function of ``name`` and the table's content only.

    Genes are taken in the order of a hash of (name, tax_id, GeneID): at most ``max_per_species`` of each species, then
    until their longest genomic spans reach ``max_span_nt``. Memory: _MAX_CANDIDATES genes, or the capped number of
    all species where that is more. Raises InputError with file and line for a row that is not as documented.
    """
    seed = stable_hash64("gene", name)
    wanted = np.array(sorted(taxids or ()), dtype=np.int64)
    found = [np.empty((0, 3), dtype=np.int64)]
    n_found = 0
    limit = _MAX_CANDIDATES
    for genes in _scan(table, lambda block: _genes(block, wanted), n_threads):
        found.append(genes)
        n_found += len(genes)
        if n_found > limit:
            found = [_possible(np.concatenate(found), seed, max_per_species, max_span_nt)]
            n_found = len(found[0])
            limit = max(_MAX_CANDIDATES, 2 * n_found)
    genes = _possible(np.concatenate(found), seed, max_per_species, None)
    genes = _within_span(genes, seed, max_span_nt)
    return genes[np.lexsort((genes[:, _GENE], genes[:, _TAXID]))][:, :2]


def rows_of_genes(table: Path, genes: np.ndarray, n_threads: int = 1) -> Iterator[bytes]:
    """Yield the rows of the genes (int64[n, 2], sorted) as they stand, in file order, many lines at a time."""
    return (rows for rows in _scan(table, lambda block: _rows(block, genes), n_threads) if rows)


def _scan(table: Path, work: Callable[[np.ndarray], tuple[T, int, int]], n_threads: int) -> Iterator[T]:
    """Results of ``work`` on all blocks, in file order; ``work`` returns (result, lines, line that is wrong or 0)."""
    n_lines = 1
    with Progress(table.name, unit="rows") as progress:
        for block, (result, n_rows, wrong) in _mapped(work, _blocks(table), n_threads):
            if wrong:
                raise _wrong_row(table, n_lines + wrong, block, wrong)
            n_lines += n_rows
            progress.advance(n_rows)
            yield result


def _mapped(
    work: Callable[[np.ndarray], T], blocks: Iterator[np.ndarray], n_threads: int
) -> Iterator[tuple[np.ndarray, T]]:
    """(block, work(block)) in order. The caller reads ahead while ``n_threads - 1`` others work."""
    if n_threads < 2:
        yield from ((block, work(block)) for block in blocks)
        return
    with ThreadPoolExecutor(n_threads - 1) as pool:
        waiting: deque[tuple[np.ndarray, Future[T]]] = deque()
        for block in blocks:
            waiting.append((block, pool.submit(work, block)))
            if len(waiting) > n_threads:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


def _blocks(table: Path) -> Iterator[np.ndarray]:
    """uint8[n]: blocks of whole lines behind the header."""
    with reading(table) as handle:
        header = handle.readline().rstrip(b"\r\n").lstrip(b"#").decode("ascii", "replace").split("\t")
        if tuple(header) != COLUMNS:
            raise InputError("not the 16 columns of gene2accession", where=f"{table}:1", value=header[:16],
                             way_out="Very old copies have 13 columns; fetch the current table")  # fmt: skip
        rest = b""
        while block := handle.read(_BLOCK_BYTES):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield np.frombuffer(rest + block[:cut], dtype=np.uint8)
                rest = b""
            rest += block[cut:]
        if rest:
            yield np.frombuffer(rest + b"\n", dtype=np.uint8)


def _wrong_row(table: Path, line: int, block: np.ndarray, number: int) -> InputError:
    raw = block.tobytes().split(b"\n", number)[number - 1]
    n_fields = raw.count(b"\t") + 1
    problem = f"row of {n_fields} fields instead of 16" if n_fields != len(COLUMNS) else "tax_id or GeneID is no number"
    return InputError(problem, where=f"{table}:{line}", value=raw[:80],
                      way_out="The table is cut or damaged; fetch it again")  # fmt: skip


def _genes(block: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, int, int]:
    genes = np.empty((block.size // _LEAST_ROW_BYTES + 1, 3), dtype=np.int64)
    n_genes, n_lines, wrong = _scan_genes(block, wanted, genes)
    return genes[:n_genes].copy(), n_lines, wrong


def _rows(block: np.ndarray, genes: np.ndarray) -> tuple[bytes, int, int]:
    out = np.empty(block.size, dtype=np.uint8)
    n_bytes, n_lines, wrong = _scan_rows(block, genes, out)
    return out[:n_bytes].tobytes(), n_lines, wrong


def _possible(genes: np.ndarray, seed: int, cap: int | None, max_span_nt: int | None) -> np.ndarray:
    """Each gene once, with its longest span; without those that other genes keep from ever being chosen."""
    genes = genes[np.lexsort((genes[:, _GENE], genes[:, _TAXID]))]
    if not len(genes):
        return genes
    first = np.flatnonzero(np.append(True, (np.diff(genes[:, :2], axis=0) != 0).any(axis=1)))
    spans = np.maximum.reduceat(genes[:, _SPAN], first)
    genes = genes[first]
    genes[:, _SPAN] = spans
    if cap is None:
        return _within_span(genes, seed, max_span_nt)
    genes = genes[np.lexsort((genes[:, _GENE], _ranks(genes, seed), genes[:, _TAXID]))]
    starts = np.flatnonzero(np.append(True, np.diff(genes[:, _TAXID]) != 0))
    place = np.arange(len(genes)) - np.repeat(starts, np.diff(np.append(starts, len(genes))))
    return genes[place < cap]


def _within_span(genes: np.ndarray, seed: int, max_span_nt: int | None) -> np.ndarray:
    """Genes in the order of their hash until their spans reach the limit (the last one may exceed it)."""
    if max_span_nt is None:
        return genes
    genes = genes[np.lexsort((genes[:, _GENE], genes[:, _TAXID], _ranks(genes, seed)))]
    before = np.cumsum(genes[:, _SPAN]) - genes[:, _SPAN]
    return genes[before < max_span_nt]


def _ranks(genes: np.ndarray, seed: int) -> np.ndarray:
    """uint64[n]: hash of (seed, tax_id, GeneID), the finaliser of SplitMix64 twice (Steele et al. 2014)."""
    value = np.full(len(genes), seed, dtype=np.uint64)
    for column in (_TAXID, _GENE):
        value = (value ^ genes[:, column].astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(31)
    return value


@njit(cache=True, nogil=True)
def _number(block: np.ndarray, at: int) -> tuple[int, int]:
    """(number, place of the byte behind it); -1 where no digit stands."""
    value, start = 0, at
    while 48 <= block[at] <= 57:
        value = 10 * value + (block[at] - 48)
        at += 1
    return (value if at > start else -1), at


@njit(cache=True, nogil=True)
def _row(block: np.ndarray, at: int) -> tuple[int, int, int, int]:
    """(tax_id, GeneID, genomic span in letters, place of the line's end); tax_id -1 for a row that is wrong."""
    taxid, place = _number(block, at)
    if taxid < 0 or block[place] != 9:
        return -1, 0, 0, at
    gene, place = _number(block, place + 1)
    if gene < 0 or block[place] != 9:
        return -1, 0, 0, at
    n_tabs, start, end = 2, -1, -1
    while True:
        place += 1
        if n_tabs == 9:
            start, place = _number(block, place)
        elif n_tabs == 10:
            end, place = _number(block, place)
        place = find_byte(block, place, block.size, 9, 10)
        if block[place] == 10:
            break
        n_tabs += 1
    span = end - start + 1 if start >= 0 and end >= start else 0
    return (taxid if n_tabs == 15 else -1), gene, span, place


@njit(cache=True, nogil=True)
def _scan_genes(block: np.ndarray, wanted: np.ndarray, genes: np.ndarray) -> tuple[int, int, int]:
    """Runs of rows of one gene -> (tax_id, GeneID, longest span); (runs, lines, a line that is wrong or 0)."""
    at = n_genes = n_lines = 0
    while at < block.size:
        taxid, gene, span, at = _row(block, at)
        n_lines += 1
        if taxid < 0:
            return n_genes, n_lines, n_lines
        at += 1
        if n_genes and genes[n_genes - 1, 0] == taxid and genes[n_genes - 1, 1] == gene:
            genes[n_genes - 1, 2] = max(genes[n_genes - 1, 2], span)
        elif wanted.size == 0 or _has(wanted, taxid):
            genes[n_genes, 0], genes[n_genes, 1], genes[n_genes, 2] = taxid, gene, span
            n_genes += 1
    return n_genes, n_lines, 0


@njit(cache=True, nogil=True)
def _has(sorted_values: np.ndarray, value: int) -> bool:
    place = np.searchsorted(sorted_values, value)
    return place < sorted_values.size and bool(sorted_values[place] == value)  # type: ignore[return-value]


@njit(cache=True, nogil=True)
def _scan_rows(block: np.ndarray, genes: np.ndarray, out: np.ndarray) -> tuple[int, int, int]:
    """Copy the rows of the genes; (bytes, lines, number of a line that is wrong or 0)."""
    at = n_bytes = n_lines = 0
    last_taxid, last_gene, last = -1, -1, False
    while at < block.size:
        taxid, gene, _, end = _row(block, at)
        n_lines += 1
        if taxid < 0:
            return n_bytes, n_lines, n_lines
        if taxid != last_taxid or gene != last_gene:
            last_taxid, last_gene, last = taxid, gene, _has_pair(genes, taxid, gene)
        if last:
            stop = end - 1 if block[end - 1] == 13 else end
            out[n_bytes : n_bytes + stop - at] = block[at:stop]
            n_bytes += stop - at
            out[n_bytes] = 10
            n_bytes += 1
        at = end + 1
    return n_bytes, n_lines, 0


@njit(cache=True, nogil=True)
def _has_pair(genes: np.ndarray, taxid: int, gene: int) -> bool:
    low, high = 0, genes.shape[0]
    while low < high:
        middle = (low + high) // 2
        if genes[middle, 0] < taxid or (genes[middle, 0] == taxid and genes[middle, 1] < gene):
            low = middle + 1
        else:
            high = middle
    return low < genes.shape[0] and genes[low, 0] == taxid and genes[low, 1] == gene
