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
from bsm.base.files import reading_text

Damaged = Callable[[InputError], None]
"""Takes a damaged record's or feature's error instead of its being raised; reading goes on behind it."""

_DIGITS_AND_BLANKS = str.maketrans("", "", "0123456789 \t\n")
_LENGTH = re.compile(r"^LOCUS\s+(?P<name>\S+)\s+(?P<length>\d+)\s+(?P<unit>bp|aa|rc)\b(?P<rest>.*)$")
_RANGE = re.compile(
    r"(?:(?P<remote>[A-Za-z][\w.|-]*):)?(?P<open>[<>]?)(?P<start>\d+)(?:(?P<sep>\.\.|\.|\^)(?P<close>[<>]?)(?P<end>\d+))?"
)


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


@dataclass(slots=True)
class GenBankFeature:
    """One entry of the feature table."""

    line: int
    kind: str
    location: Location
    qualifiers: dict[str, list[str]] = field(default_factory=dict)
    """Values by name in order of appearance; a qualifier without value is an empty string."""

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
    with reading_text(path) as handle:
        scanner = _Scanner(path, enumerate(handle, 1), damaged)
        n_records = 0
        while scanner.find_locus():
            n_records += 1
            record = scanner.record()
            if record is not None:
                yield record
        if not n_records:
            raise InputError("no GenBank record", where=str(path), way_out="Is this a GenBank flat file?")


class _Scanner:
    """Reads one record after the other from numbered lines."""

    def __init__(self, path: Path | str, lines: Iterator[tuple[int, str]], damaged: Damaged | None) -> None:
        self.path, self.lines, self.damaged = path, lines, damaged
        self.locus = (0, "")

    def find_locus(self) -> bool:
        """Move to the next LOCUS line; False at the end of the file."""
        while not self.locus[1]:
            try:
                number, line = next(self.lines)
            except StopIteration:
                return False
            self.locus = (number, line) if line.startswith("LOCUS") else self.locus
        return True

    def record(self) -> GenBankRecord | None:
        """The record of the LOCUS line that was found; None where it is damaged and errors are collected."""
        (number, locus), self.locus = self.locus, (0, "")
        found = _LENGTH.match(locus.rstrip("\n"))
        record = GenBankRecord(number, "", 0, "bp", "")
        if found:
            record = GenBankRecord(number, found["name"], int(found["length"]), found["unit"], found["rest"])
        accession = version = ""
        chunks: list[str] = []
        section = ""
        for at, line in self.lines:
            if line[:1] not in " \n":
                section = line.split(None, 1)[0]
                if section in ("//", "LOCUS"):
                    self.locus = (at, line) if section == "LOCUS" else self.locus
                    break
                accession = accession or (_second_word(line) if section == "ACCESSION" else "")
                version = version or (_second_word(line) if section == "VERSION" else "")
            elif section == "FEATURES" and line[:5] == "     ":
                self._feature_line(record, at, line)
            elif section == "ORIGIN":
                chunks.append(line.translate(_DIGITS_AND_BLANKS))
        record.name = version or accession or record.name
        self._finish(record)
        record.sequence = "".join(chunks)
        problem = "" if found else "LOCUS line without a length in bp or aa"
        problem = problem if section == "//" else "record without its final '//': the file is truncated"
        return record if not problem or self._leave_out(problem, number, record.name) else None

    def _feature_line(self, record: GenBankRecord, at: int, line: str) -> None:
        """Collect raw lines per feature; they are read when the record is complete."""
        key, content = line[5:20].strip(), line[21:].rstrip()
        if key:
            record.features.append(GenBankFeature(at, key, Location([])))
            record.features[-1].qualifiers[""] = [content]
        elif record.features:
            record.features[-1].qualifiers[""].append(content)

    def _finish(self, record: GenBankRecord) -> None:
        """Read locations and qualifiers of the collected features; damaged features are left out."""
        complete = []
        for feature in record.features:
            lines = feature.qualifiers.pop("")
            n_location = next((i for i, text in enumerate(lines) if text.startswith("/")), len(lines))
            try:
                feature.location = parse_location(lines[:n_location], f"{self.path}:{feature.line}")
            except InputError as error:
                if self.damaged is None:
                    raise
                self.damaged(error)
                continue
            feature.qualifiers = _qualifiers(lines[n_location:])
            complete.append(feature)
        record.features = complete

    def _leave_out(self, problem: str, line: int, name: str) -> bool:
        error = InputError(
            problem, where=f"{self.path}:{line}", value=name, way_out="Fetch the file again or remove the record"
        )
        if self.damaged is None:
            raise error
        self.damaged(error)
        return False


def _second_word(line: str) -> str:
    words = line.split(None, 2)
    return words[1] if len(words) > 1 else ""


def _qualifiers(lines: list[str]) -> dict[str, list[str]]:
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
