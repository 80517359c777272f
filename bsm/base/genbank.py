"""GenBank flat files: streaming reader of records, features and locations.

Own scanner, not Biopython's: it keeps line numbers for errors, reads no references or comments, and is several times
faster; Biopython is the independent reference in the tests. Format: NCBI's gbrel.txt section 3.4 and the INSDC
Feature Table Definition (locations: section 3.4). Coordinates leave this module 0-based half-open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bsm.base.errors import InputError
from bsm.base.fasta import whole_lines
from bsm.base.files import reading

Damaged = Callable[[InputError], None]
"""Takes a damaged record's or feature's error instead of its being raised; reading goes on behind it."""

_LINE_END = ord("\n")
_NO_LETTERS = b"0123456789 \t\r\n"
_LENGTH = re.compile(r"^LOCUS\s+(?P<name>\S+)\s+(?P<length>\d+)\s+(?P<unit>bp|aa|rc)\b(?P<rest>.*)$")
_RANGE = re.compile(
    r"(?:(?P<remote>[A-Za-z][\w.|-]*):)?(?P<open>[<>]?)(?P<start>\d+)(?:(?P<sep>\.\.|\.|\^)(?P<close>[<>]?)(?P<end>\d+))?"
)
_PLAIN_RANGE = re.compile(r"(complement\()?(\d+)(?:\.\.(\d+))?(?(1)\))\s*")
_SECTION = re.compile(rb"\n(?=[^ \n])")
_NEXT_FEATURE = re.compile(r"\n     (?=\S)")
_MARGIN = " " * 21
_FIRST_QUALIFIER = f"\n{_MARGIN}/"


class Span(NamedTuple):
    """A stretch of one sequence: 0-based half-open, strand +1, -1 or 0."""

    start: int
    end: int
    strand: int


@dataclass(slots=True)
class Location:
    """A feature's place: its spans in the order in which their letters are joined (5'->3' of the product)."""

    spans: list[Span]
    partial_5: bool = False
    partial_3: bool = False
    unresolved: str = ""
    """Why the letters cannot be had from this record alone: ``other_accession`` or ``alternatives`` (one-of)."""


class GenBankFeature:
    """One entry of the feature table. Its texts are read when they are asked for: of most features, they never are."""

    __slots__ = ("_location", "_qualifiers", "_text", "kind", "line")

    def __init__(self, line: int, kind: str, location: Location | str, text: str) -> None:
        """``location`` may be the text of a plain range (_PLAIN_RANGE); ``text`` are the qualifier lines."""
        self.line, self.kind = line, kind
        self._location, self._text = location, text
        self._qualifiers: dict[str, list[str]] | None = None

    @property
    def location(self) -> Location:
        if isinstance(self._location, str):
            found = _PLAIN_RANGE.fullmatch(self._location)
            assert found  # the reader looked
            start, end = int(found[2]), int(found[3] or found[2])
            self._location = Location([Span(start - 1, end, -1 if found[1] else 1)])
        return self._location

    @property
    def qualifiers(self) -> dict[str, list[str]]:
        """Values by name in order of appearance; a qualifier without value is an empty string."""
        if self._qualifiers is None:
            self._qualifiers = _read_qualifiers([line[21:].rstrip() for line in self._text.split("\n") if line])
        return self._qualifiers

    def first(self, name: str) -> str | None:
        found = self.qualifiers.get(name)
        return found[0] if found else None


@dataclass(slots=True)
class GenBankRecord:
    """One record of a flat file."""

    line: int
    name: str
    """VERSION (accession.version), else ACCESSION, else the LOCUS name."""
    stated_length: int
    unit: str
    """bp, aa, or rc (a master record that only lists others)."""
    molecule: str
    """Rest of the LOCUS line: molecule type, topology, division, date."""
    features: list[GenBankFeature] = field(default_factory=list)
    sequence: str = ""
    """Raw letters below ORIGIN as they stand in the file."""

    @property
    def is_circular(self) -> bool:
        return " circular" in self.molecule


def read_genbank(path: Path | str, damaged: Damaged | None = None) -> Iterator[GenBankRecord]:
    """Yield the records of a flat file (plain or gzip), one in memory at a time.

    Raises InputError with file and line for: a record without its ``//`` (truncated file), an unreadable LOCUS line,
    a location that cannot be read, or no record at all. With ``damaged`` the record or feature is left out instead.
    """
    reader = _Reader(path, damaged)
    n_records = 0
    for line, text in _records(path):
        n_records += 1
        record = reader.record(line, text)
        if record is not None:
            yield record
    if not n_records:
        raise InputError("no GenBank record", where=str(path), way_out="Is this a GenBank flat file?")


def _records(path: Path | str) -> Iterator[tuple[int, bytes]]:
    """Yield (line number of its LOCUS line, text from there up to the next record) of every record."""
    line = 1
    for text in _up_to_terminators(path):
        first = 0 if text.startswith(b"LOCUS") else text.find(b"\nLOCUS") + 1
        while first or text.startswith(b"LOCUS"):
            line += text.count(b"\n", 0, first)
            text = text[first:]
            first = text.find(b"\nLOCUS") + 1  # a record without its terminator lies before another
            yield line, text[:first] if first else text
            if not first:
                break
        line += text.count(b"\n")


def _up_to_terminators(path: Path | str) -> Iterator[bytes]:
    """Stretches of whole lines that end with a ``//`` line, and the rest of the file."""
    parts: list[bytes] = []
    with reading(path) as handle:
        for block in whole_lines(handle):
            at = 0
            while end := _behind_terminator(block, at):
                yield b"".join([*parts, block[at:end]])
                parts, at = [], end
            parts.append(block[at:])
    yield b"".join(parts)


def _behind_terminator(block: bytes, at: int) -> int:
    """Place behind the next line that begins with ``//``; 0 for none."""
    place = block.find(b"//", at)
    while place > 0 and block[place - 1] != _LINE_END:
        place = block.find(b"//", place + 2)
    return block.find(b"\n", place) + 1 or len(block) if place >= 0 else 0


class _Reader:
    """Reads the text of one record after the other."""

    def __init__(self, path: Path | str, damaged: Damaged | None) -> None:
        self.path, self.damaged = path, damaged

    def record(self, number: int, text: bytes) -> GenBankRecord | None:
        """The record whose LOCUS line has this number; None where it is damaged and errors are collected."""
        text = text.replace(b"\r\n", b"\n") if b"\r" in text else text
        start = text.find(b"\nFEATURES")
        origin = text.find(b"\nORIGIN", max(start, 0))
        header = text[: min((place for place in (start, origin) if place >= 0), default=len(text))].decode(
            "utf-8", "replace"
        )
        locus = header.partition("\n")[0]
        found = _LENGTH.match(locus)
        record = GenBankRecord(number, "", 0, "bp", "")
        if found:
            record = GenBankRecord(number, found["name"], int(found["length"]), found["unit"], found["rest"])
        record.name = _second_word(header, "VERSION") or _second_word(header, "ACCESSION") or record.name
        if start >= 0:
            first = text.find(b"\n", start + 1)
            section = text[first : self._section_end(text, first)].decode("utf-8", "replace")
            self._read_features(record, section, number + text.count(b"\n", 0, first))
        if origin >= 0:
            first = text.find(b"\n", origin + 1)
            record.sequence = (
                text[first : self._section_end(text, first)].translate(None, _NO_LETTERS).decode("ascii", "replace")
            )
        problem = "" if found else "LOCUS line without a length in bp or aa"
        problem = (
            problem
            if text.rstrip().rpartition(b"\n")[2].startswith(b"//")
            else "record without its final '//': the file is truncated"
        )
        return record if not problem or self._leave_out(problem, number, record.name) else None

    @staticmethod
    def _section_end(text: bytes, start: int) -> int:
        """Where the next section's line begins."""
        found = _SECTION.search(text, start)
        return found.start() if found else len(text)

    def _read_features(self, record: GenBankRecord, section: str, line: int) -> None:
        """Features of a FEATURES section that begins with a line end, on ``line``; damaged ones are left out."""
        for feature in _NEXT_FEATURE.split(section)[1:]:
            line += 1
            cut = feature.find(_FIRST_QUALIFIER)
            head, text = (feature, "") if cut < 0 else (feature[:cut], feature[cut + 1 :])
            try:
                location = self._location(head[16:], line)
                record.features.append(GenBankFeature(line, head[:15].strip(), location, text))
            except InputError as error:
                if self.damaged is None:
                    raise
                self.damaged(error)
            line += feature.count("\n")

    def _location(self, text: str, line: int) -> Location | str:
        plain = _PLAIN_RANGE.fullmatch(text)
        if plain and 0 < int(plain[2]) <= int(plain[3] or plain[2]):
            return text
        first, *others = text.split("\n")
        return parse_location([first.rstrip(), *(other[21:].rstrip() for other in others)], f"{self.path}:{line}")

    def _leave_out(self, problem: str, line: int, name: str) -> bool:
        error = InputError(
            problem, where=f"{self.path}:{line}", value=name, way_out="Fetch the file again or remove the record"
        )
        if self.damaged is None:
            raise error
        self.damaged(error)
        return False


def _second_word(header: str, section: str) -> str:
    """First word behind a keyword that begins a line."""
    start = header.find(f"\n{section} ")
    words = header[start + 1 : header.find("\n", start + 1) % (len(header) + 1)].split(None, 2) if start >= 0 else []
    return words[1] if len(words) > 1 else ""


def _read_qualifiers(lines: list[str]) -> dict[str, list[str]]:
    """Qualifier lines (without their margin) -> values by name; quoted text keeps its line breaks as blanks."""
    found: dict[str, list[str]] = {}
    position = 0
    while position < len(lines):
        name, equals, value = lines[position].removeprefix("/").partition("=")
        position += 1
        if value.startswith('"'):
            separator = "" if name == "translation" else " "
            # a doubled quote is a literal one; the value ends at an odd number of quotes
            while value.count('"') % 2 and position < len(lines):
                value += separator + lines[position]
                position += 1
            value = value.strip().removeprefix('"').removesuffix('"').replace('""', '"')
        elif equals:
            while position < len(lines) and not lines[position].startswith("/"):
                value += lines[position]
                position += 1
        found.setdefault(name, []).append(value)
    return found


def parse_location(lines: list[str], where: str = "") -> Location:
    """Read a location (one or more lines): ranges, complement, join, order, one-of, remote accessions, < and >.

    ``complement(join(a,b))`` and ``join(complement(b),complement(a))`` give the same spans. Raises InputError for
    anything else, and for a line broken inside a number, of which nobody can tell where it belongs.
    """
    for before, after in pairwise(lines):
        if before[-1:].isdigit() and after[:1].isdigit():
            raise _bad_location("location broken inside a number", where, "".join(lines))
    text = "".join("".join(lines).split())
    location = Location([])
    items, rest = _read_items(text, location, where)
    if rest or not items:
        raise _bad_location("location that cannot be read", where, text)
    location.spans = [item.span for item in items]
    first, last = items[0], items[-1]
    location.partial_5 = first.open_end if first.span.strand < 0 else first.open_start
    location.partial_3 = last.open_start if last.span.strand < 0 else last.open_end
    return location


class _Item(NamedTuple):
    span: Span
    open_start: bool
    open_end: bool


def _read_items(text: str, location: Location, where: str) -> tuple[list[_Item], str]:
    """One location expression at the beginning of ``text`` -> (its items, unread rest)."""
    for operator in ("complement(", "join(", "order(", "one-of(", "bond("):
        if text.startswith(operator):
            return _read_operator(operator, text[len(operator) :], location, where)
    found = _RANGE.match(text)
    if not found:
        raise _bad_location("location that cannot be read", where, text)
    start, end = int(found["start"]), int(found["end"] or found["start"])
    if found["remote"]:
        location.unresolved = "other_accession"
    if found["sep"] == "^":
        end = start  # between two letters: no letter at all
    elif start < 1 or end < start:
        raise _bad_location("location that runs backwards or begins before 1", where, found.group())
    item = _Item(
        Span(start - (found["sep"] != "^"), end, 1), found["open"] == "<", (found["close"] or found["open"]) == ">"
    )
    return [item], text[found.end() :]


def _read_operator(operator: str, rest: str, location: Location, where: str) -> tuple[list[_Item], str]:
    groups: list[list[_Item]] = []
    while True:
        items, rest = _read_items(rest, location, where)
        groups.append(items)
        if rest.startswith(","):
            rest = rest[1:]
        elif rest.startswith(")"):
            rest = rest[1:]
            break
        else:
            raise _bad_location("location with an unclosed bracket", where, rest)
    if operator == "one-of(":
        location.unresolved = "alternatives"
        groups = groups[:1]
        if rest.startswith(".."):  # one-of(1888,1901)..2200
            _, rest = _read_items(rest[2:], location, where)
    flat = [item for group in groups for item in group]
    if operator == "complement(":
        flat = [item._replace(span=item.span._replace(strand=-item.span.strand)) for item in reversed(flat)]
    return flat, rest


def _bad_location(problem: str, where: str, text: str) -> InputError:
    return InputError(problem, where=where, value=text, way_out="Repair the feature or remove it")
