"""Files written whole or not at all, hashes, and compressed reading with clear errors."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from isal import igzip, isal_zlib

from bsm.base.errors import InputError

_BLOCK_BYTES = 1 << 20
_DAMAGE: tuple[Any, ...] = (EOFError, zlib.error, igzip.BadGzipFile, isal_zlib.error)


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it there on success, remove it on any failure."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, target)
    except OSError as error:
        if error.filename is not None and Path(error.filename).parent != target.parent:
            raise  # about another file, read inside the context
        raise InputError(
            f"cannot write: {error.strerror or error}", where=str(target),
            way_out="Free space or choose another output; nothing was left half-written",
        ) from error  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` (UTF-8) atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write ``value`` as byte-stable, readable JSON: sorted keys, two-space indent, final newline."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_gzip(path: Path | str, data: bytes) -> None:
    """Write ``data`` gzip-compressed and byte-stable (no name, no time in the header)."""
    with (
        atomic_path(path) as partial,
        open(partial, "wb") as raw,
        igzip.IGzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=2) as out,
    ):
        out.write(data)


def open_bytes(path: Path | str) -> IO[bytes]:
    """Open a file for reading bytes, through gzip where its first two bytes say so (whatever its name)."""
    try:
        with open(path, "rb") as probe:
            is_gzip = probe.read(2) == b"\x1f\x8b"
        return igzip.open(path, "rb") if is_gzip else open(path, "rb")  # type: ignore[return-value]
    except OSError as error:
        raise InputError(
            f"cannot read: {error.strerror}", where=str(path), way_out="Check the path and its permissions"
        ) from error


@contextlib.contextmanager
def reading(path: Path | str) -> Iterator[IO[bytes]]:
    """Like ``open_bytes`` as a context, turning damage in the compressed stream into an InputError."""
    with open_bytes(path) as handle:
        try:
            yield handle
        except _DAMAGE as error:
            raise InputError(
                f"damaged or truncated gzip stream: {error}", where=str(path),
                way_out="Fetch or copy the file again; compare its checksum with the publisher's",
            ) from error  # fmt: skip


@contextlib.contextmanager
def reading_text(path: Path | str) -> Iterator[IO[str]]:
    """``reading`` as text: UTF-8 with undecodable bytes replaced, universal newlines."""
    with reading(path) as handle:
        yield io.TextIOWrapper(handle, encoding="utf-8", errors="replace", newline=None)


def file_hash(path: Path | str, algorithm: str = "sha256") -> str:
    """Hex digest of a file's bytes as they lie on disk."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
