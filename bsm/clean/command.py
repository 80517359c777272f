"""`bsm clean`: search (one part), group (all parts), gate (one source); without a step: list items found by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from bsm.base.config.arguments import add_config_arguments, settings_of
from bsm.base.config.data import CleanSettings
from bsm.base.errors import ConfigError

_MODALITIES = ("auto", "dna", "rna", "protein")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of the graph are sub-commands; the flags of the command itself search two FASTA files."""
    parser.add_argument("--items", type=Path, metavar="FASTA", help="benchmark items (plain or gzip)")
    parser.add_argument("--corpus", type=Path, metavar="FASTA", help="training sequences (plain or gzip)")
    parser.add_argument("--out", type=Path, metavar="TABLE", help="hits, .parquet or .csv")
    parser.add_argument("--items-modality", choices=_MODALITIES, default="auto", help="default: inferred per record")
    parser.add_argument("--corpus-modality", choices=_MODALITIES, default="auto", help="default: inferred per record")
    add_config_arguments(parser)
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=False)
    _add_search(steps.add_parser("search", help="remove benchmark items from one part of a source"))
    _add_group(steps.add_parser("group", help="duplicates, groups and the split over all sources"))
    _add_gate(steps.add_parser("gate", help="the clean corpus of one source, and its manifest"))
    for step in steps.choices.values():  # without this a step's defaults overwrite what stands before its name
        for action in step._actions:
            if action.dest in ("config", "settings"):
                action.default = argparse.SUPPRESS


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--items", type=Path, nargs="+", required=True, help="BENCHMARK_ITEMS tables")
    parser.add_argument("--corpus", type=Path, required=True, help="PIECES of one part of one source")
    parser.add_argument("--kept", type=Path, required=True, help="PIECES without the removed units")
    parser.add_argument("--hits", type=Path, required=True, help="HITS: what was found where")
    parser.add_argument("--counts", type=Path, required=True)
    add_config_arguments(parser)


def _add_group(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kept", type=Path, nargs="+", required=True, help="PIECES of all parts of all sources")
    parser.add_argument("--out", type=Path, required=True, help="groups: one row per record")
    parser.add_argument("--counts", type=Path, required=True)
    add_config_arguments(parser)


def _add_gate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kept", type=Path, nargs="+", required=True, help="PIECES of the parts of one source")
    parser.add_argument("--removed", type=Path, nargs="*", default=[], help="counts of bsm clean search of these parts")
    parser.add_argument("--groups", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="CLEAN")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--counts", type=Path, required=True)
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Run one step; each imports only what it needs."""
    settings = settings_of(args, "clean", CleanSettings)
    if args.step == "search":
        from bsm.clean.decontaminate import search_part

        search_part(args.items, args.corpus, settings, args.kept, args.hits, args.counts)
    elif args.step == "group":
        from bsm.clean.group import group_parts

        group_parts(args.kept, settings, args.out, args.counts)
    elif args.step == "gate":
        from bsm.clean.gate import pass_gate

        pass_gate(args.kept, args.removed, args.groups, settings, args.out, args.manifest, args.counts)
    else:
        _by_hand(args, settings)


def _by_hand(args: argparse.Namespace, settings: CleanSettings) -> None:
    from bsm.clean.byhand import search_fasta

    missing = [flag for flag in ("items", "corpus", "out") if getattr(args, flag) is None]
    if missing:
        raise ConfigError(f"missing --{', --'.join(missing)}",
                          way_out="Give --items, --corpus and --out, or a step: search, group, gate")  # fmt: skip
    n_hits = search_fasta(args.items, args.corpus, args.out, args.items_modality, args.corpus_modality, settings)
    print(f"{n_hits:,} hits written to {args.out}")
