"""The choice of a mix: the lowest mean objective over seeds, and the candidates that cannot be told apart from it.

The objective (paper section 2.3: "validation loss", as this project reads it) is the weighted mean of bits per letter
over held-out sections, with weights fixed beforehand and the same for every candidate. In round 3 web data enters, so
section web then weighs 1 unless ``objective_weights`` names it.

Differences are paired: every candidate is measured on the same held-out rows. Intervals resample rows inside each
source, and seeds, the same ones for both candidates.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bsm.base.config.training import AnnealSettings
from bsm.base.csv_tables import write_csv
from bsm.base.errors import ConfigError, InputError
from bsm.base.files import write_json
from bsm.base.randomness import generator

N_RESAMPLES, CONFIDENCE = 1000, 0.95
WEB_FROM_ROUND = "round3"
_TOGETHER = "Give one run per candidate and seed, all of one round, made with the same settings"
_NATS_PER_BIT = float(np.log(2))
_COLUMNS = (
    "mix", "chosen", "objective", "objective_by_seed", "difference", "ci_low", "ci_high", "tied",
    "observed_mix", "passes",
)  # fmt: skip
"""``difference``: to the chosen mix, with its interval; ``observed_mix``: shares of the tokens read, by group;
``passes``: over each source. Then bits per letter of every section."""
Runs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Measured:
    """All candidates on the same held-out rows; rows and sections stand in the same order in every array."""

    names: list[str]
    seeds: list[int]
    row_sources: np.ndarray
    """int64[n_rows]: a number per source."""
    weights: np.ndarray
    """float64[n_sections], summing to 1."""
    letters: np.ndarray
    """float64[n_rows, n_sections]."""
    nats: np.ndarray
    """float64[n_rows, n_candidates, n_seeds, n_sections]."""

    def objectives(self, row_counts: np.ndarray) -> np.ndarray:
        """float64[n_resamples, n_candidates, n_seeds]; ``row_counts`` [n_resamples, n_rows]: how often a row counts."""
        letters = (row_counts @ self.letters)[:, None, None, :]
        bits = np.tensordot(row_counts, self.nats, axes=1) / letters / _NATS_PER_BIT
        objectives: np.ndarray = bits @ self.weights
        return objectives


def select(paths: Sequence[str], settings: AnnealSettings, out: Path, table: Path) -> None:
    """Read the results of ``bsm anneal run`` and write the choice and the table of the candidates.

    InputError where results do not belong together: other rounds, steps, seeds or held-out rows.
    """
    runs = [_read_run(path) for path in paths]
    round_name = runs[0]["round"]
    weights = objective_weights(settings, round_name)
    measured = measure(runs, weights)
    objectives = measured.objectives(np.ones((1, len(measured.letters))))[0]
    means = objectives.mean(axis=1)
    chosen = int(np.argmin(means))  # the first of equals, and names are sorted
    low, high = intervals(measured, chosen, round_name)
    rows = []
    for i, name in enumerate(measured.names):
        apart = {
            "difference": f"{means[i] - means[chosen]:.6f}", "ci_low": f"{low[i]:.6f}", "ci_high": f"{high[i]:.6f}",
            "tied": _yes(low[i] <= 0),
        }  # fmt: skip
        rows.append({
            "mix": name, "chosen": _yes(i == chosen), "objective": f"{means[i]:.6f}",
            "objective_by_seed": _listed(dict(zip(measured.seeds, objectives[i], strict=True))),
            **({} if i == chosen else apart),
            **_observed([run for run in runs if run["mix"]["name"] == name]),
        })  # fmt: skip
    rows.sort(key=lambda row: (row["chosen"] != "yes", float(row["objective"])))
    tied = [row["mix"] for row in rows if row.get("tied") == "yes"]
    write_csv(table, [*_COLUMNS, *(f"bits_{section}" for section in runs[0]["sections"])], rows)
    winner = next(run for run in runs if run["mix"]["name"] == measured.names[chosen])
    write_json(out, {
        "mix": winner["mix"], "round": round_name, "objective": round(float(means[chosen]), 6),
        "objective_weights": weights, "tied": tied,
    })  # fmt: skip
    also = f"; not told apart from it: {', '.join(tied)}" if tied else ""
    print(f"{round_name}: {measured.names[chosen]}, {means[chosen]:.4f} bits per letter{also}")


def objective_weights(settings: AnnealSettings, round_name: str) -> dict[str, float]:
    """Weights of the sections in a round: those of the config, and 1 for web in round 3 unless the config names it."""
    weights: dict[str, float] = {str(section): weight for section, weight in settings.objective_weights.items()}
    if round_name == WEB_FROM_ROUND:
        weights.setdefault("web", 1.0)
    return {section: weight for section, weight in sorted(weights.items()) if weight > 0}


def measure(runs: Runs, weights: Mapping[str, float]) -> Measured:
    """The runs as arrays; InputError where they are not one run per candidate and seed on the same held-out rows."""
    by_key = {(run["mix"]["name"], run["seed"]): run for run in runs}
    names, seeds = (sorted({key[i] for key in by_key}) for i in (0, 1))
    first = runs[0]
    for run in runs:
        for key in ("model", "round", "n_steps"):
            if run[key] != first[key]:
                raise InputError(f"runs of another {key}", where=run["path"], value=run[key], way_out=_TOGETHER)
        if run["rows"].keys() != first["rows"].keys() or _letters(run) != _letters(first):
            raise InputError("measured on other held-out rows", where=run["path"], way_out=_TOGETHER)
    if len(by_key) != len(runs) or len(runs) != len(names) * len(seeds):
        raise InputError("not one run per candidate and seed", value=sorted(by_key), way_out=_TOGETHER)
    missing = [section for section in weights if section not in first["sections"]]
    if missing or not weights:
        raise ConfigError("the objective weighs sections without held-out letters", value=missing,
                          way_out="Set their weight to 0 in anneal.objective_weights, or add sources")  # fmt: skip
    rows = sorted(first["rows"])
    _, row_sources = np.unique([row.rsplit(":", 1)[0] for row in rows], return_inverse=True)
    sums = np.array([
        [[[by_key[name, seed]["rows"][row].get(section, (0, 0.0)) for section in weights] for seed in seeds]
         for name in names] for row in rows
    ])  # fmt: skip
    shares = np.array(list(weights.values()))
    return Measured(names, seeds, row_sources, shares / shares.sum(), sums[:, 0, 0, :, 0], sums[..., 1])


def intervals(measured: Measured, chosen: int, round_name: str) -> tuple[np.ndarray, np.ndarray]:
    """(low, high), float64[n_candidates] each: bootstrap interval of each objective minus the chosen one's."""
    random = generator("anneal select", round_name)
    row_counts = np.zeros((N_RESAMPLES, len(measured.letters)))
    for source in np.unique(measured.row_sources):
        members = np.flatnonzero(measured.row_sources == source)
        row_counts[:, members] = random.multinomial(len(members), np.full(len(members), 1 / len(members)), N_RESAMPLES)
    n_seeds = len(measured.seeds)
    seed_shares = random.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), N_RESAMPLES) / n_seeds
    objectives = np.einsum("ncs,ns->nc", measured.objectives(row_counts), seed_shares)
    differences = objectives - objectives[:, [chosen]]
    low, high = np.quantile(differences, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return low, high


def _observed(runs: Runs) -> dict[str, str]:
    """Columns on what the runs of one candidate read, and their mean bits per letter by section."""
    by_group: dict[str, int] = defaultdict(int)
    for run in runs:
        for source, counts in run["tokens"].items():
            by_group[run["groups"][source]] += sum(counts.values())
    total = sum(by_group.values())
    bits = {section: np.mean([run["sections"][section] for run in runs]) for section in runs[0]["sections"]}
    return {
        "observed_mix": _listed({group: n / total for group, n in sorted(by_group.items())}),
        "passes": _listed({s: float(np.mean([run["passes"][s] for run in runs])) for s in runs[0]["passes"]}),
        **{f"bits_{section}": f"{value:.6f}" for section, value in bits.items()},
    }


def _letters(run: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {row: {section: n for section, (n, _) in found.items()} for row, found in run["rows"].items()}


def _read_run(path: str) -> dict[str, Any]:
    try:
        run: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        _ = run["mix"]["name"], run["rows"].keys(), run["sections"].keys()
        _ = [run[key] for key in ("model", "round", "seed", "n_steps", "tokens", "passes", "groups")]
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", where=path, way_out="Run bsm anneal run first") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("not a result of bsm anneal run", where=path, way_out="Run it again") from error
    return {**run, "path": path}


def _yes(value: bool | np.bool_) -> str:
    return "yes" if value else "no"


def _listed(values: Mapping[Any, float]) -> str:
    return " ".join(f"{name}={value:.4f}" for name, value in values.items())
