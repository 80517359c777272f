"""The planted peculiarities of annotation: each is the real case that a parser of NCBI records meets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bsm.base.codes import translate
from bsm.miniature.codon_usage import alternative_start, back_translate
from bsm.miniature.genes import GeneLaws, Isoform, Template, protein_gene, random_letters, utr3


def selenocysteine(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """A selenoprotein: one inner residue is U, its codon tga (``transl_except`` aa:Sec)."""
    site = len(protein) // 2
    gene = protein_gene(laws, protein[:site] + "U" + protein[site + 1 :], family, rng, with_introns=False)
    start = gene.isoforms[0].coding[0][0] + 3 * site
    isoform = replace(gene.isoforms[0], exceptions=((start, start + 3, "Sec"),))
    return replace(gene, isoforms=(isoform,), special="selenocysteine")


def ribosomal_slippage(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """-1 slippage: the second coding part starts on the last letter of the first, which is read twice."""
    cut = 0
    while not cut:
        cds = back_translate(protein, laws.weights, rng)
        cut = next((i for i in range(12, len(cds) - 12, 3) if cds[i] == cds[i - 1]), 0)
    utr5 = random_letters(rng, 30, laws.gc_content)
    dna = utr5 + cds[:cut] + cds[cut + 1 :] + utr3(rng, laws.gc_content)
    first = len(utr5)
    coding = ((first, first + cut), (first + cut - 1, first + len(cds) - 1))
    isoform = Isoform(((0, len(dna)),), coding, dna, cds, protein, exception="ribosomal slippage")
    return Template((dna,), (isoform,), laws.genetic_code, family=family, special="ribosomal_slippage")


def trans_splicing(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """Two transcripts, from both strands, joined into one message; the gene has two parts."""
    cds = back_translate(protein, laws.weights, rng)
    cut = 3 * (len(protein) // 3) + 1
    coding = ((0, cut), (cut, len(cds)))
    isoform = Isoform((), coding, "", cds, protein, exception="trans-splicing")
    return Template(
        (cds[:cut], cds[cut:]), (isoform,), laws.genetic_code, family=family, special="trans_splicing"
    )  # fmt: skip


def poly_a_stop(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """A mitochondrial gene that ends in t or ta; poly-A completes the stop (``transl_except`` aa:TERM)."""
    ending = "t" if rng.random() < 0.5 else "ta"
    cds = back_translate(protein, laws.weights, rng, stop=False) + ending
    isoform = Isoform(
        (), ((0, len(cds)),), "", cds, protein, exceptions=((len(cds) - len(ending), len(cds), "TERM"),)
    )  # fmt: skip
    return Template((cds,), (isoform,), laws.genetic_code, family=family, special="poly_a_stop")


def alternative_start_codon(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """A bacterial gene that starts with gtg or ttg, read as M."""
    cds = alternative_start(laws.genetic_code, rng) + back_translate(protein, laws.weights, rng)[3:]
    isoform = Isoform((), ((0, len(cds)),), "", cds, protein)
    return Template((cds,), (isoform,), laws.genetic_code, family=family, special="alternative_start")


def partial_5(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """The contig begins inside the coding sequence: no start codon, possibly a broken first codon (phase)."""
    gene = protein_gene(laws, protein, family, rng, with_introns=False)
    whole = gene.isoforms[0]
    n_lost = int(rng.integers(4, 3 * (len(protein) // 3)))
    phase = -n_lost % 3
    dna = gene.dna[whole.coding[0][0] + n_lost :]
    cds = whole.cds[n_lost + phase :]
    isoform = Isoform(
        ((0, len(dna)),), ((0, len(whole.cds) - n_lost),), dna, cds,
        translate(cds, laws.genetic_code)[:-1], phase=phase,
    )  # fmt: skip
    return Template((dna,), (isoform,), laws.genetic_code, family=family, special="partial_5")


def partial_3(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """The contig ends inside the coding sequence: no stop codon, possibly a broken last codon."""
    gene = protein_gene(laws, protein, family, rng, with_introns=False)
    whole = gene.isoforms[0]
    cds = whole.cds[: -int(rng.integers(4, 3 * (len(protein) // 3)))]
    start = whole.coding[0][0]
    dna = gene.dna[: start + len(cds)]
    isoform = Isoform(((0, len(dna)),), ((start, len(dna)),), dna, cds, translate(cds, laws.genetic_code))
    return Template((dna,), (isoform,), laws.genetic_code, family=family, special="partial_3")


def pseudogene(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """A decayed copy: a frame-shifting deletion and a premature stop; it makes no product."""
    cds = back_translate(protein, laws.weights, rng)
    site = 3 * (len(protein) // 3)
    dna = cds[:site] + "taa" + cds[site + 4 :]
    isoform = Isoform(((0, len(dna)),), (), "", "", "")
    return Template(
        (dna,), (isoform,), laws.genetic_code, biotype="pseudogene", family=family, special="pseudogene"
    )  # fmt: skip


def differing_transcript(laws: GeneLaws, protein: str, family: int, rng: np.random.Generator) -> Template:
    """A RefSeq transcript record whose UTRs differ from the genome by four substitutions."""
    gene = protein_gene(laws, protein, family, rng)
    first = gene.isoforms[0]
    end_of_cds = first.rna.index(first.cds) + len(first.cds)
    letters = list(first.rna)
    for site in (3, 9, end_of_cds + 2, end_of_cds + 11):
        letters[site] = {"a": "g", "g": "a", "c": "t", "t": "c"}[letters[site]]
    changed = replace(
        first, rna="".join(letters), exception="annotated by transcript or proteomic data"
    )  # fmt: skip
    return replace(gene, isoforms=(changed, *gene.isoforms[1:]), special="differing_transcript")
