"""The ordinary genes of one sequence as whole columns: what ``extract`` makes row by row, by compiled kernels.

A gene is ordinary if nothing about it needs a rule (``link``), and if what it reads to is what was published,
or nothing was published and no stop stands inside. Everything else goes to ``from_gff`` and ``extract``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bsm.base.gff3_scan import ALL, END, KIND, LINE, LINKS, SKIP, START, STRAND, GffTable
from bsm.base.tables import GENES, ROW_GROUP_ROWS
from bsm.pair import kernels, link
from bsm.pair.columns import Texts, copied, lists, same, strings
from bsm.pair.extract import IMMUNE, Extractor, Row
from bsm.pair.from_gff import genes_of_rows, is_gene, is_wanted
from bsm.pair.link import (
    UNIT_CODING,
    UNIT_CODING_END,
    UNIT_EXONS,
    UNIT_EXONS_END,
    UNIT_GENE,
    UNIT_HEAD,
    UNIT_TRANSCRIPT,
)
from bsm.pair.model import Contig
from bsm.pair.report import N_EXAMPLES

BATCH_LETTERS = 16 << 20
"""Letters that are cut out at a time; a single gene may have more."""
_CDS_KINDS = ("equal", "no_published")
_RNA_KINDS = ("equal", "no_record")


def depth_of(kind: str) -> int:
    """How much of a row the scan reads."""
    return SKIP if not is_wanted(kind) else LINKS if kind == "exon" else ALL


def _role(kind: str) -> int:
    if kind in ("exon", "CDS"):
        return link.EXON if kind == "exon" else link.CODING
    if is_gene(kind):
        return link.ODD_GENE if kind.startswith("pseudogene") else link.GENE
    if kind == "region":
        return link.OTHER
    return link.ODD_TRANSCRIPT if kind in IMMUNE else link.TRANSCRIPT


@dataclass(slots=True)
class _Batch:
    """Columns of some units, and which of them cannot stay."""

    columns: pa.Table
    refused: np.ndarray
    """bool[n]"""
    kinds: dict[str, np.ndarray]
    """cds, rna: index into _CDS_KINDS and _RNA_KINDS of each unit; -1 for none."""


class OrdinaryGenes:
    """One sequence: its ordinary genes by kernels, all others by the extractor, together in file order."""

    def __init__(self, table: GffTable, contig: Contig, extractor: Extractor) -> None:
        self._table, self._contig, self._extractor = table, contig, extractor
        self._letters = np.frombuffer(contig.letters, dtype=np.uint8)
        self._gene_of = np.full(table.n_rows, -1)
        self.units, self.parts = np.empty((0, link.N_UNIT_COLUMNS), dtype=np.int64), np.empty((0, 3))
        if not (contig.is_circular or contig.is_transcript):
            self._find_units()
        ordinary = np.zeros(table.n_rows + 1, dtype=np.bool_)
        ordinary[self.units[:, UNIT_GENE]] = True
        self._others = np.flatnonzero(~ordinary[self._gene_of])

    def _find_units(self) -> None:
        rows, n_rows = self._table.rows, self._table.n_rows
        roles = np.array([_role(kind) for kind in self._table.kinds], dtype=np.int64)[rows[:, KIND]]
        parent_of, odd = np.empty(n_rows, dtype=np.int64), np.empty(n_rows, dtype=np.bool_)
        if not link.link(rows, self._table.text, roles, self._gene_of, parent_of, odd):
            self._gene_of[:] = -1
            return
        length_nt = rows[:, END] - rows[:, START]
        odd |= (rows[:, END] > self._letters.size) | (length_nt > self._extractor.settings.max_gene_nt)
        units, self.parts = np.empty((n_rows, link.N_UNIT_COLUMNS), np.int64), np.empty((n_rows, 3), np.int64)
        n_units = link.make_units(rows, roles, self._gene_of, parent_of, odd, units, self.parts)
        self.units = units[:n_units].copy()

    def rows(self) -> Iterator[pa.Table | Row]:
        """Everything about this sequence in the order of the genes' first lines."""
        genes = self.units[:, UNIT_GENE]
        lines = self._table.rows[genes, LINE]
        others = genes_of_rows(self._contig, [self._table.row(i) for i in self._others.tolist()], describe=False)
        waiting = deque((int(np.searchsorted(lines, gene.line)), gene) for gene in others)
        for first, end in self._batches():
            batch, at = self._batch(self.units[first:end]), first
            for low, high in _runs(genes[first:end], batch.refused, first, end):
                while waiting and waiting[0][0] <= low and waiting[0][0] < end:
                    place, gene = waiting.popleft()
                    yield from self._counted(batch, at - first, place - first)
                    yield from self._extractor.rows(gene, self._contig)
                    at = place
                yield from self._counted(batch, at - first, low - first)
                if low < high:
                    yield from self._slow(int(genes[low]))
                at = high
        for _, gene in waiting:
            yield from self._extractor.rows(gene, self._contig)

    def _slow(self, gene: int) -> Iterator[Row]:
        """The rows of one gene that is not ordinary after all."""
        own = np.flatnonzero(self._gene_of == gene).tolist()
        for found in genes_of_rows(self._contig, [self._table.row(i) for i in own], describe=False):
            yield from self._extractor.rows(found, self._contig)

    def _batches(self) -> Iterator[tuple[int, int]]:
        """Ranges of units with a bounded number of letters and rows, whole genes."""
        sizes = self._sizes(self.units).sum(axis=1)
        genes = self.units[:, UNIT_GENE].tolist()
        first = n_letters = 0
        for unit, size in enumerate(sizes.tolist()):
            new_gene = unit > first and genes[unit] != genes[unit - 1]
            if new_gene and (n_letters + size > BATCH_LETTERS or unit - first >= ROW_GROUP_ROWS):
                yield first, unit
                first, n_letters = unit, 0
            n_letters += size
        if genes:
            yield first, len(genes)

    def _sizes(self, units: np.ndarray) -> np.ndarray:
        sizes = np.empty((len(units), 4), dtype=np.int64)
        kernels.measure(self._table.rows, units, self.parts, sizes)
        return sizes

    def _counted(self, batch: _Batch, low: int, high: int) -> Iterator[pa.Table]:
        """Units low..high of a batch, counted in the report."""
        if low >= high:
            return
        columns, report = batch.columns.slice(low, high - low), self._extractor.report
        report.add("gene", "kept", n=high - low)
        for what, kinds in (("cds", _CDS_KINDS), ("rna", _RNA_KINDS)):
            for number, kind in enumerate(kinds):
                places = np.flatnonzero(batch.kinds[what][low:high] == number)
                for row in columns.take(places[:N_EXAMPLES]).to_pylist() if kind == "no_published" else ():
                    report.add(what, kind, row["protein_id"] or row["transcript_id"] or row["gene_id"], n=0)
                if places.size:
                    report.add(what, kind, n=places.size)
        yield columns

    def _batch(self, units: np.ndarray) -> _Batch:
        rows, n = self._table.rows, len(units)
        genes, heads = units[:, UNIT_GENE], units[:, UNIT_HEAD]
        texts = Texts(self._table, genes, units[:, UNIT_TRANSCRIPT], heads)
        at = np.zeros((n + 1, 4), dtype=np.int32)
        np.cumsum(self._sizes(units), axis=0, out=at[1:])
        dna, rna, cds, protein = (np.empty(int(size), dtype=np.uint8) for size in at[-1])
        n_residues = np.zeros(n, dtype=np.int64)
        codes, tables, starts = texts.tables()
        kernels.gather(self._letters, rows, units, self.parts, tables, starts, codes, at, dna, rna, cds, protein,
                       n_residues)  # fmt: skip
        coding = heads >= 0
        residues = np.stack([at[:-1, 3], at[:-1, 3] + np.maximum(n_residues, 0)], axis=1).astype(np.int64)
        refused = texts.refused | (coding & (n_residues < self._extractor.settings.min_protein_aa))
        kinds = {
            "cds": self._compare("protein_id", texts, coding, residues, protein, refused),
            "rna": self._compare(
                "transcript_id", texts, units[:, UNIT_TRANSCRIPT] >= 0, _spans(at[:, 1]), rna, refused
            ),
        }
        contig, text = self._contig, pa.string()
        columns = texts.names | self._block_columns(units, n_residues, coding) | {
            "contig": same(contig.name, n, text), "taxid": same(contig.taxid, n, pa.int32()),
            "start": pa.array(rows[genes, START]), "end": pa.array(rows[genes, END]),
            "strand": pa.array(rows[genes, STRAND].astype(np.int8)),
            "genetic_code": pa.array(texts.code_ids.astype(np.int16), mask=~coding),
            "dna": strings(at[:, 0], dna), "rna": strings(at[:, 1], rna), "cds": strings(at[:, 2], cds, coding),
            "protein": copied(protein, residues, coding), "status": same("kept", n, text),
            "reason": same(None, n, text), "route": same("genome", n, text),
        }  # fmt: skip
        return _Batch(pa.table([columns[name] for name in GENES.names], schema=GENES), refused, kinds)

    def _compare(self, column: str, texts: Texts, wanted: np.ndarray, spans: np.ndarray, letters: np.ndarray,
                 refused: np.ndarray) -> np.ndarray:  # fmt: skip
        """Units' letters against the published records: 0 equal, 1 no record, -1 not compared; others are refused."""
        is_rna = column == "transcript_id"
        store = self._extractor.transcripts if is_rna else self._extractor.proteins
        kinds = np.where(wanted, 1, -1)
        if store is None:
            return np.full(len(kinds), -1) if is_rna else kinds
        view = letters.data
        for unit, (name, (low, high)) in enumerate(zip(texts.names[column].to_pylist(), spans.tolist(), strict=True)):
            published = store.raw(name) if name and kinds[unit] >= 0 else None
            if published is not None:
                kinds[unit] = 0
                refused[unit] |= (published.lower() if is_rna else published) != view[low:high]
        return kinds

    def _block_columns(self, units: np.ndarray, n_residues: np.ndarray, coding: np.ndarray) -> dict[str, pa.Array]:
        n_exons = int((units[:, UNIT_EXONS_END] - units[:, UNIT_EXONS]).sum()) + len(units)
        n_parts = int((units[:, UNIT_CODING_END] - units[:, UNIT_CODING]).sum())
        exons, parts = np.empty(2 * n_exons, dtype=np.int32), np.empty(2 * n_parts, dtype=np.int32)
        ends = np.zeros((2, len(units) + 1), dtype=np.int32)
        kernels.blocks(self._table.rows, units, self.parts, n_residues, exons, ends[0, 1:], parts, ends[1, 1:])
        return {"exons": lists(ends[0], exons), "coding": lists(ends[1], parts, coding)}


def _spans(ends: np.ndarray) -> np.ndarray:
    return np.stack([ends[:-1], ends[1:]], axis=1)


def _runs(genes: np.ndarray, refused: np.ndarray, first: int, end: int) -> Iterator[tuple[int, int]]:
    """[low, high) of the units of each gene with a refused unit, then the empty run at the end."""
    for gene in np.unique(genes[refused]).tolist():
        low, high = np.searchsorted(genes, [gene, gene + 1]).tolist()
        yield first + low, first + high
    yield end, end
