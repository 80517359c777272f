"""Shared fixtures. Real files are found through ``shared_data`` and only there."""

from __future__ import annotations

import os
from pathlib import Path

# As the graph runs its jobs: one thread a process. Set before torch is imported; test workers run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_folder(name: str) -> Path:
    """A folder of real records beside the checkout; skips the test, naming the folder, where it is absent."""
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"real data not here: shared/data/{name}")
    return folder


@pytest.fixture
def shared_data():
    """``shared_data("ncbi/flatfiles")`` -> path, or a skip that names the missing folder."""
    return shared_folder
