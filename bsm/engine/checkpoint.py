"""Checkpoints of a training run: whole, verified, the last few kept, never those of another run.

    state/step-00000300/model.safetensors   weights, fp32
                        optimiser.pt        state of the optimiser
                        progress.json       step, counts, metric rows, fingerprint of what the run depends on
                        sha256.json         of the three files

A checkpoint is written to a temporary folder, flushed to disk and renamed, so a run killed at any instant leaves
either the whole of it or nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch

from bsm.base.errors import ConfigError, InputError
from bsm.base.files import file_hash
from bsm.engine.fingerprint import Fingerprint, differences
from bsm.engine.network import Network
from bsm.engine.optimiser import Optimiser
from bsm.engine.weights import WEIGHTS, read_weights, weights_bytes

_OF_CODE = "train.on_code_change: keep goes on with the new code; rerun with --restart-if-changed starts again"
OPTIMISER, PROGRESS, HASHES = "optimiser.pt", "progress.json", "sha256.json"


class Checkpoints:
    """The state folder of one run.

    ``restart_if_changed``: checkpoints with another fingerprint are deleted; otherwise they are an error. Where the
    key ``code`` alone differs, ``on_code_change`` decides: keep goes on, stop is an error in any case.
    """

    def __init__(
        self, folder: Path, fingerprint: Fingerprint, *, keep: int = 2, restart_if_changed: bool = False,
        on_code_change: Literal["rerun", "keep", "stop"] = "stop",
    ) -> None:  # fmt: skip
        self.folder, self.fingerprint = folder, fingerprint
        self.keep, self.restart_if_changed, self.on_code_change = keep, restart_if_changed, on_code_change

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder: InputError where another process trains in it. A killed process holds nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    "another process trains here", where=str(self.folder), way_out="Wait for it, or stop it"
                ) from error
            yield

    def save(self, progress: dict[str, Any], network: Network, optimiser: Optimiser) -> None:
        """Write the checkpoint of ``progress["step"]`` and delete the oldest above ``keep``."""
        target = self.folder / f"step-{progress['step']:08d}"
        partial = self.folder / f".{target.name}.part"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            _write(partial / WEIGHTS, weights_bytes(network))
            _write(partial / OPTIMISER, _optimiser_bytes(optimiser))
            _write(partial / PROGRESS, _json_bytes({**progress, "fingerprint": self.fingerprint}))
            hashes = {name: file_hash(partial / name) for name in (WEIGHTS, OPTIMISER, PROGRESS)}
            _write(partial / HASHES, _json_bytes(hashes))
            _flush(partial)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
            _flush(self.folder)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise InputError(
                f"cannot write a checkpoint: {error.strerror}", where=str(target),
                way_out="Free space and run the same command again: it goes on from the checkpoint before",
            ) from error  # fmt: skip
        for old in self._found()[: -self.keep]:
            shutil.rmtree(old)

    def load(self, network: Network, optimiser: Optimiser) -> dict[str, Any] | None:
        """Fill network and optimiser from the newest good checkpoint; its progress, or None where there is none.

        A checkpoint that is not what was written (a file missing, other bytes) is named on standard error and deleted.
        Whatever fails after that, such as memory, is no fault of the checkpoint: the error goes on and nothing is
        removed. ConfigError where the checkpoints are of another run.
        """
        for leftover in self.folder.glob(".step-*.part"):
            shutil.rmtree(leftover)
        for folder in reversed(self._found()):
            if damage := _damage(folder):
                print(f"damaged checkpoint {folder} is deleted: {damage}", file=sys.stderr)
                shutil.rmtree(folder)
                continue
            progress: dict[str, Any] = json.loads((folder / PROGRESS).read_bytes())
            if changed := self._changed(progress.pop("fingerprint")):
                self._refuse_or_delete(changed)
                return None
            # On the CPU first: the state may come from a GPU that this machine lacks; the optimiser moves it itself.
            optimiser.load_state_dict(torch.load(folder / OPTIMISER, map_location="cpu", weights_only=True))
            read_weights(folder / WEIGHTS, network)
            return progress
        return None

    def _changed(self, stored: Fingerprint) -> list[str]:
        """What differs from the fingerprint of a checkpoint and matters."""
        same_code = {"code": stored.get("code")} if self.on_code_change == "keep" else {}
        return differences(stored, {**self.fingerprint, **same_code})

    def _refuse_or_delete(self, changed: list[str]) -> None:
        listed = "; ".join(changed[:5]) + (f"; and {len(changed) - 5} more" if len(changed) > 5 else "")
        only_code = all(line.startswith("code: ") for line in changed)
        if not self.restart_if_changed or (only_code and self.on_code_change == "stop"):
            raise ConfigError(
                f"the checkpoints are of another run: {listed}", where=str(self.folder),
                way_out=_OF_CODE if only_code else
                "Give back the old values, choose another --out, or start again with --restart-if-changed",
            )  # fmt: skip
        print(f"{self.folder}: starting again, since the checkpoints were of another run: {listed}", file=sys.stderr)
        for folder in self._found():
            shutil.rmtree(folder)

    def _found(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"), key=lambda path: int(path.name.split("-")[1]))


def _damage(folder: Path) -> str:
    """Why a checkpoint is not what was written; empty for a sound one. A file that cannot be read is an OSError."""
    try:
        hashes = json.loads((folder / HASHES).read_bytes())
        wrong = [name for name in (WEIGHTS, OPTIMISER, PROGRESS) if file_hash(folder / name) != hashes[name]]
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return f"{', '.join(wrong)}: not the bytes that were written" if wrong else ""


def _optimiser_bytes(optimiser: Optimiser) -> bytes:
    buffer = io.BytesIO()
    torch.save(optimiser.state_dict(), buffer)
    return buffer.getvalue()


def _json_bytes(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
