"""Benchmark proteins as products of annotated genes: leaks that a whole gene record has to go for.

The genes stand on a contig of their own in the species that GenBank alone has, so that no other corpus shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bsm.base.config.common import slug
from bsm.base.randomness import generator
from bsm.miniature.genes import Template, protein_gene
from bsm.miniature.genomes import ContigPlan, GeneNames, lay_out
from bsm.miniature.gff import submitted_transcript
from bsm.miniature.model import PlantedRecord, Species, World
from bsm.miniature.species import gene_laws

SOURCE = "refseq_pairs"
SPECIAL = "leaked"
_CONTIG_NUMBER = 90
_FIRST_GENE = 9_001
"""Number of the first leaked gene in its species: beyond the numbers of its other genes."""


def host_of(world: World) -> Species | None:
    """The species that carries leaked genes; None where every species with transcripts is in RefSeq."""
    return next((species for species in world.species if species.is_genbank and not species.is_bacterial), None)


def record_name(world: World, number: int) -> str:
    """``part:gene:transcript`` of the leaked gene with this number: its record in the corpus of pairs."""
    host = host_of(world)
    if host is None:
        raise ValueError("no species is in GenBank only")
    names = _names(host, number)
    return f"{slug(host.settings.name)}:{names.locus_tag}:{submitted_transcript(host, names.locus_tag)}"


def with_leaked_genes(world: World, planted: Sequence[PlantedRecord]) -> World:
    """The world with a gene for every planted record of the corpus of pairs; everything else stays as it is."""
    host, records = host_of(world), [record for record in planted if record.corpus == SOURCE]
    if host is None or not records:
        return world
    settings, numbers = host.settings, {record_name(world, n): n for n in range(len(planted))}
    rng = generator(world.settings.seed, "leaked_genes", settings.name)
    laws = gene_laws(settings, host.codon_weights)
    named: dict[str, GeneNames] = {}
    templates: list[Template] = []
    for record in records:
        gene = protein_gene(laws, record.copy, None, rng)
        gene = replace(gene, isoforms=gene.isoforms[:1], special=SPECIAL)
        templates.append(gene)
        named[gene.dna] = _names(host, numbers[record.name])
    plan = ContigPlan(
        f"CM9{_digits(host)}{_CONTIG_NUMBER}.1", f"{settings.name} isolate MIN unlocalized scaffold",
        str(_CONTIG_NUMBER), tuple(templates), genetic_code=settings.nuclear_code,
    )  # fmt: skip
    contig, genes = lay_out(plan, settings.name, settings.gc_content, lambda template: named[template.dna], rng)
    larger = replace(host, contigs=(*host.contigs, contig), genes=(*host.genes, *genes))
    return replace(world, species=tuple(larger if one is host else one for one in world.species))


def _digits(host: Species) -> str:
    """The species' number in its accessions (GCA_900000004.1 -> 004)."""
    return host.accession[10:13]


def _names(host: Species, number: int) -> GeneNames:
    serial = _FIRST_GENE + number
    initials = "".join(word[0] for word in host.settings.name.upper().split())
    return GeneNames(
        gene_id=90_000_000 + 10_000 * int(_digits(host)) + serial, symbol=f"LEAK{number}",
        locus_tag=f"{initials}{int(_digits(host))}_{serial:05d}", product=f"hypothetical protein {number}",
        transcript_ids=(None,), protein_ids=(f"KAX9{_digits(host)}{serial:04d}.1",),
    )  # fmt: skip
