"""Fixtures of the clean stage's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from clean_makers import Maker

from bsm.base import tables


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """``write("a", rows)`` -> a PIECES file; ``write("b", rows, tables.BENCHMARK_ITEMS)`` -> one of that schema."""

    def write_rows(name: str, rows: Iterable[Mapping[str, Any]], schema: Any = tables.PIECES) -> Path:
        path = tmp_path / f"{name}.parquet"
        tables.write_table(path, rows, schema)
        return path

    return write_rows
