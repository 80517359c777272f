"""Tables that pass between stages: one named schema each, Parquet with zstd, byte-stable.

What a person reads is CSV. Coordinates are 0-based half-open. A table has its canonical schema also
when it is empty, and ``read_table`` refuses a file that lacks a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bsm.base.errors import InputError
from bsm.base.files import atomic_path

ROW_GROUP_ROWS = 16_384
ROW_GROUP_BYTES = 32 << 20
"""A row group closes at this many rows or sequence bytes: whole chromosomes stay in bounded memory."""


def _fields(**types: pa.DataType) -> list[pa.Field]:
    return [pa.field(name, type_) for name, type_ in types.items()]


PIECES = pa.schema(
    _fields(
        record_id=pa.string(),  # one training record = the consecutive rows that share it
        piece=pa.int16(),  # 0-based position inside the record
        source=pa.string(),  # name of the config's source
        part=pa.string(),  # part of that source: a species, or "all"
        modality=pa.string(),  # dna | rna | protein
        sequence=pa.string(),  # internal letters (bsm.base.alphabet)
        accession=pa.string(),  # accession.version (or document id) that the letters come from
        start=pa.int64(),  # span on that accession, 0-based half-open; for spliced pieces the outer span
        end=pa.int64(),
        strand=pa.int8(),  # +1, -1; 0 where strand has no meaning
        gene_id=pa.string(),  # NCBI GeneID or locus tag; null where unknown
        taxid=pa.int32(),
        genetic_code=pa.int16(),
        blocks=pa.list_(pa.int32()),  # see below
        origin=pa.string(),  # raw file or page address
        release=pa.string(),  # annotation name, release number or crawl dump
        licence=pa.string(),
    )
)
"""A corpus: one row per sequence. The pieces of a record stand together, in their natural order
(dna, rna, protein; or reading order of a document).

``blocks`` aligns the pieces of one gene: flattened [start, end, start, end, ...] on the record's dna
piece, in 5'->3' order of that piece's letters: ``dna`` [0, length], ``rna`` its exons, ``protein``
its coding blocks in translation order without the stop (blocks may overlap after slippage). Null where
the piece cannot be laid on the dna piece letter by letter; windows then never pretend an alignment."""

GENES = pa.schema(
    _fields(
        gene_id=pa.string(),
        transcript_id=pa.string(),  # accession.version; null where the annotation has no transcript
        protein_id=pa.string(),
        symbol=pa.string(),
        biotype=pa.string(),
        contig=pa.string(),
        start=pa.int64(),  # gene on the contig, 0-based half-open; end > contig length across an origin
        end=pa.int64(),
        strand=pa.int8(),
        taxid=pa.int32(),
        genetic_code=pa.int16(),
        dna=pa.string(),  # gene, 5'->3', introns kept
        rna=pa.string(),  # spliced transcript
        cds=pa.string(),  # coding letters, stop included where annotated
        protein=pa.string(),
        exons=pa.list_(pa.int32()),  # flattened blocks on dna, as PIECES.blocks; null where they do not fit
        coding=pa.list_(pa.int32()),
        status=pa.string(),  # kept | rejected
        reason=pa.string(),  # why rejected, or which stated exception was applied
        route=pa.string(),  # genome | transcript_record: where rna comes from
    )
)
"""Every gene and transcript of an annotation, also the rejected ones with their reason."""

FOUND = pa.schema(
    _fields(
        document_id=pa.string(),
        start=pa.int64(),  # span in the document's text (characters), 0-based half-open
        end=pa.int64(),
        modality=pa.string(),
        sequence=pa.string(),
    )
)
"""Sequences found in web documents, in reading order."""

BENCHMARK_ITEMS = pa.schema(
    _fields(
        task=pa.string(),  # ncrpi, central_dogma, ...
        dataset=pa.string(),  # benchmark entry of the config
        item_id=pa.string(),
        split=pa.string(),  # train | valid | test; zero-shot assays are all test
        id_a=pa.string(),
        modality_a=pa.string(),
        sequence_a=pa.string(),
        id_b=pa.string(),  # second input of a pair task, or the gene of a fitness variant; else null
        modality_b=pa.string(),
        sequence_b=pa.string(),
        label=pa.string(),  # class name; null for regression and fitness
        value=pa.float64(),  # regression target or fitness; null for classification
        assay=pa.string(),  # study of a fitness item; else null
        mutant=pa.string(),  # e.g. A24G or WT; else null
    )
)

HITS = pa.schema(
    _fields(
        task=pa.string(),
        dataset=pa.string(),
        item_id=pa.string(),
        role=pa.string(),  # a | b: which sequence of the item
        split=pa.string(),
        source=pa.string(),
        part=pa.string(),
        record_id=pa.string(),
        piece=pa.int16(),
        kind=pa.string(),  # same_modality | protein_in_nucleotides | nucleotides_in_protein
        strand=pa.int8(),
        frame=pa.int8(),  # 0-2 for cross-modal hits, else -1
        item_start=pa.int32(),
        item_end=pa.int32(),
        start=pa.int64(),  # span on the piece, 0-based half-open
        end=pa.int64(),
        identity=pa.float64(),
        coverage=pa.float64(),  # share of the item inside the hit
        removed=pa.bool_(),  # whether the level in force removes for it
    )
)

CLEAN = pa.schema([*PIECES, *_fields(group_id=pa.string(), split=pa.string(), multiplicity=pa.int32())])
"""A clean corpus: PIECES with the record's group (gene family, cluster or document), its split
(train | valid) and how many identical records it stands for."""

PREDICTIONS = pa.schema(
    _fields(
        model=pa.string(),  # of the config, or the name of a baseline
        arm=pa.string(),  # mixed | single | no_web | unpaired | none
        round=pa.string(),  # round1 | round2 | round3; empty for a baseline
        task=pa.string(),
        dataset=pa.string(),
        item_id=pa.string(),
        setting=pa.string(),  # one of bsm.base.results.SETTINGS; of language-model rows an item is a held-out row
        input=pa.string(),  # what the model read, such as rna+protein
        shots=pa.int16(),  # null where the setting has none
        score_kind=pa.string(),  # of a few-shot score: sum | mean | pmi | minimum; else null
        seed=pa.int32(),  # of the fine-tuning; null where nothing is trained
        assay=pa.string(),  # study of a fitness item; else null
        label=pa.string(),  # true class; null for regression and fitness
        value=pa.float64(),  # true number (of a held-out row its letters); null for classification
        prediction=pa.string(),  # predicted class; null for regression and fitness
        score=pa.float64(),  # of the positive class (binary), of the predicted class, or the predicted number
    )
)
"""What a checkpoint said about every test item: metrics and intervals can be computed again from it."""

SHARD_ROWS = pa.schema(
    _fields(
        tokens=pa.binary(),  # context_tokens bytes, one token id each, padded with <pad>
        n_tokens=pa.int32(),  # tokens before padding
        document_ends=pa.list_(pa.int32()),  # end of each packed document in the row (cu_seqlens[1:])
        span_ends=pa.list_(pa.int32()),  # end of each run of one modality
        span_modality=pa.list_(pa.int8()),  # 0 special, 1 dna, 2 rna, 3 protein
        record_ids=pa.list_(pa.string()),  # one per document: "record_id" or "record_id@window"
    )
)


class TableWriter:
    """Streams rows to one Parquet file; the file appears under its name only when all went well."""

    def __init__(self, path: Path | str, schema: pa.Schema, metadata: Mapping[str, str] | None = None) -> None:
        self.schema = schema.with_metadata(dict(metadata)) if metadata else schema
        self._context = atomic_path(path)
        self._long_columns = [name for name in ("sequence", "dna", "rna", "cds", "protein") if name in schema.names]
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self.n_rows = 0

    def __enter__(self) -> TableWriter:
        self._writer = pq.ParquetWriter(
            self._context.__enter__(), self.schema, compression="zstd", compression_level=1,
            write_statistics=False, use_dictionary=_dictionary_columns(self.schema),
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.flush()
            self._writer.close()
        finally:
            self._context.__exit__(kind, error, trace)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row (a mapping from column name; absent columns become null)."""
        self._rows.append(row)
        self._bytes += sum(len(row.get(name) or "") for name in self._long_columns)
        if len(self._rows) >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
            self.flush()

    def add_table(self, table: pa.Table) -> None:
        """Append a table of the same schema as one row group."""
        self.flush()
        self._writer.write_table(table.cast(self.schema), row_group_size=max(1, table.num_rows))
        self.n_rows += table.num_rows

    def flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(list(map(dict, self._rows)), schema=self.schema))
            self.n_rows += len(self._rows)
            self._rows, self._bytes = [], 0


def write_table(path: Path | str, rows: pa.Table | Iterable[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write a whole table (or any iterable of row mappings) under ``schema``, atomically."""
    with TableWriter(path, schema) as writer:
        if isinstance(rows, pa.Table):
            for start in range(0, rows.num_rows, ROW_GROUP_ROWS):
                writer.add_table(rows.select(schema.names).slice(start, ROW_GROUP_ROWS).combine_chunks())
        else:
            for row in rows:
                writer.add(row)


def read_table(path: Path | str, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table written under ``schema`` (or some of its columns); InputError where it does not fit."""
    _open_checked(path, schema)
    try:
        return pq.read_table(path, columns=list(columns or schema.names))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"cannot read Parquet: {error}", where=str(path), way_out="Rebuild the file") from error


def iter_tables(path: Path | str, schema: pa.Schema, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the row groups of a table one by one: bounded memory at any size."""
    parquet = _open_checked(path, schema)
    for index in range(parquet.num_row_groups):
        try:
            yield parquet.read_row_group(index, columns=list(columns or schema.names))
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"cannot read row group {index}: {error}", where=str(path),
                way_out="The file is damaged; delete it and run the stage again",
            ) from error  # fmt: skip


def _open_checked(path: Path | str, schema: pa.Schema) -> pq.ParquetFile:
    try:
        parquet = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"not a readable Parquet file: {error}", where=str(path), way_out="Delete it and run the stage again"
        ) from error
    missing = [name for name in schema.names if name not in parquet.schema_arrow.names]
    if missing:
        raise InputError(
            f"missing column(s) {', '.join(missing)}", where=str(path), value=parquet.schema_arrow.names,
            way_out="The file was written by another version or by hand; run the stage that makes it again",
        )  # fmt: skip
    return parquet


def _dictionary_columns(schema: pa.Schema) -> list[str]:
    """Repeated short strings get a dictionary; sequences and ids do not (no gain, measured)."""
    repeated = {
        "source",
        "part",
        "modality",
        "origin",
        "release",
        "licence",
        "split",
        "task",
        "dataset",
        "kind",
        "role",
    }
    return [name for name in schema.names if name in repeated]
