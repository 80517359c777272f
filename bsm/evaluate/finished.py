"""Finished fine-tunings of a job that was stopped: kept beside its output, deleted when the job has written it.

Each is one JSON file named after data set and seed. It is used again only if its fingerprint (checkpoint, settings,
items, code) is the same; else it is computed anew.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from bsm.base.files import write_json
from bsm.evaluate.outcome import Outcome


class FinishedRuns:
    """Results by (data set, seed) in a folder; ``folder`` None keeps nothing."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def load(self, name: str, seed: int, fingerprint: str) -> Outcome | None:
        """The result of an equal run, or None."""
        path = self._path(name, seed)
        if path is None or not path.is_file():
            return None
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["fingerprint"] != fingerprint:
                return None
            return Outcome(np.array(stored["prediction"]), np.array(stored["score"], dtype=np.float64))
        except (ValueError, KeyError, TypeError):  # cut short, or another layout
            return None

    def save(self, name: str, seed: int, fingerprint: str, outcome: Outcome) -> None:
        """Keep a result; floats are written so that they read back exactly."""
        path = self._path(name, seed)
        if path is not None:
            columns = {"prediction": outcome.prediction.tolist(), "score": outcome.score.tolist()}
            write_json(path, {"fingerprint": fingerprint} | columns)

    def clear(self) -> None:
        """Delete the folder: the results now stand in the job's output."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str, seed: int) -> Path | None:
        return self.folder and self.folder / f"{name}.seed{seed}.json"
