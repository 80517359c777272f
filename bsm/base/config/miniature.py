"""Settings of the miniature: a small, seeded model of biology, written as mirrors of the publishers' servers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from bsm.base.config.common import Settings, Share
from bsm.base.config.miniature_benchmarks import BenchmarkWorldSettings, LeakSettings, WebSettings


class SpeciesSettings(Settings):
    """One species of the world."""

    name: str
    taxid: PositiveInt
    nuclear_code: PositiveInt = 1
    """NCBI genetic code of the nucleus; 12 is the CUG-Ser code of some yeasts."""
    n_genes: Annotated[int, Field(ge=1, le=8_000)] = 300
    """Protein-coding genes of the nucleus; non-coding and peculiar genes come on top."""
    gc_content: Share = 0.45
    intron_share: Share = 0.3
    """Share of genes with at least one intron."""
    mitochondrion: bool = False
    """Whether the assembly has a circular mitochondrion read with table 2."""
    genbank_only: bool | None = None
    """Whether RefSeq lacks the assembly; null means the last species of a world of several."""


def _default_species() -> list[SpeciesSettings]:
    return [
        SpeciesSettings(name="Miniatura vertebrata", taxid=9000001, n_genes=320, gc_content=0.42, intron_share=0.2,
                        mitochondrion=True),
        SpeciesSettings(name="Miniatura saccharina", taxid=9000002, n_genes=320, gc_content=0.38, intron_share=0.05,
                        nuclear_code=12),
        SpeciesSettings(name="Miniatura bacillaris", taxid=9000003, n_genes=320, gc_content=0.50, intron_share=0.0,
                        nuclear_code=11),
        SpeciesSettings(name="Miniatura florida", taxid=9000004, n_genes=320, gc_content=0.46, intron_share=0.2),
    ]  # fmt: skip


class WorldSettings(Settings):
    """Families, genes, genomes and single-modal corpora."""

    species: Annotated[list[SpeciesSettings], Field(min_length=1)] = _default_species()
    n_protein_families: PositiveInt = 60
    protein_aa: tuple[PositiveInt, PositiveInt] = (25, 42)
    """Shortest and longest protein of the families."""
    n_ncrna_families: PositiveInt = 12
    codon_bias: Annotated[float, Field(ge=0)] = 1.0
    """Spread of the species' log codon weights; 0 uses synonymous codons equally."""
    n_uniprot: PositiveInt = 1500
    n_colabfold: PositiveInt = 1500
    n_release_rna: PositiveInt = 400
    n_release_genomic: PositiveInt = 60
    n_gene_species: PositiveInt = 3
    """Further species that exist only in NCBI Gene and in nucleotide and protein files."""
    n_genes_per_gene_species: PositiveInt = 200

    @model_validator(mode="after")
    def _lengths_and_names(self) -> WorldSettings:
        if not 12 <= self.protein_aa[0] <= self.protein_aa[1]:
            raise ValueError(f"protein_aa {self.protein_aa}: give shortest (at least 12) and longest")
        names, taxids = [s.name for s in self.species], [s.taxid for s in self.species]
        if len({*names}) < len(names) or len({*taxids}) < len(taxids):
            raise ValueError("species listed twice; names and taxids must differ")
        if len(self.species) > 99 or self.n_gene_species > 99:
            raise ValueError("at most 99 species of a kind: accessions have two digits for them")
        return self


class MiniatureSettings(Settings):
    """The known-answer world. The same settings and seed give the same bytes."""

    seed: int = 1
    folder: str = "data/miniature"
    """Where the mirrors and the truth are written, relative to the working directory."""
    world: WorldSettings = WorldSettings()
    benchmarks: BenchmarkWorldSettings = BenchmarkWorldSettings()
    web: WebSettings = WebSettings()
    leaks: LeakSettings = LeakSettings()
    max_bytes: NonNegativeInt = 64_000_000
    """The world must not grow beyond this."""
