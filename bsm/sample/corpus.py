"""The corpus of a single-modal source: one pass over its files, a sample within the budget, PIECES out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bsm.base.alphabet import Modality
from bsm.base.config.data import SampleSettings
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.progress import Progress
from bsm.base.randomness import stable_hash64
from bsm.base.tables import PIECES, ROW_GROUP_BYTES, ROW_GROUP_ROWS, TableWriter, iter_tables
from bsm.sample.budget import HASH_LIMIT, HashSample
from bsm.sample.records import FastaInput, Record, read_records

_SPILL = pa.schema(
    [
        *PIECES,
        pa.field("name_hash", pa.uint64()),
        pa.field("n_unknown", pa.int64()),
        pa.field("n_fragments", pa.int32()),
    ]
)
"""PIECES with what the final choice needs; the two numbers stand on a record's first fragment, else 0."""


def build_corpus(
    inputs: Iterable[FastaInput], out: Path, counts: Counts, settings: SampleSettings, max_letters: int | None = None
) -> None:
    """Write the corpus of ``inputs`` in file order; with a budget, a seeded sample of at most ``max_letters``.

    One pass. Candidates are spilled beside ``out`` because the sample is known only at the end; see
    ``bsm.sample.budget`` for what is held in memory. Raises InputError where nothing is left.
    """
    sample = HashSample(max_letters)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        spill = Path(folder) / "candidates.parquet"
        with TableWriter(spill, _SPILL) as writer:
            for row in _candidates(inputs, counts, settings, sample):
                writer.add(row)
        _write_sample(spill, out, sample.cut, counts)


def _candidates(
    inputs: Iterable[FastaInput], counts: Counts, settings: SampleSettings, sample: HashSample
) -> Iterator[dict[str, Any]]:
    with Progress(f"sample {counts.source}") as progress:
        for source in inputs:
            for record in read_records(source, settings, counts):
                progress.advance()
                name_hash = stable_hash64(settings.seed, record.accession)
                verdict = sample.offer(name_hash, record.n_letters)
                if verdict == "candidate":
                    yield from _rows(record, name_hash, source, counts)
                else:
                    counts.drop(verdict, record.n_letters, len(record.fragments))


def _rows(record: Record, name_hash: int, source: FastaInput, counts: Counts) -> Iterator[dict[str, Any]]:
    for index, (start, letters) in enumerate(record.fragments):
        span = "" if record.is_whole else f":{start}-{start + len(letters)}"
        yield {
            "record_id": f"{counts.source}:{record.accession}{span}", "piece": 0,
            "source": counts.source, "part": counts.part, "modality": record.modality.value, "sequence": letters,
            "accession": record.accession, "start": start, "end": start + len(letters),
            "strand": 0 if record.modality is Modality.PROTEIN else 1, "taxid": record.taxid,
            "origin": source.origin, "release": source.release, "licence": source.licence,
            "name_hash": name_hash, "n_unknown": 0 if index else record.n_unknown,
            "n_fragments": 0 if index else len(record.fragments),
        }  # fmt: skip


def _write_sample(spill: Path, out: Path, cut: int, counts: Counts) -> None:
    """Copy the candidates below ``cut`` to ``out`` in full row groups; an error, and no file, where none is left."""
    with TableWriter(out, PIECES) as writer:
        waiting: list[pa.Table] = []
        for table in iter_tables(spill, _SPILL):
            inside = pc.less(table["name_hash"], pa.scalar(min(cut, HASH_LIMIT - 1), pa.uint64()))
            _count(table, inside, counts)
            waiting.append(table.filter(inside).select(PIECES.names))
            if sum(t.num_rows for t in waiting) >= ROW_GROUP_ROWS or sum(t.nbytes for t in waiting) >= ROW_GROUP_BYTES:
                writer.add_table(pa.concat_tables(waiting).combine_chunks())
                waiting = []
        if any(t.num_rows for t in waiting):
            writer.add_table(pa.concat_tables(waiting).combine_chunks())
        if not writer.n_rows:
            reasons = ", ".join(f"{row['reason']} {row['n_records']}" for row in counts.rows()) or "no records"
            raise InputError("no record is left", where=str(out), value=reasons,
                             way_out="Check the declared modality, the lengths in `sample` and max_tokens")  # fmt: skip


def _count(table: pa.Table, inside: Any, counts: Counts) -> None:
    kept = table.filter(inside)
    n_letters = pc.sum(pc.binary_length(kept["sequence"])).as_py() or 0
    counts.keep(n_letters, kept.num_rows)
    all_letters = pc.sum(pc.binary_length(table["sequence"])).as_py() or 0
    if table.num_rows > kept.num_rows:
        counts.drop("not_sampled", all_letters - n_letters, table.num_rows - kept.num_rows)
    unknown = kept.filter(pc.greater(kept["n_unknown"], 0))
    if unknown.num_rows:
        counts.change("unknown_letters_to_n_or_x", pc.sum(unknown["n_unknown"]).as_py(), unknown.num_rows)
    split = kept.filter(pc.greater(kept["n_fragments"], 1))
    if split.num_rows:
        counts.change("split_at_run_of_n", n_records=split.num_rows)
