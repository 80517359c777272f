"""Held-out curves of the runs, by section, over the tokens that a network has seen since its first step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsm.base.csv_tables import read_csv
from bsm.base.errors import InputError
from bsm.base.runs import FIRST_ROUND, Run
from bsm.base.sections import SECTIONS
from bsm.report.order import ARMS, ROUNDS

_COLUMNS = ("step", "n_tokens", "group", "modality", "n_letters", "bits_per_letter")
_MODALITY_SECTIONS = {"dna": "nucleotides", "rna": "nucleotides", "protein": "proteins"}
Points = list[tuple[int, float]]
"""(tokens, bits per letter), tokens increasing."""


@dataclass(frozen=True)
class Curve:
    """Held-out loss of one run; tokens count from the start of its round."""

    run: Run
    n_tokens: int
    """At the last validation."""
    sections: dict[str, Points]


@dataclass(frozen=True)
class Line:
    """What is drawn for one arm of one model in one section: its own rounds, from where it left the mixed arm."""

    model: str
    arm: str
    points: Points


def read_curve(path: Path | str) -> Curve:
    """One validation.csv; the three folders above it name model, arm and round."""
    run = _run(Path(path))
    bits: dict[tuple[str, int], float] = defaultdict(float)
    letters: dict[tuple[str, int], int] = defaultdict(int)
    n_tokens = 0
    for row in read_csv(path, _COLUMNS, ("n_tokens", "n_letters")):
        n_tokens = max(n_tokens, row["n_tokens"])
        if row["modality"] != "special" and row["n_letters"]:
            key = (_section(row["group"], row["modality"], path), row["n_tokens"])
            bits[key] += _number(row["bits_per_letter"], path) * row["n_letters"]
            letters[key] += row["n_letters"]
    sections: dict[str, Points] = {}
    for section, tokens in sorted(bits):
        sections.setdefault(section, []).append((tokens, bits[section, tokens] / letters[section, tokens]))
    return Curve(run, n_tokens, sections)


class Curves:
    """The curves of all runs, laid end to end: a round begins where the round it started from ended."""

    def __init__(self, curves: Iterable[Curve], models: Sequence[str]) -> None:
        """``models``: those of the config, in its order; InputError where a curve is of none of them."""
        self._curves = {curve.run: curve for curve in curves}
        self.models = list(models)
        if unknown := sorted({run.model for run in self._curves} - set(models)):
            raise InputError("a held-out curve is of no model of the config", where="--curves",
                             value=", ".join(unknown), way_out=f"Known here: {', '.join(models)}")  # fmt: skip

    @property
    def arms(self) -> list[tuple[str, str]]:
        """(model, arm): models as in the config, arms in their fixed order."""
        found = {(run.model, run.arm) for run in self._curves}
        return sorted(found, key=lambda one: (self.models.index(one[0]), ARMS.index(one[1])))

    @property
    def runs(self) -> list[Run]:
        """Runs that have a curve."""
        return list(self._curves)

    def end(self, run: Run) -> int:
        """Tokens seen since the first step at the end of a run; InputError where a curve before it is missing."""
        curve = self._curves.get(run)
        if curve is None:
            raise InputError(
                "no held-out curve of a run whose results or later rounds are given", where="--curves",
                value=f"{run.folder}/validation.csv", way_out="Give the validation.csv of every round",
            )  # fmt: skip
        return self._start(run) + curve.n_tokens

    def line(self, model: str, arm: str, section: str) -> Line:
        """One continued line; without points where the arm was never measured on the section."""
        points: Points = []
        for run in (Run(model, arm, name) for name in ROUNDS):
            if run in self._curves:
                points += self._fork(run, section) if not points else []
                start = self._start(run)
                # A value before the first step repeats the end of the round before, or is that of an untrained network.
                points += [(start + n, bits) for n, bits in self._curves[run].sections.get(section, []) if n]
        return Line(model, arm, points)

    def _start(self, run: Run) -> int:
        before = _before(run)
        return self.end(before) if before else 0

    def _fork(self, run: Run, section: str) -> Points:
        """The last point of the round before, where that belongs to another arm."""
        before = _before(run)
        if before is None or before.arm == run.arm:
            return []
        own = self._curves[before].sections.get(section, [])
        return [(self._start(before) + n, bits) for n, bits in own[-1:]]


def _before(run: Run) -> Run | None:
    """The run that this one continues; None for round 1."""
    index = ROUNDS.index(run.round)
    arm = run.arm if index > FIRST_ROUND[run.arm] else "mixed"
    return Run(run.model, arm, ROUNDS[index - 1]) if index else None


def _run(path: Path) -> Run:
    parts: Sequence[str] = path.absolute().parts[-4:-1]
    if len(parts) < 3 or parts[1] not in FIRST_ROUND or parts[2] not in ROUNDS:
        raise InputError("the path does not name model, arm and round", where=str(path),
                         way_out="Give runs/<model>/<arm>/<round>/validation.csv")  # fmt: skip
    return Run(*parts)


def _section(group: str, modality: str, path: Path | str) -> str:
    section = _MODALITY_SECTIONS.get(modality, "") if group == "single" else group
    if section not in SECTIONS:
        raise InputError("unknown held-out section", where=str(path), value=f"{group} {modality}",
                         way_out="Run the training again")  # fmt: skip
    return section


def _number(text: str, path: Path | str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError("bits_per_letter is no number", where=str(path), value=text,
                         way_out="Run the training again") from error  # fmt: skip
