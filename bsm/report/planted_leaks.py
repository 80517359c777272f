"""Planted leaks: found where the item was removed from the record, at the planted place, and its letters are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from bsm.base.tables import FOUND, HITS, read_table
from bsm.report.inputs import Row, truth_rows
from bsm.report.remains import Remains, placed
from bsm.report.tally import NOT_PLANTED, Key, Tallies, key_of

_ITEM = ("dataset", "item_id", "role")
_TRUTH = (*_ITEM, "task", "kind", "genetic_code", "corpus", "record_name", "start", "end", "letters", "modality")
_STILL_THERE = "still there"
_HIT = (*_ITEM, "source", "record_id", "piece", "start", "end")


def tally_leaks(
    truth: Path, hits: Iterable[Path], found: Iterable[Path], clean: Sequence[Path], tallies: Tallies
) -> None:
    """Compare the removed hits with the planted items, and the clean corpora with the planted letters.

    Records that lost something without a planted item are counted as not planted: chance likeness within a family.
    """
    planted = truth_rows(truth / "leaks.parquet", _TRUTH)
    names = {_record(row) for row in planted}
    removed: dict[str, dict[Key, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for hit in _removed_hits(hits, names):
        removed[hit["name"]][key_of(hit, _ITEM)].append(hit)
    pieces = _pieces(found, {row["record_name"] for row in planted})
    remains = Remains(clean, (), names)
    for row in planted:
        name = _record(row)
        tally = tallies["leaks", row["corpus"], f"{_kind(row)}: {row['task']}"]
        tally.planted += 1
        was_removed = any(_at_place(hit, row, pieces) for hit in removed[name][key_of(row, _ITEM)])
        is_there = remains.spells(name, row["letters"], row["modality"] != "protein")
        tally.found += was_removed and not is_there
        if is_there:
            tallies["leaks", row["corpus"], f"{_STILL_THERE}: {row['task']}"].wrongly_found += 1
    for name, items in removed.items():
        if name not in names:
            source = next(iter(items.values()))[0]["source"]
            tallies["leaks", source, NOT_PLANTED].wrongly_found += 1


def _kind(row: Row) -> str:
    """The kind, with the genetic code where it is not the standard one."""
    code = row["genetic_code"]
    return f"{row['kind']} (code {code})" if code not in (None, 1) else str(row["kind"])


def _record(row: Row) -> str:
    return f"{row['corpus']}:{row['record_name']}"


def _removed_hits(paths: Iterable[Path], names: Collection[str]) -> Iterable[Row]:
    """Removed hits with the record's name and the span on that record, also where sample had split it."""
    for path in paths:
        for row in read_table(path, HITS, (*_HIT, "removed")).to_pylist():
            if row["removed"]:
                name, offset = placed(row["record_id"], names)
                yield row | {"name": name, "start": offset + row["start"], "end": offset + row["end"]}


def _pieces(found: Iterable[Path], documents: Collection[str]) -> dict[str, list[str]]:
    """Document -> the sequences found in it, in reading order: the pieces of its record."""
    pieces: dict[str, list[str]] = defaultdict(list)
    for path in found:
        for row in read_table(path, FOUND, ("document_id", "sequence")).to_pylist():
            if row["document_id"] in documents:
                pieces[row["document_id"]].append(row["sequence"])
    return pieces


def _at_place(hit: Row, planted: Row, pieces: dict[str, list[str]]) -> bool:
    """Whether the hit overlaps the planted span; in a document, on the piece that shows the planted letters."""
    shown = pieces.get(planted["record_name"])
    if shown is not None and shown[hit["piece"]] != planted["letters"]:
        return False
    return bool(hit["start"] < planted["end"] and planted["start"] < hit["end"])
