"""``bsm shard``: samples, windows, tokens and packing; ``bsm shard plan``; ``bsm shard show``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bsm.base.config.arguments import add_config_arguments, config_of, parse_json, settings_of
from bsm.base.config.data import ShardSettings
from bsm.base.config.training import AnnealSettings, Mix, Model, TrainSettings
from bsm.base.errors import ConfigError

_REQUIRED = ("corpus", "source_name", "group", "out", "manifest", "counts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the three forms of the command; sharding itself has no sub-command."""
    parser.add_argument("--corpus", metavar="FILE", help="clean corpus (Parquet, schema CLEAN)")
    parser.add_argument("--source-name", metavar="NAME", help="name of the source in the config")
    parser.add_argument("--group", choices=("single", "refseq", "gene", "web"), help="data group of the source")
    parser.add_argument("--out", metavar="DIR", help="folder of shards; replaced as a whole")
    parser.add_argument("--manifest", metavar="FILE", help="manifest to write (JSON)")
    parser.add_argument("--counts", metavar="FILE", help="counts to write (CSV)")
    parser.add_argument(
        "--unpaired", action="store_true", help="control: exchange the pieces of different genes (refseq, gene)"
    )
    add_config_arguments(parser)
    actions = parser.add_subparsers(dest="action", metavar="plan | show")
    planner = actions.add_parser("plan", help="supply, budget and passes per round, group and source")
    planner.add_argument("--manifests", nargs="+", required=True, metavar="FILE", help="manifests of all sources")
    planner.add_argument("--train", metavar="JSON", help="train section; default: from --config")
    planner.add_argument("--mixes", metavar="JSON", help="list of mixes; default: from --config")
    planner.add_argument("--anneal", metavar="JSON", help="anneal section; default: from --config")
    planner.add_argument(
        "--models", metavar="JSON", help="list of models: their arms, and their batches for budget_by: steps"
    )
    planner.add_argument("--out", required=True, metavar="FILE", help="plan to write (CSV)")
    add_config_arguments(planner, below=True)
    shower = actions.add_parser("show", help="print rows as letters with their record ids")
    shower.add_argument("file", metavar="FILE", help="a shard")
    shower.add_argument("--rows", type=int, default=3, metavar="N", help="rows to print (default 3)")


def run(args: argparse.Namespace) -> None:
    {None: _shard, "plan": _plan, "show": _show}[args.action](args)


def _shard(args: argparse.Namespace) -> None:
    missing = [f"--{name.replace('_', '-')}" for name in _REQUIRED if getattr(args, name) is None]
    if missing:
        raise ConfigError("missing arguments", value=", ".join(missing), way_out="See bsm shard --help")
    from bsm.shard.build import build_shards

    manifest = build_shards(
        Path(args.corpus), args.source_name, args.group, settings_of(args, "shard", ShardSettings),
        Path(args.out), Path(args.manifest), Path(args.counts), args.unpaired,
    )  # fmt: skip
    for name, split in manifest["splits"].items():
        print(
            f"{args.source_name} {name}: {split['n_documents']:,} documents, {split['n_tokens']:,} tokens in "
            f"{split['n_rows']:,} rows, {split['padding_share']:.2%} padding, {split['cut_share']:.2%} cut"
        )
    if args.unpaired:
        print(f"{args.source_name}: {manifest['n_pieces_left_alone']:,} pieces without a partner of another gene")


def _plan(args: argparse.Namespace) -> None:
    from bsm.shard.plan import check_passes, plan, read_manifests, round_budgets, write_plan

    train = _section(args, "train", TrainSettings)
    mixes = _section(args, "mixes", list[Mix])
    anneal = _section(args, "anneal", AnnealSettings) if args.anneal or not args.train else None
    models = _section(args, "models", list[Model]) if args.models or not args.train else []
    settings = settings_of(args, "shard", ShardSettings)
    supply = read_manifests(args.manifests)
    arms = sorted({"mixed", *(arm for model in models for arm in model.arms)})
    rows = plan(supply, train, mixes, anneal, round_budgets(train, models, settings.context_tokens), arms)
    check_passes(rows, settings)
    write_plan(args.out, rows)


def _section(args: argparse.Namespace, name: str, model: Any) -> Any:
    """A section given as JSON, else from ``--config``."""
    text = getattr(args, name)
    return getattr(config_of(args), name) if text is None else parse_json(text, model, f"--{name}")


def _show(args: argparse.Namespace) -> None:
    from bsm.shard.show import shard_text

    for line in shard_text(args.file, args.rows):
        print(line)
