"""A synthetic assembly in NCBI's layout (genomic.fna.gz, genomic.gff.gz, protein.faa.gz) for the benchmarks.

Genes on both strands, 1-14 exons with GT..AG introns, UTRs, open reading frames without inner stops, every third gene
with a second isoform; 40 % of the letters soft-masked; attribute columns as long as NCBI's. What it hides: letters are
independent (no repeats), annotation is regular (compresses better than a real one), and no gene is odd.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from Bio.Data.CodonTable import standard_dna_table
from isal import igzip

CODONS = sorted(standard_dna_table.forward_table)
_CODON_LETTERS = np.frombuffer("".join(CODONS).encode(), dtype=np.uint8).reshape(-1, 3)
_RESIDUES = np.frombuffer("".join(standard_dna_table.forward_table[c] for c in CODONS).encode(), dtype=np.uint8)
_COMPLEMENT = np.zeros(256, dtype=np.uint8)
_COMPLEMENT[list(b"ACGT")] = list(b"TGCA")


def make_assembly(folder: Path, *, n_contigs: int, contig_nt: int, genes_per_contig: int, seed: int = 1) -> None:
    """Write the three files to ``folder``; the same bytes for the same arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        igzip.open(folder / "genomic.fna.gz", "wb", compresslevel=2) as fasta,
        igzip.open(folder / "genomic.gff.gz", "wb", compresslevel=2) as gff,
        igzip.open(folder / "protein.faa.gz", "wb", compresslevel=2) as proteins,
    ):
        gff.write(b"##gff-version 3\n")
        for number in range(n_contigs):
            rng = np.random.default_rng([seed, number])
            name = f"NC_{number + 1:06d}.1"
            letters = np.frombuffer(b"ACGT", dtype=np.uint8)[rng.integers(0, 4, contig_nt, dtype=np.uint8)]
            gff.write(f"{name}\tRefSeq\tregion\t1\t{contig_nt}\t.\t+\t.\tID={name};Dbxref=taxon:9606\n".encode())
            room = contig_nt // genes_per_contig
            for gene in range(genes_per_contig):
                lines, records = _gene(rng, letters, name, number * genes_per_contig + gene, gene * room, room)
                gff.write(lines.encode())
                proteins.write(records.encode())
            fasta.write(f">{name} Synthetica exemplaris chromosome {number + 1}\n".encode())
            fasta.write(_wrapped(_soft_masked(rng, letters)))


def _soft_masked(rng: np.random.Generator, letters: np.ndarray) -> np.ndarray:
    masked = np.repeat(rng.random(letters.size // 300 + 1) < 0.4, 300)[: letters.size]
    return letters | (masked.astype(np.uint8) << 5)


def _wrapped(letters: np.ndarray) -> bytes:
    whole = letters.size // 80 * 80
    lines = np.full((whole // 80, 81), ord("\n"), dtype=np.uint8)
    lines[:, :80] = letters[:whole].reshape(-1, 80)
    return lines.tobytes() + (letters[whole:].tobytes() + b"\n" if whole < letters.size else b"")


def _gene(rng: np.random.Generator, letters: np.ndarray, contig: str, number: int, low: int,
          room: int) -> tuple[str, str]:  # fmt: skip
    """Write one gene's coding letters into the contig; its lines of GFF3 and its protein records."""
    n_exons = int(rng.integers(1, 15))
    lengths = rng.integers(120, 300, n_exons)
    n_introns_nt = room - 200 - int(lengths.sum())
    cuts = np.sort(rng.choice(n_introns_nt // 2, n_exons, replace=False)) + np.arange(n_exons) * 25
    starts = low + 50 + np.concatenate([[0], np.cumsum(lengths)[:-1]]) + cuts
    ends = starts + lengths
    minus = bool(rng.random() < 0.5)
    n_coding = int(lengths.sum() - 60) // 3
    codons = rng.integers(0, len(CODONS), n_coding - 1)
    codons[0] = CODONS.index("ATG")
    coding = np.concatenate([_CODON_LETTERS[codons].ravel(), np.frombuffer(b"TAA", dtype=np.uint8)])
    places = np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])
    places = places[::-1] if minus else places
    coded = places[30 : 30 + coding.size]
    letters[coded] = _COMPLEMENT[coding] if minus else coding
    protein = _RESIDUES[codons].tobytes().decode()
    lines, records = [], []
    strand = "-" if minus else "+"
    dbxref, symbol = f"GeneID:{100_000 + number}", f"SYN{number}"
    head = f"{contig}\tGnomon"
    span = f"{starts[0] + 1}\t{ends[-1]}\t.\t{strand}\t."
    lines.append(
        f"{head}\tgene\t{span}\tID=gene-{symbol};Dbxref={dbxref};Name={symbol};description=synthetic gene {number}"
        f"%2C made of random codons;gbkey=Gene;gene={symbol};gene_biotype=protein_coding\n"
    )
    low_cds, high_cds = int(coded.min()), int(coded.max()) + 1
    for isoform in range(2 if number % 3 == 0 else 1):
        rna, aa = f"XM_{number:07d}.{isoform + 1}", f"XP_{number:07d}.{isoform + 1}"
        rest = f"gene={symbol};model_evidence=Supporting evidence includes similarity to: 3 Proteins;"
        product = f"product=synthetic protein {number}%2C transcript variant X{isoform + 1};transcript_id={rna}"
        lines.append(f"{head}\tmRNA\t{span}\tID=rna-{rna};Parent=gene-{symbol};Dbxref={dbxref},Genbank:{rna};"
                     f"Name={rna};gbkey=mRNA;{rest}{product}\n")  # fmt: skip
        order = list(range(n_exons))[:: -1 if minus else 1]
        for rank, e in enumerate(order, 1):
            lines.append(f"{head}\texon\t{starts[e] + 1}\t{ends[e]}\t.\t{strand}\t.\tID=exon-{rna}-{rank};"
                         f"Parent=rna-{rna};Dbxref={dbxref},Genbank:{rna};gbkey=mRNA;gene={symbol};"
                         f"{product}\n")  # fmt: skip
        n_before = 0
        for e in order:
            a, b = max(int(starts[e]), low_cds), min(int(ends[e]), high_cds)
            if a < b:
                lines.append(f"{head}\tCDS\t{a + 1}\t{b}\t.\t{strand}\t{-n_before % 3}\tID=cds-{aa};Parent=rna-{rna};"
                             f"Dbxref={dbxref},Genbank:{aa};Name={aa};gbkey=CDS;gene={symbol};"
                             f"product=synthetic protein {number};protein_id={aa}\n")  # fmt: skip
                n_before += b - a
        folded = "\n".join(protein[i : i + 80] for i in range(0, len(protein), 80))
        records.append(f">{aa} synthetic protein {number} [Synthetica exemplaris]\n{folded}\n")
    return "".join(lines), "".join(records)


def make_flat_file(path: Path, n_records: int, seed: int = 1) -> None:
    """A GenBank flat file like RefSeq's rna.gbff: references and a comment, gene, CDS with translation, variations."""
    rng = np.random.default_rng(seed)
    with igzip.open(path, "wb", compresslevel=2) as handle:
        for number in range(n_records):
            handle.write(_flat_record(rng, number).encode())


def _flat_record(rng: np.random.Generator, number: int) -> str:
    n_codons = int(rng.integers(100, 900))
    codons = rng.integers(0, len(CODONS), n_codons)
    codons[0] = CODONS.index("ATG")
    ends = [np.frombuffer(b"acgt", dtype=np.uint8)[rng.integers(0, 4, size)] for size in (150, 600)]
    coding = _CODON_LETTERS[codons].ravel() | 32
    stop = np.frombuffer(b"taa", dtype=np.uint8)
    letters = np.concatenate([ends[0], coding, stop, ends[1]]).tobytes().decode()
    protein = _RESIDUES[codons].tobytes().decode()
    name, n = f"XM_{number:07d}", len(letters)
    title = "Structure, annotation and expression of a synthetic transcript in a synthetic organism, part"
    lines = [
        f"LOCUS       {name:16} {n:>11} bp    mRNA    linear   PRI 01-JAN-2024",
        f"DEFINITION  Synthetica exemplaris synthetic protein {number}, mRNA.", f"ACCESSION   {name}",
        f"VERSION     {name}.1", "KEYWORDS    RefSeq.", "SOURCE      Synthetica exemplaris",
        "  ORGANISM  Synthetica exemplaris", "            Eukaryota; Metazoa; Chordata; Craniata; Vertebrata.",
    ]  # fmt: skip
    for k in range(5):
        lines += [f"REFERENCE   {k + 1}  (bases 1 to {n})", "  AUTHORS   Author,A., Writer,B. and Other,C.",
                  f"  TITLE     {title} {k}", "  JOURNAL   J. Synth. 12 (3), 45-67 (2020)",
                  f"   PUBMED   {number + k}"]  # fmt: skip
    lines += ["COMMENT     VALIDATED REFSEQ: This record has undergone validation or preliminary review.",
              "FEATURES             Location/Qualifiers"]  # fmt: skip
    lines += _feature("source", f"1..{n}", organism="Synthetica exemplaris", mol_type="mRNA", db_xref="taxon:9606")
    lines += _feature("gene", f"1..{n}", gene=f"SYN{number}", db_xref=f"GeneID:{number}")
    for _ in range(12):
        place = int(rng.integers(1, n))
        lines += _feature("variation", str(place), gene=f"SYN{number}", replace="a", db_xref=f"dbSNP:{place}")
    lines += _feature("CDS", f"151..{153 + 3 * n_codons}", gene=f"SYN{number}", codon_start=1, product="synthetic",
                      protein_id=f"XP_{number:07d}.1", translation=protein)  # fmt: skip
    lines.append("ORIGIN")
    for at in range(0, n, 60):
        words = " ".join(letters[k : min(k + 10, at + 60)] for k in range(at, min(at + 60, n), 10))
        lines.append(f"{at + 1:>9} {words}")
    return "\n".join([*lines, "//", ""])


def _feature(kind: str, location: str, **qualifiers: object) -> list[str]:
    lines = [f"     {kind:16}{location}"]
    for name, value in qualifiers.items():
        text = f"/{name}={value}" if isinstance(value, int) else f'/{name}="{value}"'
        lines += [" " * 21 + text[k : k + 58] for k in range(0, len(text), 58)]
    return lines
