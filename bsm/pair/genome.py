"""Genome and annotation files -> GENES, one contig in memory at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa

from bsm.base.alphabet import Modality
from bsm.base.config.data import PairSettings
from bsm.base.errors import InputError
from bsm.base.files import reading_text
from bsm.base.genbank import GenBankRecord, read_genbank
from bsm.base.gff3 import Damaged, read_gff3_by_sequence
from bsm.base.progress import Progress
from bsm.base.tables import GENES, ROW_GROUP_BYTES, ROW_GROUP_ROWS, TableWriter
from bsm.pair.contigs import is_large, read_contigs, with_annotation
from bsm.pair.extract import Extractor, Row
from bsm.pair.from_genbank import contig_of_record, genes_of_record
from bsm.pair.from_gff import describe_contig, genes_of_rows, is_wanted
from bsm.pair.model import Contig, Gene
from bsm.pair.report import PairsReport
from bsm.pair.store import SequenceStore

_SECONDARY_ROLES = frozenset({"alt-scaffold", "fix-patch", "novel-patch"})


@dataclass(frozen=True, slots=True)
class GenomeFiles:
    """An annotated genome: FASTA and GFF3 (with or without published records), or flat files."""

    fasta: tuple[Path, ...] = ()
    gff: tuple[Path, ...] = ()
    rna: tuple[Path, ...] = ()
    protein: tuple[Path, ...] = ()
    genbank: tuple[Path, ...] = ()
    assembly_report: Path | None = None
    taxid: int | None = None


def write_genes(files: GenomeFiles, out: Path, settings: PairSettings, report: PairsReport) -> None:
    """Write GENES: every gene and transcript, kept or rejected. Raises InputError for damage (see PairSettings)."""
    with contextlib.ExitStack() as stack:
        stores = [
            stack.enter_context(SequenceStore(list(paths), modality)) if paths else None
            for paths, modality in ((files.rna, Modality.RNA), (files.protein, Modality.PROTEIN))
        ]
        writer = stack.enter_context(GenesWriter(out, files.taxid))
        progress = stack.enter_context(Progress("pair: genes", unit="genes and transcripts"))
        for found in _rows(files, settings, report, stores[0], stores[1]):
            progress.advance(writer.add(found))


class GenesWriter:
    """Writes rows and whole tables of GENES in their order, in row groups of the usual size."""

    def __init__(self, out: Path, taxid: int | None) -> None:
        self._writer, self._taxid = TableWriter(out, GENES), taxid
        self._tables: list[pa.Table] = []
        self._rows: list[Row] = []
        self._n_bytes = self._n_rows = 0

    def __enter__(self) -> GenesWriter:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
        self._writer.__exit__(kind, error, trace)

    def add(self, found: pa.Table | Row) -> int:
        """Append a row or a table; the number of rows."""
        if isinstance(found, dict):
            self._rows.append(found)
            n_rows, n_bytes = 1, sum(len(found[name] or "") for name in ("dna", "rna", "cds", "protein"))
        else:
            self._gather_rows()
            self._tables.append(found)
            n_rows, n_bytes = found.num_rows, found.nbytes
        self._n_rows += n_rows
        self._n_bytes += n_bytes
        if self._n_rows >= ROW_GROUP_ROWS or self._n_bytes >= ROW_GROUP_BYTES:
            self._flush()
        return n_rows

    def _gather_rows(self) -> None:
        if self._rows:
            self._tables.append(pa.Table.from_pylist(self._rows, schema=GENES))
            self._rows = []

    def _flush(self) -> None:
        self._gather_rows()
        if self._tables:
            table = pa.concat_tables(self._tables)
            if self._taxid is not None:
                column = pa.repeat(pa.scalar(self._taxid, pa.int32()), table.num_rows)
                table = table.set_column(GENES.get_field_index("taxid"), GENES.field("taxid"), column)
            self._writer.add_table(table)
        self._tables, self._n_bytes, self._n_rows = [], 0, 0


def _rows(
    files: GenomeFiles,
    settings: PairSettings,
    report: PairsReport,
    rna: SequenceStore | None,
    protein: SequenceStore | None,
) -> Iterator[pa.Table | Row]:
    damaged = _collector(report) if settings.on_damaged == "skip" else None
    for path in files.genbank:
        extractor = Extractor(settings, report, str(path), rna, protein)
        for contig, genes in _contigs_of_genbank(path, damaged):
            yield from _rows_of_genes(contig, genes, extractor)
    if not files.fasta:
        return
    if len(files.fasta) != 1 or len(files.gff) != 1:
        raise InputError("one genomic FASTA and one GFF3 belong together", value=[*files.fasta, *files.gff],
                         way_out="Give each assembly a source of its own")  # fmt: skip
    fasta, gff = files.fasta[0], files.gff[0]
    secondary = _secondary_units(files.assembly_report) if settings.primary_units_only else frozenset()
    extractor = Extractor(settings, report, str(gff), rna, protein)
    yield from (rows_by_kernels if is_large(fasta, gff) else rows_one_by_one)(fasta, gff, secondary, extractor, damaged)


def _rows_of_genes(contig: Contig, genes: Iterable[Gene], extractor: Extractor) -> Iterator[Row]:
    _note_ambiguous(contig, extractor.report)
    for gene in genes:
        yield from extractor.rows(gene, contig)


def _note_ambiguous(contig: Contig, report: PairsReport) -> None:
    if contig.n_ambiguous:
        report.add("letters", "contigs with IUPAC codes read as n", f"{contig.name}={contig.n_ambiguous}")


def rows_one_by_one(
    fasta: Path, gff: Path, secondary: frozenset[str], extractor: Extractor, damaged: Damaged | None
) -> Iterator[Row]:
    """GENES of an assembly, row by row."""
    groups = read_gff3_by_sequence(gff, is_wanted, damaged)
    for contig, rows in with_annotation(read_contigs(fasta, False), groups, f"{gff}, {fasta}"):
        genes = genes_of_rows(contig, rows)
        yield from _rows_of_genes(contig, _marked(genes, _problem_of(contig, secondary)), extractor)
        del contig, genes  # before the next chromosome is read


def rows_by_kernels(
    fasta: Path, gff: Path, secondary: frozenset[str], extractor: Extractor, damaged: Damaged | None
) -> Iterator[pa.Table | Row]:
    """The same by compiled kernels, which leave unusual genes to the code that ``rows_one_by_one`` uses."""
    from bsm.base.gff3_scan import scan_gff3_by_sequence  # numba: only where it pays
    from bsm.pair.link import ODD_TAGS, RANGE_TAGS
    from bsm.pair.ordinary import OrdinaryGenes, depth_of

    tables = scan_gff3_by_sequence(gff, depth_of, (*ODD_TAGS, *RANGE_TAGS), damaged)
    groups = ((table.name, table) for table in tables)
    for contig, table in with_annotation(read_contigs(fasta, True), groups, f"{gff}, {fasta}"):
        problem = _problem_of(contig, secondary)
        if problem:
            genes = genes_of_rows(contig, [table.row(i) for i in range(table.n_rows)])
            yield from _rows_of_genes(contig, _marked(genes, problem), extractor)
        else:
            describe_contig(contig, table.rows_of_kind("region"))
            _note_ambiguous(contig, extractor.report)
            yield from OrdinaryGenes(table, contig, extractor).rows()
        del contig, table  # before the next chromosome is read


def _problem_of(contig: Contig, secondary: frozenset[str]) -> str:
    return "sequence_missing" if not contig.letters else "secondary_unit" if contig.name in secondary else ""


def _collector(report: PairsReport) -> Damaged:
    def collect(error: InputError) -> None:
        report.add("damage", "unreadable", f"{error.where}: {error.what}")

    return collect


def _secondary_units(path: Path | None) -> frozenset[str]:
    """Accessions of alternate loci and patches in an NCBI assembly report (column Sequence-Role)."""
    found: set[str] = set()
    if path is not None:
        with reading_text(path) as handle:
            for line in handle:
                columns = line.rstrip("\n").split("\t")
                if not line.startswith("#") and len(columns) >= 7 and columns[1] in _SECONDARY_ROLES:
                    found |= {columns[4], columns[6]}
    return frozenset(found - {"na", ""})


def _marked(genes: Iterator[Gene], problem: str) -> Iterator[Gene]:
    for gene in genes:
        gene.problem = problem or gene.problem
        yield gene


def _contigs_of_genbank(path: Path, damaged: Damaged | None) -> Iterator[tuple[Contig, Iterator[Gene]]]:
    for record in read_genbank(path, damaged):
        problem = _record_problem(record)
        if problem:
            error = InputError(
                problem, where=f"{path}:{record.line}", value=record.name,
                way_out="Fetch the whole nucleotide record (with its ORIGIN), or set pair.on_damaged: skip",
            )  # fmt: skip
            if damaged is None:
                raise error
            damaged(error)
        if record.unit == "bp":
            contig = contig_of_record(record, str(path))
            genes = genes_of_record(contig, record)
            yield contig, genes if record.sequence else _marked(genes, "sequence_missing")


def _record_problem(record: GenBankRecord) -> str:
    if record.unit != "bp":
        return "a protein record" if record.unit == "aa" else "a master record that only lists others"
    if not record.sequence:
        return "record without letters"
    if len(record.sequence) != record.stated_length:
        return f"record of {len(record.sequence)} letters, but LOCUS says {record.stated_length}"
    return ""
