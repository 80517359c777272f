"""A FASTA file written record by record through gzip, atomically and byte-stable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from isal import igzip

from bsm.base.files import atomic_path


@contextlib.contextmanager
def writing_gzip(path: Path) -> Iterator[IO[bytes]]:
    """A byte stream into ``path``, compressed without name and time; the file appears when the context ends well."""
    with (
        atomic_path(path) as partial,
        open(partial, "wb") as raw,
        igzip.IGzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=2) as out,
    ):
        yield out  # type: ignore[misc]
