"""``bsm pair``: DNA, RNA and protein of every gene, from a source of the config or from files by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from bsm.base.config.arguments import add_config_arguments, settings_of, source_of
from bsm.base.config.data import PairSettings
from bsm.base.config.sources import STAGE_OF_KIND, LocalGenome, Source
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.filelist import RawFile, read_file_list
from bsm.base.tables import GENES, PIECES, write_table
from bsm.pair.corpus import Labels, write_corpus
from bsm.pair.gene_links import GeneFiles, write_linked_genes
from bsm.pair.genome import GenomeFiles, write_genes
from bsm.pair.report import PairsReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of both ways to call the command."""
    graph = parser.add_argument_group("from a source of the config (as the rules call it)")
    graph.add_argument("--source", metavar="JSON|NAME", help="source of the config, as JSON or by name")
    graph.add_argument("--part", metavar="PART", help="part of the source: a species, or all")
    graph.add_argument("--raw", type=Path, metavar="DIR", help="folder with files.csv, as bsm acquire left it")
    graph.add_argument("--genes", type=Path, metavar="FILE", help="every gene and transcript (Parquet)")
    graph.add_argument("--corpus", type=Path, metavar="FILE", help="corpus of the kept ones (Parquet)")
    graph.add_argument("--counts", type=Path, metavar="FILE", help="records kept and dropped, with reasons (CSV)")
    graph.add_argument("--report", type=Path, metavar="FILE", help="agreement with the published records (CSV)")
    own = parser.add_argument_group("from your own files")
    own.add_argument("--fasta", type=Path, metavar="FILE", help="genomic sequences, plain or gzip")
    own.add_argument("--gff", type=Path, metavar="FILE", help="their annotation, GFF3")
    own.add_argument("--rna", type=Path, metavar="FILE", help="published transcripts, FASTA")
    own.add_argument("--protein", type=Path, metavar="FILE", help="published proteins, FASTA")
    own.add_argument("--genbank", type=Path, metavar="FILE", help="GenBank flat file, instead of --fasta and --gff")
    own.add_argument("--out", type=Path, metavar="FILE", help="genes (Parquet); the report goes to the screen")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> None:
    settings = settings_of(args, "pair", PairSettings)
    if args.source:
        _run_source(args, settings)
    else:
        _run_by_hand(args, settings)


def _run_by_hand(args: argparse.Namespace, settings: PairSettings) -> None:
    if args.out is None or (args.genbank is None) == (args.fasta is None or args.gff is None):
        raise InputError(
            "give --fasta and --gff, or --genbank, and --out", where="bsm pair",
            way_out="See bsm pair --help; in the graph: --source, --part, --raw and the outputs",
        )  # fmt: skip
    files = GenomeFiles(
        fasta=_maybe(args.fasta), gff=_maybe(args.gff), rna=_maybe(args.rna),
        protein=_maybe(args.protein), genbank=_maybe(args.genbank),
    )  # fmt: skip
    report = PairsReport("local", "all", (args.genbank or args.gff).name)
    write_genes(files, args.out, settings, report)
    report.show()
    if args.report:
        report.write(args.report)


def _maybe(path: Path | None) -> tuple[Path, ...]:
    return (path,) if path is not None else ()


def _run_source(args: argparse.Namespace, settings: PairSettings) -> None:
    needed = ("part", "raw", "genes", "corpus", "counts", "report")
    missing = [f"--{name}" for name in needed if getattr(args, name) is None]
    if missing:
        raise InputError(f"--source needs {', '.join(missing)}", where="bsm pair")
    source = source_of(args)
    if STAGE_OF_KIND[source.kind] != "pair":
        raise InputError("not a source of genes", where=source.name, value=source.kind,
                         way_out=f"bsm {STAGE_OF_KIND[source.kind]} reads it")  # fmt: skip
    files = read_file_list(args.raw)
    if files and all(file.role == "unresolved" for file in files):
        return _write_nothing(args, source)
    labels = _labels(source, args.part, files)
    report = PairsReport(source.name, args.part, labels.release or "")
    if source.kind == "ncbi_gene":
        write_linked_genes(_gene_files(args.raw, files), args.genes, settings, report)
    else:
        write_genes(_genome_files(args.raw, files, source), args.genes, settings, report)
    counts = Counts("pair", source.name, args.part)
    write_corpus(args.genes, args.corpus, counts, labels, settings.seed, source.max_tokens)
    counts.write(args.counts)
    report.write(args.report)
    report.show()


def _write_nothing(args: argparse.Namespace, source: Source) -> None:
    """The tables of a species that acquire could not resolve (``on_unresolved: report``): empty, and counted."""
    write_table(args.genes, [], GENES)
    write_table(args.corpus, [], PIECES)
    counts = Counts("pair", source.name, args.part)
    counts.drop("unresolved_species")
    counts.write(args.counts)
    PairsReport(source.name, args.part, "").write(args.report)


_MAIN_ROLES = ("genomic_fasta", "genbank", "gene2accession")


def _labels(source: Source, part: str, files: list[RawFile]) -> Labels:
    main = next((file for role in _MAIN_ROLES[::-1] for file in files if file.role == role), None)
    if main is None:
        raise InputError(
            "no genome, flat file or gene2accession listed", where=source.name,
            value=[file.role for file in files], way_out="Run bsm acquire for this source again",
        )  # fmt: skip
    return Labels(source.name, part, main.url or main.path, main.version or None, main.licence or source.licence)


def _paths(folder: Path, files: list[RawFile], role: str) -> tuple[Path, ...]:
    return tuple(folder / file.path for file in files if file.role == role)


def _genome_files(folder: Path, files: list[RawFile], source: Source) -> GenomeFiles:
    reports = [path for path in _paths(folder, files, "readme") if path.name.endswith("assembly_report.txt")]
    return GenomeFiles(
        fasta=_paths(folder, files, "genomic_fasta"),
        gff=_paths(folder, files, "gff"),
        rna=_paths(folder, files, "rna_fasta"),
        protein=_paths(folder, files, "protein_fasta"),
        genbank=_paths(folder, files, "genbank"),
        assembly_report=reports[0] if reports else None,
        taxid=source.taxid if isinstance(source, LocalGenome) else None,
    )


def _gene_files(folder: Path, files: list[RawFile]) -> GeneFiles:
    tables = _paths(folder, files, "gene2accession")
    rna, protein, genomic = (_paths(folder, files, role) for role in ("rna_fasta", "protein_fasta", "genomic_fasta"))
    if len(tables) != 1 or not (rna or protein) or not genomic:
        raise InputError(
            "gene2accession, RNA, protein and genomic FASTA are needed", where=str(folder),
            value=[file.path for file in files], way_out="Run bsm acquire for this source again",
        )  # fmt: skip
    return GeneFiles(tables[0], rna, protein, genomic)
