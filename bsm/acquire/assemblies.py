"""Which genome assembly stands for a name: reading assembly_summary files and the rule of resolution.

Format: README_assembly_summary.txt of NCBI genomes. Read by column name, because columns were added over the years
(20, 22, 23, 38), ``submitter`` was renamed, dates are written three ways and blanks became ``na``.

The rule, in this order:

1. an accession given in the config;
2. assemblies of the species: organism_name equal to the name, or species_taxid equal to the taxid;
3. assemblies whose organism_name continues the name (strain, subspecies; or, for a name of one word, the species of a
   genus and the nameless "Xylariales sp. ..." of an order);

each in RefSeq first, then GenBank, latest versions only, released and annotated no later than ``frozen_date``. Among
several: annotated first, then reference genome, then the smallest accession. Without annotation there are no
RNA/protein pairs, so an entry that has only unannotated assemblies is unresolved; the error names them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from bsm.base.config.sources import Species
from bsm.base.config.species import KNOWN_TAXA
from bsm.base.errors import InputError
from bsm.base.files import reading_text

_REQUIRED = ("assembly_accession", "taxid", "species_taxid", "organism_name", "seq_rel_date", "asm_name", "ftp_path")
_OPTIONAL = ("refseq_category", "version_status", "annotation_name", "annotation_date")
_DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%y")
_N_NAMED = 5
_REFERENCE = ("reference genome", "representative genome")


class UnresolvedError(InputError):
    """No annotated assembly stands for a name."""


@dataclass(frozen=True)
class Assembly:
    """One row of an assembly_summary; absent values are empty or None."""

    accession: str
    organism_name: str
    taxid: int
    species_taxid: int
    refseq_category: str
    version_status: str
    released: date | None
    annotation_name: str
    annotation_date: date | None
    is_annotated: bool
    folder: str
    """Path of its folder below the server (``genomes/all/GCF/...``); empty where there is none."""

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """Sorts the assembly that the rule prefers first."""
        return (not self.is_annotated, self.refseq_category not in _REFERENCE, self.accession)


@dataclass(frozen=True)
class Resolution:
    """The chosen assembly, the step of the rule that found it, and all candidates of that step."""

    assembly: Assembly
    resolved_by: str
    candidates: tuple[str, ...]


def read_summary(path: Path | str) -> Iterator[Assembly]:
    """Stream the rows of an assembly_summary; a row of another width is reported by line and left out.

    Names of one word ("archaeon") name no species: they are read, and reported by line at the end.
    Raises InputError where the header or a needed column is missing, or where the last line is cut.
    """
    columns: list[str] = []
    used: list[tuple[int, str]] = []
    odd_names: list[str] = []
    with reading_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line.startswith("#"):
                if "assembly_accession" in line:
                    columns = _columns(line, f"{path}:{number}")
                    used = [(i, name) for i, name in enumerate(columns) if name in _REQUIRED + _OPTIONAL]
                continue
            fields = line.rstrip("\n").split("\t")
            if not columns:
                raise InputError("no header before the first row", where=f"{path}:{number}", value=line[:60],
                                 way_out="Is this an assembly_summary file?")  # fmt: skip
            if len(fields) != len(columns):
                _report_odd_row(f"{path}:{number}", len(fields), len(columns), is_cut=not line.endswith("\n"))
                continue
            assembly = _assembly({name: fields[i] for i, name in used}, f"{path}:{number}")
            if len(assembly.organism_name.split()) < 2:
                odd_names.append(f"line {number} {assembly.organism_name!r}")
            yield assembly
    if odd_names:
        print(f"warning: {path}: {len(odd_names):,} organism name(s) that name no species: "
              f"{', '.join(odd_names[:_N_NAMED])}", file=sys.stderr)  # fmt: skip
    if not columns:
        raise InputError("no header with assembly_accession", where=str(path),
                         way_out="Is this an assembly_summary file?")  # fmt: skip


def _columns(line: str, where: str) -> list[str]:
    columns = line.lstrip("#").strip("\n").strip(" ").split("\t")
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise InputError(f"missing column(s) {', '.join(missing)}", where=where, value=columns,
                         way_out="The publisher changed the layout; use another copy")  # fmt: skip
    return columns


def _report_odd_row(where: str, n_fields: int, n_columns: int, *, is_cut: bool) -> None:
    message = f"row of {n_fields} fields under {n_columns} columns"
    if is_cut:
        raise InputError(f"the last line is cut: {message}", where=where, way_out="Fetch the file again")
    print(f"warning: {where}: {message}; the row is left out", file=sys.stderr)


def _assembly(row: dict[str, str], where: str) -> Assembly:
    values = {key: "" if value.strip() == "na" else value.strip() for key, value in row.items()}
    annotation_name, annotation_date = values.get("annotation_name", ""), values.get("annotation_date", "")
    accession = values["assembly_accession"]
    try:
        return Assembly(
            accession=accession, organism_name=values["organism_name"], taxid=int(values["taxid"]),
            species_taxid=int(values["species_taxid"]), refseq_category=values.get("refseq_category", ""),
            version_status=values.get("version_status", ""), released=_date(values["seq_rel_date"]),
            annotation_name=annotation_name, annotation_date=_date(annotation_date),
            is_annotated=bool(annotation_name or annotation_date) or _annotated_by_policy(accession, row),
            folder=urlsplit(values["ftp_path"]).path.strip("/"),
        )  # fmt: skip
    except ValueError as error:
        raise InputError(f"odd value: {error}", where=where, value=accession, way_out="Report it to NCBI") from error


def _annotated_by_policy(accession: str, row: dict[str, str]) -> bool:
    """Layouts without annotation columns: every RefSeq genome is annotated, of GenBank's nothing is known."""
    return "annotation_name" not in row and accession.startswith("GCF_")


@lru_cache(maxsize=65_536)
def _date(text: str) -> date | None:
    if not text:
        return None
    for format_ in _DATE_FORMATS:
        try:
            return datetime.strptime(text, format_).date()
        except ValueError:
            continue
    raise ValueError(f"date {text!r}")


class Resolver:
    """Collects the candidates of one species from a summary and applies the rule."""

    def __init__(self, species: Species, frozen: date | None) -> None:
        self.species, self._frozen = species, frozen
        self._taxid = species.taxid or KNOWN_TAXA.get(species.name)
        self._name = species.name.casefold()
        self.unannotated: list[str] = []
        self.too_late: list[str] = []

    def resolve(self, assemblies: Iterator[Assembly]) -> Resolution | None:
        """The assembly that the rule chooses from one summary, or None."""
        steps: dict[str, list[Assembly]] = {}
        for assembly in assemblies:
            step = self._step(assembly)
            if step and self._is_in_time(assembly, step):
                steps.setdefault(step, []).append(assembly)
        for step in ("accession", "species", "name_continues"):
            candidates = sorted(steps.get(step, ()), key=lambda a: a.rank)
            self.unannotated += [a.accession for a in candidates if not (a.is_annotated and a.folder)]
            usable = [a for a in candidates if (a.is_annotated or step == "accession") and a.folder]
            if usable:
                return Resolution(usable[0], step, tuple(a.accession for a in candidates))
        return None

    def _step(self, assembly: Assembly) -> str:
        if self.species.accession is not None:
            return "accession" if assembly.accession == self.species.accession else ""
        if assembly.version_status not in ("", "latest"):
            return ""
        organism = assembly.organism_name.casefold()
        if organism == self._name or (self._taxid and self._taxid in (assembly.species_taxid, assembly.taxid)):
            return "species"
        return "name_continues" if organism.startswith(self._name + " ") else ""

    def _is_in_time(self, assembly: Assembly, step: str) -> bool:
        """An accession given by hand is taken whatever its date."""
        dates = [d for d in (assembly.released, assembly.annotation_date) if d]
        if self._frozen is None or step == "accession" or all(d <= self._frozen for d in dates):
            return True
        self.too_late.append(assembly.accession)
        return False

    def failure(self) -> UnresolvedError:
        """Why nothing was chosen, with the candidates that were seen."""
        reasons = []
        if self.unannotated:
            reasons.append(f"without annotation: {', '.join(sorted(set(self.unannotated))[:5])}")
        if self.too_late:
            reasons.append(f"released or annotated after {self._frozen}: {', '.join(sorted(set(self.too_late))[:5])}")
        return UnresolvedError(
            "no annotated assembly in RefSeq or GenBank" + (f" ({'; '.join(reasons)})" if reasons else ""),
            where=f"species {self.species.name}", value=self.species.accession or self._taxid,
            way_out="The rule: RefSeq, else GenBank, annotated, no later than frozen_date; without annotation there "
            "are no RNA/protein pairs. Give the entry an accession or a taxid, or take it out of the config",
        )  # fmt: skip
