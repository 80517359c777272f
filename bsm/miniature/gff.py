"""GFF3 as NCBI's annotwriter writes it (README_GFF3 of genomes/, GFF3 1.21).

gene -> mRNA -> exon and CDS in eukaryotic nuclei, CDS directly under the gene in bacteria and mitochondria;
one row per part with the same ID; 1-based closed positions; features across an origin run past its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bsm.miniature.model import Contig, Gene, Species, Transcript, TranslationException

ANNOTATION_DATE = "2024-04-15"
_ESCAPED = re.compile(r"[%;=&,\t]")
_TYPES = {"lncRNA": ("lnc_RNA", "ncRNA"), "snRNA": ("snRNA", "ncRNA"), "snoRNA": ("snoRNA", "ncRNA"),
          "rRNA": ("rRNA", "rRNA"), "tRNA": ("tRNA", "tRNA"), "protein_coding": ("mRNA", "mRNA")}  # fmt: skip
"""Biotype -> (feature type, gbkey) of its transcript."""

Attributes = dict[str, str]


class Span(NamedTuple):
    start: int
    end: int
    strand: int


class NotEscaped(str):
    """An attribute value whose commas separate several values."""


def annotation_name(species: Species) -> str:
    """Name of the annotation: ``GCF_x.y-RS_2024_04``; a GenBank assembly has its submitter's."""
    return "na" if species.is_genbank else f"{species.accession}-RS_{ANNOTATION_DATE[:7].replace('-', '_')}"


def submitted_transcript(species: Species, tag: str) -> str:
    """The submitter's name of a transcript in GenBank annotation, where it has no accession."""
    return f"gnl|WGS:MIN{species.accession[-3]}|mrna.{tag}"


def gff(species: Species) -> str:
    """The whole annotation file."""
    source = f"{'submitter' if species.is_genbank else 'NCBI RefSeq'} {annotation_name(species)}"
    lines = [
        "##gff-version 3",
        "#!gff-spec-version 1.21",
        "#!processor NCBI annotwriter",
        f"#!genome-build {species.assembly_name}",
        f"#!genome-build-accession NCBI_Assembly:{species.accession}",
        *([] if species.is_genbank else [f"#!annotation-date {ANNOTATION_DATE}", f"#!annotation-source {source}"]),
    ]
    for contig in species.contigs:
        lines += [
            f"##sequence-region {contig.accession} 1 {len(contig.letters)}",
            "##species https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id=" + str(species.settings.taxid),
            _region(species, contig),
        ]
        for gene in species.genes:
            if gene.contig == contig.accession:
                lines += _GeneRows(species, contig, gene).rows()
    return "\n".join([*lines, "###"]) + "\n"


def _region(species: Species, contig: Contig) -> str:
    attributes = {
        "ID": f"{contig.accession}:1..{len(contig.letters)}",
        "Dbxref": f"taxon:{species.settings.taxid}",
        "Name": contig.name,
        "gbkey": "Src",
        "genome": "mitochondrion" if contig.is_organelle else "plasmid" if contig.name[0] == "p" else "chromosome",
        "mol_type": "genomic DNA",
        ("isolate" if contig.genetic_code != 11 else "strain"): "MIN",
    }
    if contig.circular:
        attributes["Is_circular"] = "true"
    if not contig.is_organelle and not contig.circular:
        attributes["chromosome"] = contig.name
    source = "Genbank" if species.is_genbank else "RefSeq"
    return _row(contig.accession, source, "region", Span(0, len(contig.letters), 1), ".", attributes)


class _GeneRows:
    """The rows of one gene."""

    def __init__(self, species: Species, contig: Contig, gene: Gene) -> None:
        self.species, self.contig, self.gene = species, contig, gene
        self.by_locus = species.is_genbank or species.is_bacterial
        self.identity = gene.locus_tag if self.by_locus else gene.symbol
        self.spans = [Span(*part) for part in gene.parts] or [Span(gene.start, gene.end, gene.strand)]

    def rows(self) -> Iterator[str]:
        yield from self._gene()
        for index, transcript in enumerate(self.gene.transcripts):
            if self.gene.biotype == "pseudogene":
                yield from self._pseudogene_body(transcript)
                continue
            parent = f"gene-{self.identity}"
            if transcript.exons:
                parent = self._transcript_identity(transcript, index)
                yield from self._transcript(transcript, index, parent)
            if transcript.coding:
                yield from self._cds(transcript, index, parent)

    def _gene(self) -> Iterator[str]:
        is_pseudo = self.gene.biotype == "pseudogene"
        attributes = {
            "ID": f"gene-{self.identity}",
            "Dbxref": self._dbxref(),
            "Name": self.identity if self.by_locus else self.gene.symbol,
            "gbkey": "Gene",
            "gene_biotype": self.gene.biotype,
            **self._names(),
            **({"pseudo": "true"} if is_pseudo else {}),
            **({"exception": self.gene.transcripts[0].exception} if self.gene.parts else {}),
        }
        yield from self._parts("pseudogene" if is_pseudo else "gene", self.spans, attributes)

    def _transcript(self, transcript: Transcript, index: int, identity: str) -> Iterator[str]:
        kind, gbkey = _TYPES[self.gene.biotype]
        variants = len(self.gene.transcripts)
        names = {
            "Dbxref": self._dbxref(transcript.transcript_id),
            "gbkey": gbkey,
            **self._names(),
            **self._original(index),
            **self._product(f", transcript variant {index + 1}" if variants > 1 else ""),
            **({"transcript_id": transcript.transcript_id} if transcript.transcript_id else {}),
        }
        own = {
            "Parent": f"gene-{self.identity}",
            "Name": transcript.transcript_id or "",
            **self._record_note(transcript),
        }
        spans = [Span(start, end, self.gene.strand) for start, end in transcript.exons]
        whole = Span(min(s.start for s in spans), max(s.end for s in spans), self.gene.strand)
        yield from self._parts(kind, [whole], {"ID": identity, **own, **names})
        for number, span in enumerate(spans, 1):
            exon = {"ID": f"exon-{identity.removeprefix('rna-')}-{number}", "Parent": identity, **names}
            yield from self._parts("exon", [span], exon)

    def _cds(self, transcript: Transcript, index: int, parent: str) -> Iterator[str]:
        strands = transcript.coding_strands or (self.gene.strand,) * len(transcript.coding)
        spans = [Span(*block, strand) for block, strand in zip(transcript.coding, strands, strict=True)]
        variants = len(self.gene.transcripts)
        attributes = {
            "ID": f"cds-{transcript.protein_id}",
            "Parent": parent,
            "Dbxref": self._dbxref(transcript.protein_id),
            "Name": transcript.protein_id or "",
            "gbkey": "CDS",
            **self._names(),
            **{key: value for key, value in self._original(index).items() if key == "orig_transcript_id"},
            **self._product(f" isoform {index + 1}" if variants > 1 else ""),
            "protein_id": transcript.protein_id or "",
            **({"transl_table": str(self.gene.genetic_code)} if self.gene.genetic_code != 1 else {}),
            **({"transl_except": _transl_except(transcript.translation_exceptions[0])}
               if transcript.translation_exceptions else {}),
            **({"exception": transcript.exception} if self.gene.special != "differing_transcript" else {}),
        }  # fmt: skip
        yield from self._parts("CDS", spans, attributes, _phases(spans, transcript.phase))

    def _pseudogene_body(self, transcript: Transcript) -> Iterator[str]:
        """Eukaryotes: exons below the pseudogene; bacteria: a CDS without protein_id."""
        common = {"Parent": f"gene-{self.identity}", "Dbxref": self._dbxref(), **self._names(), "pseudo": "true"}
        spans = [Span(start, end, self.gene.strand) for start, end in transcript.exons]
        if self.species.is_bacterial:
            table = {"gbkey": "CDS", "product": self.gene.product, "transl_table": str(self.gene.genetic_code)}
            note = "frameshifted; internal stop"
            yield from self._parts("CDS", spans, {"ID": f"cds-{self.identity}", **common, **table, "Note": note}, ["0"])
        else:
            yield from self._parts("exon", spans, {"ID": f"id-{self.identity}", **common, "gbkey": "exon"})

    def _parts(
        self, kind: str, spans: list[Span], attributes: Attributes, phases: list[str] | None = None
    ) -> Iterator[str]:
        for number, span in enumerate(spans, 1):
            row = dict(attributes)
            if self.gene.parts:
                row["part"] = str(number)
            row |= self._open_ends(span)
            phase = phases[number - 1] if phases else "."
            yield _row(self.contig.accession, self._source(kind), kind, span, phase, row)

    def _open_ends(self, span: Span) -> Attributes:
        """``partial`` with start_range or end_range on rows that touch the missing end."""
        if self.gene.special not in ("partial_5", "partial_3"):
            return {}
        if (self.gene.special == "partial_5") == (self.gene.strand > 0):
            return (
                {"partial": "true", "start_range": NotEscaped(f".,{span.start + 1}")}
                if span.start == self.gene.start
                else {}
            )
        return {"partial": "true", "end_range": NotEscaped(f"{span.end},.")} if span.end == self.gene.end else {}

    def _source(self, kind: str) -> str:
        if self.species.is_genbank:
            return "Genbank"
        if self.species.is_bacterial or self.contig.is_organelle:
            return "RefSeq"
        if self.gene.biotype == "tRNA":
            return "tRNAscan-SE"
        accession = self.gene.transcripts[0].transcript_id or ""
        return "BestRefSeq" if accession.startswith(("NM_", "NR_")) else "Gnomon"

    def _transcript_identity(self, transcript: Transcript, index: int) -> str:
        if self.species.is_genbank and self.gene.biotype == "protein_coding":
            return f"rna-{self._original(index)['orig_transcript_id']}"
        return f"rna-{transcript.transcript_id or self.identity}"

    def _original(self, index: int) -> Attributes:
        """Submitter's names in GenBank annotation, where transcripts have no accession."""
        if not self.species.is_genbank or self.gene.biotype != "protein_coding":
            return {}
        tag = self.gene.locus_tag + (f"-{index + 1}" if index else "")
        transcript = submitted_transcript(self.species, tag)
        return {"orig_protein_id": transcript.replace("|mrna.", "|"), "orig_transcript_id": transcript}

    def _names(self) -> Attributes:
        if self.by_locus:
            return {"locus_tag": self.gene.locus_tag}
        return {"gene": self.gene.symbol}

    def _product(self, suffix: str) -> Attributes:
        return {"product": self.gene.product + suffix}

    def _dbxref(self, accession: str | None = None) -> NotEscaped:
        if self.species.is_genbank:
            return NotEscaped(f"NCBI_GP:{accession}" if accession else "")
        stated = [f"GeneID:{self.gene.gene_id}", *([f"GenBank:{accession}"] if accession else [])]
        return NotEscaped(",".join(stated))

    def _record_note(self, transcript: Transcript) -> Attributes:
        if self.gene.special != "differing_transcript" or not transcript.exception:
            return {}
        note = "The RefSeq transcript has 4 substitutions compared to this genomic sequence"
        inference = f"similar to RNA sequence, mRNA (same species):RefSeq:{transcript.transcript_id}"
        return {"Note": note, "exception": transcript.exception, "inference": inference}


def _phases(spans: list[Span], first_phase: int) -> list[str]:
    """Phase of each part: letters before its first whole codon."""
    phases, n_read = [], -first_phase
    for span in spans:
        phases.append(str(-n_read % 3))
        n_read += span.end - span.start
    return phases


def _transl_except(exception: TranslationException) -> str:
    position = f"{exception.start + 1}..{exception.end}"
    if exception.strand < 0:
        position = f"complement({position})"
    return f"(pos:{position},aa:{exception.amino_acid})"


def _row(contig: str, source: str, kind: str, span: Span, phase: str, attributes: Attributes) -> str:
    """One line; ID, Parent and Dbxref first, the others in ASCII order, as NCBI does."""
    first = [key for key in ("ID", "Parent", "Dbxref") if attributes.get(key)]
    rest = sorted(key for key, value in attributes.items() if value and key not in first)
    text = ";".join(f"{key}={_value(attributes[key])}" for key in [*first, *rest])
    strand = "+" if span.strand > 0 else "-"
    return "\t".join((contig, source, kind, str(span.start + 1), str(span.end), ".", strand, phase, text))


def _value(value: str) -> str:
    if isinstance(value, NotEscaped):
        return str(value)
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", value)
