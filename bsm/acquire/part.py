"""One part of one source while it is fetched: its folder, its lock, the list of its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bsm.acquire.fetch import Fetched, Fetcher
from bsm.acquire.lock import WAY_OUT, LockFragment
from bsm.base.errors import DownloadError
from bsm.base.filelist import FILE_LIST_NAME, RawFile, write_file_list
from bsm.base.files import file_hash
from bsm.base.progress import Progress

WORK_FOLDER = ".work"


@dataclass(frozen=True)
class Wanted:
    """A file to fetch: where it stands, how it is called here, and what its publisher says about it."""

    path: str
    name: str
    role: str
    md5: str = ""
    sha256: str = ""
    n_bytes: int | None = None


class Part:
    """Collects the files of one part; ``finish`` writes the lock and, last, files.csv."""

    def __init__(self, fetcher: Fetcher, folder: Path, licence: str, lock: LockFragment) -> None:
        self.fetcher, self.folder, self.licence, self.lock = fetcher, folder, licence, lock
        self._files: list[RawFile] = []
        self._locked: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def work(self) -> Path:
        """Folder for intermediate files, kept after a failure and removed at the end."""
        path = self.folder / WORK_FOLDER
        path.mkdir(exist_ok=True)
        return path

    def fetch(self, server: str, wanted: Iterable[Wanted], version: str) -> list[Path]:
        """Fetch files (as many at once as the server permits) into the folder and list them."""
        requested = list(wanted)
        for one in requested:
            self.check(server, one)
        known = [w.n_bytes for w in requested if w.n_bytes is not None]
        n_bytes = sum(known) if len(known) == len(requested) else None
        self._check_disk(requested)
        with (
            Progress(self.folder.name, n_bytes, "bytes") as progress,
            ThreadPoolExecutor(self.fetcher.server(server).max_parallel) as pool,
        ):
            try:
                fetched = list(
                    pool.map(lambda w: self.fetch_verified(server, w, self.folder / w.name, progress), requested)
                )
            except BaseException:
                self.fetcher.stop()
                raise
        for file, one in zip(fetched, requested, strict=True):
            self.add(file, one.role, version)
        return [file.path for file in fetched]

    def _check_disk(self, wanted: Iterable[Wanted]) -> None:
        """All of it must fit before the first byte is asked for; what is here already, also in part, is not fetched."""
        sizes = {one.name: one.n_bytes or self.lock.file(one.name).get("n_bytes", 0) for one in wanted}
        needed = 0
        for name, n_bytes in sizes.items():
            here = [self.folder / name, self.folder / f"{name}.part"]
            needed += max(0, n_bytes - max((p.stat().st_size for p in here if p.exists()), default=0))
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise DownloadError(
                f"not enough disk: {needed:,} bytes to fetch in {len(sizes):,} file(s), {free:,} free",
                where=str(self.folder), way_out="Free space, choose another folder, or take less of the source",
            )  # fmt: skip

    def fetch_verified(self, server: str, wanted: Wanted, target: Path, progress: Progress | None = None) -> Fetched:
        """Fetch one file against publisher and lock, and lock it; it is not listed in files.csv."""
        locked = self.check(server, wanted)
        file = self.fetcher.fetch(
            server, wanted.path, target, md5=wanted.md5 or locked.get("md5", ""),
            sha256=wanted.sha256 or locked.get("sha256", ""),
            n_bytes=locked.get("n_bytes") if wanted.n_bytes is None else wanted.n_bytes, progress=progress,
        )  # fmt: skip
        self.remember(server, wanted, file.n_bytes, file.md5, file.sha256)
        return file

    def check(self, server: str, wanted: Wanted) -> dict[str, Any]:
        """The file's entry in the lock; DownloadError where the publisher disagrees with it, or for an odd name."""
        _check_name(wanted.name, self.fetcher.url(server, wanted.path))
        locked = self.lock.file(wanted.name)
        for key in ("md5", "sha256"):
            published = getattr(wanted, key)
            if locked and published and locked[key] not in ("", published):
                raise DownloadError(
                    f"the publisher's {key} changed since the lock was made: {published}, locked {locked[key]}",
                    where=self.fetcher.url(server, wanted.path), way_out=WAY_OUT,
                )  # fmt: skip
        return locked

    def remember(self, server: str, wanted: Wanted, n_bytes: int, md5: str, sha256: str) -> None:
        """Put a verified file into the lock."""
        self._locked[wanted.name] = {
            "server": server, "path": wanted.path, "n_bytes": n_bytes, "md5": md5, "sha256": sha256,
        }  # fmt: skip

    def add(self, file: Fetched, role: str, version: str) -> None:
        """List a fetched file."""
        name = file.path.relative_to(self.folder).as_posix()
        self._files.append(RawFile(role, name, file.url, version, file.n_bytes, file.md5, file.sha256, self.licence))

    def add_made(self, path: Path, role: str, url: str, version: str, listed_as: str = "") -> None:
        """List a file that was made here from what was fetched from ``url``, or that lies elsewhere."""
        name = listed_as or path.relative_to(self.folder).as_posix()
        md5, sha256 = file_hash(path, "md5"), file_hash(path)
        self._files.append(RawFile(role, name, url, version, path.stat().st_size, md5, sha256, self.licence))

    def finish(self, resolved: Mapping[str, Any]) -> None:
        """All is there: settle the lock, remove intermediate files, write files.csv."""
        self.lock.settle(resolved, self._locked)
        shutil.rmtree(self.folder / WORK_FOLDER, ignore_errors=True)
        write_file_list(self.folder / FILE_LIST_NAME, self._files)


def _check_name(name: str, where: str) -> None:
    """Names come from publishers' listings; none may lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise DownloadError("file name leaves the folder", where=where, value=name, way_out="Do not use this listing")
