"""GENES -> PIECES: the kept rows, whole genes sampled by hash to a budget of letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsm.base.counts import Counts
from bsm.base.randomness import stable_hash64
from bsm.base.tables import GENES, PIECES, TableWriter, iter_tables

_LETTERS = ("dna", "rna", "protein")


@dataclass(frozen=True, slots=True)
class Labels:
    """What every piece of the part carries."""

    source: str
    part: str
    origin: str
    release: str | None
    licence: str


def write_corpus(
    genes: Path, out: Path, counts: Counts, labels: Labels, seed: int, max_letters: int | None = None
) -> None:
    """Write the kept genes as records of two or three pieces (dna, rna, protein).

    With ``max_letters``, whole genes (all their records) are kept in the order of a hash of (seed, gene id) until
    the next would exceed the budget: the same genes whatever the order of the file. Two passes, bounded memory.
    """
    chosen = None if max_letters is None else _within_budget(genes, seed, max_letters)
    names = _Names(labels)
    with TableWriter(out, PIECES) as writer:
        for row in _rows(genes):
            pieces = [(modality, row[modality]) for modality in _LETTERS if row[modality]]
            n_letters = sum(len(letters) for _, letters in pieces)
            if row["status"] != "kept":
                counts.drop(row["reason"], n_letters)
            elif chosen is not None and row["gene_id"] not in chosen:
                counts.drop("beyond_max_tokens", n_letters)
            else:
                counts.keep(n_letters)
                for piece in _pieces(row, pieces, names.of(row), labels):
                    writer.add(piece)


def _rows(genes: Path) -> Iterator[dict[str, Any]]:
    for table in iter_tables(genes, GENES):
        for batch in table.to_batches(max_chunksize=512):
            yield from batch.to_pylist()


def _within_budget(genes: Path, seed: int, max_letters: int) -> set[str]:
    """Ids of the genes whose letters fit, in the order of their hash."""
    sizes: dict[str, int] = {}
    for row in _rows(genes):
        if row["status"] == "kept":
            n_letters = sum(len(row[modality] or "") for modality in _LETTERS)
            sizes[row["gene_id"]] = sizes.get(row["gene_id"], 0) + n_letters
    chosen: set[str] = set()
    total = 0
    for gene_id in sorted(sizes, key=lambda name: (stable_hash64("pair", seed, name), name)):
        total += sizes[gene_id]
        if total > max_letters:
            break
        chosen.add(gene_id)
    return chosen


class _Names:
    """Record ids ``source:part:gene:transcript``; a number where a gene lies in the assembly twice (PAR)."""

    def __init__(self, labels: Labels) -> None:
        self._prefix = f"{labels.source}:{labels.part}"
        self._seen: dict[str, int] = {}

    def of(self, row: dict[str, Any]) -> str:
        name = f"{self._prefix}:{row['gene_id']}:{row['transcript_id'] or row['protein_id'] or 'n'}"
        number = self._seen[name] = self._seen.get(name, 0) + 1
        return name if number == 1 else f"{name}:{number}"


def _pieces(
    row: dict[str, Any], pieces: list[tuple[str, str]], record_id: str, labels: Labels
) -> Iterator[dict[str, Any]]:
    blocks = {"dna": [0, len(row["dna"] or "")], "rna": row["exons"], "protein": row["coding"]}
    for index, (modality, letters) in enumerate(pieces):
        accession, start, end, strand = _origin(row, modality, len(letters))
        yield {
            "record_id": record_id, "piece": index, "source": labels.source, "part": labels.part,
            "modality": modality, "sequence": letters, "accession": accession, "start": start, "end": end,
            "strand": strand, "gene_id": row["gene_id"], "taxid": row["taxid"], "genetic_code": row["genetic_code"],
            "blocks": blocks[modality] if row["dna"] else None,
            "origin": labels.origin, "release": labels.release, "licence": labels.licence,
        }  # fmt: skip


def _origin(row: dict[str, Any], modality: str, length: int) -> tuple[str | None, int, int, int]:
    """(accession, start, end, strand) that a piece's letters come from: the contig, or the piece's own record."""
    if modality == "protein":
        return row["protein_id"], 0, length, 0
    if modality == "rna" and row["route"] == "transcript_record":
        return row["transcript_id"], 0, length, 1
    start, end, strand, exons = row["start"], row["end"], row["strand"], row["exons"]
    if modality == "rna" and exons and len(row["dna"]) == end - start:
        low, high = min(exons), max(exons)
        start, end = (start + low, start + high) if strand > 0 else (end - high, end - low)
    return row["contig"], start, end, strand
