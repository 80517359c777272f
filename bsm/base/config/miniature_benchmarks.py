"""Settings of the miniature's benchmarks, web pages and planted leaks. Effect sizes are fixed here,
before any model is trained, and are never tuned to a model's result."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from bsm.base.config.common import Settings, Share, ShareRange

Split = tuple[PositiveInt, NonNegativeInt, PositiveInt]
"""Items in train, valid and test."""


class BenchmarkWorldSettings(Settings):
    """Sizes and planted signals of the eight benchmarks."""

    ncrpi: Split = (240, 0, 120)
    ncrpi_pool: tuple[PositiveInt, PositiveInt] = (180, 45)
    """Distinct RNAs and proteins that the pairs are drawn from; they recur, as in NPInter."""
    central_dogma: Split = (60, 90, 240)
    private_code: Split = (30, 30, 120)
    """Items of the species whose genetic code only the demonstrations of a prompt reveal."""
    private_code_max_aa: PositiveInt = 30
    """Longest protein of that species: a test pair and two demonstrations must fit the model's context."""
    flank_nt: PositiveInt = 20
    """Genomic letters on both sides of a Central Dogma gene (100 in the published set, scaled to the world's genes)."""
    ppi: Split = (240, 60, 120)
    ppi_pool: PositiveInt = 120
    """Distinct proteins that the pairs are drawn from."""
    protloc: Split = (240, 60, 120)
    protstab: Split = (240, 60, 120)
    ncrnafam: Split = (240, 60, 120)
    n_protein_assays: PositiveInt = 3
    n_ncrna_assays: PositiveInt = 3
    n_variants_per_assay: Annotated[int, Field(ge=10)] = 150
    """Rows of an assay, the wild type and the stop variants among them."""
    double_share: Share = 0.25
    """Share of an assay's variants with two changed residues."""
    stop_share: Share = 0.03
    """Share of a protein assay's variants that bring in a stop codon."""
    mutation_share: ShareRange = (0.05, 0.20)
    """Share of residues changed in Central Dogma negatives (drawn uniformly; bounds hold in every negative)."""
    n_motif_pairs: Annotated[int, Field(ge=2, le=4)] = 3
    """Pairs of complementary motifs that decide an interaction."""
    motif_share: Share = 0.75
    """Share of sequences in an interaction pool that carry a motif (each side of a pair on its own)."""
    label_noise: Share = 0.05
    """Share of interaction and localisation labels that are flipped."""
    core_weight: Share = 0.6
    """Share of the hydrophobic core in the stability law; the rest is helix propensity of the composition."""
    pairing_weight: Annotated[float, Field(ge=0)] = 2.0
    """Cost of one broken base pair in the law of RNA fitness, in nats."""
    regression_noise: Annotated[float, Field(ge=0)] = 0.3
    """Standard deviation of the noise on stability and fitness, in units of the signal's own."""


class WebSettings(Settings):
    """The miniature's FineWeb-Edu."""

    n_documents_with_sequences: PositiveInt = 150
    n_documents_plain: PositiveInt = 600
    n_documents_look_alike: PositiveInt = 100
    duplicate_share: Share = 0.1
    """Share of documents with sequences that are mirrored on a second page."""


class LeakSettings(Settings):
    """Benchmark items planted in the training corpora, per data set and kind."""

    n_exact: NonNegativeInt = 3
    n_mutated: NonNegativeInt = 3
    n_reverse_complement: NonNegativeInt = 3
    n_protein_in_dna: NonNegativeInt = 3
    """Proteins whose coding letters, under the standard code, stand in a nucleotide record."""
    n_spliced_protein_in_dna: NonNegativeInt = 2
    """The same with an intron in the coding letters."""
    n_protein_in_other_code: NonNegativeInt = 1
    """The same, unspliced, under each of ``other_codes``."""
    other_codes: list[PositiveInt] = [2, 12]
    """NCBI genetic codes: mitochondria of vertebrates, CUG-Ser yeasts."""
    n_gene_product: NonNegativeInt = 1
    """Proteins that a gene of the GenBank-only species encodes."""
    mutated_identity: ShareRange = (0.955, 0.99)
    """Identity of mutated copies with the item (drawn uniformly): inside the strict level, down to its boundary."""
    min_letters: PositiveInt = 25
    """Shorter items are not planted: one substitution would leave the identity above."""
    web_share: Share = 0.2
    """Share of copies that stand on a web page, among genes, instead of in a sequence file."""
