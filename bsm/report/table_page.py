"""table1.md: the same numbers for people: a summary, one compact table per measurement, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from bsm.base.benchmarks import TASKS
from bsm.base.results import SETTINGS, Result
from bsm.report.order import (
    ARMS,
    ROUNDS,
    TASK_ORDER,
    arm_letter,
    checkpoint_code,
    checkpoint_key,
    checkpoint_name,
    is_assay,
    is_baseline,
    is_main,
    score_of,
)
from bsm.report.page import table
from bsm.report.published import Entry, by_others

_MEANING = {
    "miniature": "The miniature is a generated world and its models are hundreds of times smaller than the paper's: "
    "its numbers show that every step works and which planted signals were learned in minutes, they say nothing about "
    "real sequences, and the published values, measured on other data, stand beside them for orientation only.",
    "nano": "This is the smallest run of every rule: its numbers show that the graph works and mean nothing else.",
}
_REAL = "Published values were measured on models trained on the paper's own data and token budgets."
_DATASET, _METRIC = 0, 3
"""Where ``_what`` has them."""
_MAX_INTERVALS = 6
"""A table with more columns than this shows values only."""
_LOWER_IS_BETTER = ("perplexity", "bits_per_letter")
_TITLES = {"fine-tuned": "Fine-tuned", "few-shot": "Few-shot, without tuning", "zero-shot": "Zero-shot",
           "language-model": "Language model"}  # fmt: skip
_NOTES = (
    "In brackets: percentile bootstrap interval over test items (`evaluate.bootstrap` in the config; 95 % by default). "
    "It does not cover the seed and the data of pretraining: one network was trained per checkpoint.",
    "*n*: test items, or letters of held-out sequences. *Seeds*: fine-tunings whose mean stands in the row.",
    "*Published*: arXiv 2410.11499, or the machine-read text of its ICLR 2025 revision (`iclr-text`), as "
    "`published_source` in table1.csv says. Values that exist only as bars are left out. Where no round is stated, a "
    "published value is read as the one after round 3.",
    "Perplexities compare only between models with the same vocabulary.",
    "Single fitness assays, other few-shot scores and the intervals of wide tables are in table1.csv.",
)


def page(entries: Sequence[Entry], models: Sequence[str], corpus: str) -> str:
    """The page as Markdown; ``entries`` as sorted for table1.csv."""
    shown = [entry for entry in entries if not is_assay(entry.result) and _is_shown(entry.result)]
    parts = [f"# Table 1 (corpus: {corpus})", _MEANING.get(corpus, _REAL)]
    if summary := _summary([entry.result for entry in shown], models):
        parts += ["## Summary", _legend([entry.result for entry in shown], models), summary]
    for setting in SETTINGS:
        own = [entry for entry in shown if entry.result.setting == setting]
        if own:
            parts += [f"## {_TITLES[setting]}", *_measurements(own, models)]
    parts += ["## Published, beside no row of ours", _others(), "## Notes", "\n".join(f"* {note}" for note in _NOTES)]
    return "\n\n".join(parts) + "\n"


def _is_shown(result: Result) -> bool:
    """Of scores beside the paper's, the page shows one metric."""
    return not score_of(result) or result.metric == "balanced_accuracy"


def _summary(results: Sequence[Result], models: Sequence[str]) -> str:
    """The metric of each task by checkpoint, and the best baseline on the same items."""
    main = [r for r in results if r.metric == _own_metric(r.task) and r.task != "validation_loss" and not score_of(r)]
    codes = _codes(main, models)
    rows = []
    for _, group in groupby(main, key=lambda r: (r.task, r.dataset, r.setting, r.input, r.shots)):
        own = list(group)
        values = {checkpoint_code(r, models): _number(r.value) for r in own if not is_baseline(r)}
        if any(values.get(code) for code in codes):
            baseline = _best_baseline(own[0], results)
            rows.append([_measured(own[0], main), own[0].metric, *(values.get(code, "") for code in codes), baseline])
    return table(("task", "metric", *codes, "best baseline"), rows) if rows else ""


def _codes(results: Sequence[Result], models: Sequence[str]) -> list[str]:
    """Codes of the checkpoints that have results, such as R1 R2 R3 S2 S3 L3, in this order."""
    found = {code for r in results if (code := checkpoint_code(r, models))}
    letters = [arm_letter(size, arm) for size in range(2) for arm in ARMS]
    return [f"{letter}{name[-1]}" for letter in letters for name in ROUNDS if f"{letter}{name[-1]}" in found]


def _legend(results: Sequence[Result], models: Sequence[str]) -> str:
    trained = {(models.index(r.model), r.arm) for r in results if not is_baseline(r)}
    letters = [(arm_letter(*key), key) for key in sorted(trained, key=lambda key: (key[0], ARMS.index(key[1])))]
    named = ", ".join(f"{letter} = {models[size]} {arm}" for letter, (size, arm) in letters if letter)
    return f"{named}; the digit is the round. Intervals, n and seeds are in the tables below."


def _own_metric(task: str) -> str:
    if task in TASKS:
        return TASKS[task].metric
    return "perplexity" if task == "perplexity" else "bits_per_letter"


def _measured(result: Result, results: Iterable[Result]) -> str:
    """Names a row of the summary: what differs between the rows of its task."""
    alike = [r for r in results if r.task == result.task]
    words = [_title(result)]
    words += [getattr(result, name) for name in ("setting", "input") if len({getattr(r, name) for r in alike}) > 1]
    return ", ".join(words + ([f"shots {result.shots}"] if result.shots is not None else []))


def _best_baseline(result: Result, results: Iterable[Result]) -> str:
    """Of the baselines measured the same way; a few-shot row has the baselines that need no demonstrations."""
    names = ("task", "dataset", "setting", "input", "metric")
    key = [getattr(result, name) for name in names]
    found = [
        r for r in results
        if is_baseline(r) and [getattr(r, name) for name in names] == key and r.shots in (None, result.shots)
    ]  # fmt: skip
    if not found:
        return ""
    sign = -1 if result.metric in _LOWER_IS_BETTER else 1
    best = max(found, key=lambda r: sign * r.value)
    return f"{_number(best.value)} {best.model}"


def _measurements(entries: Sequence[Entry], models: Sequence[str]) -> list[str]:
    """One table per task and data set; the sections of held-out data stand side by side in one."""

    def group(entry: Entry) -> tuple[Any, ...]:
        result = entry.result
        dataset = "" if result.setting == "language-model" else result.dataset
        return TASK_ORDER.index(result.task), bool(dataset) and not is_main(result), dataset

    return [_measurement(list(own), models) for _, own in groupby(sorted(entries, key=group), key=group)]


def _measurement(entries: Sequence[Entry], models: Sequence[str]) -> str:
    """Rows are checkpoints (and shots), columns the metrics, inputs and sections that occur."""
    entries = _compared(entries)
    first = entries[0].result
    varying = [i for i, values in enumerate(zip(*map(_what, entries), strict=True)) if len(set(values)) > 1]

    def column(entry: Entry) -> str:
        words = (_what(entry)[i] for i in varying)
        return ", ".join(word for word in words if word) or entry.result.metric

    def row_key(entry: Entry) -> tuple[Any, ...]:
        shots = entry.result.shots
        return *checkpoint_key(entry.result, models), -1 if shots is None else shots

    columns = list(dict.fromkeys(map(column, sorted(entries, key=lambda entry: bool(score_of(entry.result))))))
    has_shots = any(entry.result.shots is not None for entry in entries)
    has_published = any(entry.published for entry in entries)
    rows = []
    for _, group in groupby(sorted(entries, key=row_key), key=row_key):
        own = list(group)
        cells = {column(entry): _value(entry.result, len(columns) <= _MAX_INTERVALS) for entry in own}
        shots = "" if own[0].result.shots is None else own[0].result.shots
        rows.append([
            checkpoint_name(own[0].result), *([shots] if has_shots else []), *(cells.get(name, "") for name in columns),
            _span(e.result.n for e in own), _span(e.result.seeds for e in own),
            *([_published(own, column)] if has_published else []),
        ])  # fmt: skip
    title = first.task if _DATASET in varying else _title(first)
    unit = "" if _METRIC in varying or columns == [first.metric] else f", {first.metric}"
    header = (f"**{title}**{unit}", *(["shots"] if has_shots else []), *columns, "n", "seeds",
              *(["published"] if has_published else []))  # fmt: skip
    return table(header, rows)


def _compared(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Without baselines of what no checkpoint was measured on; all where there are only baselines."""
    measured = {_what(entry) for entry in entries if not is_baseline(entry.result)}
    return [entry for entry in entries if _what(entry) in measured] or entries


def _what(entry: Entry) -> tuple[str, ...]:
    """Dataset, input, score and metric: what tells the columns of a table apart."""
    result = entry.result
    return result.dataset, result.input.removesuffix(f", {score_of(result)}"), score_of(result), result.metric


def _title(result: Result) -> str:
    return result.task if is_main(result) else f"{result.task} ({result.dataset})"


def _published(entries: Sequence[Entry], column: Callable[[Entry], str]) -> str:
    found = [(column(entry), entry.published.value) for entry in entries if entry.published]
    names_matter = len({column(entry) for entry in entries if entry.result.metric == entries[0].result.metric}) > 1
    return "; ".join(f"{name} {value}" if names_matter else value for name, value in found)


def _others() -> str:
    """Models of others, and what the paper prints without saying for which of its models."""
    rows = by_others()
    tasks = [task for task in TASK_ORDER if any(row.task == task for row in rows)]
    models = dict.fromkeys(row.model for row in rows)
    values = {(row.model, row.task): row.value for row in rows}
    return table(("model", *tasks), [[model, *(values.get((model, task), "") for task in tasks)] for model in models])


def _value(result: Result, with_interval: bool) -> str:
    if not with_interval or result.ci_low is None or result.ci_high is None:
        return _number(result.value)
    return f"{_number(result.value)} [{_number(result.ci_low)}, {_number(result.ci_high)}]"


def _number(value: float) -> str:
    return f"{value:.3f}"


def _span(values: Iterable[int]) -> object:
    """One number, or the smallest and the largest."""
    found = sorted(set(values))
    return found[0] if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"
