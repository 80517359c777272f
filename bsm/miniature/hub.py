"""Data sets as the Hugging Face hub serves them: files under ``resolve`` and JSON answers under ``api``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from bsm.base.files import atomic_path, write_json

_PLAIN_SUFFIXES = (".txt", ".md", ".json")
"""Kept in git itself; everything else is in large-file storage and has a sha256."""


def write_hub_dataset(out: Path, name: str, files: Mapping[str, bytes]) -> str:
    """Write one data set below ``out/huggingface``; returns its commit (a hash of names and contents).

    ``name`` is ``owner/name``. Each folder of ``_listed_folders`` gets the listing that the API would give.
    """
    server = Path(out) / "huggingface"
    digest = hashlib.sha1(usedforsecurity=False)
    for path, data in sorted(files.items()):
        digest.update(path.encode() + b"\0" + hashlib.sha256(data).digest())
    commit = digest.hexdigest()
    for path, data in sorted(files.items()):
        with atomic_path(server / "datasets" / name / "resolve" / commit / path) as partial:
            partial.write_bytes(data)
    api = server / "api" / "datasets" / name
    write_json(api / "revision" / "main", {"id": name, "sha": commit})
    for folder in _listed_folders(files):
        entries = [_entry(path, data) for path, data in sorted(files.items()) if path.startswith(folder + "/")]
        write_json(api / "tree" / commit / folder, entries)
    return commit


def _listed_folders(files: Mapping[str, bytes]) -> list[str]:
    """The folders that a client lists (recursively): those of the files, or of their train, dev and test folders.

    A listing is one file of the mirror, so no listed folder may lie inside another.
    """
    folders = set()
    for path in files:
        parent = PurePosixPath(path).parent
        folders.add(str(parent.parent if parent.name in {"train", "dev", "test"} else parent))
    return sorted(folders)


def _entry(path: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob}
    if not path.endswith(_PLAIN_SUFFIXES):
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 132}
    return entry
