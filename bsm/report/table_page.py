"""table1.md: the same numbers for people: a summary, one compact table per measurement, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import groupby
from typing import Any

from bsm.base.results import SETTINGS, Result
from bsm.report.order import (
    PAIR_LETTERS,
    TASK_ORDER,
    checkpoint_key,
    checkpoint_name,
    is_assay,
    is_baseline,
    is_main,
    is_papers_score,
)
from bsm.report.page import table
from bsm.report.published import Entry, by_others
from bsm.report.summary import number, summary, title
from bsm.report.table_notes import NOTES, meaning

_DATASET, _METRIC = 0, 2
"""Where ``_what`` has them."""
_MAX_INTERVALS = 6
"""A table with more columns than this shows values only."""
_OPTIONAL = ("shots", "seeds")
_TITLES = {"fine-tuned": "Fine-tuned", "few-shot": "Few-shot, without tuning", "zero-shot": "Zero-shot",
           "language-model": "Language model"}  # fmt: skip


def page(entries: Sequence[Entry], models: Sequence[str], benchmarks: Collection[str], corpus: str) -> str:
    """The page as Markdown; ``entries`` as sorted for table1.csv."""
    shown = [entry for entry in entries if not is_assay(entry.result, benchmarks) and _is_shown(entry.result)]
    parts = [f"# Table 1 (corpus: {corpus})", meaning(corpus)]
    if found := summary([entry.result for entry in shown], models):
        parts += ["## Summary", *found]
    for setting in SETTINGS:
        if tables := _measurements([entry for entry in shown if entry.result.setting == setting], models):
            parts += [f"## {_TITLES[setting]}", *tables]
    parts += ["## Published, beside no row of ours", _others(), "## Notes", "\n".join(f"* {note}" for note in NOTES)]
    return "\n\n".join(parts) + "\n"


def _is_shown(result: Result) -> bool:
    """Of scores beside the paper's, the page shows one metric."""
    return is_papers_score(result) or result.metric == "balanced_accuracy"


def _measurements(entries: Sequence[Entry], models: Sequence[str]) -> list[str]:
    """The tables of one setting: one per task, one for all fitness, two for held-out losses.

    Data sets beside the headline one of their task have no table of their own: the summary shows them.
    """
    headline = {entry.result.task for entry in entries if is_main(entry.result)}
    shown = [e for e in entries if is_main(e.result) or e.result.task not in headline]
    groups = [_compared(list(own)) for _, own in groupby(sorted(shown, key=_group), key=_group)]
    return [_measurement(own, models) for own in groups if own]


def _group(entry: Entry) -> tuple[Any, ...]:
    result = entry.result
    if result.setting == "zero-shot" and is_main(result):
        return -1, False, ""
    if result.setting == "language-model":
        return TASK_ORDER.index(result.task), result.dataset in PAIR_LETTERS, ""
    return TASK_ORDER.index(result.task), not is_main(result), result.dataset


def _compared(entries: Sequence[Entry]) -> list[Entry]:
    """Without baselines of what no checkpoint was measured on."""
    measured = {_what(entry) for entry in entries if not is_baseline(entry.result)}
    return [entry for entry in entries if _what(entry) in measured]


def _measurement(entries: Sequence[Entry], models: Sequence[str]) -> str:
    """Rows are checkpoints (and shots), columns the metrics, inputs, scores and sections that occur."""
    varying = [i for i, values in enumerate(zip(*map(_what, entries), strict=True)) if len(set(values)) > 1]

    def column(entry: Entry) -> str:
        words = (_what(entry)[i] for i in varying)
        return ", ".join(word for word in words if word) or entry.result.metric

    def row_key(entry: Entry) -> tuple[Any, ...]:
        result = entry.result
        n_pairs = result.n if is_baseline(result) and result.setting == "few-shot" else 0
        return *checkpoint_key(result, models), -1 if result.shots is None else result.shots, n_pairs

    networks_first = sorted(entries, key=lambda e: (not is_papers_score(e.result), is_baseline(e.result)))
    columns = list(dict.fromkeys(map(column, networks_first)))
    place = _place_of_n({(row_key(entry), column(entry)): entry.result.n for entry in entries})
    has_shots, has_seeds = (any(getattr(entry.result, name) is not None for entry in entries) for name in _OPTIONAL)
    has_published = any(entry.published for entry in entries)
    rows = []
    for _, group in groupby(sorted(entries, key=row_key), key=row_key):
        own = list(group)
        first = own[0].result
        cells = {column(entry): _value(entry.result, len(columns) <= _MAX_INTERVALS, place) for entry in own}
        rows.append([
            checkpoint_name(first), *_cell(has_shots, first.shots), *(cells.get(name, "") for name in columns),
            *_cell(place == "row", first.n), *_cell(has_seeds, first.seeds),
            *_cell(has_published, _published(own, column)),
        ])  # fmt: skip
    sizes = {column(entry): f" (n {entry.result.n:,})" if place == "column" else "" for entry in entries}
    header = (
        _heading(entries[0].result, varying, columns), *_cell(has_shots, "shots"),
        *(name + sizes[name] for name in columns),
        *_cell(place == "row", "n"), *_cell(has_seeds, "seeds"), *_cell(has_published, "published"),
    )  # fmt: skip
    return table(header, rows)


def _cell(is_there: bool, value: Any) -> list[Any]:
    """The cell of a column that some tables have; none where the table has it not."""
    return ["" if value is None else value] if is_there else []


def _heading(first: Result, varying: Collection[int], columns: Sequence[str]) -> str:
    name = title(first)
    if _DATASET in varying:
        name = "fitness" if first.setting == "zero-shot" else first.task
    if first.dataset in PAIR_LETTERS:
        name = f"{first.task}, letters of pairs"
    unit = "" if _METRIC in varying or columns == [first.metric] else f", {first.metric}"
    return f"**{name}**{unit}"


def _what(entry: Entry) -> tuple[str, ...]:
    """Dataset, input, metric and score: what tells the columns of a table apart."""
    result = entry.result
    return result.dataset, result.input, result.metric, "" if is_papers_score(result) else result.score


def _place_of_n(sizes: Mapping[tuple[Hashable, Hashable], int]) -> str:
    """Where n is said: in the ``row`` or the ``column`` where all its cells share one, else in every ``cell``."""
    for axis, name in enumerate(("row", "column")):
        known: dict[Hashable, int] = {}
        if all(known.setdefault(key[axis], n) == n for key, n in sizes.items()):
            return name
    return "cell"


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


def _value(result: Result, with_interval: bool, place_of_n: str) -> str:
    text = number(result.value)
    if with_interval and result.ci_low is not None and result.ci_high is not None:
        text += f" [{number(result.ci_low)}, {number(result.ci_high)}]"
    return text + (f" (n {result.n:,})" if place_of_n == "cell" else "")
