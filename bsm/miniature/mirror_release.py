"""Mirror of ftp.ncbi.nlm.nih.gov/refseq/release: one division, ``miniature``, of release 1 (SOURCES 1.6).

genomic.fna holds the genomes that gene2accession names, and unplaced fragments of further genomes, some between
genes, some with runs of N or IUPAC codes; rna.fna the transcripts and members of the ncRNA families; protein.faa the
proteins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bsm.base.files import file_hash, write_text
from bsm.base.randomness import generator
from bsm.miniature.genes import between, random_letters
from bsm.miniature.mirror_gene import refseq_species
from bsm.miniature.mirror_genomes import Record, genomic_records, protein_records, transcript_records, write_fasta
from bsm.miniature.model import PlantedRecord, World
from bsm.miniature.rna_families import draw_rna
from bsm.miniature.species import draw_gene, gene_laws

RELEASE = 1
DIVISION = "miniature"
_FLANK_NT, _BETWEEN_GENES_NT, _N_RUN_NT = (40, 160), (200, 600), (10, 100)
_RNA_PREFIXES = ("NM_", "XM_", "NR_", "XR_")


def write_release(world: World, planted: Sequence[PlantedRecord], out: Path) -> None:
    """Write ``ncbi/refseq/release`` below ``out``; planted nucleotide records stand among the others."""
    release = out / "ncbi" / "refseq" / "release"
    files = release_records(world, planted)
    for name, records in files.items():
        write_fasta(release / DIVISION / name, records)
    installed = [f"{file_hash(release / DIVISION / name, 'md5')}\t{name}\n" for name in sorted(files)]
    write_text(release / "RELEASE_NUMBER", f"{RELEASE}\n")
    write_text(release / "release-catalog" / f"release{RELEASE}.files.installed", "".join(installed))


def release_records(world: World, planted: Sequence[PlantedRecord]) -> dict[str, list[Record]]:
    """File name -> its records."""
    ours = [record for record in planted if record.corpus == "refseq_nucleotides"]
    transcripts = [record for record in ours if record.name.startswith(_RNA_PREFIXES)]
    genomic = [record for record in ours if not record.name.startswith(_RNA_PREFIXES)]
    species = refseq_species(world)
    return {
        f"{DIVISION}.{RELEASE}.1.genomic.fna.gz": [
            *(record for s in species for record in genomic_records(s)), *_fragments(world), *_planted(genomic),
        ],
        f"{DIVISION}.{RELEASE}.rna.fna.gz": [
            *(record for s in species for record in transcript_records(s)),
            *ncrna_members(world), *_planted(transcripts),
        ],
        f"{DIVISION}.{RELEASE}.protein.faa.gz": [record for s in species for record in protein_records(s)],
    }  # fmt: skip


def _planted(records: Sequence[PlantedRecord]) -> Iterator[Record]:
    for record in records:
        yield record.name, "Miniatura sp. unplaced scaffold", record.letters.upper()


def ncrna_members(world: World) -> Iterator[Record]:
    """Further members of the ncRNA families, each family with equal chance."""
    rng = generator(world.settings.seed, "release_rna")
    for i in range(world.settings.world.n_release_rna):
        family = world.rna_families[int(rng.integers(len(world.rna_families)))]
        yield (
            f"NR_98{i:07d}.1",
            f"Miniatura sp. {family.name} family RNA, non-coding RNA",
            draw_rna(family, rng).upper(),
        )


def _fragments(world: World) -> Iterator[Record]:
    """Unplaced scaffolds of the gene-only species' kind: every third without a gene."""
    rng = generator(world.settings.seed, "release_genomic")
    sources = world.gene_species
    for i in range(world.settings.world.n_release_genomic):
        species = sources[i % len(sources)]
        gc_content = species.settings.gc_content
        if i % 3 == 2:
            letters = random_letters(rng, between(rng, _BETWEEN_GENES_NT), gc_content)
        else:
            gene = draw_gene(gene_laws(species.settings, species.codon_weights), world.families, rng).dna
            flanks = [random_letters(rng, between(rng, _FLANK_NT), gc_content) for _ in range(2)]
            letters = flanks[0] + gene + flanks[1]
        if i % 5 == 1:
            site = int(rng.integers(len(letters)))
            letters = letters[:site] + "n" * between(rng, _N_RUN_NT) + letters[site:]
        if i % 7 == 3:
            for site, code in zip(rng.integers(len(letters), size=3), "ryk", strict=True):
                letters = letters[: int(site)] + code + letters[int(site) + 1 :]
        title = f"{species.settings.name} isolate MIN unplaced genomic scaffold {i + 1}, whole genome shotgun sequence"
        yield f"NW_98{i:07d}.1", title, letters.upper()
