"""One order and one set of short names for everything the results are shown by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from bsm.base.benchmarks import TASKS
from bsm.base.results import METRICS, SCORES, SETTINGS, Result
from bsm.base.sections import SECTIONS

TASK_ORDER = (*TASKS, "perplexity", "validation_loss")
ARMS = ("mixed", "single", "no_web", "unpaired", "none")
ROUNDS = ("round1", "round2", "round3")
MEAN_OF_SECTIONS = "mean_of_sections"
PAIR_LETTERS = ("protein_alone", "protein_given_dna", "protein_given_rna", "dna_given_protein")
"""Datasets of validation loss: letters of pairs by what stood before them."""
_HELD_OUT = (*SECTIONS, MEAN_OF_SECTIONS, *PAIR_LETTERS)
_ONLY = {"perplexity": "held_out_proteins"}
_LETTERS = {(0, "mixed"): "R", (0, "single"): "S", (0, "no_web"): "W", (0, "unpaired"): "U", (1, "mixed"): "L"}


def is_baseline(result: Result) -> bool:
    """Whether a row belongs to no trained model of ours."""
    return result.arm == "none"


def is_assay(result: Result, benchmarks: Collection[str]) -> bool:
    """Whether a row is one assay of a fitness benchmark, not the mean over its assays."""
    return result.task in TASKS and TASKS[result.task].kind == "fitness" and result.dataset not in benchmarks


def is_main(result: Result) -> bool:
    """Whether the dataset goes without saying: the headline benchmark, named like its task, or the only one."""
    return result.dataset in (result.task, _ONLY.get(result.task))


def is_papers_score(result: Result) -> bool:
    """Whether a few-shot row is scored as in the paper; rows without a score are."""
    return result.score in ("", SCORES[0])


def sort_key(result: Result, models: Sequence[str]) -> tuple[Any, ...]:
    """Tasks, data sets (main one first), settings, inputs, shots, scores, checkpoints (baselines last), metrics, n."""
    held_out = _HELD_OUT.index(result.dataset) if result.dataset in _HELD_OUT else len(_HELD_OUT)
    return (
        TASK_ORDER.index(result.task), not is_main(result), held_out, result.dataset,
        SETTINGS.index(result.setting), result.input, -1 if result.shots is None else result.shots,
        SCORES.index(result.score) if result.score else -1,
        *checkpoint_key(result, models), METRICS.index(result.metric), result.n,
    )  # fmt: skip


def checkpoint_key(result: Result, models: Sequence[str]) -> tuple[Any, ...]:
    """Order of checkpoints: model as in the config, arm, round; baselines last, by name."""
    model = models.index(result.model) if result.model in models else len(models)
    return is_baseline(result), model, result.model, ARMS.index(result.arm), result.round


def checkpoint_name(result: Result) -> str:
    """Such as ``bsm-mini mixed R2``; of a baseline its name."""
    return result.model if is_baseline(result) else f"{result.model} {result.arm} R{result.round[-1]}"


def checkpoint_code(result: Result, models: Sequence[str]) -> str | None:
    """Such as ``R2``, as the config's evaluation matrix says it; None where there is no such letter."""
    letter = arm_letter(models.index(result.model), result.arm) if result.model in models else None
    return letter and letter + result.round[-1]


def arm_letter(model: int, arm: str) -> str | None:
    """R, S, W and U for the arms of the smaller model, L for the larger model; None for any other."""
    return _LETTERS.get((model, arm))
