"""The lock: which versions and checksums a first run found, so that a later run gets the same or stops.

One small file per part, ``<lock>/<source>.<part>.json`` (``sources.lock.json`` names the folder ``sources.lock``), so
that parts fetched side by side never write the same file. Commit the folder. Content: ``request`` (what the config
asked for), ``resolved`` (accession, release or commit, how it was chosen and all candidates) and ``files`` (server,
path, bytes, checksums). Nothing in it depends on when or where a run took place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bsm.base.errors import DownloadError, InputError
from bsm.base.files import write_json

WAY_OUT = "To accept the change on purpose, run again with --update-lock"
_KEYS = ("request", "resolved", "files")


class LockFragment:
    """The lock of one part. ``path`` None means that nothing is locked."""

    def __init__(self, path: Path | None, request: Mapping[str, Any], *, update: bool = False) -> None:
        self.path, self.request = path, json.loads(json.dumps(request))
        self._old = read_lock(path) if path and not update else None
        if self._old and self._old["request"] != self.request:
            raise DownloadError(
                "the lock was made for other settings: " + "; ".join(_differences(self._old["request"], self.request)),
                where=str(path), way_out=WAY_OUT,
            )  # fmt: skip

    @property
    def resolved(self) -> dict[str, Any]:
        """What the lock pins (empty on a first run)."""
        return dict(self._old["resolved"]) if self._old else {}

    def file(self, name: str) -> dict[str, Any]:
        """The locked entry of one file (empty where it is not locked)."""
        return dict(self._old["files"].get(name, {})) if self._old else {}

    def settle(self, resolved: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the lock on a first run; on a later one, stop where what was found differs from it."""
        new = {"request": self.request, "resolved": dict(resolved), "files": {n: dict(f) for n, f in files.items()}}
        if self._old:
            found = list(_differences(self._old, new))
            if found:
                raise DownloadError(f"differs from the lock: {'; '.join(found[:5])}", where=str(self.path),
                                    way_out=WAY_OUT)  # fmt: skip
        elif self.path:
            write_json(self.path, new)


def read_lock(path: Path) -> dict[str, Any] | None:
    """Content of a part's lock (request, resolved, files); None where there is no lock."""
    return _read(path) if path.exists() else None


def lock_path(lock_file: str | Path, source: str, part: str) -> Path:
    """Where the lock of a part stands: ``sources.lock.json`` -> ``sources.lock/<source>.<part>.json``."""
    return Path(str(lock_file).removesuffix(".json")) / f"{source}.{part}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"not a readable lock: {error}",
            where=str(path),
            way_out="Restore it from version control",
        ) from error
    if not isinstance(value, dict) or any(not isinstance(value.get(key), dict) for key in _KEYS):
        raise InputError("not a lock of one part", where=str(path), way_out=WAY_OUT)
    return value


def _differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
    elif old != new:
        yield f"{where} was {_text(old)}, now {_text(new)}"


def _text(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value)
    return text if len(text) <= 80 else text[:79] + "…"
