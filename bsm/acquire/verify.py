"""Is this the file the publisher means: size, checksums, and the kind of content its name promises."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from isal import igzip

from bsm.base.errors import InputError
from bsm.base.files import reading

_BLOCK_BYTES = 1 << 20
_MOST_WAITING = 16
"""Blocks that may wait to be hashed: with the two digests, at most 32 MiB."""
_GZIP_NAMES = (".gz", ".tgz")


class VerificationError(Exception):
    """The bytes are complete but not the ones that were promised."""


@dataclass(frozen=True)
class Expected:
    """What is known of a file beforehand; empty fields are unknown."""

    md5: str = ""
    sha256: str = ""
    n_bytes: int | None = None

    @property
    def has_checksum(self) -> bool:
        return bool(self.md5 or self.sha256)


class _Lane:
    """One running digest, computed in a thread of its own once there is much to hash: hashlib lets go of the GIL."""

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest
        self._waiting: deque[Future[None]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def add(self, blocks: Sequence[bytes]) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1)
        while len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft().result()  # memory stays bounded where hashing is slower than the network
        self._waiting.append(self._thread.submit(self._update, blocks))

    def _update(self, blocks: Sequence[bytes]) -> None:
        for block in blocks:
            self._digest.update(block)

    def hexdigest(self, rest: Sequence[bytes]) -> str:
        """Digest of everything added, and of ``rest``."""
        while self._waiting:
            self._waiting.popleft().result()
        self._update(rest)
        return self._digest.hexdigest()


class Digests:
    """sha256 of a growing file, fed with what is written or caught up from disk; and its md5 where one is published
    (md5 is the slower one and would hold back the transfer for nothing elsewhere)."""

    def __init__(self, *, with_md5: bool = False) -> None:
        self._lanes = [_Lane(hashlib.sha256()), *([_Lane(hashlib.md5(usedforsecurity=False))] if with_md5 else [])]
        self._blocks: list[bytes] = []
        self._n_held = 0
        self._result: list[str] | None = None
        self.n_bytes = 0

    def update(self, block: bytes) -> None:
        self._result = None
        self._blocks.append(block)
        self._n_held += len(block)
        self.n_bytes += len(block)
        if self._n_held >= _BLOCK_BYTES:
            for lane in self._lanes:
                lane.add(self._blocks)
            self._blocks, self._n_held = [], 0

    def catch_up(self, path: Path) -> None:
        """Read what ``path`` holds beyond the bytes already seen."""
        with open(path, "rb") as handle:
            handle.seek(self.n_bytes)
            while block := handle.read(_BLOCK_BYTES):
                self.update(block)

    def _results(self) -> list[str]:
        if self._result is None:
            self._result = [lane.hexdigest(self._blocks) for lane in self._lanes]
            self._blocks, self._n_held = [], 0
        return self._result

    @property
    def sha256(self) -> str:
        return self._results()[0]

    @property
    def md5(self) -> str:
        """Empty where it is not computed."""
        return self._results()[1] if len(self._lanes) > 1 else ""


def differences(digests: Digests, expected: Expected) -> list[str]:
    """What does not agree, in words; empty where everything known agrees."""
    found = []
    if expected.n_bytes is not None and expected.n_bytes != digests.n_bytes:
        found.append(f"{digests.n_bytes:,} bytes instead of {expected.n_bytes:,}")
    if expected.md5 and expected.md5.lower() != digests.md5:
        found.append(f"md5 {digests.md5} instead of {expected.md5}")
    if expected.sha256 and expected.sha256.lower() != digests.sha256:
        found.append(f"sha256 {digests.sha256} instead of {expected.sha256}")
    return found


def check_head(path: Path, name: str) -> None:
    """Refuse an HTML page under another name, and a ``.gz`` that is none."""
    with open(path, "rb") as handle:
        head = handle.read(512)
    if not name.endswith((".html", ".htm")) and head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise VerificationError("an HTML page instead of the file (a log-in or error page)")
    if name.endswith(_GZIP_NAMES) and head[:2] != b"\x1f\x8b":
        raise VerificationError(f"not a gzip file although its name says so (it starts with {head[:12]!r})")


def check_gzip_end(path: Path, name: str) -> None:
    """Refuse a ``.gz`` that is cut short: it half-reads without complaint, only its end tells."""
    if not name.endswith(_GZIP_NAMES):
        return
    try:
        with reading(path) as handle:
            while handle.read(_BLOCK_BYTES):
                pass
    except (InputError, igzip.BadGzipFile) as error:
        raise VerificationError(str(error)) from error
