"""FASTA: streaming reader and writer.

The format has no specification; this follows NCBI's practice: a header line starting with ``>``, the
identifier up to the first blank, sequence lines of any length, blank lines and lines starting with ``;`` ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from bsm.base.errors import InputError
from bsm.base.files import reading

_BLOCK_BYTES = 1 << 18
_LINE_END = ord("\n")
_UNUSUAL = (b"\r", b" ", b"\t", b";", b"\x0b", b"\x0c")
"""Bytes that send a stretch of sequence lines through the line by line reader: blanks and comments."""
_SHORT = 4096
"""Letters up to which one look at each of them is quicker than a search for each unusual byte."""


class FastaRecord(NamedTuple):
    """One record: identifier, rest of the header line, raw letters as they stand in the file."""

    name: str
    description: str
    sequence: str


class FastaLetters(NamedTuple):
    """One record whose letters stay bytes: a chromosome takes one byte a letter."""

    name: str
    description: str
    letters: bytes | bytearray


def read_fasta(path: Path | str) -> Iterator[FastaRecord]:
    """Yield the records of a FASTA file (plain or gzip), one in memory at a time.

    Raises InputError, naming file and line, for text before the first header, a header without a
    name, a record without letters, bytes that are not ASCII in a sequence, and a file without records.
    """
    for name, description, letters in read_fasta_letters(path):
        yield FastaRecord(name, description, letters.decode("ascii"))


def read_fasta_letters(path: Path | str, clean: Callable[[bytes], bytes] | None = None) -> Iterator[FastaLetters]:
    """Like ``read_fasta``, with the letters as bytes; peak memory is one record, once.

    ``clean`` is applied to the letters while they are read, in stretches of about _BLOCK_BYTES.
    """
    reader = _Reader(path, clean)
    with reading(path) as handle:
        for lines in whole_lines(handle):
            yield from reader.records(lines)
    yield reader.last()


def whole_lines(handle: IO[bytes]) -> Iterator[bytes]:
    """Blocks of whole lines; a line longer than a block is put together once, at its end."""
    pending: list[bytes] = []
    while block := handle.read(_BLOCK_BYTES):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*pending, block[:cut]])
            pending = []
        pending.append(block[cut:])
    if rest := b"".join(pending):
        yield rest


class _Reader:
    """Puts records together from blocks of whole lines."""

    def __init__(self, path: Path | str, clean: Callable[[bytes], bytes] | None) -> None:
        self._path, self._clean = path, clean
        self._header: bytes | None = None
        self._header_line = 0
        self._letters: bytes | bytearray = b""
        self._n_lines = 0

    def records(self, lines: bytes) -> Iterator[FastaLetters]:
        """The records that end within the block."""
        before, *records = _at_headers(lines)
        if before:
            yield from self._sequence(before)
        for record in records:
            if self._header is not None:
                yield self._record(self._header)
            header, _, body = record.partition(b"\n")
            self._header, self._header_line = header, self._n_lines + 1
            self._n_lines += 1
            letters = body.replace(b"\n", b"")
            if len(letters) < _SHORT and letters.isalpha():  # most records: nothing else to look at
                self._letters = letters if self._clean is None else self._clean(letters)
                self._n_lines += len(body) - len(letters)
            else:
                self._letters = b""
                yield from self._sequence(body)

    def last(self) -> FastaLetters:
        """The record that ends with the file."""
        if self._header is None:
            raise InputError("no FASTA record", where=str(self._path),
                             way_out="An empty file is refused; remove it or fetch it again")  # fmt: skip
        return self._record(self._header)

    def _begin(self, header: bytes) -> Iterator[FastaLetters]:
        if self._header is not None:
            yield self._record(self._header)
        self._header, self._header_line = header, self._n_lines + 1
        self._letters = b""

    def _sequence(self, lines: bytes) -> Iterator[FastaLetters]:
        letters = lines.replace(b"\n", b"")
        n_lines = len(lines) - len(letters)
        if any(byte in letters for byte in _UNUSUAL):
            for line in map(bytes.strip, lines.removesuffix(b"\n").split(b"\n")):
                if line.startswith(b">"):
                    yield from self._begin(line[1:])
                elif not line.startswith(b";"):
                    self._add(line)
                self._n_lines += 1
        else:
            self._add(letters)
            self._n_lines += n_lines

    def _add(self, letters: bytes) -> None:
        if not letters:
            return
        if self._header is None:
            raise InputError("text before the first '>' header", where=f"{self._path}:{self._n_lines + 1}",
                             value=letters[:40], way_out="Is this a FASTA file?")  # fmt: skip
        if not letters.isascii():
            raise self._damaged("sequence with bytes that are not ASCII")
        letters = letters if self._clean is None else self._clean(letters)
        if not self._letters:
            self._letters = letters  # most records lie in one block: no second copy
        else:
            if isinstance(self._letters, bytes):
                self._letters = bytearray(self._letters)
            self._letters += letters

    def _record(self, header: bytes) -> FastaLetters:
        words = header.decode("utf-8", "replace").split(None, 1)
        if not words:
            raise self._damaged("record without a name")
        if not self._letters:
            raise self._damaged("record without letters")
        return FastaLetters(words[0], words[1].rstrip() if len(words) > 1 else "", self._letters)

    def _damaged(self, problem: str) -> InputError:
        value = (self._header or b"").decode("utf-8", "replace").strip()[:60]
        return InputError(problem, where=f"{self._path}:{self._header_line}", value=value,
                          way_out="Repair or remove the record")  # fmt: skip


def _at_headers(lines: bytes) -> list[bytes]:
    """Lines cut where a line begins with ``>``, which is left out; the first piece holds what stands before."""
    pieces = lines.split(b">")  # several times faster than to look for a line end and a >
    if all(not piece or piece[-1] == _LINE_END for piece in pieces[:-1]) and b"" not in pieces[1:-1]:
        return pieces
    first, *others = (b"\n" + lines).split(b"\n>")
    kept = [first[1:], *others]
    return [piece + b"\n" if piece else piece for piece in kept[:-1]] + kept[-1:]


def format_fasta(records: Iterable[tuple[str, str, str]], width: int = 80) -> str:
    """FASTA text of (name, description, letters), lines of ``width`` letters as NCBI writes them."""
    lines: list[str] = []
    for name, description, letters in records:
        lines.append(f">{name} {description}".rstrip())
        lines += [letters[i : i + width] for i in range(0, len(letters), width)]
    return "\n".join(lines) + "\n"
