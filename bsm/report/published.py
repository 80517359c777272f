"""The paper's numbers that exist as text (published.csv), and which of our rows measures the same thing.

Values that exist only as bars (Figures 3 to 5: Central Dogma, few-shot) have no number and are not in the table.
``arXiv 2410.11499`` is the paper; ``iclr-text`` is the machine-read text of its revision submitted to ICLR 2025.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from bsm.base.csv_tables import read_csv
from bsm.base.errors import InputError
from bsm.base.results import Result

SIZES = ("small", "large")
"""BSM-110M and BSM-270M: the first and the second model of a config stand beside them."""
_PATH = Path(__file__).with_name("published.csv")


@dataclass(frozen=True)
class Published:
    """One published number. ``arm`` is none and ``round`` empty for models of others."""

    task: str
    dataset: str
    """The headline benchmark of the task, which is named like it: a user's own data never meet these numbers."""
    model: str
    size: str
    """One of SIZES; empty for models of others, and where the paper does not say which of its models it means."""
    arm: str
    round: str
    setting: str
    input: str
    metric: str
    value: str
    """As printed: its digits say how exact it is."""
    source: str
    note: str
    """What the source leaves open and how it is read here; empty where nothing is open."""

    @property
    def key(self) -> tuple[str, ...]:
        return (self.task, self.dataset, self.size, self.arm, self.round, self.setting, self.input, self.metric)


@dataclass(frozen=True)
class Entry:
    """One number of ours and the published number of the same measurement."""

    result: Result
    published: Published | None


@cache
def published() -> tuple[Published, ...]:
    """All published numbers, in the order of the file."""
    columns = tuple(field.name for field in fields(Published))
    rows = tuple(Published(**row) for row in read_csv(_PATH, columns))
    _check_unique(rows)
    return rows


def beside(result: Result, models: Sequence[str]) -> Published | None:
    """The published measurement of the same thing: same task, data, arm, round, setting, input and metric.

    ``models``: the smaller and the larger model of the config, in this order. None where nothing is published; so it
    is with demonstrations, whose published values are bars.
    """
    if result.shots is not None or result.model not in models[: len(SIZES)]:
        return None
    size = SIZES[models.index(result.model)]
    key = (result.task, result.dataset, size, result.arm, result.round, result.setting, result.input, result.metric)
    return next((row for row in published() if row.key == key), None)


def by_others() -> list[Published]:
    """Published numbers that stand beside no row of ours."""
    return [row for row in published() if not row.size]


def _check_unique(rows: Iterable[Published]) -> None:
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        if (key := (row.model, *row.key)) in seen:
            raise InputError("a published number is listed twice", where=str(_PATH), value=key,
                             way_out="Keep the row of the first publication")  # fmt: skip
        seen.add(key)
