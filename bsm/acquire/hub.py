"""Data sets on the Hugging Face hub: a commit, the listing of a folder, its files (hub API).

Files in LFS carry their sha256 in the listing; loader scripts of a data set are never run. Of FineWeb-Edu, terabytes,
only the columns that interleave reads are fetched, and the documents without a candidate left out (``web_columns.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bsm.acquire.fetch import Fetcher
from bsm.acquire.part import Part, Wanted
from bsm.acquire.registry import FINEWEB_EDU, path_of
from bsm.acquire.web_columns import fetch_columns
from bsm.base.config.sources import FinewebEdu
from bsm.base.errors import DownloadError

_COMMIT = re.compile(r"^[0-9a-f]{40}$")


def resolve_commit(fetcher: Fetcher, server: str, dataset: str, asked: str | None, pinned: str | None) -> str:
    """A full commit: the one asked for, else the locked one, else the head of the branch."""
    wanted = asked if asked and _COMMIT.match(asked) else pinned
    if wanted:
        return wanted
    path = path_of("hub_revision", dataset=dataset, revision=asked or "main")
    answer = fetcher.read_json(server, path)
    commit = answer.get("sha") if isinstance(answer, dict) else None
    if not isinstance(commit, str) or not _COMMIT.match(commit):
        raise DownloadError("no commit in the answer", where=fetcher.url(server, path), value=answer,
                            way_out="Check the data set's name and the branch")  # fmt: skip
    return commit


def list_folder(fetcher: Fetcher, server: str, dataset: str, commit: str, folder: str, role: str) -> Iterator[Wanted]:
    """Every file below a folder, named by its path in the data set, sorted by path."""
    path = path_of("hub_tree", dataset=dataset, commit=commit, folder=folder)
    entries = fetcher.read_json(server, path)
    if not isinstance(entries, list):
        raise DownloadError("not a listing of files", where=fetcher.url(server, path), value=entries,
                            way_out="Check the data set's name and the folder")  # fmt: skip
    for entry in sorted((e for e in entries if e.get("type") == "file"), key=lambda e: str(e["path"])):
        lfs: dict[str, Any] = entry.get("lfs") or {}
        name = str(entry["path"])
        where = path_of("hub_file", dataset=dataset, commit=commit, path=name)
        sha256 = str(lfs.get("oid", "")).removeprefix("sha256:")
        yield Wanted(where, name, role, sha256=sha256, n_bytes=lfs.get("size", entry.get("size")))


def acquire_fineweb_edu(part: Part, source: FinewebEdu) -> None:
    """Fetch the columns of the Parquet files of the configured folders at one commit."""
    fetcher = part.fetcher
    commit = resolve_commit(fetcher, "huggingface", FINEWEB_EDU, source.commit, part.lock.resolved.get("commit"))
    wanted = []
    for folder in source.folders:
        listed = list_folder(fetcher, "huggingface", FINEWEB_EDU, commit, folder, "web_parquet")
        found = [file for file in listed if file.name.endswith(".parquet")]
        if not found:
            raise DownloadError("no Parquet files in the folder", where=f"{FINEWEB_EDU}@{commit}", value=folder,
                                way_out="Folders are sample/10BT, data/CC-MAIN-2024-10, ...")  # fmt: skip
        wanted += found
    fetch_columns(part, "huggingface", wanted, commit, all_documents=source.all_documents)
    part.finish({"commit": commit})
