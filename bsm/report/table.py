"""``bsm report table``: every number of every evaluation in one table, the published one beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from bsm.base.csv_tables import write_csv
from bsm.base.errors import InputError
from bsm.base.files import write_text
from bsm.base.results import COLUMNS as RESULT_COLUMNS
from bsm.base.results import METRICS, SCORES, SETTINGS, Result, read_results
from bsm.report.order import ARMS, ROUNDS, TASK_ORDER, is_baseline, sort_key
from bsm.report.published import Entry, beside
from bsm.report.table_page import page

COLUMNS = (*RESULT_COLUMNS, "published", "published_source", "corpus")
_KEY = RESULT_COLUMNS.index("value")
"""The columns before it say what was measured; they stand once in the table. A baseline may stand there once for each
number of items: that of few-shot pairs is measured on those that fit the context, which depends on the shots asked."""


def write_table1(
    paths: Iterable[Path | str], models: Sequence[str], benchmarks: Sequence[str], corpus: str, out: Path | str,
    markdown: Path | str,
) -> None:  # fmt: skip
    """Write ``results/table1.csv`` and the page for people; the order of ``paths`` does not matter.

    ``models``: those of the config, in its order; the first stands beside BSM-110M, the second beside BSM-270M.
    ``benchmarks``: those of the config; other data sets of fitness are single assays, which the page leaves out.
    """
    results = merged_results(paths, models)
    entries = [Entry(result, beside(result, models)) for result in results]
    text = page(entries, models, benchmarks, corpus)
    write_csv(out, COLUMNS, (_row(entry, corpus) for entry in entries))
    write_text(markdown, text)


def merged_results(paths: Iterable[Path | str], models: Sequence[str]) -> list[Result]:
    """All results, sorted. InputError where two differ on one measurement or a row names something unknown."""
    found: dict[tuple[Any, ...], tuple[Result, str]] = {}
    for path in sorted(map(str, paths)):
        for result in read_results(path):
            _check_known(result, models, path)
            key = astuple(result)[:_KEY] + ((result.n,) if is_baseline(result) else ())
            known, known_path = found.setdefault(key, (result, path))
            if known != result:
                raise InputError(
                    f"the same measurement stands in {known_path} with another value", where=path,
                    value=" ".join(str(part) for part in key if part not in ("", None)),
                    way_out="Delete the stale file, or run both evaluations again",
                )  # fmt: skip
    return sorted((result for result, _ in found.values()), key=lambda result: sort_key(result, models))


def _check_known(result: Result, models: Sequence[str], path: str) -> None:
    """Names decide order and comparison: one that is not known here would be sorted and compared wrongly."""
    rounds = ("",) if is_baseline(result) else ROUNDS
    for name, allowed in (
        ("task", TASK_ORDER), ("setting", SETTINGS), ("score", ("", *SCORES)), ("metric", METRICS), ("arm", ARMS),
        ("round", rounds),
        *([] if is_baseline(result) else [("model", tuple(models))]),
    ):  # fmt: skip
        if getattr(result, name) not in allowed:
            raise InputError(f"unknown {name}", where=path, value=getattr(result, name),
                             way_out=f"Known here: {', '.join(allowed) or 'none'}")  # fmt: skip
    if result.value is None or not math.isfinite(result.value):
        raise InputError(f"{result.task} {result.metric} has no value", where=path, value=result.value,
                         way_out="What is undefined has no row: run the evaluation again")  # fmt: skip


def _row(entry: Entry, corpus: str) -> dict[str, object]:
    cells = {name: _cell(getattr(entry.result, name)) for name in RESULT_COLUMNS}
    published = entry.published
    return cells | {
        "published": published.value if published else "",
        "published_source": published.source if published else "",
        "corpus": corpus,
    }


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else value
