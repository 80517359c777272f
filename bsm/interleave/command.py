"""``bsm interleave``: sequences in web documents, from a source of the config or from JSON lines by hand."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from bsm.base.config.arguments import add_config_arguments, settings_of, source_of
from bsm.base.config.data import InterleaveSettings
from bsm.base.config.sources import STAGE_OF_KIND
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.filelist import files_of
from bsm.base.progress import Progress
from bsm.base.tables import FOUND, TableWriter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A source of the graph (--source, --raw, --found, --corpus, --counts), or own documents (--jsonl, --out)."""
    parser.add_argument("--source", metavar="JSON|NAME", help="source of the config, as JSON or by name")
    parser.add_argument("--raw", type=Path, metavar="DIR", help="folder with files.csv, as bsm acquire left it")
    parser.add_argument("--found", type=Path, metavar="FILE", help="every sequence found (Parquet), with --source")
    parser.add_argument("--corpus", type=Path, metavar="FILE", help="documents with enough sequences (Parquet)")
    parser.add_argument("--counts", type=Path, metavar="FILE", help="documents kept and dropped, with reasons (CSV)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="finished pieces, to go on after an interruption "
                        "(default: beside --found; removed at the end)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (the output is the same)")
    parser.add_argument("--jsonl", type=Path, nargs="+", metavar="FILE", help="own documents: JSON lines (id, text)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="every sequence found (Parquet), with --jsonl")
    parser.add_argument("--explain", action="store_true", help="print what was found, and why the rest was refused")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Scan a source's documents, or a person's own."""
    settings = settings_of(args, "interleave", InterleaveSettings)
    if args.workers < 1:
        raise InputError("at least one worker", where="--workers", value=args.workers)
    if args.jsonl:
        _own_documents(args, settings)
    elif args.source and args.raw and args.found and args.corpus:
        _source_documents(args, settings)
    else:
        raise InputError("give --source, --raw, --found and --corpus, or --jsonl and --out", where="bsm interleave")


def _own_documents(args: argparse.Namespace, settings: InterleaveSettings) -> None:
    from bsm.interleave.detect import explain
    from bsm.interleave.documents import read_jsonl
    from bsm.interleave.pipeline import scan_documents
    from bsm.interleave.show import explanation

    if args.source or not (args.out or args.explain):
        raise InputError("--jsonl goes with --out or --explain, not with --source", where="bsm interleave")
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(TableWriter(args.out, FOUND)) if args.out else None
        progress = stack.enter_context(Progress("interleave", unit="documents"))
        for table in (table for path in args.jsonl for table in read_jsonl(path)):
            if args.explain:
                for document in table.to_pylist():
                    print(explanation(document["id"], explain(document["text"], settings)))
            if writer:
                for row in scan_documents(table, settings):
                    writer.add({name: row[name] for name in FOUND.names})
            progress.advance(table.num_rows)


def _source_documents(args: argparse.Namespace, settings: InterleaveSettings) -> None:
    from bsm.interleave.documents import n_documents_left_out, plan_pieces
    from bsm.interleave.merge import merge
    from bsm.interleave.pipeline import forget, piece_path, run_pieces

    source = source_of(args)
    if STAGE_OF_KIND[source.kind] != "interleave":
        raise InputError("not a source of web documents", where=source.name, value=source.kind,
                         way_out=f"bsm {STAGE_OF_KIND[source.kind]} reads it")  # fmt: skip
    parquet = files_of(args.raw, "web_parquet")
    pieces, n_left_out = plan_pieces(parquet, files_of(args.raw, "web_jsonl")), n_documents_left_out(parquet)
    if not pieces:
        raise InputError("no documents listed", where=str(args.raw), way_out="Run bsm acquire for this source first")
    if n_left_out and settings.three_letter == "read":
        raise InputError("documents that may hold three-letter notation were left out by acquire", where=str(args.raw),
                         value=f"{n_left_out:,} documents",
                         way_out="Set all_documents: true on the source, or interleave.three_letter: drop")  # fmt: skip
    state = args.state or args.found.with_name(f".{args.found.name}.state")
    folder = run_pieces(pieces, state, settings, args.workers)
    counts = Counts("interleave", source.name, "all")
    results = [piece_path(folder, index) for index in range(len(pieces))]
    merge(results, args.found, args.corpus, counts, settings, source.licence, n_left_out)
    if args.counts:
        counts.write(args.counts)
    forget(folder)
