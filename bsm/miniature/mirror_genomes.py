"""Mirror of ftp.ncbi.nlm.nih.gov/genomes: assembly summaries and one folder per assembly (SOURCES 1.1, 1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bsm.base.fasta import format_fasta
from bsm.base.files import file_hash, write_gzip, write_text
from bsm.miniature.gff import ANNOTATION_DATE, annotation_name, gff
from bsm.miniature.model import Contig, Gene, Species, Transcript, World

_HOST = "https://ftp.ncbi.nlm.nih.gov"
_COLUMNS = (
    "assembly_accession", "bioproject", "biosample", "wgs_master", "refseq_category", "taxid", "species_taxid",
    "organism_name", "infraspecific_name", "isolate", "version_status", "assembly_level", "release_type",
    "genome_rep", "seq_rel_date", "asm_name", "asm_submitter", "gbrs_paired_asm", "paired_asm_comp", "ftp_path",
    "excluded_from_refseq", "relation_to_type_material", "asm_not_live_date", "assembly_type", "group",
    "genome_size", "genome_size_ungapped", "gc_percent", "replicon_count", "scaffold_count", "contig_count",
    "annotation_provider", "annotation_name", "annotation_date", "total_gene_count", "protein_coding_gene_count",
    "non_coding_gene_count", "pubmed_id",
)  # fmt: skip
FASTA_WIDTH = 80
Record = tuple[str, str, str]
"""Name, description, letters as the publisher writes them."""


def write_genomes(world: World, out: Path) -> None:
    """Write ``ncbi/genomes`` below ``out``."""
    for species in world.species:
        _write_assembly(species, out / "ncbi" / "genomes")
    reports = out / "ncbi" / "genomes" / "ASSEMBLY_REPORTS"
    refseq = [_summary_row(s, s.accession) for s in world.species if not s.is_genbank]
    twins = [_summary_row(s, _twin(s)) for s in world.species if not s.is_genbank]
    genbank = [_summary_row(s, s.accession) for s in world.species if s.is_genbank]
    write_text(reports / "assembly_summary_refseq.txt", _summary(refseq))
    write_text(reports / "assembly_summary_genbank.txt", _summary(twins + genbank))


def transcript_records(species: Species) -> Iterator[Record]:
    """Transcripts with an accession, as in rna.fna."""
    for gene in species.genes:
        for index, transcript in enumerate(gene.transcripts):
            if transcript.transcript_id:
                title = _transcript_title(species, gene, transcript, index)
                yield transcript.transcript_id, title, transcript.rna.upper()


def protein_records(species: Species) -> Iterator[Record]:
    """Proteins with an accession, as in protein.faa."""
    for gene in species.genes:
        for index, transcript in enumerate(gene.transcripts):
            if transcript.protein_id:
                isoform = f" isoform {index + 1}" if len(gene.transcripts) > 1 else ""
                partial = ", partial" if gene.special.startswith("partial") else ""
                title = f"{gene.product}{isoform}{partial} [{species.settings.name}]"
                yield transcript.protein_id, title, transcript.protein


def genomic_records(species: Species) -> Iterator[Record]:
    """Contigs in capitals, soft-masked intervals in lower case."""
    for contig in species.contigs:
        yield contig.accession, contig.title, soft_masked(contig)


def soft_masked(contig: Contig) -> str:
    """The publisher's letters of a contig."""
    letters = contig.letters.upper()
    for start, end in contig.masked:
        letters = letters[:start] + contig.letters[start:end] + letters[end:]
    return letters


def write_fasta(path: Path, records: Iterator[Record] | list[Record], width: int = FASTA_WIDTH) -> None:
    """Write FASTA records gzip-compressed."""
    write_gzip(path, format_fasta(records, width).encode())


def assembly_path(species: Species) -> str:
    """``genomes/all/GCF/900/000/001/GCF_900000001.1_ASM90001v1``."""
    return _path_of(species.accession, species.assembly_name)


def _path_of(accession: str, name: str) -> str:
    digits = accession[4:13]
    return f"genomes/all/{accession[:3]}/{digits[:3]}/{digits[3:6]}/{digits[6:]}/{accession}_{name}"


def _write_assembly(species: Species, genomes: Path) -> None:
    folder = genomes.parent / assembly_path(species)
    stem = folder.name
    write_fasta(folder / f"{stem}_genomic.fna.gz", genomic_records(species))
    write_gzip(folder / f"{stem}_genomic.gff.gz", gff(species).encode())
    write_fasta(folder / f"{stem}_protein.faa.gz", protein_records(species))
    if any(t.transcript_id for gene in species.genes for t in gene.transcripts):
        write_fasta(folder / f"{stem}_rna.fna.gz", transcript_records(species))
    write_text(folder / f"{stem}_assembly_report.txt", _assembly_report(species))
    files = sorted(folder.iterdir())
    write_text(folder / "md5checksums.txt", "".join(f"{file_hash(f, 'md5')}  ./{f.name}\n" for f in files))


def _transcript_title(species: Species, gene: Gene, transcript: Transcript, index: int) -> str:
    predicted = "PREDICTED: " if transcript.transcript_id and transcript.transcript_id[0] == "X" else ""
    variant = f", transcript variant {index + 1}" if len(gene.transcripts) > 1 else ""
    partial = ", partial" if gene.special.startswith("partial") else ""
    kind = {"protein_coding": "mRNA", "lncRNA": "long non-coding RNA"}.get(gene.biotype, gene.biotype)
    return f"{predicted}{species.settings.name} {gene.product} ({gene.symbol}){variant}{partial}, {kind}"


def _twin(species: Species) -> str:
    """GenBank accession that a RefSeq assembly is a copy of."""
    return species.accession.replace("GCF_", "GCA_")


def _summary(rows: list[dict[str, str]]) -> str:
    first = "##  See ftp://ftp.ncbi.nlm.nih.gov/genomes/README_assembly_summary.txt for a description of the columns."
    lines = ["\t".join(row.get(column, "na") for column in _COLUMNS) for row in rows]
    return "\n".join([first, "#" + "\t".join(_COLUMNS), *lines]) + "\n"


def _summary_row(species: Species, accession: str) -> dict[str, str]:
    letters = "".join(contig.letters for contig in species.contigs)
    biotypes = [gene.biotype for gene in species.genes]
    n_coding = biotypes.count("protein_coding")
    is_published = accession == species.accession
    size = str(len(letters))
    row = {
        "assembly_accession": accession,
        "bioproject": f"PRJNA9{species.settings.taxid}",
        "biosample": f"SAMN9{species.settings.taxid}",
        "refseq_category": "reference genome",
        "taxid": str(species.settings.taxid),
        "species_taxid": str(species.settings.taxid),
        "organism_name": species.settings.name,
        "infraspecific_name": "strain=MIN" if species.is_bacterial else "na",
        "isolate": "na" if species.is_bacterial else "MIN",
        "version_status": "latest",
        "assembly_level": "Complete Genome" if species.is_bacterial else "Chromosome",
        "release_type": "Major",
        "genome_rep": "Full",
        "seq_rel_date": "2024-03-01",
        "asm_name": species.assembly_name,
        "asm_submitter": "Miniature Genomes Consortium",
        "gbrs_paired_asm": "na" if species.is_genbank else (_twin(species) if is_published else species.accession),
        "paired_asm_comp": "na" if species.is_genbank else "identical",
        "ftp_path": f"{_HOST}/{_path_of(accession, species.assembly_name)}",
        "assembly_type": "haploid",
        "group": "bacteria" if species.is_bacterial else "fungi" if species.settings.nuclear_code == 12 else "other",
        "genome_size": size,
        "genome_size_ungapped": size,
        "gc_percent": f"{100 * sum(map(letters.count, 'gc')) / len(letters):.1f}",
        "replicon_count": str(len(species.contigs)),
        "scaffold_count": str(len(species.contigs)),
        "contig_count": str(len(species.contigs)),
    }
    if is_published:
        row |= {
            "annotation_provider": "Miniature Genomes Consortium" if species.is_genbank else "NCBI RefSeq",
            "annotation_name": "Annotation submitted by consortium" if species.is_genbank else annotation_name(species),
            "annotation_date": ANNOTATION_DATE,
            "total_gene_count": str(len(species.genes)),
            "protein_coding_gene_count": str(n_coding),
            "non_coding_gene_count": str(len(species.genes) - n_coding - biotypes.count("pseudogene")),
        }
    return row


def _assembly_report(species: Species) -> str:
    kind = "GenBank" if species.is_genbank else "RefSeq"
    lines = [
        f"# Assembly name:  {species.assembly_name}",
        f"# Organism name:  {species.settings.name}",
        f"# Taxid:          {species.settings.taxid}",
        "# Assembly type:  haploid",
        "# Release type:   major",
        f"# {kind} assembly accession: {species.accession}",
        "#",
        "# Sequence-Name\tSequence-Role\tAssigned-Molecule\tAssigned-Molecule-Location/Type\tGenBank-Accn\t"
        "Relationship\tRefSeq-Accn\tAssembly-Unit\tSequence-Length\tUCSC-style-name",
    ]
    for contig in species.contigs:
        place = "Mitochondrion" if contig.is_organelle else "Plasmid" if contig.name[0] == "p" else "Chromosome"
        unit = "non-nuclear" if contig.is_organelle else "Primary Assembly"
        accessions = (contig.accession, "<>", "na") if species.is_genbank else ("na", "<>", contig.accession)
        lines.append(
            "\t".join(
                (
                    contig.name,
                    "assembled-molecule",
                    contig.name,
                    place,
                    *accessions,
                    unit,
                    str(len(contig.letters)),
                    "na",
                )
            )
        )
    return "\n".join(lines) + "\n"
