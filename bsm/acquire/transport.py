"""Two ways to reach a publisher: https, and a folder (``file:``). Both answer a request with the same ``Reply``.

What can be tried again is a ``TransientError``; what cannot is a ``DownloadError`` at once.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from bsm import __version__
from bsm.base.config.data import AcquireSettings
from bsm.base.errors import DownloadError

_BLOCK_BYTES = 1 << 20
_MOST_REDIRECTS = 10
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


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    url: str
    offset: int = 0
    end: int | None = None
    """Bytes from ``offset`` to before ``end``; None is to the end of the file."""
    validator: str = ""
    """Bytes are wanted only while this still holds; else the whole file."""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    """Credentials and the like; not sent on to another host."""
    form: Mapping[str, str] | None = None
    """Fields of a POST."""


class Transport(Protocol):
    def open(self, request: Request) -> AbstractContextManager[Reply]:
        """The answer; its bytes are read while the context is open."""
        ...


class FileTransport:
    """A mirror in a folder. Query strings are ignored; a path cannot leave the folder."""

    @contextlib.contextmanager
    def open(self, request: Request) -> Iterator[Reply]:
        """The file's bytes; DownloadError where it is not there."""
        url = request.url
        if request.form is not None:
            raise DownloadError("a folder answers no queries", where=url, way_out="Give the server an https address")
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
            is_current = request.validator in ("", current)
            start = request.offset if request.offset <= stat.st_size and is_current else 0
            handle.seek(start)
            blocks = iter(lambda: handle.read(_BLOCK_BYTES), b"")
            if request.end is not None and is_current:
                blocks = iter((handle.read(request.end - start),))
            yield Reply(start, stat.st_size, current, stat.st_mtime_ns, blocks)


@dataclass
class HttpTransport:
    """https through urllib3: identity encoding, redirects followed but never down to plain http.

    urllib3 hands over what arrived in blocks of up to a megabyte without copying them; its own retries are off.
    """

    settings: AcquireSettings
    _pools: dict[str, urllib3.PoolManager] = field(default_factory=dict)

    @contextlib.contextmanager
    def open(self, request: Request) -> Iterator[Reply]:
        """The publisher's answer; TransientError for what may pass, DownloadError for what will not."""
        try:
            response = self._answer(request)
            try:
                yield _reply(response, request)
            finally:
                # A connection with bytes left over cannot be used again.
                (response.release_conn if response.length_remaining == 0 else response.close)()
        except LocationValueError as error:
            raise DownloadError(f"not an address: {error}", where=request.url, way_out="Check the address") from error
        except (HTTPError, OSError) as error:
            raise TransientError(f"{type(error).__name__}: {error}") from error

    def _answer(self, request: Request) -> urllib3.BaseHTTPResponse:
        url, headers = request.url, self._headers(request)
        for _ in range(_MOST_REDIRECTS):
            self._refuse_plain_http(url, request.url)
            response = self._pool(url).request(
                request.method, url, headers=headers, preload_content=False, redirect=False, retries=False,
                timeout=self.settings.timeout_seconds, decode_content=False,
                body=urlencode(request.form) if request.form is not None else None,
            )  # fmt: skip
            location = response.get_redirect_location()
            if not location:
                return response
            response.close()
            target = urljoin(url, location)
            if urlsplit(target).netloc != urlsplit(url).netloc:
                headers = {key: value for key, value in headers.items() if key not in request.headers}
            url = target
        raise DownloadError(f"more than {_MOST_REDIRECTS} redirects", where=request.url, way_out="Check the address")

    def _headers(self, request: Request) -> dict[str, str]:
        contact = f" ({self.settings.contact})" if self.settings.contact else ""
        headers = {"User-Agent": f"bsm-pipeline/{__version__}{contact}", "Accept-Encoding": "identity"}
        if request.offset or request.end is not None:
            headers["Range"] = f"bytes={request.offset}-{'' if request.end is None else request.end - 1}"
            if request.validator:
                headers["If-Range"] = request.validator
        if request.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers | dict(request.headers)

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Connections, through the proxy that the environment names for this scheme and host, if any."""
        parts = urlsplit(url)
        proxy = "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
        if proxy not in self._pools:
            self._pools[proxy] = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
        return self._pools[proxy]

    def _refuse_plain_http(self, url: str, asked: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not {parts.netloc, parts.hostname} & set(self.settings.allow_http):
            raise DownloadError(
                "plain http is refused" + (f"; it redirects to {url}" if url != asked else ""), where=asked,
                way_out="Use https, or list the host in acquire.allow_http if you trust the network",
            )  # fmt: skip


def _reply(response: urllib3.BaseHTTPResponse, request: Request) -> Reply:
    status, url, offset = response.status, request.url, request.offset
    if status in _TRY_AGAIN:
        raise TransientError(f"HTTP {status}", _retry_after(response.headers.get("retry-after")))
    length = response.headers.get("content-length")
    start, total = 0, int(length) if length and length.isdigit() else None
    chunks = _blocks(response)
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
            f"HTTP {status} {response.reason}", where=url,
            way_out="Check the path and version; publishers remove old releases" if status in (404, 410)
            else "The publisher refuses this request; open the address in a browser to see why",
        )  # fmt: skip
    elif response.headers.get("content-encoding", "identity") != "identity" and not url.endswith((".gz", ".tgz")):
        raise DownloadError("compressed transfer although none was asked for", where=url, way_out="Use another mirror")
    link = re.search(r'<([^>]+)>;\s*rel="next"', response.headers.get("link", ""))
    date = _date(response)
    modified = int(email.utils.parsedate_to_datetime(date).timestamp()) * 1_000_000_000 if date else None
    return Reply(start, total, _validator(response), modified, chunks, link[1] if link else "")


def _blocks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """What arrives, as it arrives: waiting for full blocks would hold back the last bytes of a cut connection."""
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        yield from response.stream(_BLOCK_BYTES, decode_content=False)
        return
    while block := response.read1(_BLOCK_BYTES, decode_content=False):
        yield block


def _validator(response: urllib3.BaseHTTPResponse) -> str:
    etag = str(response.headers.get("etag", ""))
    return etag if etag.startswith('"') else _date(response)


def _date(response: urllib3.BaseHTTPResponse) -> str:
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
