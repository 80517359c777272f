"""Compiled: which rows of an annotation make an ordinary gene, and the units (transcripts) of these genes.

What is ordinary is decided here (see ``link``); every other gene is read by ``from_gff`` and ``extract``, which
also are the slow plain reference in the tests: both must give the same rows for every gene.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bsm.base.gff3_scan import (
    BLANK,
    END,
    ESCAPED,
    ID,
    ID_END,
    ID_HASH,
    PARENT,
    PARENT_END,
    PARENT_HASH,
    PHASE,
    SEVERAL_PARENTS,
    START,
    STRAND,
    TAGS,
    hash_of,
)

OTHER, GENE, TRANSCRIPT, EXON, CODING, ODD_GENE, ODD_TRANSCRIPT = range(7)
"""Roles of feature types."""
ODD_TAGS = ("exception", "transl_except", "pseudo", "part")
RANGE_TAGS = ("start_range", "end_range")
"""Tags that the scan looks for: bits 0-3 and 4-5 of column TAGS."""
_ODD_BITS, _START_RANGE, _END_RANGE = 15, 16, 32


@njit(cache=True, nogil=True)
def link(rows: np.ndarray, text: np.ndarray, roles: np.ndarray, gene_of: np.ndarray, parent_of: np.ndarray,
         odd: np.ndarray) -> bool:  # fmt: skip
    """Find each row's gene and parent row (-1: none, left to the slow reader); mark the genes that are not ordinary.

    An ordinary gene has one row and a strand, its transcripts hang directly below it, each with exons and at most one
    coding region; all parts have one parent, lie inside the gene on its strand, and nothing states an exception.
    Returns False where names are escaped or blanks stand before tags: then all is left to the slow reader.
    """
    n_rows = rows.shape[0]
    n_nodes = 0
    for i in range(n_rows):
        gene_of[i] = parent_of[i] = -1
        odd[i] = False
        if rows[i, TAGS] & (ESCAPED | BLANK):
            return False
        n_nodes += roles[i] in (GENE, TRANSCRIPT, ODD_GENE, ODD_TRANSCRIPT)
    size = 16
    while size < 3 * n_nodes:
        size *= 2
    slots = np.full(size, -1, dtype=np.int64)
    for i in range(n_rows):
        role = roles[i]
        if role in (GENE, TRANSCRIPT, ODD_GENE, ODD_TRANSCRIPT) and rows[i, ID_END] > 0:
            slot = _slot(rows, text, slots, rows[i, ID_HASH], rows[i, ID], rows[i, ID_END])
            if slots[slot] >= 0:
                odd[slots[slot]] = True  # one ID twice; the second row is left over
                continue
            slots[slot] = i
            if role in (GENE, ODD_GENE):
                gene_of[i] = i
                odd[i] = role == ODD_GENE or rows[i, STRAND] == 0 or (rows[i, TAGS] & _ODD_BITS) != 0
    _link_transcripts(rows, text, roles, slots, gene_of, parent_of, odd)
    _link_parts(rows, text, roles, slots, gene_of, parent_of, odd)
    return True


@njit(cache=True, nogil=True)
def _slot(rows: np.ndarray, text: np.ndarray, slots: np.ndarray, code: int, low: int, high: int) -> int:
    """Place of an ID in the open hash table: that of the row which has it, or an empty one."""
    mask = slots.size - 1
    slot = (code ^ (code >> 32)) & mask
    while slots[slot] >= 0:
        i = slots[slot]
        if rows[i, ID_HASH] == code and rows[i, ID_END] - rows[i, ID] == high - low:
            same = True
            for k in range(high - low):
                if text[rows[i, ID] + k] != text[low + k]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def _node(rows: np.ndarray, text: np.ndarray, slots: np.ndarray, i: int) -> int:
    """Row of the only parent of row i, -1 for none."""
    if rows[i, PARENT_END] == 0:
        return -1
    return slots[_slot(rows, text, slots, rows[i, PARENT_HASH], rows[i, PARENT], rows[i, PARENT_END])]


@njit(cache=True, nogil=True)
def _mark_parents_odd(rows: np.ndarray, text: np.ndarray, slots: np.ndarray, gene_of: np.ndarray, odd: np.ndarray,
                      i: int) -> None:  # fmt: skip
    """A row with several parents: all their genes are left to the slow reader."""
    low = rows[i, PARENT]
    while low < rows[i, PARENT_END]:
        high = low
        while high < rows[i, PARENT_END] and text[high] != 44:
            high += 1
        node = slots[_slot(rows, text, slots, hash_of(text, low, high)[0], low, high)]
        if node >= 0:
            odd[node] = True
            if gene_of[node] >= 0:
                odd[gene_of[node]] = True
        low = high + 1


@njit(cache=True, nogil=True)
def _link_transcripts(rows: np.ndarray, text: np.ndarray, roles: np.ndarray, slots: np.ndarray, gene_of: np.ndarray,
                      parent_of: np.ndarray, odd: np.ndarray) -> None:  # fmt: skip
    for i in range(rows.shape[0]):
        if roles[i] != TRANSCRIPT and roles[i] != ODD_TRANSCRIPT:
            continue
        if rows[i, TAGS] & SEVERAL_PARENTS:
            _mark_parents_odd(rows, text, slots, gene_of, odd, i)
            odd[i] = True
            continue
        above, n_steps = _node(rows, text, slots, i), 0
        direct = above >= 0 and (roles[above] == GENE or roles[above] == ODD_GENE)
        while above >= 0 and roles[above] != GENE and roles[above] != ODD_GENE and n_steps < 8:
            if rows[above, TAGS] & SEVERAL_PARENTS:
                _mark_parents_odd(rows, text, slots, gene_of, odd, above)
                above = -1
            else:
                above = _node(rows, text, slots, above)
            n_steps += 1
        if above < 0 or (roles[above] != GENE and roles[above] != ODD_GENE):
            odd[i] = True
            continue
        gene_of[i] = parent_of[i] = above
        if (not direct or roles[i] == ODD_TRANSCRIPT or odd[i] or rows[i, ID_END] == 0
                or (rows[i, TAGS] & _ODD_BITS) != 0 or not _inside(rows, i, above)):  # fmt: skip
            odd[above] = True


@njit(cache=True, nogil=True)
def _link_parts(rows: np.ndarray, text: np.ndarray, roles: np.ndarray, slots: np.ndarray, gene_of: np.ndarray,
                parent_of: np.ndarray, odd: np.ndarray) -> None:  # fmt: skip
    for i in range(rows.shape[0]):
        if roles[i] != EXON and roles[i] != CODING:
            continue
        if rows[i, TAGS] & SEVERAL_PARENTS:
            _mark_parents_odd(rows, text, slots, gene_of, odd, i)
            continue
        node = _node(rows, text, slots, i)
        if node < 0 or gene_of[node] < 0:
            continue
        gene = gene_of[node]
        gene_of[i], parent_of[i] = gene, node
        if (odd[node] or not _inside(rows, i, gene) or (rows[i, TAGS] & _ODD_BITS) != 0
                or (roles[i] == EXON and node == gene)):  # fmt: skip
            odd[gene] = True


@njit(cache=True, nogil=True)
def _inside(rows: np.ndarray, i: int, gene: int) -> bool:
    return (
        rows[i, STRAND] == rows[gene, STRAND]
        and rows[gene, START] <= rows[i, START]
        and rows[i, END] <= rows[gene, END]
    )


(
    UNIT_GENE,
    UNIT_TRANSCRIPT,
    UNIT_HEAD,
    UNIT_EXONS,
    UNIT_EXONS_END,
    UNIT_CODING,
    UNIT_CODING_END,
    UNIT_OFFSET,
    UNIT_OPEN,
) = range(9)
"""Columns of ``units``: row of the gene, of the transcript (-1: none), of the coding region's first line (-1: none);
slices of the parts; letters before the first whole codon; whether the 5' end is open."""
N_UNIT_COLUMNS = 9


@njit(cache=True, nogil=True)
def make_units(rows: np.ndarray, roles: np.ndarray, gene_of: np.ndarray, parent_of: np.ndarray, odd: np.ndarray,
               units: np.ndarray, parts: np.ndarray) -> int:  # fmt: skip
    """Fill ``units`` (one per transcript, or for a coding region without any) in the order of the genes, and ``parts``
    (spans on the contig in rising order); genes that turn out odd are marked. Returns the number of units."""
    n_rows = rows.shape[0]
    unit_of = np.full(n_rows, -1, dtype=np.int64)
    n_of_gene = np.zeros(n_rows, dtype=np.int64)
    for i in range(n_rows):
        if roles[i] == TRANSCRIPT and gene_of[i] >= 0:
            n_of_gene[gene_of[i]] += 1
    for i in range(n_rows):
        gene = gene_of[i]
        if roles[i] == CODING and gene >= 0 and parent_of[i] == gene:
            odd[gene] |= n_of_gene[gene] > 0  # below transcripts or in several parts: an order to be found
            n_of_gene[gene] = 1
    first = np.zeros(n_rows, dtype=np.int64)
    n_units = 0
    for i in range(n_rows):
        if gene_of[i] == i and not odd[i]:
            odd[i] = n_of_gene[i] == 0
            first[i] = n_units
            n_units += n_of_gene[i]
    units[:n_units] = 0
    units[:n_units, UNIT_HEAD] = units[:n_units, UNIT_TRANSCRIPT] = -1
    for i in range(n_rows):
        gene = gene_of[i]
        if gene < 0 or odd[gene]:
            continue
        if roles[i] == TRANSCRIPT:
            unit_of[i] = first[gene]
            units[first[gene], UNIT_GENE], units[first[gene], UNIT_TRANSCRIPT] = gene, i
            first[gene] += 1
        elif roles[i] == CODING and parent_of[i] == gene:
            unit_of[gene] = first[gene]
            units[first[gene], UNIT_GENE] = gene
    _place_parts(rows, roles, gene_of, parent_of, odd, unit_of, units[:n_units], parts)
    return _keep_ordinary(rows, odd, units[:n_units], parts)


@njit(cache=True, nogil=True)
def _place_parts(rows: np.ndarray, roles: np.ndarray, gene_of: np.ndarray, parent_of: np.ndarray, odd: np.ndarray,
                 unit_of: np.ndarray, units: np.ndarray, parts: np.ndarray) -> None:  # fmt: skip
    """Exons and coding parts of each unit, next to each other in ``parts`` in file order."""
    for stage in range(2):
        for i in range(rows.shape[0]):
            gene = gene_of[i]
            if gene < 0 or odd[gene] or (roles[i] != EXON and roles[i] != CODING):
                continue
            unit = unit_of[parent_of[i]]
            end = UNIT_EXONS_END if roles[i] == EXON else UNIT_CODING_END
            if stage:
                at = units[unit, end]
                parts[at, 0], parts[at, 1], parts[at, 2] = rows[i, START], rows[i, END], i
            if stage == 0 and roles[i] == CODING:
                head = units[unit, UNIT_HEAD]
                if head < 0:
                    units[unit, UNIT_HEAD] = i
                elif rows[head, ID_HASH] != rows[i, ID_HASH]:
                    odd[gene] = True
            units[unit, end] += 1
        at = 0
        if stage == 0:
            for unit in range(units.shape[0]):
                n_exons, n_coding = units[unit, UNIT_EXONS_END], units[unit, UNIT_CODING_END]
                units[unit, UNIT_EXONS] = units[unit, UNIT_EXONS_END] = at
                units[unit, UNIT_CODING] = units[unit, UNIT_CODING_END] = at + n_exons
                at += n_exons + n_coding


@njit(cache=True, nogil=True)
def _keep_ordinary(rows: np.ndarray, odd: np.ndarray, units: np.ndarray, parts: np.ndarray) -> int:
    """Sort the parts of each unit, look at its reading, mark odd genes, and close the gaps they leave."""
    for unit in range(units.shape[0]):
        gene, strand = units[unit, UNIT_GENE], rows[units[unit, UNIT_GENE], STRAND]
        if odd[gene]:
            continue
        exons = parts[units[unit, UNIT_EXONS] : units[unit, UNIT_EXONS_END]]
        coding = parts[units[unit, UNIT_CODING] : units[unit, UNIT_CODING_END]]
        ordered = _sort(exons, strand) and _sort(coding, strand)
        if units[unit, UNIT_TRANSCRIPT] >= 0:
            ordered = ordered and exons.shape[0] > 0 and _contained(coding, exons)
        else:
            ordered = ordered and exons.shape[0] == 0 and coding.shape[0] == 1
        if coding.shape[0] > 0:
            leading = coding[0, 2] if strand > 0 else coding[coding.shape[0] - 1, 2]
            units[unit, UNIT_OFFSET] = max(rows[leading, PHASE], 0)
            open_bit = _START_RANGE if strand > 0 else _END_RANGE
            units[unit, UNIT_OPEN] = (rows[leading, TAGS] & open_bit) != 0
            n_letters = 0
            for k in range(coding.shape[0]):
                n_letters += coding[k, 1] - coding[k, 0]
            ordered = ordered and n_letters >= units[unit, UNIT_OFFSET] + 3
        if not ordered:
            odd[gene] = True
    n_kept = 0
    for unit in range(units.shape[0]):
        if not odd[units[unit, UNIT_GENE]]:
            units[n_kept] = units[unit]
            n_kept += 1
    return n_kept


@njit(cache=True, nogil=True)
def _sort(parts: np.ndarray, strand: int) -> bool:
    """Sort spans by start, in place; False where two overlap."""
    n = parts.shape[0]
    if strand < 0:  # mostly listed in transcript order
        for k in range(n // 2):
            for c in range(3):
                parts[k, c], parts[n - 1 - k, c] = parts[n - 1 - k, c], parts[k, c]
    for k in range(1, n):
        m = k
        while m > 0 and parts[m - 1, 0] > parts[m, 0]:
            for c in range(3):
                parts[m - 1, c], parts[m, c] = parts[m, c], parts[m - 1, c]
            m -= 1
    for k in range(1, n):  # noqa: SIM110 (numba)
        if parts[k, 0] < parts[k - 1, 1]:
            return False
    return True


@njit(cache=True, nogil=True)
def _contained(coding: np.ndarray, exons: np.ndarray) -> bool:
    """Whether each coding part lies in one exon; both in rising order."""
    e = 0
    for k in range(coding.shape[0]):
        while e < exons.shape[0] and exons[e, 1] < coding[k, 1]:
            e += 1
        if e == exons.shape[0] or coding[k, 0] < exons[e, 0]:
            return False
    return True
