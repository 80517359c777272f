"""Reading a coding region as NCBI does, and comparing it with the published protein.

The rules are those of the INSDC Feature Table Definition (/codon_start, /transl_table, /transl_except, /exception)
and of NCBI's translation: an initiation codon of the table gives M, a stop may be completed by the poly-A tail, and
a last codon of two letters is translated where its third letter does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from Bio.Data.IUPACData import protein_letters_3to1_extended

from bsm.base.codes import start_codons, translate
from bsm.pair.model import Cds

_TRANSL_EXCEPT = re.compile(r"\(pos:(.+?),aa:([A-Za-z]+)\)")
_NUMBERS = re.compile(r"(\d+)(?:\.\.[<>]?(\d+))?")
_AMINO_ACIDS = {name.upper(): letter for name, letter in protein_letters_3to1_extended.items()}
_AMINO_ACIDS |= {"TERM": "*", "OTHER": "X", "FMET": "M", "PYL": "O", "SEC": "U"}

EXPLAINS = frozenset(
    {
        "RNA editing",
        "rearrangement required for product",
        "artificial frameshift",
        "annotated by transcript or proteomic data",
        "annotated by transcript or proteomics data",
        "mismatches in translation",
        "mismatches in transcription",
        "unclassified translation discrepancy",
        "unclassified transcription discrepancy",
        "low-quality sequence region",
        "heterogeneous population sequenced",
        "adjusted for low-quality genome",
        "reasons given in citation",
        "modified codon recognition",
        "alternative start codon",
        "alternative processing",
        "translated product replaced",
        "transcribed product replaced",
    }
)
"""Stated exceptions under which a published protein may differ from the plain translation."""


@dataclass(slots=True)
class Reading:
    """A coding region, read."""

    protein: str
    """Amino acids without the final stop; ``*`` inside where the frame is broken."""
    n_read: int
    """Letters of the whole codons that gave ``protein``, counted behind ``offset``."""
    has_stop: bool
    """The last codon is a stop, or a stop that the poly-A tail completes."""
    partial_codon: str = ""
    """Amino acid of a last codon of two letters, where these decide it."""
    applied: list[str] = field(default_factory=list)
    """Which stated codon exceptions were used: ``transl_except Sec``, ..."""


def read_transl_except(text: str) -> tuple[tuple[int, int, str], ...]:
    """``(pos:6918..6920,aa:Sec),(pos:...)`` -> ((start, end, letter), ...), 0-based half-open, on the contig."""
    found = []
    for place, name in _TRANSL_EXCEPT.findall(text):
        letter = _AMINO_ACIDS.get(name.upper(), "X")
        for start, end in _NUMBERS.findall(place):
            found.append((int(start) - 1, int(end or start), letter))
    return tuple(found)


def read_cds(letters: str, cds: Cds) -> Reading:
    """Translate the joined letters of a CDS (``offset`` letters still at the front) by all that it states."""
    coding = letters[cds.offset :]
    residues = list(translate(coding, cds.table))
    rest = coding[3 * len(residues) :]
    reading = Reading("", 0, False)
    exceptions = _exceptions_by_codon(cds)
    for codon, letter in exceptions.items():
        if codon < len(residues):
            residues[codon] = letter
            reading.applied.append(f"transl_except {letter}")
    begins = bool(residues) and not cds.partial_5 and cds.offset == 0 and 0 not in exceptions
    if begins and coding[:3] in start_codons(cds.table):
        residues[0] = "M"
    completed = bool(rest) and exceptions.get(len(residues)) == "*"
    if completed:
        reading.applied.append("stop completed by poly-A")
    elif len(rest) == 2:
        reading.partial_codon = _decided_by_two(rest, cds.table)
    protein = "".join(residues)
    reading.has_stop = completed or protein.endswith("*")
    if protein.endswith("*") and not completed:
        protein = protein[:-1]
    reading.protein, reading.n_read = protein, 3 * len(protein)
    reading.applied = sorted(set(reading.applied))
    return reading


def _exceptions_by_codon(cds: Cds) -> dict[int, str]:
    """Codon number -> amino acid letter, for the stated places that lie in the coding spans."""
    found: dict[int, str] = {}
    for start, end, letter in cds.transl_except:
        at = 0
        for span in cds.spans:
            low, high = max(start, span.start), min(end, span.end)
            if low < high:
                index = at + (low - span.start if span.strand > 0 else span.end - high)
                codon = (index - cds.offset) // 3
                found.setdefault(codon, letter)
            at += span.end - span.start
    return found


def _decided_by_two(two: str, table: int) -> str:
    options = {translate(two + base, table) for base in "acgt"}
    option = options.pop()
    return option if not options and option not in "*X" else ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a CDS compares with its published protein."""

    kind: str
    """Class in the pairs report."""
    agrees: bool
    """The published letters are what the annotation states (exactly, or by a stated rule or exception)."""
    in_frame: bool
    """Every residue of the published protein stands on its codon."""
    note: str = ""
    """Goes into ``reason``."""


def compare(reading: Reading, published: str | None, cds: Cds, coding: str) -> Verdict:
    """Class of agreement of a reading with the published protein (internal letters; None where there is none).

    ``coding`` are the CDS letters behind the offset.
    """
    own = reading.protein
    if published is None:
        broken = "*" in own
        return Verdict("no_published_internal_stop" if broken else "no_published", not broken, not broken)
    if own == published:
        return Verdict("equal", True, True)
    if reading.partial_codon and own + reading.partial_codon == published:
        return Verdict("equal_with_partial_last_codon", True, True, "partial last codon")
    same_length = len(own) == len(published)
    excuse = next((text for text in cds.exceptions if text in EXPLAINS), None)
    if excuse:
        return Verdict(f"stated: {excuse}", True, same_length)
    if same_length:
        differing = [i for i, (a, b) in enumerate(zip(own, published, strict=True)) if a != b]
        if differing == [0]:
            return Verdict("alternative_start", True, True, "alternative start")
        if all("n" in coding[3 * i : 3 * i + 3] for i in differing):
            return Verdict("ambiguous_codon", True, True, "ambiguous codons")
    excuse = next((text for text in cds.exceptions if text in EXPLAINS), None)
    if excuse:
        return Verdict(f"stated: {excuse}", True, len(own) == len(published))
    if "*" in own:
        return Verdict("internal_stop", False, len(own) == len(published))
    return Verdict(
        *(("substitutions", False, True) if len(own) == len(published) else ("length_differs", False, False))
    )


@dataclass(frozen=True, slots=True)
class Orf:
    """Where a nucleotide sequence encodes a protein: [start, end) in one or (after a slip) two parts, stop left out."""

    parts: tuple[tuple[int, int], ...]
    end_with_stop: int
    """End with the stop codon, or with the one or two letters that are left where the sequence ends inside it."""
    table: int
    has_stop: bool

    def cut(self, letters: str) -> str:
        """The CDS: the parts, and the stop where there is one."""
        last_start, _ = self.parts[-1]
        return "".join([*(letters[a:b] for a, b in self.parts[:-1]), letters[last_start : self.end_with_stop]])


_TABLES = (1, 11, 4, 2, 5, 12, 26, 3, 6, 9, 10, 13, 14, 16, 21, 22, 23, 24, 25)
_ALSO_READ = {"U": "*", "O": "*"}
_SLIP_SEED_AA = 4


def find_coding(letters: str, protein: str, tables: Iterable[int] = _TABLES) -> Orf | None:
    """Where ``letters`` (forward strand) encode ``protein``: in one frame, else with one ribosomal slip of -1 or +1."""
    tried = tuple(tables)
    return find_orf(letters, protein, tried) or find_slipped_orf(letters, protein, tried)


def find_orf(letters: str, protein: str, tables: Iterable[int] = _TABLES) -> Orf | None:
    """The reading frame of ``letters`` (forward strand) that gives ``protein``, under the first table that does.

    U and O match stops, X anything; the first residue may be M on an initiation codon of the table. A frame whose
    protein is followed by a stop, or ends with the letters, goes before one that is not.
    """
    if not protein:
        return None
    pattern = re.compile("(?=" + "".join(map(_pattern_of, protein[1:])) + ")")
    for table in tables:
        found = list(_orfs(letters, protein, pattern, table))
        if found:
            return min(found, key=lambda orf: (orf.end_with_stop == orf.parts[0][1] != len(letters), orf.parts))
    return None


def _pattern_of(residue: str) -> str:
    return {"U": r"[*U]", "O": r"[*O]", "X": "."}.get(residue, residue)


def _orfs(letters: str, protein: str, pattern: re.Pattern[str], table: int) -> Iterable[Orf]:
    for frame in range(3):
        residues = translate(letters[frame:], table)
        for match in pattern.finditer(residues):
            first = match.start() - 1
            if first >= 0 and first + len(protein) <= len(residues):
                start = frame + 3 * first
                if _begins(letters, start, residues[first], protein[0], table):
                    yield _orf(letters, ((start, start + 3 * len(protein)),), table)


def _begins(letters: str, start: int, residue: str, wanted: str, table: int) -> bool:
    is_start = wanted == "M" and letters[start : start + 3] in start_codons(table)
    return is_start or _reads(residue, wanted)


def _reads(residue: str, wanted: str) -> bool:
    return wanted in (residue, "X") or _ALSO_READ.get(wanted) == residue


def _orf(letters: str, parts: tuple[tuple[int, int], ...], table: int) -> Orf:
    end = parts[-1][1]
    has_stop = translate(letters[end : end + 3], table) == "*"
    return Orf(parts, end + 3 if has_stop else len(letters) if len(letters) - end < 3 else end, table, has_stop)


def find_slipped_orf(letters: str, protein: str, tables: Iterable[int] = _TABLES) -> Orf | None:
    """Like ``find_orf``, with one shift of the frame by -1 (a letter read twice) or +1 (a letter left out).

    The slip is placed as late as the first frame allows; both parts have at least four residues.
    """
    if len(protein) < 2 * _SLIP_SEED_AA:
        return None
    seed = re.compile("(?=" + "".join(map(_pattern_of, protein[1:_SLIP_SEED_AA])) + ")")
    for table in tables:
        for frame in range(3):
            residues = translate(letters[frame:], table)
            for match in seed.finditer(residues):
                start = frame + 3 * (match.start() - 1)
                if start >= 0 and _begins(letters, start, residues[match.start() - 1], protein[0], table):
                    found = _slip_behind(letters, start, residues[match.start() - 1 :], protein, table)
                    if found:
                        return found
    return None


def _slip_behind(letters: str, start: int, residues: str, protein: str, table: int) -> Orf | None:
    """The slipped frame that begins at ``start``; ``residues`` are those of its first frame."""
    n_equal = 1
    while n_equal < min(len(protein), len(residues)) and _reads(residues[n_equal], protein[n_equal]):
        n_equal += 1
    for n_before in range(min(n_equal, len(protein) - _SLIP_SEED_AA), _SLIP_SEED_AA - 1, -1):
        rest = protein[n_before:]
        for shift in (-1, 1):
            place = start + 3 * n_before + shift
            read = translate(letters[place : place + 3 * len(rest)], table)
            if len(read) == len(rest) and all(map(_reads, read, rest)):
                return _orf(letters, ((start, start + 3 * n_before), (place, place + 3 * len(rest))), table)
    return None
