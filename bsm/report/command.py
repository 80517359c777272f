"""``bsm report``: what a person sees: data | table | figure | end."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from bsm.base.benchmarks import TASKS
from bsm.base.config.arguments import add_config_arguments, config_of, settings_of
from bsm.base.config.data import ReportSettings
from bsm.base.counts import read_counts, write_counts
from bsm.base.csv_tables import write_csv
from bsm.base.files import write_text

_CURVES = "held-out curves, runs/<model>/<arm>/<round>/validation.csv (the path names model, arm and round)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are lists of files, so that the same command serves one source or run or all of them."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_data(actions.add_parser("data", help="sources, counts, planted answers and a page about the data"))
    _add_table(actions.add_parser("table", help="every number of every evaluation, the published one beside it"))
    _add_figure(actions.add_parser("figure", help="validation loss by round and arm (SVG)"))
    _add_end(actions.add_parser("end", help="print where the results are and how long each stage took"))


def _add_data(data: argparse.ArgumentParser) -> None:
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


def _add_table(table: argparse.ArgumentParser) -> None:
    table.add_argument(
        "--results", nargs="+", required=True, metavar="FILE", help="numbers of evaluations (RESULTS CSV)"
    )
    table.add_argument("--models", nargs="+", required=True, metavar="NAME",
                       help="models of the config, in its order (the smaller one first)")  # fmt: skip
    table.add_argument("--benchmarks", nargs="+", default=list(TASKS), metavar="NAME",
                       help="benchmarks of the config; other data sets of fitness are single assays, which the page "
                            "leaves out (default: those named like their task)")  # fmt: skip
    table.add_argument(
        "--corpus", required=True, metavar="NAME", help="what the models were trained on; stands in every row"
    )
    table.add_argument("--out", required=True, metavar="FILE", help="the table (CSV) to write")
    table.add_argument("--markdown", required=True, metavar="FILE", help="the page for people to write")


def _add_figure(figure: argparse.ArgumentParser) -> None:
    figure.add_argument("--results", nargs="*", default=[], metavar="FILE",
                        help="numbers of evaluations: validation loss after each round")  # fmt: skip
    figure.add_argument("--curves", nargs="+", required=True, metavar="FILE", help=_CURVES)
    figure.add_argument("--models", nargs="+", required=True, metavar="NAME",
                        help="models of the config, in its order (the smaller one first)")  # fmt: skip
    figure.add_argument("--corpus", required=True, metavar="NAME", help="what the models were trained on; in the title")
    figure.add_argument("--out", required=True, metavar="FILE", help="the figure (SVG) to write")


def _add_end(end: argparse.ArgumentParser) -> None:
    end.add_argument("--times", default="logs/times", metavar="DIR", help="benchmark files of the jobs")
    end.add_argument("--out-dir", default="results", metavar="DIR", help="results; runs/ is looked for beside it")


def run(args: argparse.Namespace) -> None:
    """Do one action; each imports only what it needs."""
    if args.action == "table":
        from bsm.report.table import write_table1

        write_table1(args.results, args.models, args.benchmarks, args.corpus, args.out, args.markdown)
    elif args.action == "figure":
        from bsm.report.figure import write_figure

        write_figure(args.results, args.curves, args.models, args.corpus, args.out)
    elif args.action == "end":
        from bsm.report.end_message import end_message

        print(end_message(Path(args.times), Path(args.out_dir)), end="")
    else:
        _data(args)


def _data(args: argparse.Namespace) -> None:
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
