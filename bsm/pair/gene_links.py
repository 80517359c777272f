"""NCBI Gene's related sequences (gene2accession) -> GENES: one row per gene and (RNA, protein) pair.

Rules where the table leaves a choice:
* Genomic slice: among the rows of the pair that have a place (else of the gene), RefSeq accessions go first (NC_,
  then NT_/NW_, then NG_), then rows of a reference or primary assembly, then the smallest accession and start.
* The protein must be read from the RNA (or, where the gene has none, from the slice itself, which then is the RNA too)
  under a genetic code of NCBI's; the first code of find_coding's order that gives it is taken.
* Exons are located only where the whole RNA can be laid on the slice letter by letter (see ``place_on_genome``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from bsm.base.alphabet import Modality, reverse_complement
from bsm.base.config.data import PairSettings
from bsm.base.errors import InputError
from bsm.base.files import reading_text
from bsm.base.progress import Progress
from bsm.base.tables import GENES, TableWriter
from bsm.pair.extract import Row
from bsm.pair.place import Block, blocks_of_part, place_on_genome
from bsm.pair.report import PairsReport
from bsm.pair.store import SequenceStore
from bsm.pair.translation import find_coding

_COLUMNS = (
    "tax_id", "GeneID", "RNA_nucleotide_accession.version", "protein_accession.version",
    "genomic_nucleotide_accession.version", "start_position_on_the_genomic_accession",
    "end_position_on_the_genomic_accession", "orientation", "assembly", "Symbol",
)  # fmt: skip
_PREFIXES = {"NC_": 0, "NT_": 1, "NW_": 1, "NG_": 2}


class Link(NamedTuple):
    """One row of the table; ``-`` is None, except in orientation, where it is the minus strand."""

    taxid: int
    gene_id: str
    rna: str | None
    protein: str | None
    genomic: str | None
    start: int
    end: int
    """0-based half-open; the file's positions are 0-based inclusive."""
    orientation: str
    assembly: str | None
    symbol: str | None


@dataclass(frozen=True, slots=True)
class GeneFiles:
    """gene2accession rows and the sequences they name."""

    table: Path
    rna: tuple[Path, ...]
    protein: tuple[Path, ...]
    genomic: tuple[Path, ...]
    """Slices named ``ACC.V:START-END`` (0-based half-open), forward strand."""


def read_links(path: Path | str) -> Iterator[list[Link]]:
    """Yield the rows of one gene after the other, each gene once; memory for what an unsorted file mixes.

    Raises InputError, naming file and line, for a table without its columns or a row that cannot be read.
    """
    remaining = _rows_per_gene(path)
    waiting: dict[tuple[str, str], list[Link]] = {}
    with reading_text(path) as handle:
        places = _header(path, handle)
        for number, line in enumerate(handle, 2):
            link = _link(path, number, line, places)
            key = (str(link.taxid), link.gene_id)
            waiting.setdefault(key, []).append(link)
            remaining[key] -= 1
            if not remaining[key]:
                yield waiting.pop(key)


def _rows_per_gene(path: Path | str) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    with reading_text(path) as handle:
        tax_id, gene_id, *_ = _header(path, handle)
        for line in handle:
            columns = line.split("\t", gene_id + 1)
            if len(columns) > gene_id:
                counts[columns[tax_id], columns[gene_id]] += 1
    return counts


def _header(path: Path | str, handle: IO[str]) -> list[int]:
    names = handle.readline().rstrip("\n").lstrip("#").split("\t")
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise InputError(f"gene2accession without the column(s) {', '.join(missing)}", where=f"{path}:1",
                         value=names[:16], way_out="Fetch the current 16-column file")  # fmt: skip
    return [names.index(name) for name in _COLUMNS]


def _link(path: Path | str, number: int, line: str, places: list[int]) -> Link:
    columns = line.rstrip("\n").split("\t")
    try:
        values = [columns[place] for place in places]
        taxid, gene_id, rna, protein, genomic, start, end, orientation, assembly, symbol = values
        span = (int(start), int(end) + 1) if start != "-" and end != "-" else (0, 0)
        if not 0 <= span[0] <= span[1] or orientation not in ("+", "-", "?"):
            raise ValueError("position or orientation")
        return Link(
            int(taxid), gene_id, _value(rna), _value(protein), _value(genomic) if span[1] else None, *span,
            orientation, _value(assembly), _value(symbol),
        )  # fmt: skip
    except (IndexError, ValueError) as error:
        raise InputError("row of gene2accession that cannot be read", where=f"{path}:{number}",
                         value=line.rstrip("\n"), way_out="Repair or remove the row") from error  # fmt: skip


def _value(text: str) -> str | None:
    return None if text == "-" else text


def write_linked_genes(files: GeneFiles, out: Path, settings: PairSettings, report: PairsReport) -> None:
    """Write GENES for all genes of the table; bounded memory (letters stay on disk)."""
    with (
        SequenceStore(list(files.rna), Modality.RNA) as rna,
        SequenceStore(list(files.protein), Modality.PROTEIN) as protein,
        SequenceStore(list(files.genomic), Modality.DNA) as genomic,
        TableWriter(out, GENES) as writer,
        Progress("pair: genes", unit="genes") as progress,
    ):
        joiner = _Joiner(settings, report, rna, protein, genomic)
        for links in read_links(files.table):
            for row in joiner.rows(links):
                writer.add(row)
            progress.advance()


@dataclass(slots=True)
class _Joiner:
    settings: PairSettings
    report: PairsReport
    rna: SequenceStore
    protein: SequenceStore
    genomic: SequenceStore

    def rows(self, links: list[Link]) -> Iterator[Row]:
        """One row per (RNA, protein) pair of one gene, in the order of the table."""
        pairs = dict.fromkeys((link.rna, link.protein) for link in links)
        products = [pair for pair in pairs if pair != (None, None)]
        for rna, protein in products or [(None, None)]:
            own = [link for link in links if (link.rna, link.protein) == (rna, protein)]
            row = self._row(rna, protein, best_place(own) or best_place(links), own[0])
            kept = row["status"] == "kept"
            name = rna or protein or links[0].gene_id
            self.report.add("gene", "kept" if kept else f"rejected: {row['reason']}", "" if kept else name)
            yield row

    def _row(self, rna_id: str | None, protein_id: str | None, place: Link | None, link: Link) -> Row:
        row: Row = {
            "gene_id": link.gene_id, "transcript_id": rna_id, "protein_id": protein_id, "symbol": link.symbol,
            "biotype": "protein_coding" if protein_id else None, "taxid": link.taxid, "status": "kept",
            "contig": place.genomic if place else None, "start": place.start if place else None,
            "end": place.end if place else None, "strand": {"+": 1, "-": -1}.get(place.orientation) if place else None,
        }  # fmt: skip
        try:
            reason = self._fill(row, place)
        except InputError:
            reason = "letters_unreadable"
        if reason:
            row |= {"status": "rejected", "reason": reason}
        return row

    def _fill(self, row: Row, place: Link | None) -> str:
        """Take the letters and lay them on each other; returns the reason of a rejection, or nothing."""
        if place is None:
            return "no_genomic_place"
        if row["strand"] is None:
            return "orientation_unknown"
        if place.end - place.start > self.settings.max_gene_nt:
            return "longer_than_max_gene_nt"
        dna = self.genomic.get(f"{place.genomic}:{place.start}-{place.end}")
        rna, protein = self.rna.get(row["transcript_id"]), self.protein.get(row["protein_id"])
        if dna is None or len(dna) != place.end - place.start:
            return "genomic_missing" if dna is None else "genomic_of_other_length"
        row["dna"] = dna = reverse_complement(dna) if row["strand"] < 0 else dna
        if row["transcript_id"] and rna is None:
            return "rna_missing"
        if row["protein_id"] and protein is None:
            return "protein_missing"
        if rna is None and protein is None:
            return "no_product"
        row |= {"rna": rna, "protein": protein, "route": "transcript_record"}
        return self._align(row, dna, rna, protein)

    def _align(self, row: Row, dna: str, rna: str | None, protein: str | None) -> str:
        exons = place_on_genome(rna, dna) if rna is not None else [(0, len(dna))]
        message = dna if rna is None else rna
        row["exons"] = _flat(exons)
        if rna is None:
            row |= {"rna": dna, "route": "genome"}
        else:
            self.report.add("rna", "laid_on_genome" if exons else "not_laid_on_genome", row["transcript_id"])
        if protein is None:
            return ""
        if len(protein) < self.settings.min_protein_aa:
            return "protein_shorter_than_min"
        orf = find_coding(message, protein)
        kind = "not_encoded_by_rna" if orf is None else "equal" if len(orf.parts) == 1 else "equal_after_slip"
        self.report.add("cds", kind, "" if kind == "equal" else row["protein_id"])
        if orf is None:
            kept = self.settings.on_disagreement == "keep_published" and rna is not None
            return "" if kept else "not_encoded_by_rna" if rna is not None else "not_encoded_by_genomic"
        row |= {"genetic_code": orf.table, "cds": orf.cut(message)}
        row["reason"] = "ribosomal slippage" if len(orf.parts) > 1 else None
        row["coding"] = _flat([block for part in orf.parts for block in blocks_of_part(exons or [], *part)])
        return ""


def best_place(links: list[Link]) -> Link | None:
    """The genomic row to cut from (rule of the module); one of known orientation where there is any."""
    placed = [link for link in links if link.genomic]
    return min(placed, key=_rank, default=None)


def _rank(link: Link) -> tuple[bool, int, bool, str, int, int]:
    accession, assembly = link.genomic or "", link.assembly or ""
    is_reference = "Reference" in assembly or "Primary Assembly" in assembly
    return (
        link.orientation == "?", _PREFIXES.get(accession[:3], 3), not is_reference,
        accession, link.start, link.end,
    )  # fmt: skip


def _flat(blocks: list[Block] | None) -> list[int] | None:
    return [number for block in blocks for number in block] if blocks else None
