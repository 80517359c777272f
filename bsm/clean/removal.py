"""The removed unit: what a record loses when benchmark (or validation) sequences stand in it.

* A nucleotide record of one piece loses the hit windows with context on each side and falls into the rests
  between them; rests shorter than ``min_rest_nt`` are dropped.
* A protein record goes whole.
* A gene (several pieces with one gene id) goes whole, because its pieces are one example.
* A document loses the pieces that are hit, and goes whole when fewer than two remain.

Letters are conserved: letters in = kept + dropped + changed (the counts of a corpus add up to its size).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bsm.base.alphabet import Modality
from bsm.base.counts import Counts
from bsm.clean.spans import merged

REST_TOO_SHORT = "rest_too_short"
DOCUMENT_TOO_SHORT = "document_with_one_piece_left"
Rows = list[dict[str, Any]]


class Window(NamedTuple):
    """A span of one piece that must go, and the reason it is counted under."""

    piece: int  # row of the record
    start: int
    end: int
    reason: str


def is_gene(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Several pieces that share one known gene id."""
    return len(rows) > 1 and rows[0]["gene_id"] is not None and len({row["gene_id"] for row in rows}) == 1


def without(rows: Rows, windows: Sequence[Window], counts: Counts, context_nt: int, min_rest_nt: int) -> Rows:
    """The rows that stay of one record (all of its rows, in order), counted; ``windows`` is not empty."""
    reason = min(window.reason for window in windows)
    n_letters = sum(len(row["sequence"]) for row in rows)
    if len(rows) == 1 and Modality(rows[0]["modality"]).is_nucleotide:
        return _cut(rows[0], windows, counts, context_nt, min_rest_nt)
    if len(rows) == 1 or is_gene(rows):
        counts.drop(reason, n_letters)
        return []
    hit = {window.piece for window in windows}
    rest = [row for number, row in enumerate(rows) if number not in hit]
    n_rest = sum(len(row["sequence"]) for row in rest)
    if len(rest) < 2:
        counts.drop(reason, n_letters - n_rest)
        if rest:
            counts.drop(DOCUMENT_TOO_SHORT, n_rest, n_records=0)
        return []
    counts.keep(n_rest)
    counts.change(reason, n_letters - n_rest)
    return [{**row, "piece": number} for number, row in enumerate(rest)]


def _cut(row: dict[str, Any], windows: Sequence[Window], counts: Counts, context_nt: int, min_rest_nt: int) -> Rows:
    length = len(row["sequence"])
    gaps = merged([(max(0, w.start - context_nt), min(length, w.end + context_nt)) for w in windows])
    edges = [0, *(edge for gap in gaps for edge in gap), length]
    rests = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    kept = [(a, b) for a, b in rests if b - a >= min_rest_nt]
    reason = min(window.reason for window in windows)
    lost = sum(end - start for start, end in gaps)
    (counts.change if kept else counts.drop)(reason, lost)
    if len(kept) < len(rests):
        n_short = sum(b - a for a, b in rests) - sum(b - a for a, b in kept)
        counts.drop(REST_TOO_SHORT, n_short, n_records=0)
    for start, end in kept:
        counts.keep(end - start)
    return [_rest(row, start, end) for start, end in kept]


def _rest(row: dict[str, Any], start: int, end: int) -> dict[str, Any]:
    """Part [start, end) of a one-piece record with its own id and its coordinates on the accession.

    The id ends in ":start-end" on the accession, replacing such an ending that the record already has. Where the
    letters are no plain copy of the accession's span, the ending counts on the record's own letters.
    """
    name, length = row["record_id"], len(row["sequence"])
    first, last = row["start"], row["end"]
    part = {**row, "sequence": row["sequence"][start:end], "blocks": None}
    if first is None or last is None or last - first != length:
        return {**part, "record_id": f"{name}:{start}-{end}"}
    begin, stop = (last - end, last - start) if row["strand"] == -1 else (first + start, first + end)
    return {**part, "record_id": f"{name.removesuffix(f':{first}-{last}')}:{begin}-{stop}", "start": begin, "end": stop}
