"""Planted and found: what the pipeline made of a world whose answers are known.

The truth folder is that of the miniature (``truth/{pairs,web,leaks}.parquet``). Only this stage and tests read it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bsm.base.errors import InputError
from bsm.base.tables import FOUND, GENES, HITS, read_table

COLUMNS = ("corpus", "subject", "source", "kind", "planted", "found", "wrongly_found", "share")
_NOT_PLANTED = "not planted"
_LETTERS = ("dna", "rna", "cds", "protein")
_NAMES = ("gene_id", "transcript_id", "protein_id")
_Key = tuple[str, ...]
_Row = dict[str, Any]


@dataclass
class Tally:
    """planted: answers that exist; found: those given right; wrongly_found: given, but not right."""

    planted: int = 0
    found: int = 0
    wrongly_found: int = 0

    @property
    def share(self) -> str:
        """Right answers per planted one; empty where nothing was planted."""
        return f"{self.found / self.planted:.4f}" if self.planted else ""


Tallies = dict[tuple[str, str, str], Tally]
"""(subject, source, kind) -> tally."""


def planted_rows(
    truth: Path, corpus: str, genes: Iterable[Path], found: Iterable[Path], hits: Iterable[Path]
) -> list[dict[str, object]]:
    """Rows of planted_found.csv, sorted by subject, source and kind."""
    tallies: Tallies = defaultdict(Tally)
    _pairs(truth, list(genes), tallies)
    _web(truth, list(found), tallies)
    _leaks(truth, list(hits), tallies)
    return [
        {"corpus": corpus, "subject": subject, "source": source, "kind": kind, "planted": tally.planted,
         "found": tally.found, "wrongly_found": tally.wrongly_found, "share": tally.share}
        for (subject, source, kind), tally in sorted(tallies.items())
    ]  # fmt: skip


def _pairs(truth: Path, paths: list[Path], tallies: Tallies) -> None:
    """A gene is found where dna, rna, cds and protein are letter for letter those of the truth, and it was kept.

    Of a source that samples genes, only the genes that stand in its table are compared.
    """
    planted = _truth_rows(truth / "pairs.parquet")
    for path in paths:
        source, part = path.parent.name, path.name.removesuffix(".genes.parquet")
        rows = read_table(path, GENES, ("status", *_NAMES, *_LETTERS)).to_pylist()
        sampled = {row["gene_id"] for row in rows}
        mine = [row for row in planted if row["source"] == source and row["part"] in (part, source)]
        if source == "gene_pairs":
            mine = [row for row in mine if row["gene_id"] in sampled]
        if mine:
            _compare_genes(source, mine, [row for row in rows if row["status"] == "kept"], tallies)


def _compare_genes(source: str, planted: list[_Row], kept: list[_Row], tallies: Tallies) -> None:
    remaining = Counter(_key(row, ("gene_id", *_LETTERS)) for row in kept)
    kept_names = Counter(_key(row, _NAMES) for row in kept)
    for row in (row for row in planted if row["expected"] == "kept"):
        tally = tallies["pairs", source, f"kept: {row['special'] or 'ordinary'}"]
        tally.planted += 1
        tally.found += any(_take(remaining, key) for key in _right_answers(row))
    n_wrong = sum(remaining.values())
    for row in (row for row in planted if row["expected"] == "rejected"):
        tally = tallies["pairs", source, f"rejected: {row['special'] or 'ordinary'}"]
        tally.planted += 1
        was_kept = _take(kept_names, _key(row, _NAMES))
        tally.wrongly_found += was_kept
        tally.found += 1 - was_kept
        n_wrong -= was_kept
    tallies["pairs", source, _NOT_PLANTED].wrongly_found += n_wrong


def _right_answers(planted: _Row) -> list[_Key]:
    """The planted letters; where the annotation has no transcript, the coding letters may also stand as the rna."""
    answers = [planted] if planted["rna"] else [planted, planted | {"rna": planted["cds"]}]
    return [_key(row, ("gene_id", *_LETTERS)) for row in answers]


def _web(truth: Path, paths: list[Path], tallies: Tallies) -> None:
    """A sequence is found where its document yields these letters in this modality.

    Pages that show the same list of sequences are kept once: the copies that were left out are not counted as planted.
    A look-alike is wrongly found where any found span overlaps it.
    """
    planted = _truth_rows(truth / "web.parquet")
    for path in paths:
        source = path.parent.name
        rows = read_table(path, FOUND).to_pylist()
        found: Counter[_Key] = Counter((row["document_id"], row["modality"], row["sequence"]) for row in rows)
        spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row in rows:
            spans[row["document_id"]].append((row["start"], row["end"]))
        mirrored = _left_out_copies(planted, set(spans))
        n_wrong = len(rows)
        for row in planted:
            if row["kind"] == "look_alike":
                taken = any(start < row["end"] and row["start"] < end for start, end in spans[row["document_id"]])
                tally = tallies["web", source, f"look-alike: {row['layout']}"]
                tally.planted, tally.found = tally.planted + 1, tally.found + (not taken)
                tally.wrongly_found += taken
                n_wrong -= taken
            elif row["document_id"] not in mirrored:
                tally = tallies["web", source, f"{row['modality']}: {row['layout']}"]
                tally.planted += 1
                right = _take(found, (row["document_id"], row["modality"], row["sequence"]))
                tally.found, n_wrong = tally.found + right, n_wrong - right
        tallies["web", source, _NOT_PLANTED].wrongly_found += max(0, n_wrong)


def _left_out_copies(planted: list[_Row], kept: set[str]) -> set[str]:
    """Documents that yielded nothing although another page with the same sequences did."""
    lists: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in planted:
        if row["kind"] == "sequence":
            lists[row["document_id"]].append((row["modality"], row["sequence"]))
    shown = {tuple(lists[document]) for document in kept if document in lists}
    return {document for document, listed in lists.items() if document not in kept and tuple(listed) in shown}


def _leaks(truth: Path, paths: list[Path], tallies: Tallies) -> None:
    """A leak is found where a hit names the item, its role and its record, and the item was removed for it.

    Records that lost something without a planted item are counted as not planted: chance likeness within a family.
    """
    found: dict[_Key, set[str]] = defaultdict(set)
    removed: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        columns = ("dataset", "item_id", "role", "source", "record_id", "removed")
        for row in read_table(path, HITS, columns).to_pylist():
            if row["removed"]:
                found[_key(row, ("dataset", "item_id", "role", "source"))].add(row["record_id"])
                removed[row["source"]].add(row["record_id"])
    for row in _truth_rows(truth / "leaks.parquet"):
        tally = tallies["leaks", row["corpus"], f"{row['kind']}: {row['task']}"]
        tally.planted += 1
        records = found[_key(row, ("dataset", "item_id", "role", "corpus"))]
        tally.found += any(_names(record_id, row["record_name"]) for record_id in records)
        removed[row["corpus"]] = {r for r in removed[row["corpus"]] if not _names(r, row["record_name"])}
    for source, records in ((s, r) for s, r in removed.items() if r):
        tallies["leaks", source, _NOT_PLANTED].wrongly_found += len(records)


def _names(record_id: str, record_name: str) -> bool:
    """Whether the record is the one of this name: ids are "source:name" with parts and spans behind further colons."""
    return f":{record_name}:" in f":{record_id}:"


def _take(counter: Counter[_Key], key: _Key) -> int:
    """1 and one fewer left where the key is there, else 0."""
    if counter[key] <= 0:
        return 0
    counter[key] -= 1
    return 1


def _key(row: _Row, columns: Iterable[str]) -> _Key:
    return tuple(row[name] or "" for name in columns)


def _truth_rows(path: Path) -> list[_Row]:
    try:
        return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]
    except OSError as error:
        raise InputError(
            f"no truth to compare with: {error}", where=str(path),
            way_out="Run bsm miniature, or leave out --truth for real data",
        ) from error  # fmt: skip
