"""``bsm anneal run``: one short run of one candidate mix; ``bsm anneal select``: the choice among the candidates."""

from __future__ import annotations

import argparse
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveInt

from bsm.base.codehash import code_hash
from bsm.base.config.arguments import add_config_arguments, config_of, parse_json, settings_of
from bsm.base.config.training import AnnealSettings, TrainSettings
from bsm.engine.options import RoundOfRun, add_run_arguments, mix_of, model_of, round_of, with_manners


class StartOfRound(RoundOfRun):
    """A round of the config, of which annealing reads the name, the optimiser and the rate it starts with."""

    n_tokens: PositiveInt = 1
    learning_rate_end: NonNegativeFloat = 0.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the two forms of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="run | select")
    runner = actions.add_parser("run", help="train briefly on one mix and score the held-out rows")
    add_config_arguments(runner)
    add_run_arguments(runner)
    runner.add_argument("--train", metavar="JSON", help="train section; default: from --config")
    runner.add_argument("--seed", type=int, default=1, metavar="N", help="of the order of the data")
    runner.add_argument("--init", required=True, metavar="DIR", help="checkpoint folder to start from")
    runner.add_argument("--out", required=True, metavar="FILE", help="result to write (JSON)")
    selector = actions.add_parser("select", help="the mix with the lowest objective, and those equal to it")
    add_config_arguments(selector)
    selector.add_argument("--runs", nargs="+", required=True, metavar="FILE", help="results of bsm anneal run")
    selector.add_argument("--out", required=True, metavar="FILE", help="choice to write (JSON)")
    selector.add_argument("--table", required=True, metavar="FILE", help="table of the candidates to write (CSV)")


def run(args: argparse.Namespace) -> None:
    {"run": _run, "select": _select}[args.action](args)


def _run(args: argparse.Namespace) -> None:
    from bsm.anneal.run import AnnealRun, anneal_run

    anneal_run(
        AnnealRun(
            model=model_of(args), round=round_of(args, StartOfRound), mix=mix_of(args), seed=args.seed,
            settings=settings_of(args, "anneal", AnnealSettings), train=with_manners(args, _train_settings(args)),
            manifests=args.manifests, valid_manifests=args.valid_manifests, init=Path(args.init), out=Path(args.out),
            code=code_hash("bsm.anneal.run"),
        )
    )  # fmt: skip


def _train_settings(args: argparse.Namespace) -> TrainSettings:
    if args.train is not None:
        found: TrainSettings = parse_json(args.train, TrainSettings, "--train")
        return found
    return config_of(args).train if args.config else TrainSettings()


def _select(args: argparse.Namespace) -> None:
    from bsm.anneal.select import select

    select(args.runs, settings_of(args, "anneal", AnnealSettings), Path(args.out), Path(args.table))
