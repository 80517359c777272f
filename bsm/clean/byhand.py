"""`bsm clean --items FASTA --corpus FASTA --out TABLE`: every item found in anyone's sequences.

The modality of a record is declared, or inferred record by record: nucleotides where 90 % or more of its letters
are ACGTUN (RNA where it has U and no T, else DNA), else protein.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bsm.base import tables
from bsm.base.alphabet import Modality, looks_like_nucleotides, normalise
from bsm.base.config.data import CleanSettings
from bsm.base.csv_tables import write_csv
from bsm.base.errors import ConfigError
from bsm.base.fasta import FastaRecord, read_fasta
from bsm.base.progress import Progress
from bsm.clean.decontaminate import judged
from bsm.clean.items import Owner, Query
from bsm.clean.leaks import Hit, LeakSearch, Piece

AUTO = "auto"
_BATCH_LETTERS = 8 << 20
Rows = list[dict[str, Any]]


def infer_modality(letters: str) -> Modality:
    """What a record is by its letters alone; see the module's rule."""
    if not looks_like_nucleotides(letters):
        return Modality.PROTEIN
    upper = letters.upper()
    return Modality.RNA if "U" in upper and "T" not in upper else Modality.DNA


def search_fasta(items: Path, corpus: Path, out: Path, items_modality: str, corpus_modality: str,
                 settings: CleanSettings) -> int:  # fmt: skip
    """Write every item found in the corpus at >= 90 % identity; returns the number of hits.

    ``out`` is a HITS table (Parquet), or CSV with the same columns where its name ends in .csv.
    """
    if out.suffix not in (".parquet", ".csv"):
        raise ConfigError(
            "hits are written as .parquet or .csv", where="--out", value=str(out), way_out="Name the file so"
        )
    search = LeakSearch(_queries(items, items_modality), settings)
    for query, reason in search.unsearched():
        names = ", ".join(owner.item_id for owner in query.owners)
        print(f"not searched ({reason.replace('_', ' ')}): {names}", file=sys.stderr)
    rows: Rows = []
    n_letters = 0
    with Progress(f"search {corpus}", unit="letters") as progress:
        for batch in _batches(corpus, corpus_modality):
            pieces = [piece for _, piece in batch]
            rows += _rows(search, batch, search.find(pieces), corpus.name, settings.level)
            n_batch = sum(len(piece.sequence) for piece in pieces)
            n_letters += n_batch
            progress.advance(n_batch)
    if not n_letters:
        print(f"{corpus} holds no sequence: nothing was searched", file=sys.stderr)
    _write(out, rows)
    return len(rows)


def _modal(record: FastaRecord, modality: str, path: Path) -> tuple[Modality, str]:
    known = infer_modality(record.sequence) if modality == AUTO else Modality(modality)
    return known, normalise(record.sequence, known, f"{path}, record {record.name}")[0]


def _queries(path: Path, modality: str) -> list[Query]:
    queries: dict[tuple[bool, str], Query] = {}
    for record in read_fasta(path):
        known, letters = _modal(record, modality, path)
        query = queries.setdefault((known.is_nucleotide, letters), Query(known, letters))
        query.owners.append(Owner("", path.name, record.name, "a", "test", False))
    return list(queries.values())


def _batches(path: Path, modality: str) -> Iterator[list[tuple[str, Piece]]]:
    batch: list[tuple[str, Piece]] = []
    n_letters = 0
    for record in read_fasta(path):
        known, letters = _modal(record, modality, path)
        batch.append((record.name, Piece(known, letters, None)))
        n_letters += len(letters)
        if n_letters >= _BATCH_LETTERS:
            yield batch
            batch, n_letters = [], 0
    if batch:
        yield batch


def _rows(
    search: LeakSearch, batch: list[tuple[str, Piece]], hits: list[Hit], source: str, level: str
) -> Iterator[dict[str, Any]]:
    by_piece: dict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        by_piece[hit.piece].append(hit)
    for number in sorted(by_piece):
        record = [{"piece": 0, "source": source, "part": "all", "record_id": batch[number][0]}]
        for row, _ in judged(by_piece[number], search.queries, record, number, level):
            yield row


def _write(out: Path, rows: Rows) -> None:
    if out.suffix != ".csv":
        tables.write_table(out, rows, tables.HITS)
        return
    write_csv(out, tables.HITS.names, rows)
