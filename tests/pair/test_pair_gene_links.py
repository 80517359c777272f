"""gene2accession rows joined with their sequences: one record per (RNA, protein) pair, exact coordinates."""

from __future__ import annotations

import pytest

from bsm.base.alphabet import reverse_complement
from bsm.base.config.data import PairSettings
from bsm.base.errors import InputError
from bsm.base.tables import GENES, read_table
from bsm.pair.gene_links import GeneFiles, Link, best_place, read_links, write_linked_genes
from bsm.pair.report import PairsReport

HEADER = (
    "#tax_id\tGeneID\tstatus\tRNA_nucleotide_accession.version\tRNA_nucleotide_gi\tprotein_accession.version\tprotein_gi\t"
    "genomic_nucleotide_accession.version\tgenomic_nucleotide_gi\tstart_position_on_the_genomic_accession\t"
    "end_position_on_the_genomic_accession\torientation\tassembly\tmature_peptide_accession.version\tmature_peptide_gi\tSymbol"
)
EXON_1, INTRON = "gccgccatgaaacccgggtttgctacggactt", "gtaagtacgtacctttgcatcgagcttaccag"
EXON_2 = "agaagctcatgtacacgatgcaacgtcgctaaccgcgataatag"
RNA = EXON_1 + EXON_2
DNA = EXON_1 + INTRON + EXON_2


def _row(gene, rna="-", protein="-", genomic="-", start="-", end="-", orientation="?", assembly="-", taxid=1):
    return "\t".join(
        (
            str(taxid),
            gene,
            "NA",
            rna,
            "-",
            protein,
            "-",
            genomic,
            "-",
            str(start),
            str(end),
            orientation,
            assembly,
            "-",
            "-",
            "S",
        )
    )


@pytest.fixture
def protein():
    from bsm.base.codes import translate

    return translate(RNA[6:]).split("*")[0]


def _run(tmp_path, protein, rows, settings=None):
    (tmp_path / "t.tsv").write_text("\n".join([HEADER, *rows]) + "\n")
    (tmp_path / "rna.fna").write_text(f">NM_1.1 t\n{RNA.upper()}\n>BC_1.1\n{RNA.upper()}AAAA\n>NR_1.1\n{RNA}\n")
    (tmp_path / "p.faa").write_text(f">NP_1.1\n{protein}\n>WP_1.1\n{protein}\n>ZZ_1.1\nMKKKKKKKKKKKKKK\n")
    slices = {"NC_1.1:100-208": DNA, "NC_2.1:5-113": reverse_complement(DNA), "NC_3.1:0-76": RNA}
    (tmp_path / "g.fna").write_text("".join(f">{name}\n{letters}\n" for name, letters in slices.items()))
    files = GeneFiles(tmp_path / "t.tsv", *((tmp_path / name,) for name in ("rna.fna", "p.faa", "g.fna")))
    report = PairsReport("s", "all", "r")
    write_linked_genes(files, tmp_path / "g.parquet", settings or PairSettings(), report)
    return read_table(tmp_path / "g.parquet", GENES).to_pylist(), report


@pytest.mark.parametrize(
    ("genomic", "start", "orientation", "strand"), [("NC_1.1", 100, "+", 1), ("NC_2.1", 5, "-", -1)]
)
def test_pair_is_laid_on_its_slice_on_both_strands(genomic, start, orientation, strand, tmp_path, protein):
    rows = [_row("7", "NM_1.1", "NP_1.1", genomic, start, start + 107, orientation)]
    (row,), _ = _run(tmp_path, protein, rows)
    assert (row["dna"], row["rna"], row["protein"]) == (DNA, RNA, protein)
    assert (row["contig"], row["start"], row["end"], row["strand"]) == (genomic, start, start + 108, strand)
    assert row["exons"] == [0, 32, 64, 108] and row["cds"] == RNA[6 : 6 + 3 * len(protein) + 3]
    assert row["coding"][0] == 6 and row["coding"][1:3] == [32, 64]
    assert (row["taxid"], row["gene_id"], row["genetic_code"], row["status"]) == (1, "7", 1, "kept")


def test_every_class_has_its_reason(tmp_path, protein):
    place = ("NC_1.1", 100, 207, "+")
    rows = [
        _row("1", "NM_1.1", "NP_1.1", *place), _row("1", "BC_1.1", "NP_1.1"),  # INSDC row: the gene's slice
        _row("2", "NR_1.1", "-", *place),  # non-coding
        _row("3", "NM_1.1", "NP_1.1", "NC_1.1", 100, 207, "?"), _row("4", "NM_1.1", "NP_1.1"),
        _row("5", "NM_9.1", "NP_1.1", *place), _row("6", "NM_1.1", "NP_9.1", *place),
        _row("7", "NM_1.1", "NP_1.1", "NC_9.1", 1, 5, "+"), _row("8", "NM_1.1", "ZZ_1.1", *place),
        _row("9", "-", "WP_1.1", "NC_3.1", 0, 75, "+"), _row("10", "-", "-", *place),
    ]  # fmt: skip
    found, report = _run(tmp_path, protein, rows)
    outcome = {(row["gene_id"], row["transcript_id"]): row["reason"] or row["status"] for row in found}
    assert outcome == {
        ("1", "NM_1.1"): "kept", ("1", "BC_1.1"): "kept", ("2", "NR_1.1"): "kept",
        ("3", "NM_1.1"): "orientation_unknown",
        ("4", "NM_1.1"): "no_genomic_place", ("5", "NM_9.1"): "rna_missing", ("6", "NM_1.1"): "protein_missing",
        ("7", "NM_1.1"): "genomic_missing", ("8", "NM_1.1"): "not_encoded_by_rna", ("9", None): "kept",
        ("10", None): "no_product",
    }  # fmt: skip
    by_name = {(row["gene_id"], row["transcript_id"]): row for row in found}
    insdc, bacterial = by_name["1", "BC_1.1"], by_name["9", None]
    assert insdc["rna"].endswith("aaaa") and insdc["exons"] is None and insdc["coding"] is None and insdc["dna"] == DNA
    assert bacterial["rna"] == bacterial["dna"] and bacterial["route"] == "genome" and bacterial["coding"] is not None
    assert report.count("gene", "kept") == 4


def test_place_rule_prefers_refseq_reference_assembly():
    def link(genomic, assembly=None, start=5, orientation="+"):
        return Link(1, "1", "r", "p", genomic, start, start + 9, orientation, assembly, None)

    wanted = link("NC_2.1", "Reference GRCh38.p14 Primary Assembly", 7)
    others = [
        link("AC_1.1"),
        link("NW_1.1", "Reference X"),
        link("NC_1.1", "Alternate T2T"),
        link("NC_0.1", None, 1, "?"),
    ]
    others.append(link("NC_2.1", "Reference GRCh38.p14 Primary Assembly", 9))
    assert best_place([*others, wanted]) == wanted
    assert best_place([Link(1, "1", "r", "p", None, 0, 0, "?", None, None)]) is None


def test_unsorted_tables_give_each_gene_once(tmp_path):
    path = tmp_path / "t.tsv"
    rows = [_row("1", "A.1"), _row("2", "B.1"), _row("1", "C.1"), _row("1", "D.1", taxid=2)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    assert [[link.rna for link in links] for links in read_links(path)] == [["B.1"], ["A.1", "C.1"], ["D.1"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#tax_id\tGeneID\n1\t2\n", r"t\.tsv:1: gene2accession without the column"),
        (HEADER + "\n" + _row("1", start="x", end="5") + "\n", r"t\.tsv:2: row of gene2accession that cannot be read"),
        (HEADER + "\n" + _row("1", start="9", end="5") + "\n", r"t\.tsv:2: row of gene2accession that cannot be read"),
        (HEADER + "\n1\t2\tNA\n", r"t\.tsv:2: row of gene2accession that cannot be read"),
    ],
)
def test_damaged_tables_are_named_with_their_line(text, message, tmp_path):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        list(read_links(tmp_path / "t.tsv"))
