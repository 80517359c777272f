"""Two ways to reach a publisher: https, and a folder (``file:``). Both answer a request with the same ``Reply``.

What can be tried again is a ``TransientError``; what cannot is a ``DownloadError`` at once.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import httpx

from bsm import __version__
from bsm.base.config.data import AcquireSettings
from bsm.base.errors import DownloadError

_BLOCK_BYTES = 1 << 20
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class TransientError(Exception):
    """A failure that may pass; ``retry_after`` is what the server asks for, in seconds."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class RangeError(TransientError):
    """The kept bytes do not fit what the server has; the transfer must start again."""


@dataclass(frozen=True)
class Reply:
    """An open answer: bytes from ``start`` on, of ``total`` (None where the server does not say)."""

    start: int
    total: int | None
    validator: str
    """Strong ETag or Last-Modified as If-Range wants it; empty where there is neither."""
    modified_ns: int | None
    """Publisher's modification time, nanoseconds since 1970."""
    chunks: Iterator[bytes]
    next_url: str = ""
    """Address of the next page of a listing (Link header)."""


class Transport(Protocol):
    def open(
        self, url: str, offset: int = 0, validator: str = "", *, head: bool = False
    ) -> AbstractContextManager[Reply]:
        """Answer to a request for the bytes from ``offset`` on, if ``validator`` still holds; else all of them."""
        ...


class FileTransport:
    """A mirror in a folder. Query strings are ignored; a path cannot leave the folder."""

    @contextlib.contextmanager
    def open(self, url: str, offset: int = 0, validator: str = "", *, head: bool = False) -> Iterator[Reply]:
        path = Path(unquote(url.removeprefix("file:").partition("?")[0]))
        if ".." in path.parts:
            raise DownloadError("path leaves the mirror", where=url, way_out="Correct the path or the server's address")
        try:
            handle = path.open("rb")
        except OSError as error:
            raise DownloadError(
                f"not in the mirror: {error.strerror}", where=url,
                way_out="Check the server's address and the path; addresses are relative to the working directory",
            ) from error  # fmt: skip
        with handle:
            stat = os.fstat(handle.fileno())
            current = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
            start = offset if offset <= stat.st_size and validator in ("", current) else 0
            handle.seek(start)
            blocks = iter(lambda: handle.read(_BLOCK_BYTES), b"")
            yield Reply(start, stat.st_size, current, stat.st_mtime_ns, blocks)


@dataclass
class HttpTransport:
    """https through one httpx client: identity encoding, redirects followed but never down to plain http."""

    settings: AcquireSettings
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        contact = f" ({self.settings.contact})" if self.settings.contact else ""
        self.client = httpx.Client(
            headers={"User-Agent": f"bsm-pipeline/{__version__}{contact}", "Accept-Encoding": "identity"},
            timeout=self.settings.timeout_seconds, follow_redirects=True,
            event_hooks={"request": [self._refuse_plain_http]},
        )  # fmt: skip

    def _refuse_plain_http(self, request: httpx.Request) -> None:
        if request.url.scheme != "https" and request.url.netloc.decode() not in self.settings.allow_http:
            raise DownloadError(
                "plain http is refused", where=str(request.url),
                way_out="Use https, or list the host in acquire.allow_http if you trust the network",
            )  # fmt: skip

    @contextlib.contextmanager
    def open(self, url: str, offset: int = 0, validator: str = "", *, head: bool = False) -> Iterator[Reply]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        if offset and validator:
            headers["If-Range"] = validator
        try:
            with self.client.stream("HEAD" if head else "GET", url, headers=headers) as response:
                yield _reply(response, url, offset)
        except httpx.TransportError as error:
            raise TransientError(f"{type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            raise DownloadError(f"{type(error).__name__}: {error}", where=url, way_out="Check the address") from error


def _reply(response: httpx.Response, url: str, offset: int) -> Reply:
    status = response.status_code
    if status in _TRY_AGAIN:
        raise TransientError(f"HTTP {status}", _retry_after(response.headers.get("retry-after")))
    length = response.headers.get("content-length")
    start, total = 0, int(length) if length and length.isdigit() else None
    chunks: Iterator[bytes] = response.iter_raw()  # as they arrive: a chunk size would hold back the last bytes
    if status in (206, 416):
        range_ = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("content-range", ""))
        total = int(range_[2]) if range_ and range_[2] != "*" else None
        start = int(range_[1]) if range_ and range_[1] else offset
        if status == 416 and total != offset:
            raise RangeError("the server has fewer bytes than were kept")
        if range_ is None or start != offset:
            raise RangeError(f"unexpected Content-Range {response.headers.get('content-range')!r}")
        chunks = iter(()) if status == 416 else chunks
    elif status != 200:
        raise DownloadError(
            f"HTTP {status} {response.reason_phrase}", where=url,
            way_out="Check the path and version; publishers remove old releases" if status in (404, 410)
            else "The publisher refuses this request; open the address in a browser to see why",
        )  # fmt: skip
    elif response.headers.get("content-encoding", "identity") != "identity" and not url.endswith((".gz", ".tgz")):
        raise DownloadError("compressed transfer although none was asked for", where=url, way_out="Use another mirror")
    link = re.search(r'<([^>]+)>;\s*rel="next"', response.headers.get("link", ""))
    date = _date(response)
    modified = int(email.utils.parsedate_to_datetime(date).timestamp()) * 1_000_000_000 if date else None
    return Reply(start, total, _validator(response), modified, chunks, link[1] if link else "")


def _validator(response: httpx.Response) -> str:
    etag = str(response.headers.get("etag", ""))
    return etag if etag.startswith('"') else _date(response)


def _date(response: httpx.Response) -> str:
    text = str(response.headers.get("last-modified", ""))
    return text if email.utils.parsedate(text) else ""


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait, from the header's number or date form (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    parsed = email.utils.parsedate_tz(text)
    return max(0.0, email.utils.mktime_tz(parsed) - time.time()) if parsed else None


def host_of(address: str) -> str:
    """Host and port of a server's address; empty for folders."""
    return urlsplit(address).netloc
