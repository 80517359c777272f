"""FASTA: streaming reader and writer.

The format has no specification; this follows NCBI's practice: a header line starting with ``>``, the
identifier up to the first blank, sequence lines of any length, blank lines and lines starting with ``;`` ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bsm.base.errors import InputError
from bsm.base.files import reading


class FastaRecord(NamedTuple):
    """One record: identifier, rest of the header line, raw letters as they stand in the file."""

    name: str
    description: str
    sequence: str


def read_fasta(path: Path | str) -> Iterator[FastaRecord]:
    """Yield the records of a FASTA file (plain or gzip), one in memory at a time.

    Raises InputError, naming file and line, for text before the first header, a header without a
    name, a record without letters, bytes that are not ASCII in a sequence, and a file without records.
    """
    header: str | None = None
    header_line = 0
    chunks: list[bytes] = []
    with reading(path) as handle:
        for number, raw in enumerate(handle, 1):
            line = raw.strip()
            if line.startswith(b">"):
                if header is not None:
                    record = _record(path, header_line, header, chunks)
                    chunks = []  # freed before the caller works on a whole chromosome
                    yield record
                header, header_line = line[1:].decode("utf-8", "replace").strip(), number
            elif line and not line.startswith(b";"):
                if header is None:
                    raise InputError("text before the first '>' header", where=f"{path}:{number}",
                                     value=line[:40], way_out="Is this a FASTA file?")  # fmt: skip
                chunks.append(line)
    if header is None:
        raise InputError(
            "no FASTA record", where=str(path), way_out="An empty file is refused; remove it or fetch it again"
        )
    yield _record(path, header_line, header, chunks)


def _record(path: Path | str, line: int, header: str, chunks: list[bytes]) -> FastaRecord:
    name, description = (*header.split(None, 1), "", "")[:2]
    data = b"".join(chunks)
    problem = "record without a name" if not name else "record without letters" if not data else ""
    if not problem and not data.isascii():
        problem = "sequence with bytes that are not ASCII"
    if problem:
        raise InputError(problem, where=f"{path}:{line}", value=header[:60], way_out="Repair or remove the record")
    return FastaRecord(name, description, data.decode())


def format_fasta(records: Iterable[tuple[str, str, str]], width: int = 80) -> str:
    """FASTA text of (name, description, letters), lines of ``width`` letters as NCBI writes them."""
    lines: list[str] = []
    for name, description, letters in records:
        lines.append(f">{name} {description}".rstrip())
        lines += [letters[i : i + width] for i in range(0, len(letters), width)]
    return "\n".join(lines) + "\n"
