"""sources.csv: every raw file that went into the data, with version, checksums, licence, citation; what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bsm.base.benchmarks import TASKS
from bsm.base.csv_tables import read_csv
from bsm.base.filelist import RawFile, read_file_list

UNRESOLVED = "unresolved"
COLUMNS = ("source", "part", "role", "file", "url", "version", "bytes", "md5", "sha256", "licence", "citation",
           "missing")  # fmt: skip
"""``missing``: for a list of what could not be had (role unresolved), how many of its entries have which reason."""

_CITATIONS: tuple[tuple[str, str], ...] = (
    *(
        (f"/dataset/{folder}/", TASKS[task].citation)
        for folder, task in (
            ("ncRPI", "ncrpi"), ("CentralDogma", "central_dogma"), ("PPI", "ppi"), ("ProtLoc", "protloc"),
            ("ProtStab", "protstab"), ("ncRNAFam", "ncrnafam"),
        )
    ),
    ("LucaGroup/", "He 2024, LucaOne"),
    ("/RPI369_", "Muppirala 2011, RPISeq; Peng 2019, RPITER"),
    ("/RPI1807_", "Suresh 2015, RPI-Pred; Peng 2019, RPITER"),
    ("/RPITER/", "Yuan 2014, NPInter v2.0; Peng 2019, RPITER"),
    ("/EDLMFC/", "Yuan 2014, NPInter v2.0; EDLMFC"),
    ("/NPI-RGCNAE/", "Yuan 2014, NPInter v2.0; NPI-RGCNAE"),
    ("/LGFC-CNN/", "LGFC-CNN"),
    ("/seq_ppi/", "Chen 2019, PIPR, and the study of each set (Guo 2008, Sun 2017)"),
    ("/ncrna-deep/", "Fiannaca 2017, nRC; Noviello 2020"),
    ("/ncRNA-family-prediction/", "Fiannaca 2017, nRC; Rossi 2019"),
    ("/mavenn/", "Nisthal 2019 and Olson 2014; Tareen 2022, MAVE-NN"),
    ("/Higher-order_epistasis_tRNA/", "Domingo 2018"),
    ("/proteindata/", "Rao 2019, TAPE; Rocklin 2017"),
    ("/instance/5234859/", "Kelsic 2016"),
    ("rnagym", "RNAGym, and the studies of each assay"),
    ("arvind_dms", "Nguyen 2024, Evo, and the studies of each assay"),
    ("ProteinGym", "Notin 2023, ProteinGym, and the studies of each assay"),
    ("fineweb-edu", "Penedo 2024, FineWeb; doi:10.57967/hf/2497"),
    ("uniprot", "The UniProt Consortium 2025"),
    ("colabfold", "Mirdita 2022, ColabFold"),
    ("/datasets/v2/gene/", "O'Leary 2024, NCBI Datasets"),
    ("/entrez/eutils/", "Sayers 2025, GenBank"),
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
        for file in read_file_list(path):
            values = (source, part, file.role, file.path, file.url, file.version, file.n_bytes, file.md5, file.sha256,
                      file.licence, citation_of(file.url), _missing(path.parent, file))  # fmt: skip
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return sorted(rows, key=lambda row: tuple(map(str, row.values())))


def _missing(folder: Path, file: RawFile) -> str:
    """Reasons of an unresolved list, most frequent first; a species (``on_unresolved: report``) with its name."""
    if file.role != UNRESOLVED:
        return ""
    rows = read_csv(folder / file.path, ("kind", "accession", "reason"))
    species = [f"{row['accession']}: {row['reason']}" for row in rows if row["kind"] == "species"]
    reasons = Counter(row["reason"] for row in rows if row["kind"] != "species")
    return "; ".join(
        species + [f"{n:,} {reason}" for reason, n in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))]
    )


def citation_of(url: str) -> str:
    """What to cite for a file from this address; empty where it is not public or not known."""
    if not url.startswith("http"):
        return ""
    return next((citation for fragment, citation in _CITATIONS if fragment in url), "")
