"""Reading documents: Parquet by row group with only the needed columns, JSON lines by batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bsm.base.errors import InputError
from bsm.base.files import reading_text
from bsm.base.sequence_prefilter import N_DOCUMENTS_SEEN

DOCUMENTS = pa.schema([("id", pa.string()), ("text", pa.string()), ("url", pa.string()), ("dump", pa.string())])
"""What is read of a document; ``url`` and ``dump`` are null where a file has none."""
_BATCH_DOCUMENTS = 1024
PIECE_BYTES = 64 << 20
"""Uncompressed bytes of a Parquet piece: a restart repeats at most one of them per worker."""


@dataclass(frozen=True)
class Piece:
    """A unit of work: some row groups of a Parquet file (``groups``), or a whole JSON-lines file (empty)."""

    path: str
    groups: tuple[int, ...] = ()


def plan_pieces(parquet: Sequence[Path], jsonl: Sequence[Path]) -> list[Piece]:
    """Pieces in file order. Raises InputError for an unreadable file or one without ``id`` and ``text``."""
    pieces: list[Piece] = []
    for path in parquet:
        file = _open(path)
        groups: list[int] = []
        n_bytes = 0
        for index in range(file.metadata.num_row_groups):
            groups.append(index)
            n_bytes += file.metadata.row_group(index).total_byte_size
            if n_bytes >= PIECE_BYTES:
                pieces.append(Piece(str(path), tuple(groups)))
                groups, n_bytes = [], 0
        if groups:
            pieces.append(Piece(str(path), tuple(groups)))
    return pieces + [Piece(str(path)) for path in jsonl]


def n_documents_left_out(parquet: Sequence[Path]) -> int:
    """Documents that acquire read and did not keep, because no sequence can stand in them."""
    return sum(_n_left_out(_open(path).metadata) for path in parquet)


def _n_left_out(metadata: pq.FileMetaData) -> int:
    seen = (metadata.metadata or {}).get(N_DOCUMENTS_SEEN.encode())
    return int(seen) - metadata.num_rows if seen else 0


def read_piece(piece: Piece) -> Iterator[pa.Table]:
    """Tables of DOCUMENTS, about a thousand documents each."""
    return _read_parquet(piece) if piece.groups else read_jsonl(Path(piece.path))


def read_jsonl(path: Path) -> Iterator[pa.Table]:
    """Documents of a JSON-lines file (plain or gzip) with ``id`` and ``text``; InputError naming the line otherwise."""
    rows: list[dict[str, object]] = []
    n_documents = 0
    with reading_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if line.strip():
                rows.append(_document(line, f"{path}:{number}"))
                n_documents += 1
            if len(rows) == _BATCH_DOCUMENTS:
                yield pa.Table.from_pylist(rows, schema=DOCUMENTS)
                rows = []
    if not n_documents:
        raise InputError("no document", where=str(path), way_out="An empty file is refused; remove it from the list")
    if rows:
        yield pa.Table.from_pylist(rows, schema=DOCUMENTS)


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not a readable Parquet file: {error}", where=str(path),
                         way_out="Fetch it again and compare its checksum") from error  # fmt: skip
    missing = {"id", "text"} - set(file.schema_arrow.names)
    if missing:
        raise InputError(f"missing column(s) {', '.join(sorted(missing))}", where=str(path),
                         value=file.schema_arrow.names, way_out="Documents need the columns id and text")  # fmt: skip
    return file


def _read_parquet(piece: Piece) -> Iterator[pa.Table]:
    file = _open(Path(piece.path))
    columns = [name for name in DOCUMENTS.names if name in file.schema_arrow.names]
    try:
        for batch in file.iter_batches(_BATCH_DOCUMENTS, row_groups=list(piece.groups), columns=columns):
            table = pa.Table.from_batches([batch])
            for name in DOCUMENTS.names:
                if name not in columns:
                    table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
            yield table.select(DOCUMENTS.names).cast(DOCUMENTS)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"damaged Parquet file: {error}", where=piece.path, way_out="Fetch it again") from error


def _document(line: str, where: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"not a JSON object: {error}", where=where, way_out="One object a line") from error
    if not isinstance(value, dict) or not isinstance(value.get("text"), str) or value.get("id") in (None, ""):
        raise InputError("a document needs `id` and `text`", where=where, value=line[:60],
                         way_out='For example {"id": "a", "text": "..."}')  # fmt: skip
    optional = {name: None if value.get(name) is None else str(value[name]) for name in ("url", "dump")}
    text = value["text"].encode("utf-8", "replace").decode()
    return {"id": str(value["id"]), "text": text, **optional}
