"""Genome and annotation files -> GENES, one contig in memory at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bsm.base.alphabet import Modality
from bsm.base.config.data import PairSettings
from bsm.base.errors import InputError
from bsm.base.fasta import read_fasta
from bsm.base.files import reading_text
from bsm.base.genbank import GenBankRecord, read_genbank
from bsm.base.gff3 import GffRow, read_gff3_by_sequence
from bsm.base.progress import Progress
from bsm.base.tables import GENES, TableWriter
from bsm.pair.extract import Extractor, Row
from bsm.pair.from_genbank import contig_of_record, genes_of_record
from bsm.pair.from_gff import genes_of_rows, is_wanted
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
        writer = stack.enter_context(TableWriter(out, GENES))
        progress = stack.enter_context(Progress("pair: genes", unit="genes"))
        for row in _rows(files, settings, report, stores[0], stores[1], progress):
            if files.taxid is not None:
                row["taxid"] = files.taxid
            writer.add(row)


def _rows(
    files: GenomeFiles,
    settings: PairSettings,
    report: PairsReport,
    rna: SequenceStore | None,
    protein: SequenceStore | None,
    progress: Progress,
) -> Iterator[Row]:
    damaged = _collector(report) if settings.on_damaged == "skip" else None
    secondary = _secondary_units(files.assembly_report) if settings.primary_units_only else frozenset()
    annotated = [(path, _contigs_of_genbank(path, damaged)) for path in files.genbank]
    if files.fasta:
        if len(files.fasta) != 1 or len(files.gff) != 1:
            raise InputError("one genomic FASTA and one GFF3 belong together", value=[*files.fasta, *files.gff],
                             way_out="Give each assembly a source of its own")  # fmt: skip
        annotated.append((files.gff[0], _contigs_of_gff(files.fasta[0], files.gff[0], damaged)))
    for path, contigs in annotated:
        extractor = Extractor(settings, report, str(path), rna, protein)
        for contig, genes in contigs:
            if contig.n_ambiguous:
                report.add("letters", "contigs with IUPAC codes read as n", f"{contig.name}={contig.n_ambiguous}")
            for gene in genes:
                gene.problem = "secondary_unit" if contig.name in secondary else gene.problem
                progress.advance()
                yield from extractor.rows(gene, contig)


def _collector(report: PairsReport) -> Callable[[InputError], None]:
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


def _contigs_of_gff(
    fasta: Path, gff: Path, damaged: Callable[[InputError], None] | None
) -> Iterator[tuple[Contig, Iterator[Gene]]]:
    """Contigs in the order of the FASTA file, each with its genes; annotation that comes early waits, letters never."""
    groups = read_gff3_by_sequence(gff, is_wanted, damaged)
    waiting: dict[str, list[GffRow]] = {}
    n_found = 0
    for record in read_fasta(fasta):
        rows = waiting.pop(record.name, None)
        while rows is None:
            group = next(groups, None)
            if group is None:
                break
            if group[0] == record.name:
                rows = group[1]
            else:
                waiting[group[0]] = group[1]
        if rows:
            n_found += 1
            contig = Contig.of(record.name, record.sequence, str(fasta))
            del record  # a second copy of a chromosome
            yield contig, genes_of_rows(contig, rows)
    waiting.update(groups)
    if not n_found and waiting:
        raise InputError("no sequence of the annotation stands in the FASTA file", where=f"{gff}, {fasta}",
                         value=sorted(waiting)[:3], way_out="Both must use the same sequence names")  # fmt: skip
    yield from _without_letters(waiting)


def _without_letters(waiting: dict[str, list[GffRow]]) -> Iterator[tuple[Contig, Iterator[Gene]]]:
    for name, rows in sorted(waiting.items()):
        contig = Contig(name, "")
        yield contig, _marked(genes_of_rows(contig, rows), "sequence_missing")


def _marked(genes: Iterator[Gene], problem: str) -> Iterator[Gene]:
    for gene in genes:
        gene.problem = problem
        yield gene


def _contigs_of_genbank(
    path: Path, damaged: Callable[[InputError], None] | None
) -> Iterator[tuple[Contig, Iterator[Gene]]]:
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
