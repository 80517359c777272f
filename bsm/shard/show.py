"""Rows of a shard as text, for people: which records, which modalities, which letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from bsm.base.alphabet import MODALITY_CODES, decode
from bsm.base.tables import SHARD_ROWS, iter_tables

_NAMES = {code: str(modality) for modality, code in MODALITY_CODES.items()}


def shard_text(path: Path | str, n_rows: int) -> Iterator[str]:
    """Lines that describe the first ``n_rows`` rows: a header per row, then id, modalities and letters per document."""
    shown = 0
    for table in iter_tables(path, SHARD_ROWS):
        for row in table.slice(0, n_rows - shown).to_pylist():
            tokens = np.frombuffer(row["tokens"], dtype=np.uint8)
            n_documents = len(row["document_ends"])
            yield f"row {shown}: {row['n_tokens']} of {len(tokens)} tokens, {n_documents} documents"
            start = 0
            for record_id, end in zip(row["record_ids"], row["document_ends"], strict=True):
                yield f"  {record_id}  ({', '.join(_spans(row, start, end))})"
                yield f"    {decode(tokens[start:end])}"
                start = end
            shown += 1
        if shown >= n_rows:
            return


def unpack(rows: pa.Table) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Every document of SHARD_ROWS: its id, its text with special tokens, its pieces as (modality, letters)."""
    for row in rows.to_pylist():
        tokens = np.frombuffer(row["tokens"], dtype=np.uint8)
        start = 0
        for record_id, end in zip(row["record_ids"], row["document_ends"], strict=True):
            pieces = [(_NAMES[code], decode(tokens[a:b])) for code, a, b in _runs(row, start, end)]
            yield record_id, decode(tokens[start:end]), pieces
            start = end


def _spans(row: dict[str, list[int]], start: int, end: int) -> list[str]:
    return [f"{_NAMES[code]} {b - a}" for code, a, b in _runs(row, start, end)]


def _runs(row: dict[str, list[int]], start: int, end: int) -> list[tuple[int, int, int]]:
    """(modality code, start, end) of the document's runs of letters, in row coordinates."""
    bounds = [0, *row["span_ends"]]
    spans = zip(row["span_modality"], bounds, bounds[1:], strict=False)
    return [(code, a, b) for code, a, b in spans if code and start <= a < end]
