"""Reading what the stages left: every file that cannot be used is one InputError that names it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bsm.base.csv_tables import read_csv
from bsm.base.errors import InputError

Row = dict[str, Any]
PLAN_COLUMNS = ("arm", "round", "mix", "group", "source", "supply_tokens", "budget_tokens", "passes")


def read_plan(path: Path | str) -> list[Row]:
    """Rows of plan.csv."""
    return read_csv(path, PLAN_COLUMNS, ("supply_tokens", "budget_tokens"))


def read_manifest(path: Path | str) -> Row:
    """A shard manifest."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
        value["source"], value["group"], value["splits"]["train"]["n_tokens"], value["splits"]["valid"]["n_tokens"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("not a manifest of shards", where=str(path), way_out="Run bsm shard again") from error
    return value  # type: ignore[no-any-return]


def truth_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """Rows of a table of the miniature's truth, with these columns."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"no truth to compare with: {error}", where=str(path),
            way_out="Run bsm miniature, or leave out --truth for real data",
        ) from error  # fmt: skip
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise InputError(f"missing column(s) {', '.join(missing)}", where=str(path), value=table.column_names,
                         way_out="The truth is of another version: run bsm miniature again")  # fmt: skip
    return table.select(list(columns)).to_pylist()  # type: ignore[no-any-return]
