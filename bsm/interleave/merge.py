"""Merge of the pieces: everything found, and the corpus of documents with enough sequences, copies thinned."""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bsm.base.alphabet import Modality
from bsm.base.config.data import InterleaveSettings
from bsm.base.counts import Counts
from bsm.base.tables import FOUND, PIECES, TableWriter, iter_tables
from bsm.interleave.pipeline import PIECE_FOUND

_MAX_SEQUENCES = 32_767
"""PIECES counts the sequences of a record in 16 bits."""


@dataclass
class _Copies:
    """Documents with one list of sequences: the smallest ids seen so far, as a max-heap of bounded size."""

    limit: int
    n_documents: int = 0
    smallest: list[_Reversed] = field(default_factory=list)

    def add(self, document_id: str) -> None:
        self.n_documents += 1
        heapq.heappush(self.smallest, _Reversed(document_id))
        if len(self.smallest) > self.limit:
            heapq.heappop(self.smallest)


@dataclass(frozen=True)
class _Reversed:
    """A document id that sorts the other way round, so that heapq drops the largest."""

    document_id: str

    def __lt__(self, other: _Reversed) -> bool:
        return self.document_id > other.document_id


def merge(
    results: Sequence[Path], found: Path, corpus: Path, counts: Counts, settings: InterleaveSettings, licence: str,
    n_left_out: int = 0,
) -> None:  # fmt: skip
    """Write ``found`` (FOUND, every sequence) and ``corpus`` (PIECES) from the results of the pieces, in their order.

    A document enters the corpus with at least ``min_sequences`` sequences; of documents with the same list
    of sequences the ``max_copies`` with the smallest ids stay. ``n_left_out`` documents had no candidate and are not
    in the pieces. Memory: one hash and id per document of the corpus.
    """
    representatives = _representatives(results, settings)
    n_read = n_left_out + sum(int(pq.read_schema(path).metadata[b"n_documents"]) for path in results)
    n_with = 0
    seen: set[str] = set()
    with TableWriter(found, FOUND) as found_writer, TableWriter(corpus, PIECES) as corpus_writer:
        for document_id, rows in _documents(results):
            n_with += 1
            for row in rows:
                found_writer.add({name: row[name] for name in FOUND.names})
            n_letters = sum(len(row["sequence"]) for row in rows)
            reason = _reason_to_drop(document_id, rows, representatives, seen, settings)
            if reason:
                counts.drop(reason, n_letters)
                continue
            seen.add(document_id)
            counts.keep(n_letters)
            for row in _corpus_rows(document_id, rows, counts, licence):
                corpus_writer.add(row)
    if n_read > n_with:
        counts.drop("no_sequence", n_records=n_read - n_with)


def _documents(results: Sequence[Path]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for path in results:
        rows = (row for table in iter_tables(path, PIECE_FOUND) for row in table.to_pylist())
        for document_id, group in groupby(rows, key=lambda row: row["document_id"]):
            yield document_id, list(group)


def _representatives(results: Sequence[Path], settings: InterleaveSettings) -> dict[bytes, set[str]]:
    """List of sequences -> the documents that stand for it."""
    copies: dict[bytes, _Copies] = defaultdict(lambda: _Copies(settings.max_copies))
    for document_id, rows in _documents(results):
        if len(rows) >= settings.min_sequences:
            copies[_list_hash(rows)].add(document_id)
    return {key: {entry.document_id for entry in value.smallest} for key, value in copies.items()}


def _reason_to_drop(
    document_id: str,
    rows: list[dict[str, Any]],
    representatives: dict[bytes, set[str]],
    seen: set[str],
    settings: InterleaveSettings,
) -> str:
    if len(rows) < settings.min_sequences:
        return "fewer_than_min_sequences"
    if len(rows) > _MAX_SEQUENCES:
        return "more_than_32767_sequences"
    if document_id not in representatives[_list_hash(rows)]:
        return "copy_of_another_document"
    return "document_id_seen_before" if document_id in seen else ""


def _corpus_rows(
    document_id: str, rows: list[dict[str, Any]], counts: Counts, licence: str
) -> Iterator[dict[str, Any]]:
    for piece, row in enumerate(rows):
        yield {
            "record_id": f"{counts.source}:{document_id}", "piece": piece, "source": counts.source,
            "part": counts.part, "modality": row["modality"], "sequence": row["sequence"], "accession": document_id,
            "start": row["start"], "end": row["end"], "strand": 0 if row["modality"] == Modality.PROTEIN else 1,
            "origin": row["url"], "release": row["dump"], "licence": licence,
        }  # fmt: skip


def _list_hash(rows: list[dict[str, Any]]) -> bytes:
    text = "\n".join(f"{row['modality']}:{row['sequence']}" for row in rows)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
