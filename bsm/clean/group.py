"""`bsm clean group`: duplicates, groups and the validation split, once over all parts of all sources.

Linked into one group are records that share a gene (taxid and gene id), a sequence (exact; either strand), most of
a shorter sequence's k-mers, or a protein and the open frame that codes for it. A pair, its single-modal copies and
its copies in documents therefore share one group. Contigs (``container_nt``) hold many genes and link nothing but
their exact copies; they are training data, from which the gate cuts validation sequences.

The group's name is its smallest record id; it is validation where the hash of that name says so. A group that
alone exceeds the validation share of all letters is training data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasketch import MinHash

from bsm.base import tables
from bsm.base.alphabet import Modality
from bsm.base.config.data import CleanSettings
from bsm.base.counts import Counts, write_counts
from bsm.base.errors import InputError
from bsm.base.progress import Progress
from bsm.base.randomness import unit_interval
from bsm.clean.linking import Links, near_duplicates
from bsm.clean.records import batches
from bsm.clean.sketch import link_hashes, sequence_key, signature

STAGE = "clean.group"
TRAIN, VALID = "train", "valid"
EXACT, NEAR = "exact_duplicate", "near_duplicate"
GROUPS = pa.schema(
    [
        pa.field("record_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("group_id", pa.string()),  # smallest record_id of the group
        pa.field("split", pa.string()),  # train | valid
        pa.field("representative", pa.bool_()),  # false: a duplicate, see reason
        pa.field("multiplicity", pa.int32()),  # identical records it stands for, itself included
        pa.field("reason", pa.string()),  # exact_duplicate | near_duplicate | null
        pa.field("modalities", pa.list_(pa.string())),  # of a validation record's pieces, else null
        pa.field("sequences", pa.list_(pa.string())),
    ]
)
"""One row per record, parts ordered by (source, part), records in the order of their part."""

_Rows = list[dict[str, Any]]


@dataclass
class _Record:
    name: str
    source: str
    part: str
    n_letters: int
    single: bool
    container: bool
    same_as: int  # first record with the same content; itself where it is the first
    reason: str | None = None
    group_id: str = ""
    split: str = TRAIN
    multiplicity: int = 1


@dataclass
class _State:
    settings: CleanSettings
    links: Links = field(default_factory=Links)
    records: list[_Record] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    contents: dict[tuple[Any, ...], int] = field(default_factory=dict)
    signatures: dict[bool, list[tuple[int, MinHash]]] = field(default_factory=lambda: defaultdict(list))


def group_parts(kept: Sequence[Path], settings: CleanSettings, out: Path, counts: Path) -> None:
    """Write GROUPS and their counts; the order of ``kept`` has no influence."""
    ordered = in_order(kept)
    state = _State(settings)
    with Progress("group", unit="records") as progress:
        for path in ordered:
            for rows in _records(path):
                _add(state, rows, str(path))
                progress.advance()
    _mark_duplicates(state)
    state.links.join_contained(settings.deduplicate.link_containment, settings.search.max_occurrences)
    statistics = _split(state)
    records = iter(state.records)
    with tables.TableWriter(out, GROUPS) as writer:
        for path in ordered:
            for rows in _records(path):
                writer.add(_group_row(next(records), rows))
    write_counts(counts, [*_part_counts(state.records), *statistics.rows()])


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Corpora ordered by (source, part) of their first row, empty ones first; InputError where a part comes twice."""
    keyed: list[tuple[tuple[str, str], Path]] = []
    for path in paths:
        first = next(tables.iter_tables(path, tables.PIECES, ["source", "part"]), None)
        row = first.slice(0, 1).to_pylist() if first is not None else []
        keyed.append(((row[0]["source"], row[0]["part"]) if row else ("", ""), path))
    keyed.sort(key=lambda entry: (entry[0], str(entry[1])))
    for (key, path), (other, _) in zip(keyed[1:], keyed, strict=False):
        if key == other and key != ("", ""):
            raise InputError("two files hold the same part of a source", where=str(path), value=key,
                             way_out="Give each part once")  # fmt: skip
    return [path for _, path in keyed]


def _records(path: Path) -> Iterator[_Rows]:
    for batch in batches(path):
        rows = batch.table.to_pylist()
        for first, last in zip(batch.starts[:-1].tolist(), batch.starts[1:].tolist(), strict=True):
            yield rows[first:last]


def _add(state: _State, rows: _Rows, where: str) -> None:
    first = rows[0]
    if first["record_id"] in state.names:
        raise InputError(
            "a record id stands twice", where=where, value=first["record_id"],
            way_out="Ids are unique over all sources, and the rows of a record stand together",
        )  # fmt: skip
    state.names.add(first["record_id"])
    settings, links = state.settings.deduplicate, state.links
    number = links.add_record()
    nucleotide = [Modality(row["modality"]).is_nucleotide for row in rows]
    keys = [sequence_key(row["sequence"], nt) for row, nt in zip(rows, nucleotide, strict=True)]
    single = len(rows) == 1
    container = single and nucleotide[0] and len(first["sequence"]) > settings.container_nt
    anywhere = single or settings.pairs_across_sources
    content = ("" if anywhere else first["source"], *keys, *([] if single else [row["modality"] for row in rows]))
    same_as = state.contents.setdefault(content, number)
    n_letters = sum(len(row["sequence"]) for row in rows)
    state.records.append(
        _Record(first["record_id"], first["source"], first["part"], n_letters, single, container, same_as)
    )
    for row, nt, key in zip(rows, nucleotide, keys, strict=True):
        if links.add_key(number, key) and not (nt and len(row["sequence"]) > settings.container_nt):
            _add_hashes(state, number, row, nt)
        if row["gene_id"] is not None and not container:
            links.add_key(number, ("gene", row["taxid"] or row["part"], row["gene_id"]))
    if single and same_as == number and settings.near_duplicate_jaccard < 1:
        k = settings.k_nucleotides if nucleotide[0] else settings.k_amino_acids
        minhash = signature(first["sequence"], nucleotide[0], k, settings.n_permutations)
        if minhash is not None:
            state.signatures[nucleotide[0]].append((number, minhash))


def _add_hashes(state: _State, number: int, row: dict[str, Any], is_nucleotide: bool) -> None:
    sample = state.settings.deduplicate.sample_every
    for hashes in link_hashes(row["sequence"], is_nucleotide, row["genetic_code"] or 1, sample):
        state.links.add_hashes(number, hashes)


def _mark_duplicates(state: _State) -> None:
    """Of identical records the one with the smallest id stays; of near-identical ones the longest, then the same."""
    copies: dict[int, list[int]] = defaultdict(list)
    for number, record in enumerate(state.records):
        copies[record.same_as].append(number)
    stays: dict[int, int] = {}
    for first, numbers in copies.items():
        keeper = min(numbers, key=lambda n: state.records[n].name)
        stays[first] = keeper
        for number in numbers:
            record = state.records[number]
            record.multiplicity = len(numbers)
            record.reason = None if number == keeper else EXACT
            state.links.join(first, number)
    settings = state.settings.deduplicate
    for _, signatures in sorted(state.signatures.items()):
        preferred = sorted(((stays[n], m) for n, m in signatures),
                           key=lambda s: (-state.records[s[0]].n_letters, state.records[s[0]].name))  # fmt: skip
        near = near_duplicates(preferred, settings.near_duplicate_jaccard, settings.n_permutations)
        for number, representative in near.items():
            state.records[number].reason = NEAR
            state.links.join(number, representative)


def _split(state: _State) -> Counts:
    """Name and split every group; statistics of group sizes as counts (letters: of all members)."""
    groups: dict[int, list[_Record]] = defaultdict(list)
    for number, record in enumerate(state.records):
        groups[state.links.root(number)].append(record)
    settings, counts = state.settings, Counts(STAGE, "all", "all")
    n_all = sum(record.n_letters for record in state.records)
    for members in groups.values():
        name = min(record.name for record in members)
        n_letters = sum(record.n_letters for record in members)
        drawn = unit_interval(settings.seed, name) < settings.valid_share
        if drawn and any(record.container for record in members):
            drawn = False
            counts.change("drawn_for_validation_but_a_contig", n_letters, len(members))
        elif drawn and len(groups) > 1 and n_letters > settings.valid_share * n_all:
            drawn = False
            counts.change("drawn_for_validation_but_too_large", n_letters, len(members))
        for record in members:
            record.group_id, record.split = name, VALID if drawn else TRAIN
        counts.keep(n_letters, len(members), reason=f"in_groups_of_{_size_class(len(members))}")
    if groups:
        largest = max(groups.values(), key=lambda members: (len(members), members[0].name))
        counts.change("in_the_largest_group", sum(r.n_letters for r in largest), len(largest))
        counts.change("groups", n_records=len(groups))
    return counts


def _size_class(n: int) -> str:
    return next((label for limit, label in ((1, "1"), (4, "2-4"), (19, "5-19"), (99, "20-99")) if n <= limit), "100+")


def _group_row(record: _Record, rows: _Rows) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in GROUPS.names[:7] if name not in ("record_id", "representative")}
    row |= {"record_id": record.name, "representative": record.reason is None}
    if record.split == VALID:
        row |= {"modalities": [r["modality"] for r in rows], "sequences": [r["sequence"] for r in rows]}
    return row


def _part_counts(records: Sequence[_Record]) -> Iterator[dict[str, object]]:
    """Records and letters of each part per split, and the duplicates among them."""
    parts: dict[tuple[str, str], Counts] = {}
    for record in records:
        counts = parts.setdefault((record.source, record.part), Counts(STAGE, record.source, record.part))
        if record.reason is None:
            counts.keep(record.n_letters, reason=record.split)
        else:
            counts.drop(record.reason, record.n_letters)
    for key in sorted(parts):
        yield from parts[key].rows()
