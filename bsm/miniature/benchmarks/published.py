"""The benchmarks in their publishers' formats: LucaOne's CSV folders and the archive of fitness tables."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bsm.base.alphabet import Modality
from bsm.base.benchmarks import TASKS
from bsm.base.files import write_gzip
from bsm.miniature.benchmarks.draws import Item
from bsm.miniature.hub import write_hub_dataset

LUCAONE_TASKS = "LucaGroup/LucaOne-Downstream-Task-Datasets"
FOLDERS: dict[str, tuple[str, str]] = {
    "ncrpi": (LUCAONE_TASKS, "dataset/ncRPI/gene_protein/binary_class"),
    "central_dogma": (LUCAONE_TASKS, "dataset/CentralDogma/gene_protein/binary_class"),
    "ppi": (LUCAONE_TASKS, "dataset/PPI/protein/binary_class"),
    "protloc": (LUCAONE_TASKS, "dataset/ProtLoc/protein/multi_class"),
    "protstab": (LUCAONE_TASKS, "dataset/ProtStab/protein/regression"),
    "ncrnafam": (LUCAONE_TASKS, "dataset/ncRNAFam/gene/multi_class"),
    "private_code": ("LucaGroup/PrivateCode", "dataset/CentralDogma/gene_protein/binary_class"),
}
"""Data set -> name on the hub and folder there."""
_SPLIT_FILES = {"train": "train/train.csv", "valid": "dev/dev.csv", "test": "test/test.csv"}
_SINGLE = ("seq_id", "seq_type", "seq", "label")
_PAIR = ("seq_id_a", "seq_id_b", "seq_type_a", "seq_type_b", "seq_a", "seq_b", "label")


def write_lucaone(items: dict[str, list[Item]], out: Path) -> None:
    """Write the LucaOne-like data sets below ``out/huggingface``."""
    for name in sorted({hub for hub, _ in FOLDERS.values()}):
        files: dict[str, bytes] = {}
        for dataset, (hub, folder) in FOLDERS.items():
            if hub == name:
                files |= {f"{folder}/{path}": data for path, data in _lucaone_files(items[dataset]).items()}
        write_hub_dataset(out, name, files)


def write_fitness_archive(items: dict[str, list[Item]], out: Path) -> None:
    """Write ``out/fitness/arvind_dms.tar.gz`` with one tab-separated table per assay."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        assays = {row["assay"]: row["task"] for task in ("ncrna_fitness", "protein_fitness") for row in items[task]}
        for assay, task in sorted(assays.items()):
            data = _fitness_table([row for row in items[task] if row["assay"] == assay])
            member = tarfile.TarInfo(f"arvind_dms/processed_dms_nt_{assay}.tsv")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    write_gzip(Path(out) / "fitness" / "arvind_dms.tar.gz", buffer.getvalue())


def float32_text(value: float) -> str:
    """A number as the published files print it: a float32 in the digits of a double (-0.009999999776482582)."""
    return repr(float(np.float32(value)))


def _lucaone_files(rows: list[Item]) -> dict[str, bytes]:
    """Files of one task folder. Without a validation split, dev.csv is test.csv again (as in the real ncRPI)."""
    labels = _labels(rows)
    files = {}
    for split, path in _SPLIT_FILES.items():
        chosen = [row for row in rows if row["split"] == split] or [row for row in rows if row["split"] == "test"]
        files[path] = _csv([_lucaone_row(row, labels) for row in chosen])
    files["label.txt"] = ("label\n" + "".join(f"{label}\n" for label in labels)).encode()
    return files


def _labels(rows: list[Item]) -> list[str]:
    """Class names in the order of their index; none for a regression."""
    known = TASKS[rows[0]["task"]].labels
    return list(known) or sorted({row["label"] for row in rows} - {None})


def _lucaone_row(row: Item, labels: list[str]) -> dict[str, str]:
    label = float32_text(row["value"]) if row["label"] is None else str(labels.index(row["label"]))
    if row["id_b"] is None:
        kind, letters = _published(row, "a")
        return dict(zip(_SINGLE, (row["id_a"], kind, letters, label), strict=True))
    (kind_a, letters_a), (kind_b, letters_b) = _published(row, "a"), _published(row, "b")
    return dict(zip(_PAIR, (row["id_a"], row["id_b"], kind_a, kind_b, letters_a, letters_b, label), strict=True))


def _published(row: Item, role: str) -> tuple[str, str]:
    """Sequence type and letters as published: gene or prot, capitals, T also for RNA."""
    is_gene = Modality(row[f"modality_{role}"]).is_nucleotide
    return "gene" if is_gene else "prot", row[f"sequence_{role}"].upper()


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _fitness_table(rows: Iterable[Item]) -> bytes:
    lines, wild = ["wt_seq_nt\tmt_seq_nt\tfitness"], ""
    for row in rows:
        letters = (row["sequence_b"] or row["sequence_a"]).upper()
        wild = letters if row["mutant"] == "WT" else wild
        lines.append(f"{wild}\t{letters}\t{row['value']!r}")
    return ("\n".join(lines) + "\n").encode()
