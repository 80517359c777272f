"""Genetic codes (NCBI tables) and translation of internal letters.

The tables are Biopython's copy of NCBI's ``gc.prt``. Translation here is the plain rule; exceptions
that an annotation states (``transl_except``, slippage) belong to the pair stage.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from Bio.Data import CodonTable

from bsm.base.errors import InputError

_BASES = "tcag"
CODONS: tuple[str, ...] = tuple(a + b + c for a in _BASES for b in _BASES for c in _BASES)
"""The 64 codons in NCBI's order (TTT, TTC, TTA, TTG, TCT, ...)."""
_BASE_INDEX = np.full(256, 64, dtype=np.uint8)
for _i, _b in enumerate(_BASES):
    _BASE_INDEX[ord(_b)] = _i


@cache
def genetic_code(table_id: int) -> dict[str, str]:
    """Codon (``acgt`` letters) -> amino acid, ``*`` for stop. Raises InputError for an unknown table."""
    try:
        table = CodonTable.unambiguous_dna_by_id[table_id]
    except KeyError:
        known = ", ".join(map(str, sorted(CodonTable.unambiguous_dna_by_id)))
        raise InputError("unknown genetic code", value=table_id, way_out=f"NCBI tables: {known}") from None
    code = {codon.lower(): aa for codon, aa in table.forward_table.items()}
    return {codon: "*" if codon.upper() in table.stop_codons and codon not in code else code[codon] for codon in CODONS}


@cache
def start_codons(table_id: int) -> frozenset[str]:
    """Codons that start a protein with M under this table."""
    genetic_code(table_id)
    return frozenset(c.lower() for c in CodonTable.unambiguous_dna_by_id[table_id].start_codons)


@cache
def _amino_acid_table(table_id: int) -> np.ndarray:
    code = genetic_code(table_id)
    return np.frombuffer("".join(code[c] for c in CODONS).encode(), dtype=np.uint8)


def translate(cds: str, table_id: int = 1) -> str:
    """Amino acids of ``cds`` in frame 0: stops are ``*``, codons with n are X, a partial last codon is left out."""
    n_codons = len(cds) // 3
    bases = _BASE_INDEX[np.frombuffer(cds[: 3 * n_codons].encode(), dtype=np.uint8)].reshape(n_codons, 3)
    unknown = (bases > 3).any(axis=1)
    index = (bases[:, 0] & 3) * 16 + (bases[:, 1] & 3) * 4 + (bases[:, 2] & 3)
    letters = _amino_acid_table(table_id)[index]
    letters = np.where(unknown, ord("X"), letters).astype(np.uint8)
    return letters.tobytes().decode()
