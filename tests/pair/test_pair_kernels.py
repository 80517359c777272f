"""Compiled kernels and the row by row code give the same genes, whatever the annotation says."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_files import assert_blocks_fit

from bsm.base.codes import codon_table, translate
from bsm.base.config.data import PairSettings
from bsm.base.tables import GENES, read_table
from bsm.pair import genome, kernels, ordinary
from bsm.pair.genome import GenomeFiles, write_genes
from bsm.pair.report import PairsReport

CODONS = ["atg", "gct", "tgc", "gat", "gaa", "ttt", "ggt", "cat", "ctg", "aaa"]


def _both(files, folder):
    """(rows, report) row by row and by kernels."""
    results = []
    for compiled in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(genome, "is_large", lambda fasta, gff, compiled=compiled: compiled)
            patch.setattr(ordinary, "BATCH_LETTERS", 3000)
            report = PairsReport("test", "all", "test")
            write_genes(files, folder / "genes.parquet", PairSettings(on_damaged="skip", max_gene_nt=100_000), report)
        results.append((read_table(folder / "genes.parquet", GENES).to_pylist(), report.rows()))
    return results


@pytest.fixture
def n_by_kernels(monkeypatch):
    """Counts the transcripts that the kernels made."""
    counted = []
    batch = ordinary.OrdinaryGenes._batch
    monkeypatch.setattr(
        ordinary.OrdinaryGenes, "_batch", lambda self, units: counted.append(len(units)) or batch(self, units)
    )
    return counted


@st.composite
def worlds(draw):
    """A contig whose genes read well, on both strands, with isoforms; then a few lines are spoilt."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    letters = rng.choices("acgt", k=6000)
    lines, proteins, transcripts = ["c1\tt\tregion\t1\t6000\t.\t+\t.\tID=c1;Dbxref=taxon:7"], {}, {}
    for number in range(draw(st.integers(1, 6))):
        lines += _gene(rng, letters, number, proteins, transcripts)
    for _ in range(draw(st.integers(0, 5))):
        _spoil(rng, lines, proteins, transcripts)
    if rng.random() < 0.2:
        rng.shuffle(lines)
    return "".join(letters), lines, proteins, transcripts


def _gene(rng, letters, number, proteins, transcripts):
    strand, low = rng.choice("+-"), 1000 * number + 5
    lengths = [rng.randint(30, 90) for _ in range(rng.randint(1, 5))]
    starts, at = [], low
    for length in lengths:
        starts.append(at)
        at += length + rng.randint(12, 60)
    exons = [(a, a + n) for a, n in zip(starts, lengths, strict=True)]
    places = [i for a, b in exons for i in range(a, b)][:: 1 if strand == "+" else -1]
    utr, n_codons = rng.randint(0, 9), rng.randint(11, (len(places) - 9) // 3) if len(places) > 50 else 0
    coded = "".join(["atg", *rng.choices(CODONS, k=max(n_codons - 2, 0)), "taa"]) if n_codons else ""
    complement = dict(zip("acgt", "tgca", strict=True))
    for place, letter in zip(places[utr:], coded, strict=False):
        letters[place] = letter if strand == "+" else complement[letter]
    name, span = f"g{number}", f"{low + 1}\t{exons[-1][1]}\t.\t{strand}\t."
    bare = len(exons) == 1 and rng.random() < 0.3
    lines = [f"c1\tt\tgene\t{span}\tID={name};Dbxref=GeneID:{900 + number};Name=N{number};gene_biotype=protein_coding"]
    for isoform in range(0 if bare else rng.randint(1, 2)):
        rna = f"X{number}.{isoform}"
        lines.append(f"c1\tt\tmRNA\t{span}\tID=rna-{rna};Parent={name};Dbxref=GeneID:{900 + number},Genbank:{rna}")
        for a, b in exons[:: 1 if strand == "+" else -1]:
            lines.append(f"c1\tt\texon\t{a + 1}\t{b}\t.\t{strand}\t.\tID=e{rna}-{a};Parent=rna-{rna}")
        lines += _coding(exons, strand, places[utr : utr + len(coded)], f"P{number}.{isoform}", f"rna-{rna}")
        proteins[f"P{number}.{isoform}"] = translate(coded)[:-1]
        spliced = "".join(letters[i] for i in places)
        transcripts[rna] = spliced if strand == "+" else "".join(complement[c] for c in spliced)
    if bare:
        lines += _coding(exons, strand, places[utr : utr + len(coded)], f"P{number}", name)
        proteins[f"P{number}"] = translate(coded)[:-1]
    return lines


def _coding(exons, strand, coded, protein, parent):
    n_before, inside = 0, set(coded)
    for a, b in exons[:: 1 if strand == "+" else -1]:
        part = [i for i in range(a, b) if i in inside]
        if part:
            yield (f"c1\tt\tCDS\t{part[0] + 1}\t{part[-1] + 1}\t.\t{strand}\t{-n_before % 3}\tID=cds-{protein};"
                   f"Parent={parent};protein_id={protein}")  # fmt: skip
            n_before += len(part)


def _spoil(rng, lines, proteins, transcripts):
    at = rng.randrange(len(lines))
    columns = lines[at].split("\t")
    change = rng.randrange(14)
    additions = ["exception=ribosomal slippage", "pseudo=true", "transl_except=(pos:20..22,aa:Sec)", "start_range=.,5",
                 "end_range=9,.", "transl_table=11", "transl_table=77", "part=1", "gene_biotype=V_segment"]  # fmt: skip
    if change < 4:
        lines[at] += f";{rng.choice(additions)}"
    elif change == 4:
        lines.append(lines[at])
    elif change == 5:
        lines.pop(at) if len(lines) > 2 else None
    elif change == 6:
        columns[6] = rng.choice("+-.?")
        lines[at] = "\t".join(columns)
    elif change == 7:
        shift = rng.randint(-40, 40)
        columns[3 + rng.randrange(2)] = str(max(1, int(columns[3]) + shift))
        lines[at] = "\t".join(columns)
    elif change == 8:
        lines[at] = lines[at].replace(
            "Parent=", rng.choice(["Parent=g0,", "Parent=no", "Parent=g%3", "Note=x; Parent="])
        )
    elif change == 9:
        lines[at] = lines[at].replace("N", "N%2C")
    elif change == 10:
        lines[at] = lines[at].replace("gene", "pseudogene", 1)
    elif change == 11:
        columns[7] = rng.choice("012")
        lines[at] = "\t".join(columns)
    elif change == 12 and proteins:
        proteins[rng.choice(sorted(proteins))] = rng.choice(["MAAAAAAAAAAAAA", "M*A", "MGX"])
    elif change == 13 and transcripts:
        name = rng.choice(sorted(transcripts))
        transcripts[name] += rng.choice(["aaaa", "ccc"])


def _write(folder, letters, lines, proteins, transcripts):
    (folder / "c.fna").write_text(f">c1 test\n{letters}\n>c2\nacgt\n")
    (folder / "c.gff").write_text("##gff-version 3\n" + "\n".join(lines) + "\n")
    files = {"fasta": (folder / "c.fna",), "gff": (folder / "c.gff",)}
    for role, records, suffix in (("protein", proteins, "faa"), ("rna", transcripts, "fna")):
        kept = {name: sequence for name, sequence in records.items() if sequence and not name.endswith("0.1")}
        if kept:
            path = folder / f"{role}.{suffix}"
            path.write_text("".join(f">{name}\n{sequence.upper()}\n" for name, sequence in kept.items()))
            files[role] = (path,)
    return GenomeFiles(**files)


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_any_annotation_gives_the_same_rows_and_report(world):
    with tempfile.TemporaryDirectory() as folder:
        plain, compiled = _both(_write(Path(folder), *world), Path(folder))
    assert compiled == plain


def test_unspoilt_genes_go_through_the_kernels(tmp_path, n_by_kernels):
    rng, letters = random.Random(5), random.Random(6).choices("acgt", k=40_000)
    proteins, transcripts, lines = {}, {}, []
    for number in range(30):
        lines += _gene(rng, letters, number, proteins, transcripts)
    files = _write(tmp_path, "".join(letters), lines, proteins, transcripts)
    plain, compiled = _both(files, tmp_path)
    n_transcripts = sum(row["reason"] != "no_transcript" for row in plain[0])
    assert compiled == plain and sum(n_by_kernels) == n_transcripts > 30
    assert {row["status"] for row in plain[0]} <= {"kept", "rejected"}
    for row in compiled[0]:
        if row["status"] == "kept":
            assert_blocks_fit(row)


REAL = {
    "saureus_GCF_000013425.1": ("GCF_000013425.1_ASM1342v1_genomic.fna.gz", "genomic.gff.gz", "protein.faa.gz"),
    "monkeypox_GCF_014621545.1": ("GCF_014621545.1_ASM1462154v1_genomic.fna", "genomic.gff", "protein.faa"),
    "hiv1_GCF_000864765.1": ("GCF_000864765.1_ViralProj15476_genomic.fna", "genomic.gff", "protein.faa"),
    "arabidopsis_chr1_338kb": ("Atha.gdna.fa", "Atha.gff3", None),
    "refseq_gff3_fasta_pairs": ("NC_000011.10.fasta", "NC_000011.10.gff3", None),
}


@pytest.mark.parametrize("name", REAL)
def test_real_assemblies_give_the_same_rows_and_report(name, shared_data, tmp_path):
    fasta, gff, protein = (shared_data(f"ncbi/{name}") / file if file else None for file in REAL[name])
    plain, compiled = _both(GenomeFiles((fasta,), (gff,), protein=(protein,) if protein else ()), tmp_path)
    assert compiled == plain


@given(st.text(alphabet="acgtn", max_size=200), st.sampled_from([1, 2, 4, 5, 11, 12, 26]))
@settings(max_examples=100, deadline=None)
def test_translation_kernel_equals_translate(letters, table):
    cds = np.frombuffer(letters.encode() + b"-", dtype=np.uint8)
    out = np.empty(len(letters) // 3, dtype=np.uint8)
    kernels.translate_into(cds, 0, out.size, np.frombuffer(codon_table(table), dtype=np.uint8), out, 0)
    assert out.tobytes().decode() == translate(letters, table)
