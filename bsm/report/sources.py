"""sources.csv: every raw file that went into the data, with version, checksums, licence and citation."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from bsm.base.benchmarks import TASKS
from bsm.base.files import atomic_path
from bsm.report.inputs import listed_files

COLUMNS = ("source", "part", "role", "file", "url", "version", "bytes", "md5", "sha256", "licence", "citation")

_CITATIONS: tuple[tuple[str, str], ...] = (
    *(
        (f"/dataset/{folder}/", TASKS[task].citation)
        for folder, task in (
            ("ncRPI", "ncrpi"), ("CentralDogma", "central_dogma"), ("PPI", "ppi"), ("ProtLoc", "protloc"),
            ("ProtStab", "protstab"), ("ncRNAFam", "ncrnafam"),
        )
    ),
    ("LucaGroup/", "He 2024, LucaOne"),
    ("arvind_dms", "Nguyen 2024, Evo, and the studies of each assay"),
    ("ProteinGym", "Notin 2023, ProteinGym, and the studies of each assay"),
    ("fineweb-edu", "Penedo 2024, FineWeb; doi:10.57967/hf/2497"),
    ("uniprot", "The UniProt Consortium 2025"),
    ("colabfold", "Mirdita 2022, ColabFold"),
    ("/gene/DATA/", "Brown 2015, NCBI Gene"),
    ("/genomes/all/GCF/", "Goldfarb 2025, NCBI RefSeq"),
    ("/genomes/all/GCA/", "Sayers 2025, GenBank"),
    ("/refseq/release/", "Goldfarb 2025, NCBI RefSeq"),
)  # fmt: skip
"""Part of an address -> citation; the first that fits. Files without a public address have none."""


def source_rows(file_lists: Iterable[Path | str]) -> list[dict[str, object]]:
    """One row per raw file, sorted; source and part are the names of the two folders above each list."""
    rows = []
    for path in map(Path, file_lists):
        part, source = path.parent.name, path.parent.parent.name
        for file in listed_files(path):
            values = (source, part, file.role, file.path, file.url, file.version, file.n_bytes, file.md5, file.sha256,
                      file.licence, citation_of(file.url))  # fmt: skip
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return sorted(rows, key=lambda row: tuple(map(str, row.values())))


def citation_of(url: str) -> str:
    """What to cite for a file from this address; empty where it is not public or not known."""
    if not url.startswith("http"):
        return ""
    return next((citation for fragment, citation in _CITATIONS if fragment in url), "")


def write_csv(path: Path | str, columns: tuple[str, ...], rows: Iterable[dict[str, object]]) -> None:
    """Write rows under ``columns``, atomically; a table without rows still has its header."""
    with atomic_path(path) as partial, open(partial, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
