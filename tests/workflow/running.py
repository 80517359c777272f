"""Calling the real graph as a user does, and reading which jobs it ran."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
NANO = ROOT / "config" / "nano.yaml"


class Run(NamedTuple):
    """What one call of snakemake printed, and which jobs it ran: (rule, wildcards) each."""

    code: int
    output: str

    @property
    def jobs(self) -> list[tuple[str, str]]:
        blocks = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?:    .*\n)*)", self.output, flags=re.M)
        wildcards = [re.search(r"wildcards: (.*)", body) for _, body in blocks]
        return sorted((name, found[1] if found else "") for (name, _), found in zip(blocks, wildcards, strict=True))


def snakemake(*options: str, directory: Path, config: Path | None = NANO, check: bool = True) -> Run:
    """Call snakemake on this checkout as a user does, in its own working directory."""
    configfile = ["--configfile", str(config)] if config else []
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *configfile]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    result = subprocess.run(
        [*command, "--directory", str(directory), *options],
        cwd=ROOT, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    run = Run(result.returncode, result.stdout + result.stderr)
    assert not check or run.code == 0, run.output[-6000:]
    return run
