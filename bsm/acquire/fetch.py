"""The downloader: resume, verify, rename. One code path for https servers and ``file:`` mirrors.

Bytes go to ``<target>.part`` as they arrive; beside it ``<target>.part.json`` holds the address and the validator
(ETag or Last-Modified) they belong to. A later run goes on with ``Range`` and ``If-Range``. Only a complete file whose
size, checksums and kind of content are right gets its name; its modification time is the publisher's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsm.acquire.credentials import credentials, with_etiquette
from bsm.acquire.limits import ServerLimits
from bsm.acquire.transport import FileTransport, HttpTransport, RangeError, Reply, Request, TransientError, Transport
from bsm.acquire.verify import Digests, Expected, VerificationError, check_gzip_end, check_head, differences
from bsm.base.config.data import AcquireSettings
from bsm.base.config.sources import Server
from bsm.base.errors import ConfigError, DownloadError
from bsm.base.files import write_json
from bsm.base.progress import Progress

_LONGEST_WAIT_SECONDS = 600.0
_PROGRESS_RESETS_RETRIES_BYTES = 1 << 20
_SPARE_DISK_BYTES = 64 << 20


@dataclass(frozen=True)
class Fetched:
    """A verified file on disk."""

    path: Path
    url: str
    n_bytes: int
    md5: str
    """Empty where the publisher gives none."""
    sha256: str


class Fetcher:
    """Fetches files and listings from the configured servers. Safe to share between threads."""

    def __init__(
        self, servers: Sequence[Server], settings: AcquireSettings, sleep: Callable[[float], object] | None = None
    ) -> None:
        self._servers = {server.name: with_etiquette(server) for server in servers}
        self._settings = settings
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._limits = {server.name: ServerLimits(server, self._sleep) for server in self._servers.values()}
        self._http: HttpTransport | None = None
        self._guard = threading.Lock()

    def server(self, name: str) -> Server:
        try:
            return self._servers[name]
        except KeyError:
            raise ConfigError("no server of this name", value=name,
                              way_out=f"Configured: {', '.join(self._servers) or 'none'}") from None  # fmt: skip

    def has_server(self, name: str) -> bool:
        return name in self._servers

    @property
    def contact(self) -> str:
        """Whom a publisher may write to."""
        return self._settings.contact

    def url(self, server: str, path: str) -> str:
        """Address of ``path`` on ``server``; a complete address (next page of a listing) stays as it is."""
        return path if "://" in path else f"{self.server(server).address.rstrip('/')}/{path.lstrip('/')}"

    def fetch(
        self, server: str, path: str, target: Path, *, md5: str = "", sha256: str = "", n_bytes: int | None = None,
        progress: Progress | None = None,
    ) -> Fetched:  # fmt: skip
        """Bring one file to ``target``, verified against what is known of it; DownloadError says what went wrong.

        A file that is there already is kept: with a known checksum where it agrees, else where the server
        reports the same size and modification time.
        """
        url = self.url(server, path)
        expected = Expected(md5, sha256, n_bytes)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with _exclusive(part):
            digests = self._already_there(server, url, target, expected)
            if digests is None:
                digests = self._download(server, url, part, target.name, expected, progress)
                os.replace(part, target)
            else:
                part.unlink(missing_ok=True)
                if progress is not None:
                    progress.advance(digests.n_bytes)
            _note_path(part).unlink(missing_ok=True)
        return Fetched(target, url, digests.n_bytes, digests.md5, digests.sha256)

    def stop(self) -> None:
        """Make running transfers of other threads end soon; what arrived stays for the next run."""
        self._stopped.set()

    def read_text(self, server: str, path: str) -> str:
        """A small text (listing, checksums, release number), read into memory."""
        return self._read(server, self.url(server, path))[0]

    def read_json(self, server: str, path: str) -> Any:
        """A JSON answer; lists that come in pages (Link header) are read to the end."""
        url = self.url(server, path)
        pages = []
        while url:
            text, next_url = self._read(server, url)
            try:
                pages.append(json.loads(text))
            except json.JSONDecodeError as error:
                raise DownloadError(
                    f"not JSON: {error}", where=url, value=text[:80],
                    way_out="Try again later; the publisher may be showing an error page",
                ) from error  # fmt: skip
            url = next_url
        return pages[0] if len(pages) == 1 else [entry for page in pages for entry in page]

    def post(self, server: str, path: str, form: Mapping[str, str]) -> str:
        """Text that a query answers with."""
        return self._read(server, self.url(server, path), method="POST", form=form)[0]

    def read_range(
        self, server: str, path: str, start: int, end: int, validator: str = "", *, total: int | None = None
    ) -> tuple[bytes, str]:
        """Bytes [start, end) of a remote file and its validator; DownloadError where it changed since ``validator``,
        or is not of ``total`` bytes."""
        url = self.url(server, path)

        def read() -> tuple[bytes, str]:
            with self._open(server, url, offset=start, end=end, validator=validator) as reply:
                if reply.start != start or (validator and reply.validator != validator):
                    raise DownloadError("the file changed while it was read, or its server gives no ranges", where=url,
                                        way_out="Run again; pin a commit if it goes on changing")  # fmt: skip
                if total is not None and reply.total not in (None, total):
                    raise DownloadError(f"{reply.total:,} bytes instead of {total:,}", where=url,
                                        way_out="The listing is of another version; run again")  # fmt: skip
                data = b"".join(reply.chunks)
            if len(data) != end - start:
                raise TransientError(f"{len(data):,} bytes instead of {end - start:,}")
            return data, reply.validator

        return self._retrying(url, read)

    def size(self, server: str, path: str) -> int | None:
        """Bytes of a file as the server states them, without fetching it."""
        url = self.url(server, path)

        def ask() -> int | None:
            with self._open(server, url, method="HEAD") as reply:
                return reply.total

        return self._retrying(url, ask)

    def _read(self, server: str, url: str, **asked: Any) -> tuple[str, str]:
        def read() -> tuple[str, str]:
            with self._open(server, url, **asked) as reply:
                data = b"".join(reply.chunks)
                if reply.total not in (None, len(data)):
                    raise TransientError(f"{len(data):,} bytes instead of {reply.total:,}")
            if data.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
                raise TransientError("an HTML page instead of the text")
            return data.decode("utf-8", "replace"), reply.next_url

        return self._retrying(url, read)

    def _already_there(self, server: str, url: str, target: Path, expected: Expected) -> Digests | None:
        if not target.exists():
            return None
        if not expected.has_checksum and not self._retrying(url, lambda: self._unchanged(server, url, target)):
            return None
        digests = Digests(with_md5=bool(expected.md5))
        digests.catch_up(target)
        return None if differences(digests, expected) else digests

    def _unchanged(self, server: str, url: str, target: Path) -> bool:
        with self._open(server, url, method="HEAD") as reply:
            stat = target.stat()
            return reply.total == stat.st_size and reply.modified_ns == stat.st_mtime_ns

    def _download(
        self, server: str, url: str, part: Path, name: str, expected: Expected, progress: Progress | None
    ) -> Digests:
        own = Progress(name, expected.n_bytes, "bytes") if progress is None else None
        download = _PartFile(part, url, expected, progress or own, self._stopped)

        def transfer() -> Digests:
            try:
                with self._open(server, url, offset=download.offset, validator=download.validator) as reply:
                    if own is not None:
                        own.total = reply.total
                    download.take(reply)
            except RangeError:
                download.forget()
                raise
            return download.verified(name)

        with own or contextlib.nullcontext():
            return self._retrying(url, transfer, lambda: download.size)

    def _retrying(self, url: str, action: Callable[[], Any], size: Callable[[], int] = lambda: 0) -> Any:
        """Run ``action`` until it succeeds; failures in a row are limited, those after real progress start anew."""
        n_failed = n_wrong = 0
        while True:
            before = size()
            try:
                return action()
            except TransientError as error:
                n_failed = 1 if size() - before >= _PROGRESS_RESETS_RETRIES_BYTES else n_failed + 1
                if n_failed > self._settings.retries:
                    raise DownloadError(
                        f"gave up after {n_failed} attempts: {error}", where=url,
                        way_out="Run the same command again later; what arrived is kept and the transfer resumes",
                    ) from error  # fmt: skip
                wait = error.retry_after
                if wait is None:
                    wait = min(2.0**n_failed, 60.0) * random.uniform(0.5, 1.0)
                self._sleep(min(wait, _LONGEST_WAIT_SECONDS))
            except VerificationError as error:
                n_wrong += 1
                if n_wrong > 1 or url.startswith("file:"):
                    raise DownloadError(
                        f"what arrived is not the right file: {error}", where=url,
                        way_out="Nothing was kept. If the publisher replaced the file, use --update-lock",
                    ) from error  # fmt: skip

    @contextlib.contextmanager
    def _open(self, server: str, url: str, **asked: Any) -> Iterator[Reply]:
        """One request; ``asked`` are fields of Request beside the address."""
        entry = self.server(server)
        headers = credentials(entry, url)
        with (
            self._limits[entry.name].transfer(),
            self._transport(url).open(Request(url, headers=headers, **asked)) as reply,
        ):
            yield reply

    def _transport(self, url: str) -> Transport:
        if url.startswith("file:"):
            return FileTransport()
        with self._guard:
            if self._http is None:
                self._http = HttpTransport(self._settings)
            return self._http


class _PartFile:
    """The bytes so far, and the note that says what they belong to."""

    def __init__(
        self, path: Path, url: str, expected: Expected, progress: Progress | None, stopped: threading.Event
    ) -> None:
        self.path, self.url, self.expected = path, url, expected
        self._progress, self._stopped = progress, stopped
        self._digests = Digests(with_md5=bool(self.expected.md5))
        self._n_shown = 0
        self._total: int | None = None
        self._modified_ns: int | None = None
        note = _read_note(path)
        self.validator = note.get("validator", "")
        self.offset = self.size if note.get("url") == url and (self.validator or expected.has_checksum) else 0

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def take(self, reply: Reply) -> None:
        """Append the reply's bytes (or start again where the server sends the whole file)."""
        self._total, self._modified_ns = reply.total, reply.modified_ns
        if reply.start == 0:
            self.forget()
            self.validator = reply.validator
            write_json(_note_path(self.path), {"url": self.url, "validator": reply.validator, "total": reply.total})
        else:
            self._digests.catch_up(self.path)
        self._check_disk(reply)
        with open(self.path, "ab", buffering=0) as out:
            try:
                for block in reply.chunks:
                    if self._stopped.is_set():
                        raise DownloadError("stopped", where=self.url, way_out="Run again; the transfer resumes")
                    out.write(block)
                    self._digests.update(block)
                    self._show()
            except OSError as error:
                raise DownloadError(f"cannot write: {error.strerror}", where=str(self.path),
                                    way_out="Free space and run again; the transfer resumes") from error  # fmt: skip
            finally:
                self.offset = self.size
        if self._total is not None and self.size < self._total:
            raise TransientError(f"connection ended after {self.size:,} of {self._total:,} bytes")

    def forget(self) -> None:
        """Start again from the first byte."""
        os.truncate(self.path, 0)
        _note_path(self.path).unlink(missing_ok=True)
        self._digests = Digests(with_md5=bool(self.expected.md5))
        self.offset, self.validator = 0, ""

    def _show(self) -> None:
        if self._progress is not None:
            self._progress.advance(self._digests.n_bytes - self._n_shown)
            self._n_shown = self._digests.n_bytes

    def _check_disk(self, reply: Reply) -> None:
        needed = (reply.total or 0) - reply.start
        free = shutil.disk_usage(self.path.parent).free
        if needed + _SPARE_DISK_BYTES > free:
            raise DownloadError(
                f"not enough disk: {needed:,} bytes to fetch, {free:,} free", where=str(self.path.parent),
                way_out="Free space or choose another output folder, then run again; what arrived is kept",
            )  # fmt: skip

    def verified(self, name: str) -> Digests:
        """The digests of the complete file; removes it and raises VerificationError where it is not the right one."""
        digests = self._digests
        wrong = differences(digests, self.expected)
        if self._total is not None and self.size != self._total:
            wrong.append(f"{self.size:,} bytes instead of the {self._total:,} announced")
        try:
            check_head(self.path, name)  # first: what came instead says more than its wrong checksum
            if wrong:
                raise VerificationError("; ".join(wrong))
            if not self.expected.has_checksum:
                check_gzip_end(self.path, name)
        except VerificationError:
            self.forget()
            raise
        if self._modified_ns is not None:
            os.utime(self.path, ns=(self._modified_ns, self._modified_ns))
        return digests


def _note_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_note(part: Path) -> dict[str, Any]:
    try:
        note = json.loads(_note_path(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


@contextlib.contextmanager
def _exclusive(part: Path) -> Iterator[None]:
    """Hold the part file for this process: parts of one source may share a file and run side by side."""
    while True:
        handle = os.open(part, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if part.exists() and os.fstat(handle).st_ino == part.stat().st_ino:
            break
        os.close(handle)  # the holder before us renamed it; the name now needs a new file
    try:
        yield
    finally:
        if part.exists() and part.stat().st_size == 0:
            part.unlink()
        os.close(handle)
