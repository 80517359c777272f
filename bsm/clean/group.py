"""`bsm clean group`: duplicates, groups and the validation split, once over all parts of all sources.

Linked into one group are records that share a gene (taxid and gene id), a sequence (exact; either strand), enough of
a shorter sequence's k-mers, or a protein and the open frame that codes for it (``linking``, ``families``). A pair, its
single-modal copies and its copies in documents therefore share one group; what holds several families links nothing.

The group's name is its smallest record id; it is validation where the hash of that name says so and nothing in it
forbids it (``split``).
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
from bsm.clean.families import Families, Role
from bsm.clean.linking import Evidence, Link, near_duplicates
from bsm.clean.records import batches
from bsm.clean.removal import is_gene
from bsm.clean.sketch import sequence_key, signature, sketches
from bsm.clean.split import VALID, Member, split_groups, standable

STAGE = "clean.group"
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
class _State:
    settings: CleanSettings
    evidence: Evidence = field(default_factory=Evidence)
    records: list[Member] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    contents: dict[tuple[Any, ...], int] = field(default_factory=dict)
    pieces_of: dict[int, list[bytes]] = field(default_factory=dict)  # document -> keys of its sequences
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
    families = _families(state)
    _mark_duplicates(state, families)
    statistics = split_groups(state.records, families, settings, Counts(STAGE, "all", "all"))
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
    settings, evidence = state.settings.deduplicate, state.evidence
    number = evidence.add_record()
    nucleotide = [Modality(row["modality"]).is_nucleotide for row in rows]
    keys = [sequence_key(row["sequence"], nt) for row, nt in zip(rows, nucleotide, strict=True)]
    role = _role(rows, nucleotide[0], settings.container_nt)
    single = len(rows) == 1
    anywhere = single or settings.pairs_across_sources
    content = ("" if anywhere else first["source"], *keys, *([] if single else [row["modality"] for row in rows]))
    extent = max(len(row["sequence"]) * (1 if nt else 3) for row, nt in zip(rows, nucleotide, strict=True))
    state.records.append(Member(
        first["record_id"], first["source"], first["part"], sum(len(row["sequence"]) for row in rows), extent,
        all(standable(row["sequence"], nt) for row, nt in zip(rows, nucleotide, strict=True)),
        state.contents.setdefault(content, number),
    ))  # fmt: skip
    state.roles.append(role)
    if role is Role.DOCUMENT:
        state.pieces_of[number] = keys
    for row, nt, key in zip(rows, nucleotide, keys, strict=True):
        is_new = evidence.add_key(number, (role is Role.DOCUMENT, key))
        if is_new and standable(row["sequence"], nt) and not (nt and len(row["sequence"]) > settings.container_nt):
            for sketch in sketches(row["sequence"], nt, _codes(row, state.settings), settings.sample_every):
                evidence.add_sketch(number, sketch)
        if row["gene_id"] is not None and role is not Role.CONTIG:
            evidence.add_key(number, ("gene", row["taxid"] or row["part"], row["gene_id"]))
    if single and state.records[number].same_as == number and settings.near_duplicate_jaccard < 1:
        k = settings.k_nucleotides if nucleotide[0] else settings.k_amino_acids
        minhash = signature(first["sequence"], nucleotide[0], k, settings.n_permutations)
        if minhash is not None:
            state.signatures[nucleotide[0]].append((number, minhash))


def _role(rows: _Rows, is_nucleotide: bool, container_nt: int) -> Role:
    if len(rows) > 1:
        return Role.GENE if is_gene(rows) else Role.DOCUMENT
    if not is_nucleotide or rows[0]["gene_id"] is not None:
        return Role.GENE
    return Role.CONTIG if len(rows[0]["sequence"]) > container_nt else Role.NUCLEOTIDE


def _codes(row: dict[str, Any], settings: CleanSettings) -> list[int]:
    return [row["genetic_code"]] if row["genetic_code"] else settings.search.genetic_codes


def _families(state: _State) -> Families:
    """Groups from equal keys and links; the second look leaves out containers, which hide families from each other."""
    records, settings = state.records, state.settings.deduplicate
    order = sorted(range(len(records)), key=lambda n: (records[n].extent_nt, records[n].name))
    rank = [0] * len(order)
    for place, number in enumerate(order):
        rank[number] = place
    links = state.evidence.links(settings.link_containment, settings.link_all_pairs)
    families = _grown(state, rank, links, set())
    if any(state.roles[number] is Role.NUCLEOTIDE for number in families.containers):
        without = frozenset(families.containers)
        again = state.evidence.links(settings.link_containment, settings.link_all_pairs, without)
        links = sorted({*links, *again})
        families = _grown(state, rank, links, families.containers)
    touches: dict[int, set[int]] = {number: set() for number in state.pieces_of}
    for number, keys in state.pieces_of.items():
        firsts = (state.evidence.first_with((is_document, key)) for key in keys for is_document in (False, True))
        touches[number] |= {first for first in firsts if first is not None and first != number}
    for link in links:
        for document, other in ((link.inner, link.outer), (link.outer, link.inner)):
            if document in touches:
                touches[document].add(other)
    families.add_documents(touches)
    return families


def _grown(state: _State, rank: list[int], links: Sequence[Link], containers: set[int]) -> Families:
    families = Families(state.roles, rank, set(containers))
    for a, b in state.evidence.same:
        if Role.DOCUMENT not in (state.roles[a], state.roles[b]):
            families.join(a, b)
    families.grow(links)
    return families


def _mark_duplicates(state: _State, families: Families) -> None:
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
            families.join(first, number)
    settings = state.settings.deduplicate
    for _, signatures in sorted(state.signatures.items()):
        preferred = sorted(((stays[n], m) for n, m in signatures),
                           key=lambda s: (-state.records[s[0]].n_letters, state.records[s[0]].name))  # fmt: skip
        near = near_duplicates(preferred, settings.near_duplicate_jaccard, settings.n_permutations)
        for number, representative in near.items():
            state.records[number].reason = NEAR
            families.join(number, representative)


def _group_row(record: Member, rows: _Rows) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in GROUPS.names[:7] if name not in ("record_id", "representative")}
    row |= {"record_id": record.name, "representative": record.reason is None}
    if record.split == VALID:
        row |= {"modalities": [r["modality"] for r in rows], "sequences": [r["sequence"] for r in rows]}
    return row


def _part_counts(records: Sequence[Member]) -> Iterator[dict[str, object]]:
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
