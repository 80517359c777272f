"""``bsm evaluate``: fine-tuned | few-shot | zero-shot | language-model of one checkpoint, and baselines."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bsm.base.benchmarks import TASKS
from bsm.base.config.arguments import add_config_arguments, settings_of
from bsm.base.config.training import EvaluateSettings
from bsm.base.errors import ConfigError

if TYPE_CHECKING:
    from bsm.evaluate.common import Measured
    from bsm.evaluate.finished import FinishedRuns
    from bsm.evaluate.items import Dataset

HELD_OUT_TASKS = ("validation_loss", "perplexity")
"""Measured on held-out rows of shards; all other tasks are benchmarks."""
TASKS_OF = {
    "fine-tuned": tuple(task.name for task in TASKS.values() if task.kind != "fitness"),
    "few-shot": ("central_dogma",),
    "zero-shot": tuple(task.name for task in TASKS.values() if task.kind == "fitness"),
    "language-model": HELD_OUT_TASKS,
    "baselines": (*TASKS, *HELD_OUT_TASKS),
}
"""What each setting can measure."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command per setting, and ``baselines``."""
    settings = parser.add_subparsers(dest="setting", required=True, metavar="SETTING")
    for name, summary in (
        ("fine-tuned", "fine-tune on the training part of each benchmark, measure on its test part"),
        ("few-shot", "judge pairs by the likelihood of the protein after demonstrations"),
        ("zero-shot", "rank fitness variants by their likelihood"),
        ("language-model", "held-out losses and perplexity"),
        ("baselines", "majority, k-mers, letter models and simple variant scores on the same splits"),
    ):
        sub = settings.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        _add_common(sub)
        if name != "baselines":
            _add_checkpoint(sub)
        if name == "few-shot":
            sub.add_argument(
                "--shots", nargs="+", type=int, default=[0], metavar="N", help="demonstrations (default 0)"
            )


def run(args: argparse.Namespace) -> None:
    """Measure and write both files; stderr shows progress and what was left out or cut."""
    from bsm.evaluate.common import write_measured
    from bsm.evaluate.finished import FinishedRuns

    settings = settings_of(args, "evaluate", EvaluateSettings)
    finished = FinishedRuns(Path(f"{args.out}.state"))
    write_measured(_measured(args, settings, finished), args.out, args.items)
    finished.clear()


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="tasks; default: all that the files hold")
    parser.add_argument("--benchmarks", nargs="*", default=[], metavar="FILE", help="benchmark items (Parquet)")
    parser.add_argument("--manifests", nargs="*", default=[], metavar="FILE", help="shard manifests, for held-out rows")
    parser.add_argument("--out", required=True, metavar="FILE", help="results to write (CSV)")
    parser.add_argument("--items", required=True, metavar="FILE", help="predictions per item to write (Parquet)")
    add_config_arguments(parser)


def _add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="folder with model.safetensors, config.json")
    parser.add_argument("--model-name", required=True, metavar="NAME", help="model, as results name it")
    parser.add_argument("--arm", default="none", metavar="NAME", help="arm, as results name it (default none)")
    parser.add_argument("--round", default="", metavar="NAME", help="round, as results name it (default empty)")
    parser.add_argument("--context-tokens", type=int, metavar="N", help="longest input; default: the checkpoint's")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one"
    )


def _measured(args: argparse.Namespace, settings: EvaluateSettings, finished: FinishedRuns) -> list[Measured]:
    from bsm.evaluate.common import CheckpointTag

    allowed = TASKS_OF[args.setting]
    unknown = [task for task in args.tasks or () if task not in allowed]
    if unknown:
        raise ConfigError(f"{args.setting} does not measure the task(s)", where="--tasks", value=", ".join(unknown),
                          way_out=f"Allowed: {', '.join(allowed)}")  # fmt: skip
    if args.setting == "baselines":
        return _baselines(args, settings)
    from bsm.evaluate.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(args.checkpoint, args.device, args.context_tokens)
    tag = CheckpointTag(args.model_name, args.arm, args.round)
    if args.setting == "fine-tuned":
        from bsm.evaluate.fine_tune import fine_tuned

        return fine_tuned(checkpoint, _datasets(args), tag, settings, finished)
    if args.setting == "language-model":
        from bsm.evaluate import language_model

        return language_model.measure(checkpoint.network, args.manifests, settings, tag, args.tasks or HELD_OUT_TASKS)
    network, context_tokens = checkpoint.network, checkpoint.context_tokens
    if args.setting == "few-shot":
        from bsm.evaluate import few_shot

        found = [few_shot.measure(network, d, settings, tag, args.shots, context_tokens) for d in _datasets(args)]
    else:
        from bsm.evaluate import zero_shot

        found = [zero_shot.measure(network, dataset, settings, tag, context_tokens) for dataset in _datasets(args)]
    return [one for of_dataset in found for one in of_dataset]


def _datasets(args: argparse.Namespace) -> list[Dataset]:
    from bsm.evaluate.items import read_datasets

    if args.tasks is not None:
        return read_datasets(args.benchmarks, [task for task in args.tasks if task in TASKS])
    return [dataset for dataset in read_datasets(args.benchmarks) if dataset.task.name in TASKS_OF[args.setting]]


def _baselines(args: argparse.Namespace, settings: EvaluateSettings) -> list[Measured]:
    from bsm.evaluate.baselines import baselines

    found = baselines(_datasets(args), settings)
    held_out = [task for task in args.tasks or HELD_OUT_TASKS if task in HELD_OUT_TASKS]
    if held_out and args.manifests:
        from bsm.evaluate.letter_models import letter_baselines

        found += letter_baselines(args.manifests, held_out, settings)
    return found
