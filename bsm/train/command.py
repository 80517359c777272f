"""``bsm train``: one round of one arm of one model, resumable at any moment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from bsm.base.codehash import code_hash
from bsm.base.config.arguments import add_config_arguments, settings_of
from bsm.base.config.training import ArmName, TrainSettings
from bsm.engine.options import add_run_arguments, mix_of, model_of, round_of, with_manners


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of one round; the keys of ``--settings`` are those of the config's section train."""
    add_config_arguments(parser)
    add_run_arguments(parser)
    parser.add_argument("--arm", choices=get_args(ArmName), default="mixed", help="single refuses any other data")
    parser.add_argument("--init", metavar="DIR", help="checkpoint folder of the round before; default: random weights")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="checkpoint folder; its state/ holds the checkpoints"
    )
    parser.add_argument(
        "--restart-if-changed", action="store_true",
        help="delete checkpoints of a run with other data or settings and start again, instead of stopping",
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    from bsm.train.round import RoundRun, train_round

    settings = with_manners(args, settings_of(args, "train", TrainSettings))
    train_round(
        RoundRun(
            model=model_of(args), arm=args.arm, round=round_of(args), mix=mix_of(args), settings=settings,
            manifests=args.manifests, valid_manifests=args.valid_manifests,
            init=Path(args.init) if args.init else None, out=Path(args.out), code=code_hash("bsm.train.round"),
            restart_if_changed=args.restart_if_changed,
        )
    )  # fmt: skip
