"""ProteinGym: one CSV per assay (``mutant, mutated_sequence, DMS_score``) and a reference sheet with the wild types.

Amino acids only, no codons: items have no gene. ``DMS_score`` is already turned so that higher is fitter. Each mutant
name is checked against its sequence and, where the reference sheet is there, against the wild type.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bsm.acquire.benchmarks.items import Converted, letters_of, number_of, read_rows, rows_of
from bsm.acquire.benchmarks.published import Published
from bsm.base.alphabet import Modality
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import InputError

REFERENCE = "DMS_substitutions.csv"
_COLUMNS = ("mutant", "mutated_sequence", "DMS_score")
_REFERENCE_COLUMNS = ("DMS_id", "DMS_filename", "target_seq", "DMS_total_number_mutants")
_CHANGE = re.compile(r"^([A-Z])(\d+)([A-Z])$")


def read_proteingym(path: Path, benchmark: Benchmark, counts: Counts) -> Converted:
    """Items of the wanted assays from a folder or zip, sorted by assay, rows in file order; all are test items."""
    reference = _reference(path)
    converted = Converted([], Published())
    for assay, rows in _assays(path, benchmark.assays):
        row_of = reference.get(assay, {})
        n_rows = _read_assay(assay, rows, row_of.get("target_seq", ""), benchmark, counts, converted)
        stated = row_of.get("DMS_total_number_mutants", "")
        if stated and int(float(stated)) != n_rows:
            raise InputError(f"{n_rows:,} variants, the reference sheet states {stated}", where=f"{path}: {assay}",
                             way_out="Fetch assay and reference sheet of the same ProteinGym version")  # fmt: skip
    return converted


def assay_files(reference: Path, assays: list[str] | None) -> list[str]:
    """File names of the wanted assays, from the reference sheet."""
    names = {row["DMS_id"]: row["DMS_filename"] for _, row in read_rows(reference, _REFERENCE_COLUMNS)}
    missing = [assay for assay in assays or () if assay not in names]
    if missing:
        raise InputError(f"no assay(s) {', '.join(missing)}", where=str(reference), way_out="Correct `assays`")
    return [names[assay] for assay in sorted(assays if assays is not None else names)]


def _reference(path: Path) -> dict[str, dict[str, str]]:
    sheet = path / REFERENCE if path.is_dir() else path.with_name(REFERENCE)
    if not sheet.exists():
        return {}
    return {row["DMS_id"]: row for _, row in read_rows(sheet, _REFERENCE_COLUMNS)}


def _assays(path: Path, wanted: list[str] | None) -> Iterator[tuple[str, Iterator[tuple[str, dict[str, str]]]]]:
    if path.is_dir():
        tables = sorted((p.name.removesuffix(".gz"), p) for p in path.iterdir() if ".csv" in p.name)
        found = {name.removesuffix(".csv"): file for name, file in tables if name != REFERENCE}
        for assay in _selected(found.keys(), wanted, path):
            yield assay, read_rows(found[assay], _COLUMNS)
        return
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InputError(f"damaged archive: {error}", where=str(path), way_out="Fetch it again") from error
    with archive:
        members = {PurePosixPath(name).stem: name for name in archive.namelist() if name.endswith(".csv")}
        for assay in _selected(members.keys() - {PurePosixPath(REFERENCE).stem}, wanted, path):
            with archive.open(members[assay]) as data:
                yield assay, rows_of(io.TextIOWrapper(data, "utf-8"), f"{path.name}/{members[assay]}", _COLUMNS)


def _selected(found: object, wanted: list[str] | None, path: Path) -> list[str]:
    names = set(found)  # type: ignore[call-overload]
    missing = sorted(set(wanted or ()) - names)
    if missing:
        raise InputError(f"no assay(s) {', '.join(missing)}", where=str(path), way_out="Correct `assays`")
    return sorted(names if wanted is None else wanted)


def _read_assay(
    assay: str, rows: Iterator[tuple[str, dict[str, str]]], target: str, benchmark: Benchmark, counts: Counts,
    converted: Converted,
) -> int:  # fmt: skip
    seen: set[str] = set()
    number = -1
    for number, (where, row) in enumerate(rows):
        sequence = letters_of(row["mutated_sequence"], Modality.PROTEIN, where, counts)
        _check_mutant(row["mutant"], sequence, target, where)
        fitness = number_of(row["DMS_score"], where)
        converted.published.note("test", assay=assay, sequence_a=sequence)
        reason = "no_fitness" if fitness is None else "duplicate_variant" if sequence in seen else ""
        seen.add(sequence)
        if reason:
            counts.drop(reason, len(sequence))
            continue
        converted.items.append({
            "task": benchmark.task, "dataset": benchmark.name, "item_id": f"{assay}:{number}", "split": "test",
            "id_a": f"{assay}:{number}", "modality_a": "protein", "sequence_a": sequence, "value": fitness,
            "assay": assay, "mutant": row["mutant"],
        })  # fmt: skip
    return number + 1


def _check_mutant(mutant: str, sequence: str, target: str, where: str) -> None:
    for change in mutant.split(":"):
        match = _CHANGE.match(change)
        position = int(match[2]) - 1 if match else -1
        fits = match and position < len(sequence) and sequence[position] == match[3]
        if not match or not fits or (target and (len(target) <= position or target[position] != match[1])):
            raise InputError("the mutant's name does not fit its sequence", where=where, value=change,
                             way_out="Numbering is 1-based on the target; is the file of another version?")  # fmt: skip
