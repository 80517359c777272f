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
_OTHER = len(_BASES)
BASE_INDEX = bytes(_BASES.find(chr(byte)) if chr(byte) in _BASES else _OTHER for byte in range(256))
"""Byte of an internal letter -> t 0, c 1, a 2, g 3, anything else 4: a codon is a number to the base 5."""


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
def codon_table(table_id: int) -> bytes:
    """125 bytes: amino acid (``*`` for stop, X where a letter is not one of acgt) of every codon by its number."""
    letters = f"{_BASES}n"
    code = genetic_code(table_id)
    return "".join(code.get(a + b + c, "X") for a in letters for b in letters for c in letters).encode()


def translate(cds: str, table_id: int = 1) -> str:
    """Amino acids of ``cds`` in frame 0: stops are ``*``, codons with n are X, a partial last codon is left out."""
    n_nt = len(cds) // 3 * 3
    bases = np.frombuffer(cds.encode("ascii", "replace").translate(BASE_INDEX), dtype=np.uint8)[:n_nt]
    index = 25 * bases[::3] + 5 * bases[1::3] + bases[2::3]  # at most 124
    return index.tobytes().translate(codon_table(table_id).ljust(256)).decode()
