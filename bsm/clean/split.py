"""Which groups are validation: drawn by a hash of their name, unless something in them forbids it.

Training stays, although drawn: groups with a container; with a sequence that stands everywhere by chance (below
30 nt or 14 aa, or of low complexity: no search could keep it out of training); with a common part that stands in
genes or proteins of other groups; and groups that, with what the gate would cut for them elsewhere, exceed the
validation share of all letters. A drawn document of several families takes these families along, where none of
them is forbidden or stands in more than ``_MAX_DOCUMENTS`` such documents.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bsm.base.config.data import CleanSettings
from bsm.base.counts import Counts
from bsm.base.randomness import unit_interval
from bsm.clean.families import Families, Role
from bsm.clean.kernels import kmer_codes
from bsm.clean.letters import amino_acids, encode, nucleotides

TRAIN, VALID = "train", "valid"
_MAX_DOCUMENTS = 4
_PREFIX = 4096


@dataclass
class Member:
    """A record and what becomes of it; ``extent_nt`` is its longest sequence in nucleotides (3 per amino acid)."""

    name: str
    source: str
    part: str
    n_letters: int
    extent_nt: int
    standable: bool
    same_as: int  # first record with the same content; itself where it is the first
    reason: str | None = None
    group_id: str = ""
    split: str = TRAIN
    multiplicity: int = 1


@dataclass
class _Group:
    name: str
    members: list[int]
    n_letters: int
    forbidden: str = ""
    n_cut: int = 0  # letters the gate would cut from other groups, at most
    touches: set[int] = field(default_factory=set)  # roots of the families of its bridges
    n_documents: int = 0  # bridges that touch it
    valid: bool = False


def standable(sequence: str, is_nucleotide: bool) -> bool:
    """Whether a validation sequence can be told from chance in training: long enough, and with a k-mer to search."""
    alphabet = nucleotides() if is_nucleotide else amino_acids()
    if len(sequence) < alphabet.min_inexact:
        return False
    codes = encode(sequence, alphabet)
    return any(
        bool((kmer_codes(part, alphabet.base, alphabet.short_k, alphabet.max_period) >= 0).any())
        for part in (codes[:_PREFIX], codes[_PREFIX:])
    )


def split_groups(records: Sequence[Member], families: Families, settings: CleanSettings, counts: Counts) -> Counts:
    """Name and split every group (in ``records``); statistics as counts, letters of all members."""
    groups = _groups(records, families)
    _count_cuts(groups, records, families, settings.context_nt)
    limit = settings.valid_share * sum(record.n_letters for record in records)
    by_name = sorted(groups.values(), key=lambda group: group.name)
    drawn = [group for group in by_name if unit_interval(settings.seed, group.name) < settings.valid_share]
    for group in sorted(drawn, key=lambda g: bool(g.touches)):
        taken = [group, *(groups[root] for root in sorted(group.touches))]
        reason = _forbidden(group, taken, limit if len(groups) > 1 else float("inf"))
        if reason:
            counts.change(f"drawn_for_validation_but_{reason}", group.n_letters, len(group.members))
        else:
            for other in taken:
                other.valid = True
    for group in by_name:
        for number in group.members:
            records[number].group_id, records[number].split = group.name, VALID if group.valid else TRAIN
        counts.keep(group.n_letters, len(group.members), reason=f"in_groups_of_{_size_class(len(group.members))}")
    _count_shape(by_name, records, families, counts)
    _warn_of_sources_without_validation(records, settings, counts)
    return counts


def _groups(records: Sequence[Member], families: Families) -> dict[int, _Group]:
    members: dict[int, list[int]] = defaultdict(list)
    for number in range(len(records)):
        members[families.root(number)].append(number)
    groups: dict[int, _Group] = {}
    for root, numbers in members.items():
        group = _Group(min(records[n].name for n in numbers), numbers, sum(records[n].n_letters for n in numbers))
        if families.containers.intersection(numbers):
            group.forbidden = "a_container"
        elif not all(records[n].standable for n in numbers):
            group.forbidden = "too_short_or_simple"
        groups[root] = group
    for document, others in families.bridges.items():
        root = families.root(document)
        groups[root].touches |= {families.root(other) for other in others} - {root}
    return groups


def _count_cuts(groups: Mapping[int, _Group], records: Sequence[Member], families: Families, context_nt: int) -> None:
    """Links that no group follows: what the gate would cut, or where it could only take whole genes and proteins."""
    cuts: dict[tuple[int, int], int] = {}
    for link in families.conflicts:
        root = families.root(link.inner)
        if root == families.root(link.outer):
            continue
        if families.roles[link.outer] is Role.GENE:
            groups[root].forbidden = groups[root].forbidden or "part_of_others"
        window = min(records[link.inner].extent_nt + 2 * context_nt, records[link.outer].n_letters)
        cuts[root, link.outer] = max(window, cuts.get((root, link.outer), 0))
    for (root, _), n_letters in cuts.items():
        groups[root].n_cut += n_letters
    for group in groups.values():
        for root in group.touches:
            groups[root].n_documents += 1


def _forbidden(group: _Group, taken: Sequence[_Group], limit: float) -> str:
    """Why the drawn group (with the families it takes along) cannot be validation; empty where it can."""
    for other in taken:
        if other.forbidden:
            return other.forbidden if other is group else "with_" + other.forbidden
    if any(other.n_documents > _MAX_DOCUMENTS for other in taken[1:]):
        return "in_many_documents"
    return "too_large" if sum(other.n_letters + other.n_cut for other in taken) > limit else ""


def _size_class(n: int) -> str:
    return next((label for limit, label in ((1, "1"), (4, "2-4"), (19, "5-19"), (99, "20-99")) if n <= limit), "100+")


def _count_shape(groups: Sequence[_Group], records: Sequence[Member], families: Families, counts: Counts) -> None:
    if groups:
        largest = max(groups, key=lambda group: (len(group.members), group.name))
        counts.change("in_the_largest_group", largest.n_letters, len(largest.members))
        counts.change("groups", n_records=len(groups))
    for reason, numbers in (("containers", families.containers), ("documents_of_several_groups", families.bridges)):
        if numbers:
            counts.change(reason, sum(records[n].n_letters for n in numbers), len(numbers))


def _warn_of_sources_without_validation(records: Sequence[Member], settings: CleanSettings, counts: Counts) -> None:
    held = {record.source for record in records if record.split == VALID and record.reason is None}
    without = sorted({record.source for record in records} - held) if settings.valid_share else []
    for source in without:
        counts.change(f"no_validation_records_in:{source}", n_records=0)
        print(f"no record of {source} is validation: its validation loss cannot be measured; raise clean.valid_share "
              "or choose another clean.seed", file=sys.stderr)  # fmt: skip
