"""From links to groups without gluing the world together.

Records come in order of size. A record joins the families it resembles and those that stand in it. Three kinds of
record would chain unrelated families, and therefore do not:

* a **container**: a single nucleotide record that holds records of several otherwise unlinked families (contig,
  plasmid, virus, organelle, operon). It links nothing and is training data; the gate cuts windows from it.
* a **bridge**: a document whose sequences belong to several families. It links nothing; drawn for validation it
  takes its families with it, else it loses the pieces that are validation elsewhere.
* a **common part**: a sequence that stands in several unlinked families (a repeat, a shared domain). It joins the
  smallest record that holds it only. Where another holder is a nucleotide record, the gate would cut it there;
  where it is a gene or a protein, which would go whole, the common part is training data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from bsm.clean.linking import Kind, Link


class Role(Enum):
    """What a record is for grouping: one gene or protein; one nucleotide sequence; a document; a long contig."""

    GENE = "gene"
    NUCLEOTIDE = "nucleotide"
    DOCUMENT = "document"
    CONTIG = "contig"


@dataclass
class Families:
    """Disjoint sets of records. ``rank`` orders records by size (ties by name)."""

    roles: Sequence[Role]
    rank: Sequence[int]
    containers: set[int] = field(default_factory=set)
    bridges: dict[int, list[int]] = field(default_factory=dict)  # document -> records it touches
    conflicts: list[Link] = field(default_factory=list)  # links that were not followed

    def __post_init__(self) -> None:
        self._parent = list(range(len(self.roles)))
        self._held: set[int] = set()
        self.containers |= {n for n, role in enumerate(self.roles) if role is Role.CONTIG}

    def root(self, record: int) -> int:
        while self._parent[record] != record:
            self._parent[record] = self._parent[self._parent[record]]
            record = self._parent[record]
        return record

    def join(self, a: int, b: int) -> None:
        a, b = sorted((self.root(a), self.root(b)))
        self._parent[b] = a

    def grow(self, links: Iterable[Link]) -> None:
        """Follow the links between records other than documents; finds containers and common parts."""
        later: dict[int, list[Link]] = defaultdict(list)
        for link in links:
            if Role.DOCUMENT not in (self.roles[link.inner], self.roles[link.outer]):
                later[max(link.inner, link.outer, key=lambda n: self.rank[n])].append(link)
        for record in sorted(later, key=lambda n: self.rank[n]):
            self._place(record, later[record])

    def _place(self, record: int, links: list[Link]) -> None:
        if self.roles[record] is Role.NUCLEOTIDE and self._is_container(record, links):
            self.containers.add(record)
        for link in sorted(links, key=lambda k: (-k.kind, self.rank[k.inner], self.rank[k.outer])):
            if self.containers & {link.inner, link.outer}:
                self.conflicts.append(link)
            elif link.kind is not Kind.INSIDE or self.root(link.inner) == self.root(link.outer):
                self.join(link.inner, link.outer)
            elif link.inner in self._held:
                self.conflicts.append(link)
            else:
                self._held.add(link.inner)
                self.join(link.inner, link.outer)

    def _is_container(self, record: int, links: list[Link]) -> bool:
        """Whether it holds several families and is no copy of a smaller record that does not."""
        smaller = {link.inner + link.outer - record: link.kind for link in links
                   if link.kind is not Kind.INSIDE or link.outer == record}  # fmt: skip
        if any(kind is not Kind.INSIDE and other in self.containers for other, kind in smaller.items()):
            return True
        if Kind.COPY in smaller.values():
            return False
        return len({self.root(other) for other in smaller if other not in self.containers}) > 1

    def add_documents(self, touches: dict[int, set[int]]) -> None:
        """Documents with the records that resemble one of their pieces, in order of rank."""
        for document in sorted(touches, key=lambda n: self.rank[n]):
            others = sorted(n for n in touches[document] if n not in self.containers and n not in self.bridges)
            for other in sorted(touches[document] & self.containers):
                self.conflicts.append(Link(document, other, Kind.INSIDE))
            if len({self.root(n) for n in others}) > 1:
                self.bridges[document] = others
            else:
                for other in others:
                    self.join(document, other)
