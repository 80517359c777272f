"""GFF3: streaming reader with line numbers, and its attributes.

Follows the Sequence Ontology's GFF3 specification 1.26 (nine tab-separated columns, 1-based inclusive
coordinates, URL-escaped attribute values, several values separated by commas) and NCBI's README_GFF3.
Coordinates leave this module 0-based half-open. On circular sequences ``end`` may exceed the length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from bsm.base.errors import InputError
from bsm.base.files import reading, reading_text

Damaged = Callable[[InputError], None]
"""Takes a damaged line's error instead of its being raised; reading goes on with the next line."""

_STRANDS = {"+": 1, "-": -1, ".": 0, "?": 0}
_PHASES = {".": None, "0": 0, "1": 1, "2": 2}


class GffRow(NamedTuple):
    """One feature line."""

    line: int
    sequence_name: str
    kind: str
    """Column 3, a Sequence Ontology term: gene, mRNA, exon, CDS, ..."""
    start: int
    end: int
    strand: int
    phase: int | None
    attribute_text: str
    """Column 9 as it stands; ``parse_attributes`` reads it."""


def parse_attributes(text: str) -> dict[str, str]:
    """Column 9 -> values by tag, still escaped (commas separate values, so unescape after splitting).

    Of a tag that stands twice, against the specification, the first counts, as in ``attribute``.
    """
    items = (item.partition("=") for item in reversed(text.split(";")))
    return {tag.strip(): value for tag, found, value in items if found}


def attribute(text: str, tag: str) -> str | None:
    """One attribute of column 9, still escaped; quicker than reading all of them."""
    if text.startswith(tag + "="):
        start = len(tag) + 1
    else:
        found = text.find(f";{tag}=")
        if found < 0:
            return None
        start = found + len(tag) + 2
    end = text.find(";", start)
    return text[start:] if end < 0 else text[start:end]


def unescape(value: str) -> str:
    """Undo the URL escapes of one attribute value."""
    return unquote(value) if "%" in value else value


def values(raw: str | None) -> list[str]:
    """The comma-separated values of an attribute, unescaped; empty where the attribute is absent."""
    return [unescape(value) for value in raw.split(",")] if raw else []


def read_gff3(
    path: Path | str, kinds: frozenset[str] | None = None, damaged: Damaged | None = None
) -> Iterator[GffRow]:
    """Yield feature lines in file order; ``kinds`` limits them to these types (others are not even parsed).

    Reading ends at ``##FASTA``. A damaged line raises InputError with file and line, or goes to ``damaged``.
    """
    for _, row in _rows(path, kinds, damaged):
        if row is not None:
            yield row


def read_gff3_by_sequence(
    path: Path | str, wanted: Callable[[str], bool] | None = None, damaged: Damaged | None = None
) -> Iterator[tuple[str, list[GffRow]]]:
    """Yield (sequence name, its rows in file order), each sequence once, in order of its last line.

    Two passes: the first counts lines per sequence, so that a sequence is handed over with its last line.
    Files grouped by sequence (all of NCBI's) need memory for one sequence, others for what they mix.
    ``wanted`` tells by its type whether a row is kept.
    """
    remaining = _lines_per_sequence(path)
    kept: dict[str, list[GffRow]] = {}
    for name, row in _rows(path, None, damaged, wanted):
        if row is not None:
            kept.setdefault(name, []).append(row)
        remaining[name] -= 1
        if not remaining[name]:
            yield name, kept.pop(name, [])


def _lines_per_sequence(path: Path | str) -> Counter[str]:
    counts: Counter[bytes] = Counter()
    with reading(path) as handle:
        for line in handle:
            if line[:1] not in b"#\r\n":
                counts[line.partition(b"\t")[0]] += 1
            elif line.startswith(b"##FASTA"):
                break
    if not counts:
        raise no_lines(path)
    names: Counter[str] = Counter()
    for name, count in counts.items():
        names[sequence_name(name.decode("utf-8", "replace"))] += count
    return names


def no_lines(path: Path | str) -> InputError:
    """The error of a file without any feature line."""
    return InputError("no feature line", where=str(path), way_out="An empty annotation is refused; fetch it again")


def sequence_name(text: str) -> str:
    """Column 1 as a sequence name."""
    return unescape(text.strip())


def _rows(
    path: Path | str,
    kinds: frozenset[str] | None,
    damaged: Damaged | None,
    wanted: Callable[[str], bool] | None = None,
) -> Iterator[tuple[str, GffRow | None]]:
    """Yield (sequence name, row) of every feature line; the row is None where it is damaged or not wanted."""
    with reading_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line[0] in "#\n":
                if line.startswith("##FASTA"):
                    return
                continue
            columns = line.rstrip("\n").split("\t")
            name = sequence_name(columns[0])
            row = None
            if len(columns) != 9 or ((kinds is None or columns[2] in kinds) and (wanted is None or wanted(columns[2]))):
                try:
                    row = read_row(path, number, name, columns)
                except InputError as error:
                    if damaged is None:
                        raise
                    damaged(error)
            yield name, row


def read_row(path: Path | str, number: int, name: str, columns: list[str]) -> GffRow:
    """The feature of line ``number``; InputError where it is not right."""
    problem, value = "", ""
    if len(columns) != 9:
        problem, value = "a GFF3 line has nine tab-separated columns", f"{len(columns)} columns"
    elif not (columns[3].isdigit() and columns[4].isdigit() and 0 < int(columns[3]) <= int(columns[4])):
        problem, value = "start and end must be positive whole numbers, start <= end", f"{columns[3]}..{columns[4]}"
    elif columns[6] not in _STRANDS or columns[7] not in _PHASES:
        problem, value = "strand must be one of + - . ? and phase one of . 0 1 2", f"{columns[6]} {columns[7]}"
    elif columns[8] != "." and "=" not in columns[8]:
        problem, value = "attributes without '=': this looks like GTF", columns[8][:60]
    if problem:
        raise InputError(problem, where=f"{path}:{number}", value=value, way_out="Repair or remove the line")
    start, end = int(columns[3]) - 1, int(columns[4])
    return GffRow(number, name, columns[2], start, end, _STRANDS[columns[6]], _PHASES[columns[7]], columns[8])
