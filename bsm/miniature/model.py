"""What the world consists of. Everything is built once from settings and seed, then only read.

Letters follow the project's convention (nucleotides lower-case, amino acids upper-case); coordinates
are 0-based half-open on the forward strand of the contig.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from bsm.base.alphabet import Modality
from bsm.base.config.miniature import MiniatureSettings, SpeciesSettings


@dataclass(frozen=True)
class ProteinFamily:
    """A protein family: independent sites, each with its own distribution over the twenty amino acids."""

    index: int
    name: str
    profile: np.ndarray
    """float64[n_sites, 20], rows sum to 1, columns in the order of alphabet.AMINO_ACIDS."""


@dataclass(frozen=True)
class RnaFamily:
    """A non-coding RNA family: a consensus with base-paired stems that vary together."""

    index: int
    name: str
    profile: np.ndarray
    """float64[n_sites, 4] over a, c, g, t for unpaired sites (paired sites follow their 5' partner)."""
    pairs: tuple[tuple[int, int], ...]
    """Base-paired positions (i < j)."""


class TranslationException(NamedTuple):
    """A place where the plain genetic code does not hold (``transl_except``)."""

    start: int
    end: int
    strand: int
    amino_acid: str
    """Sec, or TERM for a stop that poly-A completes."""


@dataclass(frozen=True)
class Transcript:
    """One transcript of a gene, with the exact answer for each of its products."""

    transcript_id: str | None
    """Accession.version; None where the annotation has no transcript (bacteria, mitochondria)."""
    protein_id: str | None
    exons: tuple[tuple[int, int], ...]
    """Exon intervals on the contig, in transcript order (5'->3' of the transcript)."""
    coding: tuple[tuple[int, int], ...]
    """CDS intervals on the contig in translation order, stop codon included; may overlap (slippage)."""
    rna: str
    """Spliced transcript; empty where the annotation has none. A RefSeq record's own letters where they differ."""
    cds: str
    """Coding letters in frame 0 (``phase`` letters of a 5'-partial gene left out), stop codon included."""
    protein: str
    """Published protein (no final stop; U for selenocysteine)."""
    phase: int = 0
    """Letters of the first coding interval before its first whole codon."""
    coding_strands: tuple[int, ...] = ()
    """Strand of each coding interval; empty where all stand on the gene's strand."""
    translation_exceptions: tuple[TranslationException, ...] = ()
    exception: str = ""
    """NCBI's ``exception``: ribosomal slippage, trans-splicing, ..."""


@dataclass(frozen=True)
class Gene:
    """One gene on a contig."""

    gene_id: int
    symbol: str
    species: str
    contig: str
    start: int
    end: int
    strand: int
    dna: str
    """Genomic letters start..end, reverse-complemented on the minus strand, introns kept."""
    biotype: str
    """protein_coding, pseudogene, tRNA, ncRNA, ..."""
    genetic_code: int
    transcripts: tuple[Transcript, ...]
    family: int | None = None
    special: str = ""
    """Planted peculiarity: selenocysteine, ribosomal_slippage, trans_splicing, origin_crossing, partial_5, ..."""
    locus_tag: str = ""
    product: str = ""
    parts: tuple[tuple[int, int, int], ...] = ()
    """(start, end, strand) of the parts of a trans-spliced gene in transcript order; ``dna`` joins them."""


@dataclass(frozen=True)
class Contig:
    """One sequence of an assembly."""

    accession: str
    title: str
    letters: str
    circular: bool = False
    genetic_code: int = 1
    is_organelle: bool = False
    name: str = ""
    """Chromosome name (1, 2, MT, ANONYMOUS)."""
    masked: tuple[tuple[int, int], ...] = ()
    """Soft-masked intervals: lower case in the publisher's FASTA."""
    intergenic: tuple[tuple[int, int], ...] = ()
    """Intervals of independent letters between the genes."""


@dataclass(frozen=True)
class Species:
    """One species: settings, assembly, contigs, genes and its own codon usage."""

    settings: SpeciesSettings
    accession: str
    """Assembly accession.version (GCF_... or GCA_...)."""
    assembly_name: str
    codon_weights: dict[str, dict[str, float]]
    """Amino acid -> codon -> probability, under the nuclear code (stop codons under '*')."""
    contigs: tuple[Contig, ...]
    genes: tuple[Gene, ...]
    organelle_codon_weights: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def is_genbank(self) -> bool:
        """Whether GenBank alone has the assembly: no GeneIDs, no transcript accessions, no rna.fna.gz."""
        return self.accession.startswith("GCA_")

    @property
    def is_bacterial(self) -> bool:
        return self.settings.nuclear_code == 11


@dataclass(frozen=True)
class World:
    """The whole world. ``held_out_genes`` exist nowhere in the training corpora: benchmarks use them."""

    settings: MiniatureSettings
    families: tuple[ProteinFamily, ...]
    rna_families: tuple[RnaFamily, ...]
    species: tuple[Species, ...]
    """Species with an annotated assembly (RefSeq or GenBank)."""
    gene_species: tuple[Species, ...]
    """Species that exist only in NCBI Gene and in nucleotide and protein files."""
    held_out_genes: tuple[Gene, ...]


@dataclass(frozen=True)
class PlantedRecord:
    """A record that carries a leaked benchmark item into a training corpus."""

    corpus: Literal["uniprot", "colabfold", "refseq_nucleotides", "refseq_pairs", "web"]
    name: str
    """Record name in that corpus (accession.version, UniProt id, document id, or part:gene:transcript)."""
    letters: str
    """The whole record's letters; for the web, the sequence that a page will show; for a gene, its protein."""
    task: str
    dataset: str
    item_id: str
    role: Literal["a", "b"]
    kind: Literal["exact", "mutated", "reverse_complement", "protein_in_dna", "spliced_protein_in_dna", "gene_product"]
    identity: float
    start: int
    """Where the item stands in ``letters``, 0-based half-open."""
    end: int
    strand: int
    modality: Modality
    """Of ``letters``."""
    genetic_code: int | None = None
    """NCBI code under which a hidden protein is read; None for the other kinds."""

    @property
    def copy(self) -> str:
        """What of the item stands in ``letters``, as it stands there."""
        return self.letters[self.start : self.end]
