"""A gene of the model and its contig -> rows of GENES: letters, blocks, comparison with the published records.

Rules where the annotation leaves a choice:
* No transcript (bacteria, organelles, many fungi): the RNA is the gene from end to end without what lies between
  its coding parts; gaps below MIN_INTRON_NT shift the frame and are kept.
* A published transcript that is the genome slice and a poly-A tail: the slice is taken (the tail stands in no
  gene) and counted. Any other difference: the published letters win, route ``transcript_record``, exons null.
* Records that are themselves RNA (mRNA records): dna, exons and coding are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bsm.base.alphabet import normalise_protein
from bsm.base.codes import genetic_code
from bsm.base.config.data import PairSettings
from bsm.base.errors import InputError
from bsm.base.genbank import Span
from bsm.pair.model import DAMAGED, MIN_INTRON_NT, Axis, Cds, Contig, Gene, Transcript, joined
from bsm.pair.place import Block, blocks_of_part
from bsm.pair.report import PairsReport
from bsm.pair.store import SequenceStore
from bsm.pair.translation import Verdict, compare, find_coding, read_cds

Row = dict[str, Any]

IMMUNE = frozenset([f"{letter}_{kind}" for letter in "VDJC" for kind in ("segment", "region", "gene_segment")])
"""Parts of immunoglobulin and T-cell receptor genes: they code for a protein only after rearrangement."""


@dataclass(slots=True)
class Extractor:
    """Turns genes into rows; knows the settings, the published records and where the annotation stands."""

    settings: PairSettings
    report: PairsReport
    where: str
    """The annotation file, for messages."""
    transcripts: SequenceStore | None = None
    proteins: SequenceStore | None = None

    def rows(self, gene: Gene, contig: Contig) -> Iterator[Row]:
        """One row per transcript and coding region (one for a gene without any); rejected ones with the reason.

        Raises InputError for damage (a reason in DAMAGED) when the settings say stop.
        """
        problem = self._gene_problem(gene, contig)
        self._check(problem, gene.line, gene.gene_id)
        common = _common(gene, contig)
        if problem != "beyond_sequence" and problem not in DAMAGED and not contig.is_transcript:
            common["dna"] = contig.join(gene.spans)
        units = _units(gene)
        if not units:
            yield self._done({**common, "status": "rejected", "reason": problem or "no_transcript"})
        for transcript, cds in units:
            row = {**common, **_names(transcript, cds, contig)}
            trouble = problem or self._unit_problem(transcript, cds, contig)
            self._check(trouble, (cds or transcript or gene).line, row["protein_id"] or row["transcript_id"])
            if trouble:
                row |= {"status": "rejected", "reason": trouble}
            else:
                row |= self._product(gene, contig, row["dna"], transcript, cds)
            yield self._done(row)

    def _done(self, row: Row) -> Row:
        kept = row["status"] == "kept"
        name = row["transcript_id"] or row["protein_id"] or row["gene_id"]
        self.report.add("gene", "kept" if kept else f"rejected: {row['reason']}", "" if kept else name)
        return row

    def _gene_problem(self, gene: Gene, contig: Contig) -> str:
        if gene.problem:
            return gene.problem
        if not all(map(contig.holds, gene.spans)):
            return "beyond_sequence"
        if gene.pseudo or "pseudogene" in (gene.biotype or ""):
            return "pseudogene"
        if gene.biotype in IMMUNE or any(t.kind in IMMUNE for t in gene.transcripts):
            return "immune_segment"
        length = sum(span.end - span.start for span in gene.spans)
        return "longer_than_max_gene_nt" if length > self.settings.max_gene_nt else ""

    def _unit_problem(self, transcript: Transcript | None, cds: Cds | None, contig: Contig) -> str:
        problem = (transcript.problem if transcript else "") or (cds.problem if cds else "")
        if problem:
            return problem
        spans = [*(transcript.spans if transcript else ()), *(cds.spans if cds else ())]
        if not all(map(contig.holds, spans)):
            return "beyond_sequence"
        if cds is None:
            return ""
        try:
            genetic_code(cds.table)
        except InputError:
            return "unknown_genetic_code"
        return "pseudogene" if cds.pseudo else ""

    def _check(self, problem: str, line: int, name: str | None) -> None:
        """Stop the run for damage, or count it, as the settings say."""
        if problem not in DAMAGED:
            return
        if self.settings.on_damaged == "stop":
            raise InputError(
                f"damaged annotation: {problem}", where=f"{self.where}:{line}", value=name,
                way_out="Repair the file, or set pair.on_damaged: skip to count such records and go on",
            )  # fmt: skip
        self.report.add("damage", problem, f"{name}@line{line}")

    def _product(
        self, gene: Gene, contig: Contig, dna: str | None, transcript: Transcript | None, cds: Cds | None
    ) -> Row:
        axis = Axis(gene.spans, contig)
        coding = axis.blocks(cds.spans) if cds else None
        if transcript is not None:
            exons = axis.blocks(transcript.spans)
            genomic = contig.join(transcript.spans)
        elif coding is not None:
            exons = _exons_of_coding(coding, axis.length)
            genomic = "".join((dna or contig.join(gene.spans))[a:b] for a, b in exons)
        else:  # coding parts that lie outside their gene, as where a trans-spliced gene is given as one span
            exons, genomic = None, contig.join(cds.spans) if cds else ""
        rna, route = self._choose_rna(genomic, transcript)
        row: Row = {"rna": rna, "route": route, "status": "kept", "reason": _stated(transcript, cds)}
        row["exons"] = None if route == "transcript_record" or contig.is_transcript else _flat(exons)
        if cds is not None:
            row |= self._read(contig.join(cds.spans), None if contig.is_transcript else coding, cds, row)
            if exons and coding and not _inside(coding, exons):
                row |= {"status": "rejected", "reason": "cds_outside_exons"}
        return row

    def _choose_rna(self, genomic: str, transcript: Transcript | None) -> tuple[str, str]:
        record = self.transcripts.get(transcript.transcript_id) if self.transcripts and transcript else None
        if record is None or record == genomic:
            if self.transcripts is not None and transcript is not None:
                self.report.add("rna", "equal" if record else "no_record")
            return genomic, "genome"
        name = (transcript.transcript_id if transcript else None) or ""
        if record.startswith(genomic) and not record[len(genomic) :].strip("a"):
            self.report.add("rna", "equal_but_poly_a_tail", name)
            return genomic, "genome"
        self.report.add("rna", "differs", name)
        return record, "transcript_record"

    def _read(self, letters: str, blocks: list[Block] | None, cds: Cds, row: Row) -> Row:
        """Protein, CDS and coding blocks of one coding region, compared with the published protein."""
        try:
            published = self._published(cds)
        except InputError:
            self.report.add("cds", "published_unreadable", cds.protein_id or "")
            return {"status": "rejected", "reason": "published_unreadable", "cds": letters[cds.offset :]}
        reading = read_cds(letters, cds)
        own_cds = letters[cds.offset :]
        verdict = compare(reading, published, cds, own_cds)
        if published and row["route"] == "transcript_record" and verdict.kind != "equal":
            orf = find_coding(row["rna"], published, (cds.table,))
            if orf is not None:
                own_cds = orf.cut(row["rna"])
                verdict = Verdict("equal_in_transcript_record", True, False)
        self.report.add("cds", verdict.kind, "" if verdict.kind == "equal" else _name_of(cds, row))
        protein = reading.protein if published is None else published
        reason = "; ".join(filter(None, [row["reason"], *reading.applied, verdict.note]))
        found: Row = {"protein": protein, "cds": own_cds, "reason": reason or None}
        n_read = min(3 * len(protein), len(own_cds))  # a partial last codon has two letters
        if blocks is not None and verdict.in_frame and 0 <= 3 * len(protein) - n_read < 2:
            found["coding"] = _flat(blocks_of_part(blocks, cds.offset, cds.offset + n_read))
        return found | self._verdict_status(verdict, protein)

    def _verdict_status(self, verdict: Verdict, protein: str) -> Row:
        if not verdict.agrees:
            published_wins = self.settings.on_disagreement == "keep_published" and not verdict.kind.startswith("no_")
            return {"status": "kept" if published_wins else "rejected", "reason": verdict.kind}
        if len(protein) < self.settings.min_protein_aa:
            return {"status": "rejected", "reason": "protein_shorter_than_min"}
        return {}

    def _published(self, cds: Cds) -> str | None:
        if cds.translation is not None:
            return normalise_protein(cds.translation, cds.protein_id or "")[0]
        return self.proteins.get(cds.protein_id) if self.proteins else None


def _units(gene: Gene) -> list[tuple[Transcript | None, Cds | None]]:
    units: list[tuple[Transcript | None, Cds | None]] = []
    for transcript in gene.transcripts:
        units += [(transcript, cds) for cds in transcript.cds] or [(transcript, None)]
    return units + [(None, cds) for cds in gene.cds]


def _common(gene: Gene, contig: Contig) -> Row:
    return {
        "gene_id": gene.gene_id, "transcript_id": None, "protein_id": None, "symbol": gene.symbol,
        "biotype": gene.biotype, "contig": contig.name, "start": gene.start, "end": gene.end,
        "strand": gene.strand, "taxid": contig.taxid, "genetic_code": None, "dna": None, "rna": None,
        "cds": None, "protein": None, "exons": None, "coding": None, "status": "kept", "reason": None, "route": None,
    }  # fmt: skip


def _names(transcript: Transcript | None, cds: Cds | None, contig: Contig) -> Row:
    name = transcript.transcript_id if transcript else None
    return {
        "transcript_id": contig.name if contig.is_transcript else name,
        "protein_id": cds.protein_id if cds else None,
        "genetic_code": cds.table if cds and cds.table > 0 else None,
    }


def _stated(transcript: Transcript | None, cds: Cds | None) -> str | None:
    stated = dict.fromkeys([*(transcript.exceptions if transcript else ()), *(cds.exceptions if cds else ())])
    return "; ".join(stated) or None


def _name_of(cds: Cds, row: Row) -> str:
    return cds.protein_id or row.get("transcript_id") or f"line{cds.line}"


def _exons_of_coding(coding: list[Block], length: int) -> list[Block]:
    """The RNA of a gene without a transcript, as blocks on its DNA: see the module's rules."""
    spans = joined((Span(start, end, 1) for start, end in coding), MIN_INTRON_NT)
    spans[0] = spans[0]._replace(start=0)
    spans[-1] = spans[-1]._replace(end=length)
    return [(span.start, span.end) for span in spans]


def _inside(coding: Iterable[Block], exons: Iterable[Block]) -> bool:
    """Whether each coding block lies in one exon (exons that touch count as one)."""
    merged = joined(Span(start, end, 1) for start, end in exons)
    return all(any(e.start <= start and end <= e.end for e in merged) for start, end in coding)


def _flat(blocks: list[Block] | None) -> list[int] | None:
    return [number for block in blocks for number in block] if blocks is not None else None
