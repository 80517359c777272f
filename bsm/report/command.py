"""``bsm report data``: tables and a page about the data of a run."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from bsm.base.config.arguments import add_config_arguments, config_of, settings_of
from bsm.base.config.data import ReportSettings
from bsm.base.counts import read_counts, write_counts
from bsm.base.csv_tables import write_csv
from bsm.base.files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are lists of files, so that the same command serves one source or all of them."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="data")
    data = actions.add_parser("data", help="sources, counts, planted answers and a page about the data")
    for name, what in (
        ("file-lists", "list of raw files of every part; the two folders above each name source and part"),
        ("counts", "counts of every stage (CSV)"),
        ("hits", "benchmark items found in corpora (HITS)"),
        ("clean", "clean corpora (CLEAN): what is left of the records with hits"),
        ("manifests", "manifests of the shards"),
        ("genes", "genes of the pair sources (GENES)"),
        ("found", "sequences found in web documents (FOUND)"),
    ):
        data.add_argument(f"--{name}", nargs="*", default=[], metavar="FILE", help=what)
    data.add_argument("--plan", metavar="FILE", help="plan of bsm shard plan (CSV)")
    data.add_argument("--truth", metavar="DIR", help="truth of the miniature; leave out for real data")
    data.add_argument("--corpus", metavar="NAME", help="name of the corpus; default: from --config, else local")
    for name, what in (
        ("sources", "files used (CSV)"), ("all-counts", "all counts (CSV)"),
        ("planted", "planted and found (CSV)"), ("page", "the page (Markdown)"),
    ):  # fmt: skip
        data.add_argument(f"--{name}", required=True, metavar="FILE", help=f"{what} to write")
    add_config_arguments(data)


def run(args: argparse.Namespace) -> None:
    """Read everything first, then write the four files: a bad input leaves none of them."""
    from bsm.report import planted, sources
    from bsm.report.inputs import read_manifest, read_plan
    from bsm.report.page import Tables, page
    from bsm.report.stages import merged_counts

    settings = settings_of(args, "report", ReportSettings)
    corpus = args.corpus or (config_of(args).corpus if args.config else "local")
    genes, found, hits, clean, file_lists = map(
        _paths, (args.genes, args.found, args.hits, args.clean, args.file_lists)
    )
    answers = planted.Answers(genes, found, hits, clean, file_lists)
    tables = Tables(
        sources=sources.source_rows(file_lists),
        counts=merged_counts(row for path in args.counts for row in read_counts(path)),
        manifests=[read_manifest(path) for path in args.manifests],
        plan=read_plan(args.plan) if args.plan else [],
        planted=planted.planted_rows(Path(args.truth), corpus, answers) if args.truth else [],
        genes=genes,
        hits=hits,
        clean=clean,
    )
    text = page(settings.title, corpus, args.truth is not None, tables)
    write_csv(args.sources, sources.COLUMNS, tables.sources)
    write_counts(args.all_counts, tables.counts)
    write_csv(args.planted, planted.COLUMNS, tables.planted)
    write_text(args.page, text)


def _paths(values: Iterable[str]) -> list[Path]:
    return sorted(map(Path, values))
