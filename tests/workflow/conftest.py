"""One finished run of the real graph on config/nano.yaml, shared by the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import snakemake


@pytest.fixture(scope="session")
def nano(tmp_path_factory) -> Path:
    """A finished run of the whole graph on config/nano.yaml with two cores."""
    directory = tmp_path_factory.mktemp("nano")
    run = snakemake("--cores", "2", directory=directory)
    (directory / "end_of_run.txt").write_text(run.output)
    return directory
