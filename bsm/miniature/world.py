"""The whole world from settings and seed."""

from __future__ import annotations

import math

from bsm.base.config.miniature import MiniatureSettings, SpeciesSettings, WorldSettings
from bsm.base.randomness import generator
from bsm.miniature.families import draw_families
from bsm.miniature.genes import Template
from bsm.miniature.genomes import GeneNames, Placed, gene_on
from bsm.miniature.model import Contig, Gene, Species, World
from bsm.miniature.rna_families import draw_rna_families
from bsm.miniature.species import Families, build_species, draw_gene, gene_laws

HELD_OUT_SHARE = 0.25
MIN_HELD_OUT = 500
_HELD_OUT_GENE_IDS = 99_000_000


def build_world(settings: MiniatureSettings) -> World:
    """Families, species with assemblies, species of NCBI Gene, and the genes that no corpus holds."""
    seed, world = settings.seed, settings.world
    families = Families(draw_families(seed, world), draw_rna_families(seed, world))
    last = len(world.species) - 1
    species = tuple(
        build_species(
            seed, one, world, families, number + 1,
            is_genbank=one.genbank_only if one.genbank_only is not None else 0 < last == number,
        )
        for number, one in enumerate(world.species)
    )  # fmt: skip
    gene_species = tuple(
        build_species(seed, one, world, families, 100 + number, is_genbank=False)
        for number, one in enumerate(gene_species_settings(world))
    )
    held_out = _held_out_genes(seed, families, [*species, *gene_species])
    return World(settings, families.protein, families.rna, species, gene_species, held_out)


def gene_species_settings(world: WorldSettings) -> list[SpeciesSettings]:
    """Species that only NCBI Gene knows; every third is a eukaryote."""
    taxid = max(species.taxid for species in world.species) + 100
    return [
        SpeciesSettings(
            name=f"Miniatura rara_{i + 1}", taxid=taxid + i, n_genes=world.n_genes_per_gene_species,
            nuclear_code=11 if i % 3 else 1, gc_content=0.40 + 0.04 * (i % 4),
            intron_share=0.0 if i % 3 else 0.2,
        )
        for i in range(world.n_gene_species)
    ]  # fmt: skip


def _held_out_genes(seed: int, families: Families, all_species: list[Species]) -> tuple[Gene, ...]:
    """Genes by each species' own laws that are written nowhere; they lie alone on a contig without a name."""
    genes: list[Gene] = []
    for species in all_species:
        rng = generator(seed, "held_out_genes", species.settings.name)
        laws = gene_laws(species.settings, species.codon_weights)
        wanted = max(HELD_OUT_SHARE * species.settings.n_genes, MIN_HELD_OUT / len(all_species))
        for _ in range(math.ceil(wanted)):
            template = draw_gene(laws, families.protein, rng)
            genes.append(_alone(template, species, _HELD_OUT_GENE_IDS + len(genes) + 1))
    return tuple(genes)


def _alone(template: Template, species: Species, gene_id: int) -> Gene:
    absent = (None,) * len(template.isoforms)
    names = GeneNames(gene_id, f"HELD{gene_id - _HELD_OUT_GENE_IDS}", "", "", absent, absent)
    contig = Contig("", "", template.dna, genetic_code=template.genetic_code)
    return gene_on(template, [Placed(0, len(template.dna), 1)], contig, species.settings.name, lambda _: names)
