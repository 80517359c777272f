"""truth/entropies.json: how well a model can know the world's letters.

``bits_per_letter`` is the loss, on these very letters, of a model that knows the laws (the code length
-log2 P). Where the law is tractable it is exact; else ``lower`` tells the letters' bits with all hidden
choices given (H(X | Z) <= H(X), so a bound on the expected loss), ``upper`` the bits of an explicit code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.files import write_json
from bsm.miniature import families, rna_families
from bsm.miniature.genes import INTRON_NT, UTR3_NT, UTR5_NT, Block
from bsm.miniature.mirror_colabfold import environmental_proteins
from bsm.miniature.mirror_release import ncrna_members
from bsm.miniature.model import Gene, ProteinFamily, Species, World

Entry = dict[str, Any]
UNIFORM_BITS = math.log2(4)
_N_FIXED_INTRON, _N_FIXED_UTR3 = len("gtag"), len("aataaa")


def write_entropies(world: World, out: Path) -> None:
    """Write ``truth/entropies.json`` below ``out``."""
    write_json(out / "truth" / "entropies.json", entropies(world))


def entropies(world: World) -> list[Entry]:
    """All entries, in a fixed order."""
    entries = list(_family_entries(world))
    for species in world.species:
        entries += [
            _codons(species), _protein_given_cds(species), _intergenic(species), *_noncoding(species),
            _whole_dna(world, species),
        ]  # fmt: skip
    return entries


def plain_genes(species: Species) -> list[Gene]:
    """Nuclear protein-coding genes without a peculiarity: their first isoform follows the stated laws."""
    code = species.settings.nuclear_code
    return [g for g in species.genes if g.biotype == "protein_coding" and g.genetic_code == code and not g.special]


def bits_of_codons(species: Species, gene: Gene) -> float:
    """-log2 P(coding letters | protein) of the first isoform, stop codon included."""
    transcript = gene.transcripts[0]
    return -sum(
        math.log2(species.codon_weights[amino_acid][transcript.cds[3 * i : 3 * i + 3]])
        for i, amino_acid in enumerate(transcript.protein + "*")
    )


def bits_of_letters(letters: str, gc_content: float) -> float:
    """-log2 P of independent letters with this base composition."""
    n_gc = letters.count("g") + letters.count("c")
    return -n_gc * math.log2(gc_content / 2) - (len(letters) - n_gc) * math.log2((1 - gc_content) / 2)


def _family_entries(world: World) -> Iterator[Entry]:
    genomic = [gene.transcripts[0].protein for species in world.species for gene in plain_genes(species)]
    environmental = [letters for _, letters in environmental_proteins(world)]
    note = "mixture over all families, the end of the protein included"
    for name, proteins in (("proteins_of_genomes", genomic), ("colabfold", environmental)):
        bits = -families.log2_likelihood(proteins, world.families)
        yield _exact(name, "protein", "proteins from the families", bits, map(len, proteins), note)
    rnas = [letters.lower() for _, _, letters in ncrna_members(world)]
    bits = -rna_families.log2_likelihood(rnas, world.rna_families)
    note = "mixture over all families, the end of the RNA included"
    yield _exact("ncrna_families", "rna", "non-coding RNA of the release", bits, map(len, rnas), note)


def _codons(species: Species) -> Entry:
    genes = plain_genes(species)
    bits = [bits_of_codons(species, gene) for gene in genes]
    entry = _exact(
        f"{species.settings.name}: codons", "dna", "coding letters given the protein", bits,
        (len(gene.transcripts[0].cds) for gene in genes), f"genetic code {species.settings.nuclear_code}",
    )  # fmt: skip
    expected = sum(
        _entropy(species.codon_weights[amino_acid].values())
        for gene in genes
        for amino_acid in gene.transcripts[0].protein + "*"
    )
    n_codons = entry["n_letters"] / 3
    return {**entry, "bits_per_codon": round(3 * entry["bits_per_letter"], 6),
            "expected_bits_per_codon": round(expected / n_codons, 6)}  # fmt: skip


def _protein_given_cds(species: Species) -> Entry:
    lengths = [len(gene.transcripts[0].protein) for gene in plain_genes(species)]
    note = "translation is a function of the coding letters and the genetic code"
    what = "protein given its spliced coding sequence"
    return _exact(f"{species.settings.name}: translation", "protein", what, [0.0], lengths, note)


def _intergenic(species: Species) -> Entry:
    gc = species.settings.gc_content
    gaps = [contig.letters[start:end] for contig in species.contigs for start, end in contig.intergenic]
    bits = [bits_of_letters(letters, gc) for letters in gaps]
    entry = _exact(
        f"{species.settings.name}: intergenic", "dna", "independent letters between genes", bits, map(len, gaps),
        "boundaries given",
    )  # fmt: skip
    return {**entry, "expected_bits_per_letter": round(_entropy([gc / 2, gc / 2, (1 - gc) / 2, (1 - gc) / 2]), 6)}


def _noncoding(species: Species) -> Iterator[Entry]:
    """Introns and UTRs: boundaries given (lower), or lengths coded first (upper)."""
    genes = [gene for gene in plain_genes(species) if gene.transcripts[0].exons]
    if not genes:
        return
    introns = [letters for gene in genes for letters in _introns(gene)]
    utrs5 = [gene.transcripts[0].rna.partition(gene.transcripts[0].cds)[0] for gene in genes]
    utrs3 = [gene.transcripts[0].rna.partition(gene.transcripts[0].cds)[2] for gene in genes]
    kinds = (("introns", "dna", introns, INTRON_NT, _N_FIXED_INTRON), ("5' UTRs", "rna", utrs5, UTR5_NT, 0),
             ("3' UTRs", "rna", utrs3, UTR3_NT, _N_FIXED_UTR3))  # fmt: skip
    gc = species.settings.gc_content
    for name, modality, pieces, bounds, n_fixed in kinds:
        n_letters = sum(map(len, pieces))
        if not n_letters:
            continue
        bits = sum(_bits_without(piece, name, gc, n_fixed) for piece in pieces)
        length_bits = len(pieces) * math.log2(bounds[1] - bounds[0] + 1)
        note = "signals (GT..AG, AATAAA) cost nothing; upper: the length coded before the letters"
        yield _bound(
            f"{species.settings.name}: {name}", modality, "non-coding letters of genes", bits, bits + length_bits,
            n_letters, note,
        )  # fmt: skip


def _whole_dna(world: World, species: Species) -> Entry:
    letters = "".join(contig.letters for contig in species.contigs)
    gc = species.settings.gc_content
    gaps = (contig.letters[start:end] for contig in species.contigs for start, end in contig.intergenic)
    lower = sum(bits_of_letters(gap, gc) for gap in gaps)
    lower += sum(_bits_of_gene(world.families, species, gene) for gene in plain_genes(species))
    counts = np.array([letters.count(base) for base in "acgt"])
    upper = -float((counts * np.log2(counts / counts.sum())).sum())
    note = (
        "lower: genes, families and boundaries given, peculiar and non-coding genes counted as 0 bits; "
        "upper: independent letters of the genome's own composition"
    )
    return _bound(f"{species.settings.name}: genome", "dna", "whole contigs", lower, upper, len(letters), note)


def _bits_of_gene(all_families: Sequence[ProteinFamily], species: Species, gene: Gene) -> float:
    """Bits of a gene's letters given its family and its boundaries (letters of a second isoform's exon left out)."""
    transcript, gc = gene.transcripts[0], species.settings.gc_content
    profile = all_families[gene.family or 0].profile
    sites = [AMINO_ACIDS.index(letter) for letter in transcript.protein]
    bits = bits_of_codons(species, gene) - float(np.log2(profile[np.arange(len(sites)), sites]).sum())
    if not transcript.exons:
        return bits
    utr5, _, utr3 = transcript.rna.partition(transcript.cds)
    bits += bits_of_letters(utr5, gc) + _bits_without(utr3, "3' UTRs", gc, _N_FIXED_UTR3)
    return bits + sum(_bits_without(letters, "introns", gc, _N_FIXED_INTRON) for letters in _introns(gene))


def _introns(gene: Gene) -> list[str]:
    exons = [_on_gene(gene, block) for block in gene.transcripts[0].exons]
    return [gene.dna[left[1] : right[0]] for left, right in pairwise(exons)]


def _on_gene(gene: Gene, block: Block) -> Block:
    """A block of the contig in the gene's own 5'->3' coordinates."""
    start, end = block
    return (start - gene.start, end - gene.start) if gene.strand > 0 else (gene.end - end, gene.end - start)


def _bits_without(letters: str, kind: str, gc_content: float, n_fixed: int) -> float:
    """Bits of the letters without their fixed signal."""
    if kind == "introns":
        return bits_of_letters(letters[2:-2], gc_content)
    if n_fixed:
        return bits_of_letters(letters[: -12 - n_fixed] + letters[-12:], gc_content)
    return bits_of_letters(letters, gc_content)


def _entropy(probabilities: Iterable[float]) -> float:
    return -sum(p * math.log2(p) for p in probabilities if p > 0)


def _exact(
    name: str, modality: str, what: str, bits: Iterable[float], lengths: Iterable[int], note: str
) -> Entry:  # fmt: skip
    n_letters = sum(lengths)
    return {"name": name, "modality": modality, "what": what, "kind": "exact", "n_letters": n_letters,
            "bits_per_letter": round(float(sum(bits)) / n_letters, 6), "note": note}  # fmt: skip


def _bound(
    name: str, modality: str, what: str, lower: float, upper: float, n_letters: int, note: str
) -> Entry:  # fmt: skip
    """Bounds on nucleotides. Guessing every letter uniformly costs 2 bits, so no upper bound needs to be above
    that; and on few letters the realised bits (``lower``) may exceed an upper bound, which then is the lower one too.
    """
    upper = min(upper, UNIFORM_BITS * n_letters)
    return {"name": name, "modality": modality, "what": what, "kind": "bound", "n_letters": n_letters,
            "lower": round(min(lower, upper) / n_letters, 6), "upper": round(upper / n_letters, 6),
            "note": f"{note}; at most {UNIFORM_BITS:g} bits, the cost of uniform guesses"}  # fmt: skip
