"""`bsm clean search`: one part of a corpus without the benchmark items, and the table of what was found."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bsm.base import tables
from bsm.base.config.data import CleanSettings
from bsm.base.counts import Counts, write_counts
from bsm.base.progress import Progress
from bsm.clean.items import Query, queries_of, read_items
from bsm.clean.leaks import Hit, LeakSearch
from bsm.clean.records import Batch, batches
from bsm.clean.removal import Rows, Window, without

STAGE = "clean.search"
REASON_PREFIX = "benchmark:"


def search_part(items: Sequence[Path | str], corpus: Path | str, settings: CleanSettings, kept: Path | str,
                hits: Path | str, counts: Path | str) -> None:  # fmt: skip
    """Write ``kept`` (PIECES), ``hits`` (HITS) and ``counts`` for one part of a source."""
    queries, item_counts = queries_of(read_items(items))
    search = LeakSearch(queries, settings)
    _count_unsearched(search, item_counts)
    part: Counts | None = None
    with (
        tables.TableWriter(kept, tables.PIECES) as out,
        tables.TableWriter(hits, tables.HITS) as found,
        Progress(f"clean {corpus}", unit="letters") as progress,
    ):
        for batch in batches(corpus):
            first = batch.table.slice(0, 1).to_pylist()[0]
            part = part or Counts(STAGE, first["source"], first["part"])
            windows = _record_hits(batch, search, found)
            table = rewritten(batch, windows, part, settings)
            if table.num_rows:
                out.add_table(table)
            progress.advance(n_letters(batch.table))
    if part is None:
        print(f"{corpus} holds no record: nothing was searched", file=sys.stderr)
    rows = [*(part.rows() if part else []), *(row for count in item_counts for row in count.rows())]
    write_counts(counts, rows)


def _count_unsearched(search: LeakSearch, counts: Iterable[Counts]) -> None:
    """``changed`` rows: items of which one sequence at least is not searched (they stay in the benchmark)."""
    by_dataset = {count.source: count for count in counts}
    for query, reason in search.unsearched():
        for owner in query.owners:
            by_dataset[owner.dataset].change(reason, len(query.sequence))


def _record_hits(batch: Batch, search: LeakSearch, found: tables.TableWriter) -> dict[int, list[Window]]:
    """Search a batch; write its hits; return the windows to remove by record."""
    records = batch.record_of_row()
    by_record: dict[int, list[Hit]] = defaultdict(list)
    for hit in search.find(batch.pieces()):
        by_record[int(records[hit.piece])].append(hit)
    windows: dict[int, list[Window]] = {}
    for record in sorted(by_record):
        rows, first = batch.record_rows(record), int(batch.starts[record])
        for row, window in judged(by_record[record], search.queries, rows, first, search.settings.level):
            found.add(row)
            if window is not None:
                windows.setdefault(record, []).append(window)
    return windows


def judged(hits: Sequence[Hit], queries: Sequence[Query], rows: Rows, first: int, level: str
           ) -> Iterator[tuple[dict[str, Any], Window | None]]:  # fmt: skip
    """HITS rows of one record, one per owner of the sequence, and the window to remove where the level says so.

    ``first`` is the number of the record's first row among the searched pieces. At level paper an item of a pair
    task is removed for only where both of its sequences stand in the record.
    """
    roles: dict[tuple[str, str], set[str]] = defaultdict(set)
    for hit in hits:
        if hit.meets:
            for owner in queries[hit.query].owners:
                roles[owner.dataset, owner.item_id].add(owner.role)
    for hit in hits:
        piece = rows[hit.piece - first]
        for owner in queries[hit.query].owners:
            together = level != "paper" or not owner.paired or len(roles[owner.dataset, owner.item_id]) == 2
            removed = hit.meets and together
            row = {**hit._asdict(), **owner._asdict(), "removed": removed, "piece": piece["piece"],
                   **{name: piece[name] for name in ("source", "part", "record_id")}}  # fmt: skip
            window = Window(hit.piece - first, hit.start, hit.end, f"{REASON_PREFIX}{owner.dataset}")
            yield {name: row[name] for name in tables.HITS.names}, window if removed else None


def rewritten(batch: Batch, windows: dict[int, list[Window]], counts: Counts, settings: CleanSettings) -> pa.Table:
    """The batch without the windows, in order; untouched records are copied as they are and counted as kept."""
    parts: list[pa.Table] = []
    copied = 0
    schema = batch.table.schema
    for record in sorted(windows):
        first, last = int(batch.starts[record]), int(batch.starts[record + 1])
        parts.append(batch.table.slice(copied, first - copied))
        rest = without(batch.record_rows(record), windows[record], counts, settings.context_nt, settings.min_rest_nt)
        parts.append(pa.Table.from_pylist(rest, schema=schema))
        copied = last
    parts.append(batch.table.slice(copied))
    untouched = [part for part in parts[::2] if part.num_rows]
    if batch.n_records > len(windows):
        counts.keep(sum(map(n_letters, untouched)), batch.n_records - len(windows))
    return pa.concat_tables(parts).combine_chunks()


def n_letters(table: pa.Table) -> int:
    return int(pc.sum(pc.binary_length(table.column("sequence"))).as_py() or 0)
