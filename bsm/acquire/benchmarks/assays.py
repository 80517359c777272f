"""Measured variants in the layouts of single studies and collections.

* ``domingo`` [table]: tab-separated genotypes of a tRNA (Domingo 2018) with ``seq``, ``id``, ``fitness`` (log ratio);
  the row ``-0-`` is the wild type. The table of raw counts has no fitness and is refused.
* ``kelsic`` [singles, pairs]: codon tables of infA (Kelsic 2016, supplements 1 and 2). The wild type is put together
  from the codons of the rows with ``is_wt`` 1. As Evo does, the first data row of each table is left out, of equal
  sequences the first is kept, and fitness is ``fitness_rich``.
* ``nisthal`` [table]: several measurements per mutant (Nisthal 2019), told apart by ``Assay/Protocol``; ``assays``
  says which to take, since their units and signs differ.
* ``rnagym`` [archive]: a zip with one CSV per assay: ``mutant``, ``sequence``, ``DMS_score``. Scores keep their sign.
* ``tape`` [archive]: JSON lists ``<task>_{train,valid,test}.json`` of objects with ``primary`` and ``stability_score``.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from bsm.acquire.benchmarks.evo_dms import add_protein
from bsm.acquire.benchmarks.items import (
    SPLITS,
    Converted,
    Files,
    Item,
    letters_of,
    mutant_of,
    number_of,
    read_rows,
    rows_of,
)
from bsm.acquire.benchmarks.published import Published
from bsm.base.alphabet import Modality
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import ConfigError, InputError
from bsm.base.files import reading

_WILD_TYPE = "-0-"
_TAPE_MEMBER = re.compile(r"^stability_(?P<split>train|valid|test)\.json$")


def read_domingo(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Every genotype a test item."""
    rows = list(read_rows(files["table"], ("seq", "id", "fitness"), "\t"))
    wild = [letters_of(row["seq"], Modality.RNA, where, counts) for where, row in rows if row["id"] == _WILD_TYPE]
    if len(wild) != 1:
        raise InputError(f"{len(wild)} rows of the wild type", where=str(files["table"]), value=_WILD_TYPE,
                         way_out="Is this the table of genotypes?")  # fmt: skip
    tally = _Tally(benchmark, counts)
    for where, row in rows:
        letters = letters_of(row["seq"], Modality.RNA, where, counts)
        item: Item = {"modality_a": "rna", "sequence_a": letters, "mutant": mutant_of(wild[0], letters)}
        tally.add("domingo_2018", item, number_of(row["fitness"], where))
    return tally.converted


def read_kelsic(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Codon variants of infA as test items: protein and coding sequence."""
    columns = {"singles": (("pos", "codon"),), "pairs": (("pos1", "codon1"), ("pos2", "codon2"))}
    tables = {
        role: list(read_rows(files[role], ["fitness_rich", *(name for pair in columns[role] for name in pair)]))
        for role in columns if role in files
    }  # fmt: skip
    wild = _kelsic_wild_type(tables["singles"], files["singles"])
    tally = _Tally(benchmark, counts)
    for role, rows in tables.items():
        for number, (where, row) in enumerate(rows):
            codons = list(wild)
            for position, codon in columns[role]:
                index = int(row[position]) - 1
                if not 0 <= index < len(wild):
                    raise InputError("position outside the gene", where=where, value=row[position],
                                     way_out=f"The gene has {len(wild)} codons")  # fmt: skip
                codons[index] = row[codon].strip()
            genes = [letters_of("".join(c), Modality.DNA, where, counts) for c in (wild, codons)]
            item: Item = {"modality_b": "dna", "sequence_b": genes[1]}
            reason = "first_row_as_evo" if not number else "wild_type_row" if genes[0] == genes[1] else ""
            tally.add("kelsic_2016", item, number_of(row["fitness_rich"], where), reason, gene=(genes[0], genes[1]))
    return tally.converted


def _kelsic_wild_type(rows: list[tuple[str, dict[str, str]]], path: Path) -> list[str]:
    codons = {int(row["pos"]): row["codon"].strip() for _, row in rows if row.get("is_wt", "").strip() == "1"}
    if not codons or sorted(codons) != list(range(1, len(codons) + 1)):
        raise InputError("no wild type: is_wt does not mark one codon at every position", where=str(path),
                         value=sorted(codons)[:10], way_out="Is this supplement 1 of Kelsic 2016?")  # fmt: skip
    return [codons[position] for position in sorted(codons)]


def read_nisthal(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """The measurements named in ``assays`` as test items of one value each."""
    rows = list(read_rows(files["table"], ("Sequence", "Description", "Data", "Units", "Assay/Protocol")))
    known = Counter(f"{row['Assay/Protocol']} [{row['Units']}]" for _, row in rows)
    found = {row["Assay/Protocol"] for _, row in rows}
    if not benchmark.assays or not set(benchmark.assays) <= found:
        raise ConfigError(
            "several measurements per mutant: name those to take", where=f"benchmarks[{benchmark.name}].assays",
            value=benchmark.assays, way_out="Known: " + ", ".join(f"{name} {n}" for name, n in sorted(known.items())),
        )  # fmt: skip
    tally = _Tally(benchmark, counts)
    for where, row in rows:
        if row["Assay/Protocol"] in benchmark.assays:
            letters = letters_of(row["Sequence"], Modality.PROTEIN, where, counts)
            item: Item = {"modality_a": "protein", "sequence_a": letters, "mutant": row["Description"]}
            tally.add(row["Assay/Protocol"], item, number_of(row["Data"], where))
    return tally.converted


def read_rnagym(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """Every assay of the archive (or those in ``assays``), sorted; all are test items."""
    tally = _Tally(benchmark, counts)
    try:
        archive = zipfile.ZipFile(files["archive"])
    except zipfile.BadZipFile as error:
        raise InputError(f"damaged archive: {error}", where=str(files["archive"]), way_out="Fetch it again") from error
    with archive:
        members = {PurePosixPath(name).stem: name for name in archive.namelist() if name.endswith(".csv")}
        missing = sorted(set(benchmark.assays or ()) - members.keys())
        if missing:
            raise InputError(f"no assay(s) {', '.join(missing)} in the archive", where=str(files["archive"]),
                             way_out=f"Known: {', '.join(sorted(members))}")  # fmt: skip
        for assay in sorted(benchmark.assays or members):
            with archive.open(members[assay]) as data:
                text = io.TextIOWrapper(data, "utf-8-sig", newline="")
                _read_rnagym(assay, rows_of(text, f"{files['archive'].name}/{members[assay]}", ("sequence",)), tally)
    return tally.converted


def _read_rnagym(assay: str, rows: Iterator[tuple[str, dict[str, str]]], tally: _Tally) -> None:
    for where, row in rows:
        score = row.get("DMS_score", row.get("dms_score"))
        if score is None:
            raise InputError("no column DMS_score", where=where, value=sorted(row), way_out="Use another version")
        letters = letters_of(row["sequence"], Modality.RNA, where, tally.counts)
        item: Item = {"modality_a": "rna", "sequence_a": letters, "mutant": row.get("mutant") or None}
        tally.add(assay, item, number_of(score, where))


def read_tape(files: Files, benchmark: Benchmark, counts: Counts) -> Converted:
    """TAPE's stability set with its splits."""
    splits: dict[str, list[Any]] = {}
    with reading(files["archive"]) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    match = _TAPE_MEMBER.match(PurePosixPath(member.name).name)
                    if match and member.isfile():
                        data = tar.extractfile(member)
                        assert data is not None
                        splits[match["split"]] = json.load(data)
        except (tarfile.TarError, json.JSONDecodeError) as error:
            raise InputError(
                f"damaged archive: {error}", where=str(files["archive"]), way_out="Fetch it again"
            ) from error
    if missing := [split for split in SPLITS if split not in splits]:
        raise InputError(f"no stability_{missing[0]}.json in the archive", where=str(files["archive"]),
                         way_out="Use TAPE's raw (JSON) form, data_raw_pytorch/stability.tar.gz")  # fmt: skip
    tally = _Tally(benchmark, counts)
    for split in SPLITS:
        for number, entry in enumerate(splits[split]):
            where = f"{files['archive'].name}/stability_{split}.json[{number}]"
            try:
                letters, [value] = entry["primary"], entry["stability_score"]
            except (KeyError, TypeError, ValueError):
                raise InputError("not an object with primary and one stability_score", where=where,
                                 value=entry, way_out="Fetch the archive again") from None  # fmt: skip
            item: Item = {"modality_a": "protein", "split": split, "item_id": f"{split}:{number}",
                          "sequence_a": letters_of(letters, Modality.PROTEIN, where, counts)}  # fmt: skip
            tally.add(None, item, float(value))
    return tally.converted


class _Tally:
    """Items of measured variants: those without a value and repeats within an assay are left out and counted."""

    def __init__(self, benchmark: Benchmark, counts: Counts) -> None:
        self.converted = Converted([], Published())
        self.counts = counts
        self._benchmark = benchmark
        self._seen: set[tuple[str | None, str]] = set()
        self._n_rows: Counter[str | None] = Counter()

    def add(
        self, assay: str | None, item: Item, value: float | None, reason: str = "", *,
        gene: tuple[str, str] | None = None,
    ) -> None:  # fmt: skip
        """``gene`` is (wild type, variant) of a coding sequence whose protein is scored."""
        number = self._n_rows[assay]
        self._n_rows[assay] += 1
        item = {"task": self._benchmark.task, "dataset": self._benchmark.name, "split": "test", "value": value,
                "assay": assay, "item_id": f"{assay}:{number}", **item}  # fmt: skip
        item["id_a"] = item["item_id"]
        letters = item.get("sequence_b") or item["sequence_a"]
        self.converted.published.note(item["split"], value=value, assay=assay, sequence_a=letters)
        reason = reason or ("no_value" if value is None else "")
        if assay is not None and not reason:  # TAPE's splits hold repeats that are its own
            reason = "duplicate_variant" if (assay, letters) in self._seen else ""
            self._seen.add((assay, letters))
        if not reason and gene:
            reason = add_protein(item, *gene)
        if reason:
            self.counts.drop(reason, len(letters))
        else:
            self.converted.items.append(item)
