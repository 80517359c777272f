"""Cases of the human assembly GCF_000001405.40, each with the real gene named; the letters are short."""

from __future__ import annotations

import pytest
from pair_files import genes_of

from bsm.base.config.data import PairSettings
from bsm.base.counts import Counts
from bsm.base.tables import PIECES, read_table
from bsm.pair.corpus import Labels, write_corpus

CODING = "atgaaacccgggtttgctgtaactgaagctgaaaaaccctaa"
PROTEIN = "MKPGFAVTEAEKP"
CONTIGS = {
    "NC_000006.12": "ac" + CODING + "gt" * 20,
    "NT_113891.3": "ac" + CODING + "ga" * 20,
    "NW_003871063.1": "ac" + CODING + "ca" * 20,
    "NC_000023.11": "tt" + CODING + "gtgt",
    "NC_000024.10": "tt" + CODING + "gtgt",
    "NC_000014.9": "tttt" + CODING + "gg",
}
ASSEMBLY_REPORT = """\
# Assembly name:  GRCh38.p14
# Sequence-Name\tSequence-Role\tAssigned-Molecule\tType\tGenBank-Accn\tRelationship\tRefSeq-Accn
6\tassembled-molecule\t6\tChromosome\tCM000668.2\t=\tNC_000006.12\tPrimary Assembly\t170805979\tchr6
HSCHR6_MHC_COX_CTG1\talt-scaffold\t6\tChromosome\tGL000251.2\t=\tNT_113891.3\tALT_REF_LOCI_2\t4795265\tchr6_GL000251v2_alt
HG1342_HG2282_PATCH\tfix-patch\t1\tChromosome\tJH636052.4\t=\tNW_003871063.1\tPATCHES\t7283150\tchr1_JH636052v4_fix
"""


def _gene(contig, number, gene, gene_id, transcript, protein, biotype="protein_coding", kind="mRNA"):
    suffix = f"-{number}" if number > 1 else ""
    low = CONTIGS[contig].index(CODING) + 1
    place = f"{low}\t{low + len(CODING) - 1}\t.\t+"
    dbxref = f"Dbxref=GeneID:{gene_id}"
    lines = [f"gene\t{place}\t.\tID=gene-{gene}{suffix};{dbxref};Name={gene};gene={gene};gene_biotype={biotype}"]
    lines.append(
        f"{kind}\t{place}\t.\tID=rna-{transcript}{suffix};Parent=gene-{gene}{suffix};transcript_id={transcript}"
    )
    lines.append(f"exon\t{place}\t.\tID=exon-{transcript}{suffix}-1;Parent=rna-{transcript}{suffix}")
    lines.append(f"CDS\t{place}\t0\tID=cds-{protein}{suffix};Parent=rna-{transcript}{suffix};protein_id={protein}")
    return [f"{contig}\tBestRefSeq\t{line}" for line in lines]


@pytest.fixture
def human(tmp_path):
    """Runs the stage on the given genes; rows and report."""

    def run(*genes, **settings):
        (tmp_path / "g.fna").write_text(
            "".join(f">{name} Homo sapiens\n{letters}\n" for name, letters in CONTIGS.items())
        )
        (tmp_path / "g.gff").write_text("\n".join(line for gene in genes for line in gene) + "\n")
        (tmp_path / "p.faa").write_text("".join(f">{p} x\n{PROTEIN}\n" for p in ("NP_1.1", "NP_2.1", "NP_3.1")))
        (tmp_path / "assembly_report.txt").write_text(ASSEMBLY_REPORT)
        files = {"fasta": tmp_path / "g.fna", "gff": tmp_path / "g.gff", "protein": tmp_path / "p.faa"}
        return genes_of(
            tmp_path, assembly_report=tmp_path / "assembly_report.txt", settings=PairSettings(**settings), **files
        )

    return run


HLA = [
    _gene("NC_000006.12", 1, "HLA-A", 3105, "NM_002116.8", "NP_1.1"),
    _gene("NT_113891.3", 2, "HLA-A", 3105, "NM_002116.8", "NP_1.1"),
    _gene("NW_003871063.1", 3, "HLA-A", 3105, "NM_002116.8", "NP_1.1"),
]


def test_hla_a_of_alternate_loci_and_patches_is_left_out_unless_asked_for(human):
    rows, _ = human(*HLA)
    assert [(row["contig"], row["reason"]) for row in rows] == [
        ("NC_000006.12", None), ("NT_113891.3", "secondary_unit"), ("NW_003871063.1", "secondary_unit"),
    ]  # fmt: skip
    rows, report = human(*HLA, primary_units_only=False)
    assert [row["status"] for row in rows] == ["kept"] * 3 and report.of("cds") == {"equal": 3}


def test_csf2ra_of_the_pseudoautosomal_region_is_kept_on_x_and_y_under_two_record_ids(human, tmp_path):
    rows, _ = human(
        _gene("NC_000023.11", 1, "CSF2RA", 1438, "NM_172245.4", "NP_2.1"),
        _gene("NC_000024.10", 2, "CSF2RA", 1438, "NM_172245.4", "NP_2.1"),
    )
    assert [(row["contig"], row["gene_id"], row["status"]) for row in rows] == [
        ("NC_000023.11", "1438", "kept"), ("NC_000024.10", "1438", "kept"),
    ]  # fmt: skip
    labels = Labels("refseq_pairs", "homo_sapiens", "x", None, "free")
    write_corpus(tmp_path / "genes.parquet", tmp_path / "corpus.parquet", Counts("pair", "s", "p"), labels, seed=1)
    names = [row["record_id"] for row in read_table(tmp_path / "corpus.parquet", PIECES).to_pylist()]
    assert list(dict.fromkeys(names)) == [
        "refseq_pairs:homo_sapiens:1438:NM_172245.4", "refseq_pairs:homo_sapiens:1438:NM_172245.4:2",
    ]  # fmt: skip


@pytest.mark.parametrize(("gene", "biotype", "kind"), [
    ("IGHV1-18", "V_segment", "V_gene_segment"), ("IGHD1-1", "D_segment", "D_gene_segment"),
    ("IGHJ4", "J_segment", "J_gene_segment"), ("IGHG1", "C_region", "C_gene_segment"),
    ("IGHM", "protein_coding", "C_gene_segment"),
])  # fmt: skip
def test_immunoglobulin_segments_code_for_nothing_before_rearrangement(human, gene, biotype, kind):
    (row,), _ = human(_gene("NC_000014.9", 1, gene, 28000, "XM_1.1", "NP_3.1", biotype, kind))
    assert (row["status"], row["reason"], row["biotype"]) == ("rejected", "immune_segment", biotype)
