"""Options shared by the commands that train: the model, its round and mix, the data, the weights to start from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bsm.base.config.arguments import config_of, parse_json
from bsm.base.config.common import Name, Settings
from bsm.base.config.training import Mix, Model, Round, TrainSettings
from bsm.base.errors import ConfigError

S = TypeVar("S", bound=Settings)


class RoundOfRun(Round):
    """A round of the config; ``--mix`` says what it reads."""

    mix: Name = "given"


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What is trained, on what; ``--config`` and ``--settings`` are the command's own."""
    parser.add_argument("--model", required=True, metavar="JSON", help="model, or the name of one in --config")
    parser.add_argument("--round", required=True, metavar="JSON", help="round, or the name of one in --config")
    parser.add_argument("--mix", required=True, metavar="JSON|FILE", help="mix, choice.json, or a name in --config")
    parser.add_argument("--manners", metavar="JSON", help="keys of the train section laid over the others")
    parser.add_argument("--manifests", nargs="+", required=True, metavar="FILE", help="shard manifests to train on")
    parser.add_argument(
        "--valid-manifests",
        nargs="+",
        default=[],
        metavar="FILE",
        help="shard manifests whose held-out rows are scored",
    )


def model_of(args: argparse.Namespace) -> Model:
    return _entry(args, "model", Model, lambda: config_of(args).models)


def round_of(args: argparse.Namespace, model: type[Round] = RoundOfRun) -> Round:
    return _entry(args, "round", model, lambda: config_of(args).train.rounds)


def mix_of(args: argparse.Namespace) -> Mix:
    """``--mix`` as JSON, as a file that annealing wrote (its key ``mix``), or as a name of the config."""
    if not args.mix.endswith(".json"):
        return _entry(args, "mix", Mix, lambda: config_of(args).mixes)
    try:
        with open(args.mix, encoding="utf-8") as handle:
            choice = parse_json(handle.read(), dict[str, Any], args.mix)
    except OSError as error:
        raise ConfigError(f"cannot read: {error.strerror}", where=args.mix, way_out="Run bsm anneal select") from error
    if "mix" not in choice:
        raise ConfigError("no key mix", where=args.mix, value=sorted(choice), way_out="Run bsm anneal select")
    mix: Mix = parse_json(json.dumps(choice["mix"]), Mix, args.mix)
    return mix


def with_manners(args: argparse.Namespace, settings: TrainSettings) -> TrainSettings:
    """The train section with ``--manners`` laid over it."""
    if args.manners is None:
        return settings
    manners = parse_json(args.manners, dict[str, Any], "--manners")
    merged: TrainSettings = parse_json(json.dumps({**settings.model_dump(), **manners}), TrainSettings, "--manners")
    return merged


def _entry(args: argparse.Namespace, name: str, model: type[S], entries: Callable[[], Sequence[S]]) -> S:
    text = getattr(args, name)
    if text.lstrip().startswith("{"):
        found: S = parse_json(text, model, f"--{name}")
        return found
    known = {entry.name: entry for entry in entries()}  # type: ignore[attr-defined]
    if text not in known:
        raise ConfigError("unknown name", where=f"--{name}", value=text, way_out=f"Known: {', '.join(known)}")
    return known[text]
