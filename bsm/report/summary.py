"""The summary of table1.md: one row per measurement, one column per checkpoint, and the best baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from bsm.base.benchmarks import TASKS
from bsm.base.results import Result
from bsm.report.order import (
    ARMS,
    MEAN_OF_SECTIONS,
    PAIR_LETTERS,
    ROUNDS,
    arm_letter,
    checkpoint_code,
    is_baseline,
    is_main,
    is_papers_score,
)
from bsm.report.page import table

_HELD_OUT = (MEAN_OF_SECTIONS, *PAIR_LETTERS[:2])
"""Of the held-out losses: the mean of the sections, and proteins without and with their DNA before them."""
_LOWER_IS_BETTER = ("perplexity", "bits_per_letter")
_SAME = ("task", "dataset", "setting", "input", "metric")


def summary(results: Sequence[Result], models: Sequence[str]) -> list[str]:
    """Legend and table; nothing where no checkpoint was measured. ``results`` as sorted for table1.csv."""
    main = [result for result in results if _is_summarised(result)]
    codes = _codes(main, models)
    rows = []
    for _, group in groupby(main, key=lambda r: (r.task, r.dataset, r.setting, r.input, r.shots)):
        own = [result for result in group if not is_baseline(result)]
        values = {checkpoint_code(result, models): number(result.value) for result in own}
        if any(values.get(code) for code in codes):
            name = _measured(own[0], main)
            rows.append([name, own[0].metric, *(values.get(code, "") for code in codes), _best_baseline(own, results)])
    return [_legend(main, models), table(("task", "metric", *codes, "best baseline"), rows)] if rows else []


def title(result: Result) -> str:
    """Task, and the data set where it does not go without saying."""
    return result.task if is_main(result) else f"{result.task} ({result.dataset})"


def number(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def _is_summarised(result: Result) -> bool:
    if result.task == "validation_loss":
        return result.dataset in _HELD_OUT
    return result.metric == _own_metric(result) and is_papers_score(result)


def _own_metric(result: Result) -> str:
    """The metric of the task; of few-shot pairs the one that their threshold maximises."""
    if result.setting == "few-shot":
        return "balanced_accuracy"
    return TASKS[result.task].metric if result.task in TASKS else "perplexity"


def _codes(results: Sequence[Result], models: Sequence[str]) -> list[str]:
    """Codes of the checkpoints that have results, such as R1 R2 R3 S2 S3 L3, in this order."""
    found = {code for result in results if (code := checkpoint_code(result, models))}
    letters = [arm_letter(size, arm) for size in range(2) for arm in ARMS]
    return [f"{letter}{name[-1]}" for letter in letters for name in ROUNDS if f"{letter}{name[-1]}" in found]


def _legend(results: Sequence[Result], models: Sequence[str]) -> str:
    trained = {(models.index(result.model), result.arm) for result in results if not is_baseline(result)}
    letters = [(arm_letter(*key), key) for key in sorted(trained, key=lambda key: (key[0], ARMS.index(key[1])))]
    named = ", ".join(f"{letter} = {models[size]} {arm}" for letter, (size, arm) in letters if letter)
    return (
        f"{named}; the digit is the round. The rounds before an arm leaves the mixed one are shared: S1 and W1 are "
        "R1, W2 is R2. Perplexities and bits: lower is better. Intervals, n and seeds are in the tables below."
    )


def _measured(result: Result, results: Iterable[Result]) -> str:
    """Names a row: what differs between the rows of its task."""
    alike = [other for other in results if other.task == result.task]
    words = [title(result)]
    words += [getattr(result, name) for name in ("setting", "input") if len({getattr(r, name) for r in alike}) > 1]
    return ", ".join(words + ([f"shots {result.shots}"] if result.shots is not None else []))


def _best_baseline(own: Sequence[Result], results: Iterable[Result]) -> str:
    """Of the baselines measured the same way on the same items; one without demonstrations stands beside any shots."""
    key, sizes = _same(own[0]), {result.n for result in own}
    found = [
        result for result in results
        if is_baseline(result) and _same(result) == key and {result.n} == sizes and is_papers_score(result)
        and result.shots in (None, own[0].shots)
    ]  # fmt: skip
    if not found:
        return ""
    sign = -1 if own[0].metric in _LOWER_IS_BETTER else 1
    best = max(found, key=lambda result: sign * result.value)
    return f"{number(best.value)} {best.model}"


def _same(result: Result) -> list[str]:
    return [getattr(result, name) for name in _SAME]
