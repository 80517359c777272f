"""``bsm report end``: where the results of a finished run are and how long each stage took.

It must never fail a run that is finished: what is missing or cannot be read is left out.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsm.report.order import ARMS

_FILES = (
    ("table1.md", "Table 1, to read"),
    ("table1.csv", "Table 1, one row per number"),
    ("validation_loss.svg", "validation loss by round and arm"),
    ("data.md", "the data: sources, counts, what was removed"),
)
_STAGES = (
    "miniature",
    "acquire",
    "sample",
    "pair",
    "interleave",
    "clean",
    "shard",
    "train",
    "anneal",
    "evaluate",
    "report",
)


@dataclass(frozen=True)
class Job:
    """One row of a benchmark file of Snakemake; None where the job ended before it was sampled."""

    stage: str
    seconds: float
    cpu_seconds: float | None
    memory_mb: float | None


def end_message(times: Path, out_dir: Path) -> str:
    """The message; ``times`` holds benchmark files of jobs, ``out_dir`` the results, with ``runs`` beside it."""
    runs = out_dir.parent / "runs"
    parts = [_places(out_dir, runs), _stages(read_jobs(times)), _speeds(runs)]
    return "\n".join(part for part in parts if part)


def read_jobs(times: Path) -> list[Job]:
    """Jobs in ``times/<stage>/**.tsv`` and ``times/<stage>.tsv``."""
    found = []
    for path in sorted(times.rglob("*.tsv")):
        stage = path.relative_to(times).parts[0].removesuffix(".tsv")
        found += [
            Job(stage, seconds, _number(row.get("cpu_time")), _number(row.get("max_rss")))
            for row in _rows(path)
            if (seconds := _number(row.get("s"))) is not None
        ]
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle, delimiter="\t"))
    except (OSError, ValueError, csv.Error):
        return []


def _number(text: object) -> float | None:
    """None for "NA" and "-", which Snakemake writes for what it could not measure."""
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _places(out_dir: Path, runs: Path) -> str:
    rows = [(str(out_dir / name), what) for name, what in _FILES if (out_dir / name).is_file()]
    checkpoints = sorted(path.parent for path in runs.glob("*/*/*/model.safetensors"))
    if checkpoints:
        rows.append((f"{runs}/<model>/<arm>/<round>/", f"{len(checkpoints)} checkpoints; transformers loads them:"))
        rows.append(("", f'AutoModelForCausalLM.from_pretrained("{max(checkpoints, key=_rank)}")'))
    return _lines("Results", rows)


def _rank(checkpoint: Path) -> tuple[bool, float, str, str]:
    """The mixed arm before all others, then the larger model, then the later round; then a name, to be definite."""
    model, arm, name = checkpoint.parts[-3:]
    return arm == "mixed", _number_in(checkpoint / "training.json", "n_parameters") or 0.0, name, model


def _stages(jobs: Sequence[Job]) -> str:
    if not jobs:
        return ""
    by_stage: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_stage[job.stage].append(job)
    stages = sorted(by_stage, key=lambda name: (_STAGES.index(name) if name in _STAGES else len(_STAGES), name))
    rows: list[tuple[str, ...]] = [("", "jobs", "seconds", "CPU s", "most memory")]
    rows += [_stage(name, by_stage[name]) for name in stages]
    rows.append(_stage("all", jobs))
    return _lines("Time of the jobs by stage (side by side on several cores; of the last run of each job)", rows)


def _stage(name: str, jobs: Sequence[Job]) -> tuple[str, ...]:
    cpu = sum(job.cpu_seconds or 0.0 for job in jobs)
    memory = max((job.memory_mb or 0.0 for job in jobs), default=0.0)
    return name, str(len(jobs)), f"{sum(job.seconds for job in jobs):,.1f}", f"{cpu:,.1f}", f"{memory:,.0f} MB"


def _speeds(runs: Path) -> str:
    """Tokens per second of every training run, one line per arm."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(runs.glob("*/*/*/speed.json")):
        model, arm, name = path.parts[-4:-1]
        if (speed := _number_in(path, "tokens_per_second")) is not None:
            found.setdefault((model, arm), []).append(f"{name} {speed:,.0f}")
    arms = sorted(found, key=lambda key: (key[0], ARMS.index(key[1]) if key[1] in ARMS else len(ARMS), key[1]))
    return _lines("Training, tokens per second", [(f"{model} {arm}", *found[model, arm]) for model, arm in arms])


def _number_in(path: Path, key: str) -> float | None:
    try:
        return _number(json.loads(path.read_text(encoding="utf-8"))[key])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lines(title: str, rows: Sequence[Sequence[str]]) -> str:
    """A title and aligned columns: the first to the left, numbers to the right; nothing where there are no rows."""
    if not rows:
        return ""
    return "\n".join([title, *_aligned(rows)]) + "\n"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    for row in rows:
        yield "  " + "  ".join(_padded(row, widths)).rstrip()


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    is_words = len(row) == 2
    return (
        cell.ljust(width) if i == 0 or is_words else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=False))
    )
