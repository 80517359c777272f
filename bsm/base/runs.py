"""Which networks are trained and which are evaluated on what: the training half of the graph, read from the config.

A run is one round of one arm of one model; it leaves a checkpoint in ``runs/<model>/<arm>/<round>/``. Arms share
round 1, which stands under ``mixed``; ``no_web`` shares round 2 as well. Evaluations name checkpoints by a letter and
the round: R the mixed arm of the first model, S its single-modal arm, L the mixed arm of the second model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bsm.base.config.main import Config
from bsm.base.config.training import Evaluation, Mix, Round
from bsm.base.results import SETTINGS

ANNEALED = "annealed"
SINGLE_MIX = Mix(name="single", weights={"single": 1.0})
"""The control arm reads single-modal sequences only, in every round."""
FIRST_ROUND = {"mixed": 0, "single": 1, "unpaired": 1, "no_web": 2}
"""Index of the round from which on an arm is trained apart from ``mixed``."""


@dataclass(frozen=True)
class Run:
    """One round of one arm of one model."""

    model: str
    arm: str
    round: str

    @property
    def folder(self) -> str:
        """The checkpoint folder, relative to the working directory."""
        return f"runs/{self.model}/{self.arm}/{self.round}"


def all_runs(config: Config) -> list[Run]:
    """Every run of the config, models and arms in its order."""
    return [
        Run(model.name, arm, round_.name)
        for model in config.models
        for arm in ("mixed", *(a for a in model.arms if a != "mixed"))
        for round_ in config.train.rounds[FIRST_ROUND[arm] :]
    ]


def parent(config: Config, run: Run) -> Run | None:
    """The run whose weights this one starts from; None for round 1."""
    names: list[str] = [round_.name for round_ in config.train.rounds]
    index = names.index(run.round)
    if not index:
        return None
    return Run(run.model, run.arm if index - 1 >= FIRST_ROUND[run.arm] else "mixed", names[index - 1])


def round_of(config: Config, run: Run) -> Round:
    """Budget and rates of the run's round."""
    return next(round_ for round_ in config.train.rounds if round_.name == run.round)


def recorded_code(record: str) -> str | None:
    """Hash of the code that made a finished run, from its record (training.json or an annealing result); else None."""
    try:
        code = json.loads(Path(record).read_text(encoding="utf-8"))["fingerprint"]["code"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not finished; a damaged record is refused by what reads it
    return code if isinstance(code, str) else None


def mix_round(config: Config, run: Run) -> Round | None:
    """The round whose mix the run reads (round 2's for no_web); None for the single-modal arm."""
    if run.arm == "single":
        return None
    return config.train.rounds[1] if run.arm == "no_web" else round_of(config, run)


def fixed_mix(config: Config, run: Run) -> Mix | None:
    """The run's mix where the config fixes it; None where annealing chooses it."""
    round_ = mix_round(config, run)
    if round_ is None:
        return SINGLE_MIX
    return None if round_.mix == ANNEALED else _mix(config, round_.mix)


def candidates(config: Config, round_name: str) -> list[Mix]:
    """Mixes that annealing tries for a round."""
    return [_mix(config, name) for name in getattr(config.anneal, f"candidates_{round_name}", [])]


def groups(config: Config, run: Run) -> set[str]:
    """Data groups that the run may read: those of its mix, or of all candidates."""
    fixed = fixed_mix(config, run)
    round_ = mix_round(config, run)
    mixes = [fixed] if fixed or round_ is None else candidates(config, round_.name)
    return {group for mix in mixes if mix for group, weight in mix.weights.items() if weight > 0}


def groups_behind(config: Config, run: Run) -> set[str]:
    """Data groups whose change may change the run: what it and its earlier rounds read, all where annealing chose the
    mix, and the single-modal ones of its held-out curve."""
    earlier = parent(config, run)
    found = groups_behind(config, earlier) if earlier else {"single"}
    everything = {source.group for source in config.sources}
    return found | groups(config, run) | (everything if fixed_mix(config, run) is None else set())


def run_of_checkpoint(config: Config, checkpoint: str) -> Run:
    """The run behind a name such as R3, S2 or L3."""
    letter, index = checkpoint[0], int(checkpoint[1]) - 1
    arm = "single" if letter == "S" and index >= FIRST_ROUND["single"] else "mixed"
    return Run(config.models[letter == "L"].name, arm, config.train.rounds[index].name)


@dataclass(frozen=True)
class Measurement:
    """One job of the evaluation: tasks of one setting on one checkpoint."""

    run: Run
    setting: str
    batch: str
    """A task, or ``all``."""
    tasks: tuple[str, ...]
    shots: tuple[int, ...] = ()

    @property
    def stem(self) -> str:
        """Path of the results without their suffix."""
        return f"results/evaluations/{self.run.model}/{self.run.arm}/{self.run.round}/{self.setting}.{self.batch}"


def measurements(config: Config) -> list[Measurement]:
    """All evaluation jobs: the matrix, and the held-out losses of every run."""
    asked = _asked(config)
    found = []
    for run in all_runs(config):
        for setting in SETTINGS:
            entries = asked.get((run, setting), [])
            if setting == "language-model":
                tasks = ("validation_loss", *(entry.task for entry in entries))
                found.append(Measurement(run, setting, "all", tasks))
            elif entries and config.evaluate.one_job_per == "checkpoint":
                found.append(_measurement(run, setting, "all", entries))
            else:
                found += [_measurement(run, setting, entry.task, [entry]) for entry in entries]
    return found


def _asked(config: Config) -> dict[tuple[Run, str], list[Evaluation]]:
    asked: dict[tuple[Run, str], list[Evaluation]] = {}
    for entry in config.evaluate.matrix:
        for checkpoint in entry.checkpoints:
            asked.setdefault((run_of_checkpoint(config, checkpoint), entry.setting), []).append(entry)
    return asked


def _measurement(run: Run, setting: str, batch: str, entries: list[Evaluation]) -> Measurement:
    shots = sorted({n for entry in entries for n in entry.shots})
    return Measurement(run, setting, batch, tuple(entry.task for entry in entries), tuple(shots))


def _mix(config: Config, name: str) -> Mix:
    return next(mix for mix in config.mixes if mix.name == name)
