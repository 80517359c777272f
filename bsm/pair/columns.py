"""Arrow columns from the texts of an annotation and from gathered letters."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bsm.base.codes import codon_table, genetic_code, start_codons
from bsm.base.errors import InputError
from bsm.base.gff3_scan import ID, ID_END, TEXT, TEXT_END, GffTable
from bsm.pair import kernels
from bsm.pair.extract import IMMUNE

_GENBANK = (("Dbxref", "Genbank:"), ("Dbxref", "GenBank:"), ("Dbxref", "genbank:"))
_BASES = "tcagn"
_ABSENT = -1
_ENCODED = -2


def same(value: object, n: int, kind: pa.DataType) -> pa.Array:
    """n times the same value."""
    return pa.nulls(n, kind) if value is None else pa.repeat(pa.scalar(value, kind), n)


def strings(ends: np.ndarray, letters: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    """Letters that stand behind each other as strings, without a copy; ``ends`` int32[n + 1]."""
    bits = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    offsets = np.ascontiguousarray(ends, dtype=np.int32)
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(offsets), pa.py_buffer(letters), bits)


def copied(text: np.ndarray, spans: np.ndarray, valid: np.ndarray) -> pa.Array:
    """Spans int64[n, 2] of a text as strings; null where not valid."""
    spans = np.where(valid[:, None], spans, 0)
    ends = np.zeros(len(spans) + 1, dtype=np.int32)
    letters = np.empty(int((spans[:, 1] - spans[:, 0]).sum()), dtype=np.uint8)
    kernels.copy_spans(text, spans, ends, letters)
    return strings(ends, letters, valid)


def lists(ends: np.ndarray, values: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    """Lists of int32 that stand behind each other; ``ends`` int32[n + 1]."""
    bits = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    items = pa.array(values[: ends[-1]], type=pa.int32())
    return pa.Array.from_buffers(
        pa.list_(pa.int32()), len(ends) - 1, [bits, pa.py_buffer(np.ascontiguousarray(ends))], children=[items]
    )


class Texts:
    """Names and genetic codes of units; what must be decoded or is unknown is ``refused``."""

    def __init__(self, table: GffTable, genes: np.ndarray, transcripts: np.ndarray, heads: np.ndarray) -> None:
        """Indices of rows, one per unit; -1 where there is none."""
        self._table = table
        self.refused = np.zeros(len(genes), dtype=np.bool_)
        rna = self._identity(transcripts)
        rna[self._begins(rna, b"rna-"), 0] += 4
        gene_id = (("Dbxref", "GeneID:"), ("locus_tag", ""), ("gene_id", ""), ("gene", ""), ("Name", ""))
        self.names = {
            "gene_id": self._column(self._first(genes, *gene_id, fallback=self._identity(genes))),
            "symbol": self._column(self._first(genes, ("gene", ""), ("Name", ""))),
            "biotype": self._column(self._first(genes, ("gene_biotype", ""), ("biotype", ""))),
            "transcript_id": self._column(self._first(transcripts, ("transcript_id", ""), *_GENBANK, fallback=rna)),
            "protein_id": self._column(self._first(heads, ("protein_id", ""), *_GENBANK)),
        }
        odd = [t for t in pc.unique(self.names["biotype"]).to_pylist() if t and ("pseudogene" in t or t in IMMUNE)]
        if odd:
            self.refused |= pc.is_in(self.names["biotype"], pa.array(odd)).to_numpy(zero_copy_only=False)
        self.code_ids = self._code_ids(heads)

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Index of each unit's table, amino acids uint8[m, 125] and start codons bool[m, 125] (``kernels.gather``)."""
        ids, index = np.unique(self.code_ids, return_inverse=True)
        tables = [_code_table(int(code)) for code in ids]
        return index, np.stack([table for table, _ in tables]), np.stack([starts for _, starts in tables])

    def _identity(self, rows: np.ndarray) -> np.ndarray:
        spans = self._table.rows[rows][:, [ID, ID_END]]
        spans[rows < 0] = _ABSENT
        return spans

    def _begins(self, spans: np.ndarray, word: bytes) -> np.ndarray:
        text = self._table.text
        long = spans[:, 1] - spans[:, 0] >= len(word)
        same_letters = [text[np.where(long, spans[:, 0] + k, 0)] == letter for k, letter in enumerate(word)]
        return long & np.logical_and.reduce(same_letters)

    def _find(self, rows: np.ndarray, tag: str, prefix: str) -> np.ndarray:
        spans = self._table.rows[rows][:, [TEXT, TEXT_END]]
        spans[rows < 0] = 0
        found = np.empty((len(rows), 2), dtype=np.int64)
        words = [np.frombuffer(word.encode(), dtype=np.uint8) for word in (tag, prefix)]
        kernels.find_values(self._table.text, spans, words[0], words[1], found)
        return found

    def _first(self, rows: np.ndarray, *places: tuple[str, str], fallback: np.ndarray | None = None) -> np.ndarray:
        """Where the first of several attributes stands that is there."""
        found = np.full((len(rows), 2), _ABSENT)
        for tag, prefix in places:
            missing = found[:, 0] == _ABSENT
            if missing.any():
                found[missing] = self._find(rows[missing], tag, prefix)
        self.refused |= found[:, 0] == _ENCODED
        return found if fallback is None else np.where(found < 0, fallback, found)

    def _column(self, spans: np.ndarray) -> pa.Array:
        return copied(self._table.text, spans, spans[:, 0] >= 0)

    def _code_ids(self, heads: np.ndarray) -> np.ndarray:
        stated = self._find(heads, "transl_table", "")
        ids = np.ones(len(heads), dtype=np.int64)
        for i in np.flatnonzero(stated[:, 0] != _ABSENT).tolist():
            text = self._table.text[stated[i, 0] : stated[i, 1]].tobytes().decode()
            known = text.isdigit() and _is_known(int(text))
            ids[i] = int(text) if known else 1
            self.refused[i] |= not known
        return ids


def _is_known(code: int) -> bool:
    try:
        genetic_code(code)
    except InputError:
        return False
    return True


@cache
def _code_table(code: int) -> tuple[np.ndarray, np.ndarray]:
    codons = [a + b + c for a in _BASES for b in _BASES for c in _BASES]
    starts = np.array([codon in start_codons(code) for codon in codons])
    return np.frombuffer(codon_table(code), dtype=np.uint8), starts
