"""The same letters as Biopython's SeqFeature.extract and translate: flat files, and generated genomes."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import CompoundLocation, SeqFeature, SimpleLocation
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_files import assert_blocks_fit, genes_of

FILES = [
    "NC_005816.gb", "NC_000932.gb", "arab1.gb", "AE003644_Adh-genomic.gb", "U49845.gbk", "cor6_6.gb",
    "NC_012920.1.gbff", "influA_California.gbff", "lambda_NC_001416.gb", "ribosome-slippage.gb", "zika_outgroup.gb",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_cds_and_spliced_rna_equal_biopython_extract(name, shared_data, tmp_path):
    path = shared_data("ncbi/flatfiles") / name
    rows, _ = genes_of(tmp_path, genbank=path)
    expected_cds, expected_rna = [], []
    for record in SeqIO.parse(path, "genbank"):
        for feature in record.features:
            letters = (
                str(feature.extract(record.seq)).lower() if feature.type in ("CDS", "mRNA", "tRNA", "rRNA") else ""
            )
            letters = "".join(c if c in "acgt" else "n" for c in letters)
            if feature.type == "CDS":
                expected_cds.append(letters[int(feature.qualifiers.get("codon_start", ["1"])[0]) - 1 :])
            elif feature.type == "mRNA" and "cor6" not in name:
                expected_rna.append(letters)
    assert sorted(row["cds"] for row in rows if row["cds"]) == sorted(expected_cds)
    assert set(expected_rna) <= {row["rna"] for row in rows}


def test_t4_gff_and_flat_file_give_the_same_genes(shared_data, tmp_path):
    root = shared_data("ncbi/flatfiles")
    flat, _ = genes_of(tmp_path, genbank=root / "T4_NC_000866.gbff.gz")
    fasta = tmp_path / "t4.fna"
    import gzip

    with gzip.open(root / "T4_NC_000866.gbff.gz", "rt") as handle:
        SeqIO.write(SeqIO.parse(handle, "genbank"), fasta, "fasta")
    annotated, _ = genes_of(tmp_path, fasta=fasta, gff=root / "T4_NC_000866.gff")
    proteins = {row["protein_id"]: row for row in annotated if row["protein_id"]}
    for row in flat:
        if row["protein_id"]:
            other = proteins[row["protein_id"]]
            same = (
                "gene_id",
                "start",
                "end",
                "strand",
                "dna",
                "rna",
                "cds",
                "exons",
                "coding",
                "genetic_code",
                "taxid",
            )
            assert {key: row[key] for key in same} == {key: other[key] for key in same}
    introns = {row["symbol"] for row in annotated if row["coding"] and len(row["coding"]) > 2}
    assert {"td", "nrdB", "nrdD"} <= introns


@st.composite
def annotated_contigs(draw):
    """A random contig with random genes: both strands, 1-5 exons, UTRs, a phase, codes; rows in random order."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    letters = "".join(rng.choices("acgtACGTnR", weights=[20] * 8 + [1, 1], k=rng.randint(400, 1500)))
    genes, rows = [], []
    for index in range(draw(st.integers(1, 4))):
        strand = rng.choice("+-")
        cuts = sorted(rng.sample(range(len(letters)), 2 * rng.randint(1, 5)))
        exons = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if b > a]
        span = (exons[0][0], exons[-1][1])
        total = sum(b - a for a, b in exons)
        low, high = sorted((rng.randint(0, total), rng.randint(0, total)))
        coding, at = [], 0
        for a, b in exons:
            first, last = max(low - at, 0), min(high - at, b - a)
            if first < last:
                coding.append((a + first, a + last))
            at += b - a
        phase, table = rng.randint(0, 2), rng.choice([1, 2, 4, 5, 11, 12, 26])
        genes.append((f"g{index}", strand, span, exons, coding, phase, table))
        rows += _rows_of(*genes[-1])
    rng.shuffle(rows)
    return letters, genes, rows


def _rows_of(name, strand, span, exons, coding, phase, table):
    def row(kind, a, b, phase_text, attributes):
        return f"c1\tt\t{kind}\t{a + 1}\t{b}\t.\t{strand}\t{phase_text}\t{attributes}"

    yield row("gene", *span, ".", f"ID={name};locus_tag=L%2C{name}")
    yield row("mRNA", *span, ".", f"ID=r{name};Parent={name};transcript_id=T{name}")
    for a, b in exons:
        yield row("exon", a, b, ".", f"Parent=r{name}")
    n_read = -phase
    for a, b in coding if strand == "+" else coding[::-1]:
        open_end = ";partial=true;start_range=.,1;end_range=1,."
        yield row(
            "CDS", a, b, -n_read % 3, f"ID=c{name};Parent=r{name};protein_id=P{name};transl_table={table}{open_end}"
        )
        n_read += b - a


def _biopython(letters, spans, strand):
    """The spans in transcript order, as SeqFeature.extract joins them."""
    clean = Seq("".join(c if c in "acgt" else "n" for c in letters.lower()))
    parts = [SimpleLocation(a, b, 1 if strand == "+" else -1) for a, b in spans]
    parts = parts if strand == "+" else parts[::-1]
    return str(SeqFeature(CompoundLocation(parts) if len(parts) > 1 else parts[0]).extract(clean)) if parts else ""


@settings(max_examples=200, deadline=None)
@given(annotated_contigs())
def test_generated_genes_equal_biopython_extract_and_translate(world):
    letters, genes, lines = world
    with tempfile.TemporaryDirectory() as folder:
        fasta, gff = Path(folder) / "c.fna", Path(folder) / "c.gff"
        fasta.write_text(f">c1 test\n{letters}\n")
        gff.write_text("##gff-version 3\n" + "\n".join(lines) + "\n")
        rows, _ = genes_of(Path(folder), fasta=fasta, gff=gff)
    found = {row["gene_id"]: row for row in rows}
    assert set(found) == {f"L,{name}" for name, *_ in genes}
    for name, strand, span, exons, coding, phase, table in genes:
        row = found[f"L,{name}"]
        assert (row["start"], row["end"], row["strand"]) == (*span, 1 if strand == "+" else -1)
        assert row["dna"] == _biopython(letters, [span], strand)
        assert row["rna"] == _biopython(letters, exons, strand)
        assert_blocks_fit(row)
        cds = _biopython(letters, coding, strand)[phase:]
        if not coding:
            assert row["cds"] is None
            continue
        assert row["cds"] == cds
        whole = Seq(cds[: len(cds) // 3 * 3])
        residues = "".join(
            "X" if "n" in whole[i : i + 3] else str(whole[i : i + 3].translate(table)) for i in range(0, len(whole), 3)
        )
        assert row["protein"] == residues.removesuffix("*")
        assert ("*" in row["protein"]) <= (row["status"] == "rejected")
