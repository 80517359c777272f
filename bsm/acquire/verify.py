"""Is this the file the publisher means: size, checksums, and the kind of content its name promises."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from isal import igzip

from bsm.base.errors import InputError
from bsm.base.files import reading

_BLOCK_BYTES = 1 << 20
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


class Digests:
    """md5 and sha256 of a growing file, fed with what is written or caught up from disk."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self.n_bytes = 0

    def update(self, block: bytes) -> None:
        self._md5.update(block)
        self._sha256.update(block)
        self.n_bytes += len(block)

    def catch_up(self, path: Path) -> None:
        """Read what ``path`` holds beyond the bytes already seen."""
        with open(path, "rb") as handle:
            handle.seek(self.n_bytes)
            while block := handle.read(_BLOCK_BYTES):
                self.update(block)

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


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


def check_content(path: Path, name: str, *, whole_gzip: bool) -> None:
    """Refuse an HTML page under another name and a ``.gz`` that is none (or, with ``whole_gzip``, is cut short)."""
    with open(path, "rb") as handle:
        head = handle.read(512)
    if not name.endswith((".html", ".htm")) and head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise VerificationError("an HTML page instead of the file (a log-in or error page)")
    if not name.endswith(_GZIP_NAMES):
        return
    if head[:2] != b"\x1f\x8b":
        raise VerificationError(f"not a gzip file although its name says so (it starts with {head[:12]!r})")
    if whole_gzip:
        _read_to_the_end(path)


def _read_to_the_end(path: Path) -> None:
    """A truncated gzip file half-reads without complaint; only its end tells."""
    try:
        with reading(path) as handle:
            while handle.read(_BLOCK_BYTES):
                pass
    except (InputError, igzip.BadGzipFile) as error:
        raise VerificationError(str(error)) from error
