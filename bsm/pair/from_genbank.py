"""Features of one GenBank record -> genes.

A flat file has no parents: features of one gene share /locus_tag, else /gene and place; a CDS belongs to the mRNA
of its gene whose exons it follows. mRNA and CDS without a gene feature are a gene of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bsm.base.genbank import GenBankFeature, GenBankRecord, Location, Span
from bsm.pair.model import Axis, Cds, Contig, Gene, Transcript, unwrap
from bsm.pair.translation import read_transl_except

_RNA = re.compile(r"RNA$")
_SEGMENTS = frozenset({"V_segment", "D_segment", "J_segment", "C_region", "V_region"})
_TRANSCRIPT_RECORDS = frozenset({"mRNA", "transcribed RNA"})


def contig_of_record(record: GenBankRecord, where: str) -> Contig:
    """The record's letters, and what LOCUS line and source feature say about them."""
    contig = Contig.of(record.name, record.sequence, f"{where}:{record.line}")
    contig.is_circular = record.is_circular
    molecule = record.molecule.split()
    stated = molecule[0] if molecule else ""
    for source in (feature for feature in record.features if feature.kind == "source"):
        for reference in source.qualifiers.get("db_xref", ()):
            if reference.startswith("taxon:") and reference[6:].isdigit():
                contig.taxid = contig.taxid or int(reference[6:])
        stated = source.first("mol_type") or stated
    contig.is_transcript = stated in _TRANSCRIPT_RECORDS
    return contig


def genes_of_record(contig: Contig, record: GenBankRecord) -> Iterator[Gene]:
    """Yield the genes of one record in order of their first line."""
    table = _GeneTable(contig, record)
    coding = []
    for feature in record.features:
        if _RNA.search(feature.kind) or feature.kind in _SEGMENTS:
            table.add_transcript(feature)
        elif feature.kind == "CDS":
            coding.append(feature)
    for feature in coding:
        table.add_cds(feature)
    yield from sorted(table.genes, key=lambda gene: gene.line)


class _GeneTable:
    """The genes of a record, found by locus tag, or by name and place."""

    def __init__(self, contig: Contig, record: GenBankRecord) -> None:
        self.contig = contig
        self.genes: list[Gene] = []
        self._by_name: dict[str, list[Gene]] = {}
        for feature in record.features:
            if feature.kind in ("gene", "pseudogene"):
                self._new_gene(feature, _name(feature), self._spans(feature.location))

    def add_transcript(self, feature: GenBankFeature) -> None:
        spans = self._spans(feature.location)
        gene = self._gene_for(feature, spans)
        transcript = Transcript(
            feature.first("transcript_id"), feature.kind, spans,
            exceptions=_exceptions(feature), line=feature.line, problem=_problem(feature),
        )  # fmt: skip
        gene.pseudo = gene.pseudo or _is_pseudo(feature)
        gene.transcripts.append(transcript)

    def add_cds(self, feature: GenBankFeature) -> None:
        spans = self._spans(feature.location)
        gene = self._gene_for(feature, spans)
        if gene.biotype is None:
            gene.biotype = "protein_coding"
        cds = _cds(feature, spans)
        transcript = _transcript_for(gene, cds, self.contig)
        (gene.cds if transcript is None else transcript.cds).append(cds)

    def _spans(self, location: Location) -> list[Span]:
        if self.contig.is_circular and not location.unresolved:
            return unwrap(location.spans, len(self.contig.letters))
        return location.spans

    def _gene_for(self, feature: GenBankFeature, spans: list[Span]) -> Gene:
        """The gene feature of this name that holds the spans; the smallest of several; else a new gene."""
        name = _name(feature)
        candidates = self._by_name.get(name, []) if name else []
        fitting = [gene for gene in candidates if Axis(gene.spans, self.contig).blocks(spans) is not None]
        if fitting:
            return min(fitting, key=lambda gene: gene.end - gene.start)
        if feature.location.unresolved and candidates:
            return candidates[0]
        one_strand = len({span.strand for span in spans}) == 1 and "trans_splicing" not in feature.qualifiers
        outer = [Span(min(s.start for s in spans), max(s.end for s in spans), spans[0].strand)]
        return self._new_gene(feature, name, outer if one_strand else spans)

    def _new_gene(self, feature: GenBankFeature, name: str, spans: list[Span]) -> Gene:
        symbol = feature.first("gene")
        references = dict(item.partition(":")[::2] for item in feature.qualifiers.get("db_xref", ()))
        fallback = name or feature.first("protein_id") or f"{self.contig.name}:{spans[0].start}-{spans[-1].end}"
        biotype = None if feature.kind in ("gene", "CDS", "mRNA") else feature.kind
        gene = Gene(references.get("GeneID") or fallback, symbol, biotype, spans, line=feature.line)
        gene.pseudo = feature.kind == "pseudogene" or _is_pseudo(feature)
        gene.problem = _problem(feature) if feature.kind == "gene" else ""
        self.genes.append(gene)
        if name:
            self._by_name.setdefault(name, []).append(gene)
        return gene


def _name(feature: GenBankFeature) -> str:
    return feature.first("locus_tag") or feature.first("gene") or ""


def _is_pseudo(feature: GenBankFeature) -> bool:
    return "pseudo" in feature.qualifiers or "pseudogene" in feature.qualifiers


def _problem(feature: GenBankFeature) -> str:
    return feature.location.unresolved


def _exceptions(feature: GenBankFeature) -> tuple[str, ...]:
    stated = list(feature.qualifiers.get("exception", ()))
    stated += ["ribosomal slippage"] * ("ribosomal_slippage" in feature.qualifiers)
    stated += ["trans-splicing"] * ("trans_splicing" in feature.qualifiers)
    stated += ["artificial frameshift"] * ("artificial_location" in feature.qualifiers)
    return tuple(dict.fromkeys(stated))


def _cds(feature: GenBankFeature, spans: list[Span]) -> Cds:
    start, table = feature.first("codon_start") or "1", feature.first("transl_table") or "1"
    translation = feature.first("translation")
    return Cds(
        spans=spans,
        protein_id=feature.first("protein_id"),
        table=int(table) if table.isdigit() else -1,
        offset=int(start) - 1 if start in ("1", "2", "3") else 0,
        partial_5=feature.location.partial_5,
        partial_3=feature.location.partial_3,
        exceptions=_exceptions(feature),
        transl_except=read_transl_except(",".join(feature.qualifiers.get("transl_except", ()))),
        translation="".join(translation.split()) if translation else None,
        pseudo=_is_pseudo(feature),
        line=feature.line,
        problem=_problem(feature),
    )


def _transcript_for(gene: Gene, cds: Cds, contig: Contig) -> Transcript | None:
    """The gene's first mRNA without a CDS that the coding spans follow (same introns); else any such mRNA."""
    fitting = [t for t in gene.transcripts if t.kind == "mRNA" and not t.problem and _follows(cds, t, contig)]
    return next((t for t in fitting if not t.cds), fitting[0] if fitting else None)


def _follows(cds: Cds, transcript: Transcript, contig: Contig) -> bool:
    """Whether the coding letters stand in the spliced transcript without a gap (slippage apart)."""
    axis = Axis(transcript.spans, contig)
    blocks = axis.blocks(cds.spans)
    if blocks is None:
        return False
    slips = any(text in ("ribosomal slippage", "artificial frameshift") for text in cds.exceptions)
    gaps = [after[0] - before[1] for before, after in pairwise(blocks)]
    return all(abs(gap) <= 2 if slips else gap == 0 for gap in gaps)
