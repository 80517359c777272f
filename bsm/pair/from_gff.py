"""Rows of one sequence's GFF3 annotation -> genes.

Understands gene -> transcript -> exon/CDS (NCBI, GenHub, Ensembl), CDS or exons directly under the gene, CDS without
any parent, several parents, and rows that share an ID (one discontinuous feature).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from bsm.base.genbank import Span
from bsm.base.gff3 import GffRow, attribute, parse_attributes, unescape, values
from bsm.pair.model import MIN_INTRON_NT, Axis, Cds, Contig, Gene, Transcript, in_transcript_order, joined, unwrap
from bsm.pair.translation import read_transl_except

_TRANSCRIPT = re.compile(r"(RNA|transcript|gene_segment|C_region)$")
_RNA_MOLECULES = frozenset({"mRNA", "transcribed RNA", "transcribed%20RNA"})
TRANS_SPLICING = "trans-splicing"


def is_gene(kind: str) -> bool:
    """Whether a feature type is a gene: ``gene``, ``pseudogene``, ``ncRNA_gene``, ..."""
    return kind in ("gene", "pseudogene") or kind.endswith("_gene")


def is_wanted(kind: str) -> bool:
    """Whether this stage reads rows of the type at all."""
    return kind in ("exon", "CDS", "region") or is_gene(kind) or _TRANSCRIPT.search(kind) is not None


@dataclass(slots=True)
class _Node:
    """A gene or transcript: the rows that share its ID."""

    rows: list[GffRow]
    attributes: dict[str, str]
    problem: str = ""

    @property
    def line(self) -> int:
        return self.rows[0].line


def describe_contig(contig: Contig, rows: list[GffRow]) -> None:
    """Take what the sequence's ``region`` row says: taxon, circular or not, genome or transcript."""
    for row in rows:
        if row.kind != "region" or row.start:
            continue
        attributes = parse_attributes(row.attribute_text)
        for reference in values(attributes.get("Dbxref")):
            if reference.startswith("taxon:") and reference[6:].isdigit():
                contig.taxid = int(reference[6:])
        contig.is_circular = contig.is_circular or attributes.get("Is_circular", "").lower() == "true"
        contig.is_transcript = attributes.get("mol_type") in _RNA_MOLECULES
        return


def genes_of_rows(contig: Contig, rows: list[GffRow], describe: bool = True) -> Iterator[Gene]:
    """Yield the genes of one contig in the order of their first line; broken ones carry a ``problem``.

    ``describe`` takes what the sequence's region row says first.
    """
    if describe:
        describe_contig(contig, rows)
    tree = _Tree(contig, rows)
    found = [*map(tree.gene, tree.genes), *tree.strays(), *tree.orphans()]
    yield from sorted(found, key=lambda gene: gene.line)


class _Tree:
    """Rows sorted by what they are and whom they belong to."""

    def __init__(self, contig: Contig, rows: list[GffRow]) -> None:
        self.contig = contig
        self.genes: dict[str, _Node] = {}
        self.transcripts: dict[str, _Node] = {}
        self.exons: dict[str, list[GffRow]] = {}
        self.codings: dict[str, dict[str, list[GffRow]]] = {}
        self.free_codings: dict[str, list[GffRow]] = {}
        self.children: dict[str, list[str]] = {}
        for row in rows:
            if row.kind in ("exon", "CDS"):
                self._add_part(row)
            elif row.kind != "region":
                self._add_node(row, self.genes if is_gene(row.kind) else self.transcripts)
        self._link()

    def _add_node(self, row: GffRow, nodes: dict[str, _Node]) -> None:
        identity = unescape(attribute(row.attribute_text, "ID") or f"line {row.line}")
        known = nodes.get(identity)
        if known is None:
            nodes[identity] = _Node([row], parse_attributes(row.attribute_text))
        elif self._continues(row):
            known.rows.append(row)
        else:
            known.problem = "duplicate_id"

    def _continues(self, row: GffRow) -> bool:
        """Whether rows of one ID may be parts of one gene or transcript: across the origin, or trans-spliced."""
        text = row.attribute_text
        return self.contig.is_circular or attribute(text, "part") is not None or TRANS_SPLICING in text

    def _add_part(self, row: GffRow) -> None:
        identity = attribute(row.attribute_text, "ID") or ""
        parents = values(attribute(row.attribute_text, "Parent"))
        for parent in parents:
            if row.kind == "exon":
                self.exons.setdefault(parent, []).append(row)
            else:
                self.codings.setdefault(parent, {}).setdefault(identity, []).append(row)
        if not parents and row.kind == "CDS":
            self.free_codings.setdefault(identity or f"line {row.line}", []).append(row)

    def _link(self) -> None:
        """Hang every transcript below its gene (through other transcripts, as miRNA below primary_transcript)."""
        self.rootless: list[str] = []
        self.lost: dict[str, list[GffRow]] = {}
        for identity, node in self.transcripts.items():
            gene = self._gene_above(node)
            if gene is not None:
                self.children.setdefault(gene, []).append(identity)
            elif "Parent" in node.attributes:
                self.lost.setdefault(unescape(node.attributes["Parent"]), []).extend(node.rows)
            else:
                self.rootless.append(identity)
        for parent, groups in self.codings.items():
            if parent not in self.genes and parent not in self.transcripts:
                self.lost.setdefault(parent, []).extend(row for rows in groups.values() for row in rows)
        for parent, rows in self.exons.items():
            if parent not in self.genes and parent not in self.transcripts:
                self.lost.setdefault(parent, []).extend(rows)

    def _gene_above(self, node: _Node) -> str | None:
        for _ in range(8):  # deeper nesting does not occur; the limit ends a circle of parents
            parents = values(node.attributes.get("Parent"))
            gene = next((parent for parent in parents if parent in self.genes), None)
            if gene is not None:
                return gene
            above = next((self.transcripts[parent] for parent in parents if parent in self.transcripts), None)
            if above is None:
                return None
            node = above
        return None

    def gene(self, identity: str) -> Gene:
        """The gene of this ID with its transcripts and coding regions."""
        node = self.genes[identity]
        gene = _new_gene(node.attributes, identity, self._own_spans(node.rows), node.rows[0])
        gene.problem = node.problem
        axis = Axis(gene.spans, self.contig)
        for child in self.children.get(identity, ()):
            gene.transcripts.append(self._transcript(child, axis))
        gene.cds = self._codings(identity, axis)
        if not gene.transcripts and identity in self.exons:
            self._adopt_exons(gene, self.exons[identity], axis)
        return gene

    def strays(self) -> Iterator[Gene]:
        """Transcripts and coding regions without any parent: each is a gene of its own."""
        for identity in self.rootless:
            node = self.transcripts[identity]
            gene = _new_gene(node.attributes, identity, self._own_spans(node.rows), node.rows[0])
            gene.transcripts = [self._transcript(identity, Axis(gene.spans, self.contig))]
            yield gene
        for identity, rows in self.free_codings.items():
            attributes = parse_attributes(rows[0].attribute_text)
            spans = self._own_spans(rows)
            gene = _new_gene(attributes, identity, _outer(spans), rows[0])
            gene.cds = [self._cds(rows, Axis(gene.spans, self.contig))]
            yield gene

    def orphans(self) -> Iterator[Gene]:
        """Rows whose Parent stands nowhere: one rejected gene per missing parent."""
        for parent, rows in self.lost.items():
            start, end = min(row.start for row in rows), max(row.end for row in rows)
            span = Span(start, end, rows[0].strand or 1)
            yield Gene(parent, None, None, [span], line=rows[0].line, problem="parent_missing")

    def _transcript(self, identity: str, axis: Axis) -> Transcript:
        node = self.transcripts[identity]
        exons = self.exons.get(identity) or node.rows
        transcript = Transcript(
            transcript_id=_transcript_id(node.attributes, identity),
            kind=node.rows[0].kind,
            spans=[span for span, _ in self._ordered(exons, axis)],
            cds=self._codings(identity, axis),
            exceptions=tuple(values(node.attributes.get("exception"))),
            line=node.line,
            problem=node.problem,
        )
        if identity not in self.exons and transcript.cds and len(node.rows) == 1:
            _exons_from_coding(transcript)
        return transcript

    def _adopt_exons(self, gene: Gene, rows: list[GffRow], axis: Axis) -> None:
        """Exons directly under a gene without transcripts are its transcript if they hold all its coding regions."""
        spans = [span for span, _ in self._ordered(rows, axis)]
        exons = joined(spans)
        coding = [span for cds in gene.cds for span in cds.spans]
        covered = all(any(e.start <= s.start and s.end <= e.end for e in exons) for s in coding)
        if covered:
            gene.transcripts = [Transcript(None, "exons", spans, gene.cds, line=rows[0].line)]
            gene.cds = []

    def _codings(self, parent: str, axis: Axis) -> list[Cds]:
        return [self._cds(rows, axis) for rows in self.codings.get(parent, {}).values()]

    def _cds(self, rows: list[GffRow], axis: Axis) -> Cds:
        ordered = self._ordered(rows, axis)
        first, last = ordered[0][1], ordered[-1][1]
        attributes = parse_attributes(rows[0].attribute_text)
        table = attributes.get("transl_table", "1")
        protein_id = attributes.get("protein_id") or _genbank_reference(attributes)
        return Cds(
            spans=[span for span, _ in ordered],
            protein_id=unescape(protein_id) if protein_id else None,
            table=int(table) if table.isdigit() else -1,
            offset=first.phase or 0,
            partial_5=_is_open(first, 5),
            partial_3=_is_open(last, 3),
            exceptions=tuple(values(attributes.get("exception"))),
            transl_except=read_transl_except(unescape(attributes.get("transl_except", ""))),
            pseudo=attributes.get("pseudo") == "true",
            line=rows[0].line,
        )

    def _ordered(self, rows: list[GffRow], axis: Axis) -> list[tuple[Span, GffRow]]:
        """Rows in transcript order: along the gene where they lie on it, else by part number or coordinate."""
        pairs = [(_span(row), row) for row in rows]
        if len(pairs) == 1:
            return pairs
        located = [(axis.locate(span), span, row) for span, row in pairs]
        if all(place for place, _, _ in located):
            return [(span, row) for _, span, row in sorted(located, key=lambda item: item[0] or (0, 0))]
        return self._without_axis(pairs)

    def _without_axis(self, pairs: list[tuple[Span, GffRow]]) -> list[tuple[Span, GffRow]]:
        strands = {span.strand for span, _ in pairs}
        texts = [row.attribute_text for _, row in pairs]
        if len(strands) > 1 or TRANS_SPLICING in texts[0]:
            numbers = [attribute(text, "part") or "" for text in texts]
            if all(number.isdigit() for number in numbers):
                return sorted(pairs, key=lambda pair: int(attribute(pair[1].attribute_text, "part") or 0))
            return pairs
        ordered = sorted(pairs, key=lambda pair: (pair[0].start, pair[0].end))
        ordered = self._across_origin(ordered)
        return ordered if strands.pop() > 0 else ordered[::-1]

    def _across_origin(self, rising: list[tuple[Span, GffRow]]) -> list[tuple[Span, GffRow]]:
        """Rising parts of a circular contig that touch both its ends begin behind their largest gap."""
        length = len(self.contig.letters)
        if not self.contig.is_circular or rising[0][0].start > 0 or rising[-1][0].end != length or len(rising) < 2:
            return rising
        gaps = [after[0].start - before[0].end for before, after in pairwise(rising)]
        cut = gaps.index(max(gaps)) + 1
        return rising[cut:] + rising[:cut]

    def _own_spans(self, rows: list[GffRow]) -> list[Span]:
        """Spans of a feature that stands alone: its parts in transcript order, joined across an origin."""
        pairs = [(_span(row), row) for row in rows]
        spans = [span for span, _ in self._without_axis(pairs)] if len(pairs) > 1 else [pairs[0][0]]
        return unwrap(spans, len(self.contig.letters)) if self.contig.is_circular else spans


def _span(row: GffRow) -> Span:
    return Span(row.start, row.end, row.strand or 1)


def _outer(spans: list[Span]) -> list[Span]:
    """One span from the first to the last letter where all lie on one strand; else the spans themselves."""
    if len({span.strand for span in spans}) > 1:
        return spans
    return [Span(min(s.start for s in spans), max(s.end for s in spans), spans[0].strand)]


def _exons_from_coding(transcript: Transcript) -> None:
    """A transcript row without exons has introns where its coding parts leave gaps: cut them out."""
    start, end = transcript.spans[0].start, transcript.spans[0].end
    parts = joined([span for cds in transcript.cds for span in cds.spans], MIN_INTRON_NT)
    if len(parts) < 2 or parts[0].start < start or parts[-1].end > end or len({p.strand for p in parts}) > 1:
        return
    parts[0] = parts[0]._replace(start=start)
    parts[-1] = parts[-1]._replace(end=end)
    transcript.spans = in_transcript_order(parts)


def _is_open(row: GffRow, side: int) -> bool:
    """Whether the row is partial at its 5' or 3' side (NCBI's start_range and end_range)."""
    tag = "start_range" if (row.strand >= 0) == (side == 5) else "end_range"
    return attribute(row.attribute_text, tag) is not None


def _new_gene(attributes: dict[str, str], identity: str, spans: list[Span], row: GffRow) -> Gene:
    references = dict(item.partition(":")[::2] for item in reversed(values(attributes.get("Dbxref"))))
    names = (attributes.get(tag) for tag in ("locus_tag", "gene_id", "gene", "Name"))
    fallback = next((unescape(name) for name in names if name), identity)
    biotype = attributes.get("gene_biotype") or attributes.get("biotype")
    symbol = attributes.get("gene") or attributes.get("Name")
    return Gene(
        gene_id=references.get("GeneID") or fallback,
        symbol=unescape(symbol) if symbol else None,
        biotype=unescape(biotype) if biotype else None,
        spans=spans,
        pseudo=row.kind.startswith("pseudogene") or attributes.get("pseudo") == "true",
        line=row.line,
    )


def _transcript_id(attributes: dict[str, str], identity: str) -> str:
    stated = attributes.get("transcript_id") or _genbank_reference(attributes)
    return unescape(stated or identity.removeprefix("rna-"))


def _genbank_reference(attributes: dict[str, str]) -> str | None:
    for reference in values(attributes.get("Dbxref")):
        database, _, accession = reference.partition(":")
        if database.lower() == "genbank":
            return accession
    return None
