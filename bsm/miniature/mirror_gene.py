"""Mirror of ftp.ncbi.nlm.nih.gov/gene/DATA/gene2accession.gz (SOURCES 2).

16 columns; ``-`` is missing, but a strand in ``orientation``; positions are 0-based and closed. RefSeq rows name the
records of the release; INSDC rows name submitted records, which no RefSeq file holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bsm.base.files import write_gzip
from bsm.base.randomness import unit_interval
from bsm.miniature.model import Gene, Species, Transcript, World

COLUMNS = (
    "#tax_id", "GeneID", "status", "RNA_nucleotide_accession.version", "RNA_nucleotide_gi",
    "protein_accession.version", "protein_gi", "genomic_nucleotide_accession.version", "genomic_nucleotide_gi",
    "start_position_on_the_genomic_accession", "end_position_on_the_genomic_accession", "orientation", "assembly",
    "mature_peptide_accession.version", "mature_peptide_gi", "Symbol",
)  # fmt: skip
_INSDC_SHARE = 0.5
_CURATED = ("REVIEWED", "VALIDATED", "PROVISIONAL")


def write_gene2accession(world: World, out: Path) -> None:
    """Write the table for all species that RefSeq knows, by taxid and GeneID."""
    rows = ["\t".join(COLUMNS)]
    for species in sorted(refseq_species(world), key=lambda s: s.settings.taxid):
        for gene in sorted(species.genes, key=lambda g: g.gene_id):
            rows += ["\t".join(row) for row in _gene_rows(world.settings.seed, species, gene)]
    write_gzip(out / "ncbi" / "gene" / "DATA" / "gene2accession.gz", ("\n".join(rows) + "\n").encode())


def refseq_species(world: World) -> list[Species]:
    """Species with RefSeq records and GeneIDs."""
    return [s for s in (*world.species, *world.gene_species) if not s.is_genbank]


def is_located(species: Species, gene: Gene) -> bool:
    """Whether the table gives the gene one interval of its genomic record."""
    n_letters = next(len(c.letters) for c in species.contigs if c.accession == gene.contig)
    return not gene.parts and gene.end <= n_letters


def _gene_rows(seed: int, species: Species, gene: Gene) -> Iterator[list[str]]:
    place = ["-", "-", "?"]
    if is_located(species, gene):
        place = [str(gene.start), str(gene.end - 1), "+" if gene.strand > 0 else "-"]
    assembly = f"Reference {species.assembly_name} Primary Assembly"
    common = [str(species.settings.taxid), str(gene.gene_id)]
    for transcript in gene.transcripts:
        accessions = [transcript.transcript_id or "-", "-", transcript.protein_id or "-", "-", gene.contig, "-"]
        status = _status(seed, gene, transcript)
        yield [*common, status, *accessions, *place, assembly, "-", "-", gene.symbol]
    if gene.transcripts[0].protein_id and unit_interval(seed, "insdc", gene.gene_id) < _INSDC_SHARE:
        digits = f"{gene.gene_id % 10_000_000:07d}.1"
        rna, protein = (f"BC9{digits}", f"AAH{digits}") if gene.transcripts[0].transcript_id else ("-", f"CAA{digits}")
        submitted = [rna, "-", protein, "-", "-", "-"]
        yield [*common, "-", *submitted, "-", "-", "?", "-", "-", "-", gene.symbol]


def _status(seed: int, gene: Gene, transcript: Transcript) -> str:
    accession = transcript.transcript_id or transcript.protein_id or ""
    if accession.startswith("X"):
        return "MODEL"
    if not accession or accession.startswith("WP_"):
        return "NA"
    return _CURATED[int(unit_interval(seed, "status", gene.gene_id) * len(_CURATED))]
