"""A species: which genes it has, on which contigs, under which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bsm.base.config.miniature import SpeciesSettings, WorldSettings
from bsm.base.randomness import generator
from bsm.miniature import specials
from bsm.miniature.codon_usage import codon_weights
from bsm.miniature.families import draw_protein
from bsm.miniature.genes import GeneLaws, Template, protein_gene, rna_gene
from bsm.miniature.genomes import ContigPlan, GeneNames, lay_out
from bsm.miniature.model import Contig, Gene, ProteinFamily, RnaFamily, Species
from bsm.miniature.rna_families import draw_rna

MITOCHONDRIAL_CODE = 2
_GENES_PER_CONTIG = 110
_NCRNA_PER_GENE = 1 / 12
_N_PSEUDOGENES = 3
_N_TRNAS = 3
_N_ALTERNATIVE_STARTS = 6
_N_MITOCHONDRIAL = 6
_NCRNA_BIOTYPES = ("lncRNA", "snRNA", "snoRNA", "lncRNA", "rRNA")
_TRNAS = ("Ala", "Gly", "Leu", "Ser", "Val")
_PRODUCT_FORMS = (
    "{name} {n}",
    "{name}-like protein {n}",
    "putative {name}, subunit {n}",
    "{name} {n} (EC 9.9.{n}.1); inner domain",
)


@dataclass(frozen=True)
class Families:
    """The families that genes are drawn from, each with equal chance."""

    protein: tuple[ProteinFamily, ...]
    rna: tuple[RnaFamily, ...]


def build_species(
    seed: int, settings: SpeciesSettings, world: WorldSettings, families: Families, number: int, is_genbank: bool
) -> Species:
    """A species with its annotated assembly; ``number`` makes its accessions its own."""
    rng = generator(seed, "genome", settings.name)
    weights = codon_weights(seed, settings.name, settings.gc_content, world.codon_bias, settings.nuclear_code)
    organelle = codon_weights(seed, settings.name, settings.gc_content, world.codon_bias, MITOCHONDRIAL_CODE)
    laws = gene_laws(settings, weights)
    namer = _Namer(settings, families.protein, number, is_genbank)
    contigs: list[Contig] = []
    genes: list[Gene] = []
    plans = _nuclear_plans(settings, laws, families, number, is_genbank, rng)
    if settings.mitochondrion:
        mitochondrial = GeneLaws(settings.gc_content, MITOCHONDRIAL_CODE, organelle, 0.0, has_transcripts=False)
        plans.append(_mitochondrion(settings, mitochondrial, families, number, rng))
    for plan in plans:
        contig, found = lay_out(plan, settings.name, settings.gc_content, namer.names_of, rng)
        contigs.append(contig)
        genes += found
    prefix = "GCA" if is_genbank else "GCF"
    return Species(
        settings, f"{prefix}_{900000000 + number:09d}.1", f"ASM{90000 + number}v1", weights, tuple(contigs),
        tuple(genes), organelle if settings.mitochondrion else {},
    )  # fmt: skip


def gene_laws(settings: SpeciesSettings, weights: dict[str, dict[str, float]]) -> GeneLaws:
    """The laws of a species' nuclear genes."""
    code = settings.nuclear_code
    return GeneLaws(settings.gc_content, code, weights, settings.intron_share, has_transcripts=code != 11)


def draw_gene(laws: GeneLaws, families: Sequence[ProteinFamily], rng: np.random.Generator) -> Template:
    """A protein-coding gene of a family drawn with equal chance."""
    family = families[int(rng.integers(len(families)))]
    return protein_gene(laws, draw_protein(family, rng), family.index, rng)


def _nuclear_plans(
    settings: SpeciesSettings, laws: GeneLaws, families: Families, number: int, is_genbank: bool,
    rng: np.random.Generator,
) -> list[ContigPlan]:  # fmt: skip
    templates = [draw_gene(laws, families.protein, rng) for _ in range(settings.n_genes)]
    templates += list(_other_genes(settings, laws, families, is_genbank, rng))
    order = rng.permutation(len(templates))
    bacterial = not laws.has_transcripts
    n_contigs = 2 if bacterial else max(2, round(settings.n_genes / _GENES_PER_CONTIG))
    shares = np.array([0.9, 0.1]) if bacterial else np.full(n_contigs, 1 / n_contigs)
    cuts = np.rint(np.cumsum(shares)[:-1] * len(order)).astype(int)
    return [
        _nuclear_plan(settings, laws, families, [templates[i] for i in chosen], (number, k), is_genbank, rng)
        for k, chosen in enumerate(np.split(order, cuts))
    ]


def _nuclear_plan(
    settings: SpeciesSettings, laws: GeneLaws, families: Families, templates: list[Template],
    numbers: tuple[int, int], is_genbank: bool, rng: np.random.Generator,
) -> ContigPlan:  # fmt: skip
    number, k = numbers
    if not laws.has_transcripts:
        kind = "chromosome" if k == 0 else "plasmid pMIN1"
        name = "ANONYMOUS" if k == 0 else "pMIN1"
        crossing = next((i for i, t in enumerate(templates) if not t.special and t.family is not None), 0)
        templates = [templates[crossing], *templates[:crossing], *templates[crossing + 1 :]]
        return ContigPlan(
            f"NC_9{number:03d}{k + 1:02d}.1", f"{settings.name} strain MIN {kind}, complete sequence", name,
            tuple(templates), circular=True, genetic_code=laws.genetic_code,
        )  # fmt: skip
    ends = k < 2
    if ends:
        # Gene ends seen from the contig: on the plus strand the left end has lost 5', on the minus strand 3'.
        left, right = (specials.partial_5, specials.partial_3)[:: 1 if k == 0 else -1]
        templates = [_special(left, laws, families, rng), *templates, _special(right, laws, families, rng)]
    accession = f"CM9{number:03d}{k + 1:02d}.1" if is_genbank else f"NC_9{number:03d}{k + 1:02d}.1"
    title = f"{settings.name} isolate MIN chromosome {k + 1}, whole genome shotgun sequence"
    return ContigPlan(
        accession, title, str(k + 1), tuple(templates), genetic_code=laws.genetic_code, cut_ends=ends,
        end_strand=1 if k == 0 else -1,
    )  # fmt: skip


def _special(
    make: Callable[[GeneLaws, str, int, np.random.Generator], Template], laws: GeneLaws, families: Families,
    rng: np.random.Generator,
) -> Template:  # fmt: skip
    family = families.protein[int(rng.integers(len(families.protein)))]
    return make(laws, draw_protein(family, rng), family.index, rng)


def _other_genes(
    settings: SpeciesSettings, laws: GeneLaws, families: Families, is_genbank: bool, rng: np.random.Generator
) -> Iterator[Template]:
    """Non-coding genes, pseudogenes and the peculiar genes that this kind of species has."""
    for _ in range(_N_PSEUDOGENES):
        yield _special(specials.pseudogene, laws, families, rng)
    for _ in range(_N_TRNAS):
        yield rna_gene(_draw_rna(families, rng), "tRNA", laws.genetic_code)
    if not laws.has_transcripts:
        for _ in range(_N_ALTERNATIVE_STARTS):
            yield _special(specials.alternative_start_codon, laws, families, rng)
        return
    for k in range(max(2, round(settings.n_genes * _NCRNA_PER_GENE))):
        yield rna_gene(_draw_rna(families, rng), _NCRNA_BIOTYPES[k % len(_NCRNA_BIOTYPES)], laws.genetic_code)
    yield _special(specials.ribosomal_slippage, laws, families, rng)
    if not is_genbank:
        yield _special(specials.differing_transcript, laws, families, rng)
    if settings.nuclear_code == 1:
        yield _special(specials.selenocysteine, laws, families, rng)


def _mitochondrion(
    settings: SpeciesSettings, laws: GeneLaws, families: Families, number: int, rng: np.random.Generator
) -> ContigPlan:
    """A circular contig: coding genes (the first crosses the origin), tRNAs, and a trans-spliced gene."""
    templates = [draw_gene(laws, families.protein, rng)]
    templates += [_special(specials.poly_a_stop, laws, families, rng) for _ in range(2)]
    templates += [draw_gene(laws, families.protein, rng) for _ in range(_N_MITOCHONDRIAL - 3)]
    templates += [rna_gene(_draw_rna(families, rng), kind, laws.genetic_code) for kind in ("tRNA", "tRNA", "rRNA")]
    templates.append(_special(specials.trans_splicing, laws, families, rng))
    return ContigPlan(
        f"NC_9{number:03d}99.1", f"{settings.name} mitochondrion, complete genome", "MT", tuple(templates),
        circular=True, genetic_code=laws.genetic_code, is_organelle=True,
    )  # fmt: skip


def _draw_rna(families: Families, rng: np.random.Generator) -> str:
    return draw_rna(families.rna[int(rng.integers(len(families.rna)))], rng)


@dataclass
class _Namer:
    """Gives each gene of one species its GeneID, symbol, locus tag and accessions, in order of placement."""

    settings: SpeciesSettings
    families: tuple[ProteinFamily, ...]
    number: int
    is_genbank: bool
    n_genes: int = 0
    n_products: int = 0
    symbols: Counter[str] = field(default_factory=Counter)

    def names_of(self, template: Template) -> GeneNames:
        """Names of the next gene; symbols count up within a family."""
        self.n_genes += 1
        stem, product = self._product(template)
        self.symbols[stem] += 1
        transcripts, proteins = zip(
            *(self._accessions(template, isoform.protein) for isoform in template.isoforms), strict=True
        )
        tag = "".join(word[0] for word in self.settings.name.upper().split())
        return GeneNames(
            gene_id=90_000_000 + 10_000 * self.number + self.n_genes,
            symbol=f"{stem}{self.symbols[stem]}",
            locus_tag=f"{tag}{self.number}_{self.n_genes:05d}",
            product=product, transcript_ids=transcripts, protein_ids=proteins,
        )  # fmt: skip

    def _product(self, template: Template) -> tuple[str, str]:
        if template.family is None:
            anticodon = _TRNAS[self.n_genes % len(_TRNAS)]
            return {
                "tRNA": (f"TRN{anticodon.upper()}", f"tRNA-{anticodon}"),
                "rRNA": ("RNR", "small subunit ribosomal RNA"),
                "snRNA": ("RNU", "U6 spliceosomal RNA"),
                "snoRNA": ("SNORD", "small nucleolar RNA"),
            }.get(template.biotype, ("LINC", "uncharacterized LOC" + str(self.n_genes)))
        name = self.families[template.family].name
        form = _PRODUCT_FORMS[self.n_genes % len(_PRODUCT_FORMS)]
        return name[:4].upper(), form.format(name=name.lower(), n=self.symbols[name[:4].upper()] + 1)

    def _accessions(self, template: Template, protein: str) -> tuple[str | None, str | None]:
        """Transcript and protein accession by NCBI's prefixes (NM/NP curated, XM/XP predicted, NR/XR non-coding)."""
        self.n_products += 1
        digits = f"9{self.number:03d}{self.n_products:05d}.1"
        is_curated = self.n_products % 3 != 0
        has_record = (
            not self.is_genbank and self.settings.nuclear_code != 11 and template.genetic_code != MITOCHONDRIAL_CODE
        )
        if template.biotype == "pseudogene" or template.biotype == "tRNA":
            return None, None
        if not protein:
            return (("NR_" if is_curated else "XR_") + digits if has_record else None), None
        if has_record:
            return ("NM_" if is_curated else "XM_") + digits, ("NP_" if is_curated else "XP_") + digits
        if self.is_genbank:
            return None, f"KAX9{self.number:03d}{self.n_products:04d}.1"
        return None, ("WP_" if self.settings.nuclear_code == 11 else "YP_") + digits
