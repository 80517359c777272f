"""`bsm clean gate`: the clean corpus of one source and its manifest.

Takes the representatives, gives them group and split, and removes from training what validation sequences stand
in it: the search and the removed units are those of the benchmarks (level strict), with the validation records
of ALL sources as items. Sequences that could stand in training by chance are never validation (``split``).
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bsm.base import tables
from bsm.base.alphabet import Modality
from bsm.base.config.data import CleanSettings
from bsm.base.counts import Counts, read_counts
from bsm.base.errors import BsmError, InputError
from bsm.base.files import write_json
from bsm.base.progress import Progress
from bsm.clean.contents import ContentHash
from bsm.clean.decontaminate import STAGE as SEARCH_STAGE
from bsm.clean.decontaminate import n_letters, rewritten
from bsm.clean.group import EXACT, GROUPS, NEAR, in_order
from bsm.clean.items import Query
from bsm.clean.leaks import LeakSearch
from bsm.clean.records import Batch, batches
from bsm.clean.removal import Window
from bsm.clean.split import TRAIN, VALID

STAGE = "clean.gate"
VALIDATION_REASON = "validation_sequence"
_GROUP_COLUMNS = ("record_id", "group_id", "split", "multiplicity", "reason")


class Loss(NamedTuple):
    """Letters of a part before removal and those removed for benchmark items."""

    n_letters: int
    n_lost: int

    @property
    def share(self) -> float:
        return self.n_lost / self.n_letters if self.n_letters else 0.0


def pass_gate(kept: Sequence[Path], removed: Sequence[Path], groups: Path, settings: CleanSettings, out: Path,
              manifest: Path, counts: Path) -> None:  # fmt: skip
    """Write CLEAN, the manifest and counts of one source; BsmError where benchmarks cost more than ``max_loss``."""
    loss = _benchmark_loss(removed, settings)
    parts = in_order(kept)
    source = _source_of(parts)
    search = LeakSearch(_validation_queries(groups), settings.model_copy(update={"level": "strict"}))
    group_rows = _groups_of(groups, source)
    counted = Counts(STAGE, source, "all")
    content, totals = ContentHash(tables.CLEAN), _Totals()
    with tables.TableWriter(out, tables.CLEAN) as writer, Progress(f"gate {source}", unit="letters") as progress:
        for path in parts:
            for batch in batches(path):
                chosen = _with_groups(batch, group_rows, counted)
                table = rewritten(chosen, _validation_windows(chosen, search), counted, settings)
                if table.num_rows:
                    writer.add_table(table)
                    content.update(table)
                    totals.add(table)
                progress.advance(n_letters(batch.table))
        if next(group_rows, None) is not None:
            raise _foreign_groups(groups, source)
        validation_loss = _validation_loss(counted, source, settings)
    lost = None if loss is None else round(loss.share, 6)
    numbers = totals.as_json()
    warnings = [] if numbers["n_records"][VALID] or not settings.valid_share else ["no validation records"]
    write_json(manifest, {"source": source, "content_sha256": content.hexdigest(), "lost_to_benchmarks": lost,
                          "lost_to_validation": round(validation_loss.share, 6), **numbers,
                          "warnings": warnings})  # fmt: skip
    counted.write(counts)


def _benchmark_loss(removed: Sequence[Path], settings: CleanSettings) -> Loss | None:
    """Loss over all parts, printed per part; None where no counts are given."""
    if not removed:
        return None
    parts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for path in removed:
        for row in read_counts(path):
            if row["stage"] == SEARCH_STAGE:
                entry = parts[row["source"], row["part"]]
                entry[0] += int(row["n_letters"])
                entry[1] += int(row["n_letters"]) if row["outcome"] != "kept" else 0
    losses = {part: Loss(*numbers) for (_, part), numbers in sorted(parts.items())}
    total = Loss(sum(loss.n_letters for loss in losses.values()), sum(loss.n_lost for loss in losses.values()))
    lines = [f"{part}: {loss.share:.2%} of {loss.n_letters:,} letters" for part, loss in losses.items()]
    print("lost to benchmark removal:", *lines, sep="\n  ", file=sys.stderr)
    if total.share > settings.max_loss and not settings.acknowledge_loss:
        raise BsmError(
            "removing benchmark items costs more letters than clean.max_loss allows", where="; ".join(lines),
            value=round(total.share, 4), way_out=f"max_loss is {settings.max_loss}: read the hits tables, then raise "
            "it, choose another level, or set clean.acknowledge_loss: true",
        )  # fmt: skip
    return total


def _validation_loss(counted: Counts, source: str, settings: CleanSettings) -> Loss:
    """Letters that left training for validation sequences (duplicates do not count); BsmError above the limit."""
    numbers = [(row["outcome"], int(str(row["n_letters"]))) for row in counted.rows()
               if row["reason"] not in (EXACT, NEAR)]  # fmt: skip
    loss = Loss(sum(n for _, n in numbers), sum(n for outcome, n in numbers if outcome != "kept"))
    if loss.share > settings.max_validation_loss and not settings.acknowledge_loss:
        raise BsmError(
            "validation sequences cost more training letters than clean.max_validation_loss allows", where=source,
            value=round(loss.share, 4), way_out=f"max_validation_loss is {settings.max_validation_loss}: raise it, "
            "lower clean.valid_share, choose another clean.seed, or set clean.acknowledge_loss: true",
        )  # fmt: skip
    return loss


def _source_of(parts: Sequence[Path]) -> str:
    sources = {name for path in parts for table in tables.iter_tables(path, tables.PIECES, ["source"])
               for name in pc.unique(table.column("source")).to_pylist()}  # fmt: skip
    if len(sources) != 1:
        raise InputError("the gate takes the parts of one source", where=", ".join(map(str, parts)),
                         value=sorted(sources), way_out="An empty source has nothing to train on")  # fmt: skip
    return str(sources.pop())


def _validation_queries(groups: Path) -> list[Query]:
    """Distinct sequences of all validation records, sorted."""
    found: set[tuple[bool, str]] = set()
    for table in tables.iter_tables(groups, GROUPS, ["modalities", "sequences"]):
        for modalities, sequences in zip(*(column.to_pylist() for column in table.columns), strict=True):
            for modality, sequence in zip(modalities or (), sequences or (), strict=True):
                found.add((Modality(modality).is_nucleotide, sequence))
    return [Query(Modality.DNA if nt else Modality.PROTEIN, sequence) for nt, sequence in sorted(found)]


def _groups_of(groups: Path, source: str) -> Iterator[Mapping[str, Any]]:
    """Rows of this source, in the order of its parts and records."""
    for table in tables.iter_tables(groups, GROUPS, [*_GROUP_COLUMNS, "source"]):
        yield from table.filter(pc.equal(table.column("source"), source)).to_pylist()


def _foreign_groups(groups: Path | str, value: object) -> InputError:
    return InputError("the groups were made from other records", where=str(groups), value=value,
                      way_out="Run bsm clean group over the same files, then the gate")  # fmt: skip


def _with_groups(batch: Batch, group_rows: Iterator[Mapping[str, Any]], counts: Counts) -> Batch:
    """The batch's representatives with group, split and multiplicity; duplicates dropped and counted."""
    ids = batch.table.column("record_id")
    lengths = pc.binary_length(batch.table.column("sequence")).to_numpy()
    letters = np.add.reduceat(lengths, batch.starts[:-1])
    chosen = np.zeros(batch.n_records, dtype=bool)
    columns: dict[str, list[Any]] = {"group_id": [], "split": [], "multiplicity": []}
    for number, first in enumerate(batch.starts[:-1].tolist()):
        row = next(group_rows, None)
        if row is None or row["record_id"] != ids[first].as_py():
            raise _foreign_groups("--groups", ids[first].as_py())
        chosen[number] = row["reason"] is None
        if row["reason"] is not None:
            counts.drop(row["reason"], int(letters[number]))
        for name, values in columns.items():
            values.append(row[name])
    owner = batch.record_of_row()
    table = batch.table
    for name, values in columns.items():
        field = tables.CLEAN.field(name)
        table = table.append_column(field, pa.array(values, field.type).take(pa.array(owner)))
    sizes = np.diff(batch.starts)[chosen]
    return Batch(table.filter(pa.array(chosen[owner])).cast(tables.CLEAN), np.concatenate(([0], np.cumsum(sizes))))


def _validation_windows(batch: Batch, search: LeakSearch) -> dict[int, list[Window]]:
    """What must leave the training records of a batch, by record."""
    owner = batch.record_of_row()
    train = np.flatnonzero(np.array(batch.table.column("split").to_pylist(), dtype=object) == TRAIN)
    pieces = batch.pieces()
    windows: dict[int, list[Window]] = defaultdict(list)
    for hit in search.find([pieces[row] for row in train]):
        if hit.meets:
            row = int(train[hit.piece])
            record = int(owner[row])
            windows[record].append(Window(row - int(batch.starts[record]), hit.start, hit.end, VALIDATION_REASON))
    return windows


class _Totals:
    """Records per split, letters per split and modality."""

    def __init__(self) -> None:
        self._letters: Counter[tuple[str, str]] = Counter()
        self._records: Counter[str] = Counter()

    def add(self, table: pa.Table) -> None:
        lengths = pc.binary_length(table.column("sequence"))
        summed = table.append_column("n", lengths).group_by(["split", "modality"]).aggregate([("n", "sum")])
        for row in summed.to_pylist():
            self._letters[row["split"], row["modality"]] += row["n_sum"]
        first = table.filter(pc.equal(table.column("piece"), 0))
        for row in first.group_by("split").aggregate([("record_id", "count")]).to_pylist():
            self._records[row["split"]] += row["record_id_count"]

    def as_json(self) -> dict[str, Any]:
        letters = {split: {m: self._letters[split, m] for m in Modality} for split in (TRAIN, VALID)}
        return {"n_records": {split: self._records[split] for split in (TRAIN, VALID)}, "n_letters": letters}
