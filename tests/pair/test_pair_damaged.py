"""Damaged and odd annotation: a clear error with file and line, or a counted rejection; never silence."""

from __future__ import annotations

import gzip

import pytest
from pair_files import genes_of

from bsm.base.config.data import PairSettings
from bsm.base.errors import InputError

SKIP = PairSettings(on_damaged="skip")
GENOME = "acgtatgaaacccgggtttgctgtaactgaagcttaa" * 10  # 370 letters


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bad_loc_wrap.gb", "gb:8: location broken inside a number"),
        ("negative_location.gb", "gb:15: location that cannot be read"),
        ("no_end_marker.gb", "gb:1: record without its final '//'"),
        ("NT_019265.gb", "gb:1: record without letters"),
        ("NC_006511-short.gbk", "record of 840 letters, but LOCUS says 4585229"),
        ("tsa_acropora.gb", "a master record"),
        ("protein_refseq2.gb", "a protein record"),
        ("blank_seq.gb", "a protein record"),
    ],
)
def test_damaged_flat_file_stops_with_file_and_line_or_is_counted(name, message, shared_data, tmp_path):
    path = shared_data("ncbi/flatfiles") / name
    with pytest.raises(InputError, match=r"\.gbk?:1?") as caught:
        genes_of(tmp_path, genbank=path)
    assert message in str(caught.value) and name in str(caught.value)
    assert not list(tmp_path.iterdir()), "nothing is left half-written"
    _, report = genes_of(tmp_path, genbank=path, settings=SKIP)
    assert report.count("damage", "unreadable") == 1


@pytest.mark.parametrize(("name", "n_cds"), [("AY095303S1.gbk", 1), ("one_of.gb", 2)])
def test_location_in_another_accession_is_a_counted_rejection(name, n_cds, shared_data, tmp_path):
    rows, _ = genes_of(tmp_path, genbank=shared_data("ncbi/flatfiles") / name)
    coding = [row for row in rows if row["protein_id"]]
    assert len(coding) == n_cds and {row["reason"] for row in coding} == {"other_accession"}


def test_features_behind_a_cut_off_sequence_are_counted(shared_data, tmp_path):
    path = shared_data("ncbi/flatfiles") / "NC_006511-short.gbk"
    rows, report = genes_of(tmp_path, genbank=path, settings=SKIP)
    assert [row["reason"] for row in rows] == [None, "beyond_sequence"]
    assert report.of("cds") == {"equal": 1} and report.of("damage") == {"unreadable": 1, "beyond_sequence": 2}


def _run(tmp_path, rows, settings=None, letters=GENOME):
    (tmp_path / "g.fna").write_text(f">c1\n{letters}\n>c2\nacgtacgt\n")
    lines = [
        "\t".join(("c1", "t", kind, str(a), str(b), ".", strand, phase, text))
        for kind, a, b, strand, phase, text in rows
    ]
    (tmp_path / "a.gff").write_text("##gff-version 3\n" + "\n".join(lines) + "\n")
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    return genes_of(out, fasta=tmp_path / "g.fna", gff=tmp_path / "a.gff", settings=settings)


GENE = ("gene", 5, 37, "+", ".", "ID=g1")
BROKEN = {
    "parent_missing": [GENE, ("CDS", 5, 37, "+", "0", "ID=c1;Parent=nobody")],
    "beyond_sequence": [("gene", 5, 900, "+", ".", "ID=g1"), ("CDS", 5, 900, "+", "0", "ID=c1;Parent=g1")],
    "duplicate_id": [GENE, ("gene", 50, 90, "+", ".", "ID=g1"), ("CDS", 5, 37, "+", "0", "ID=c1;Parent=g1")],
    "unknown_genetic_code": [GENE, ("CDS", 5, 37, "+", "0", "ID=c1;Parent=g1;transl_table=99")],
}


@pytest.mark.parametrize("reason", BROKEN)
def test_broken_annotation_stops_with_the_line_or_is_rejected(reason, tmp_path):
    with pytest.raises(InputError, match=rf"a\.gff:\d+: damaged annotation: {reason}"):
        _run(tmp_path, BROKEN[reason])
    rows, report = _run(tmp_path, BROKEN[reason], SKIP)
    assert reason in {row["reason"] for row in rows if row["status"] == "rejected"}
    assert report.count("damage", reason) >= 1


def test_sequence_that_is_not_in_the_fasta_is_damage(tmp_path):
    (tmp_path / "g.fna").write_text(f">c1\n{GENOME}\n")
    good, lost = "c1\tt\tgene\t5\t37\t.\t+\t.\tID=g1", "other\tt\tgene\t5\t37\t.\t+\t.\tID=g2"
    (tmp_path / "a.gff").write_text(f"{good}\n{lost}\n")
    files = {"fasta": tmp_path / "g.fna", "gff": tmp_path / "a.gff"}
    with pytest.raises(InputError, match="sequence_missing"):
        genes_of(tmp_path, **files)
    rows, _ = genes_of(tmp_path, **files, settings=SKIP)
    assert [row["reason"] for row in rows] == ["no_transcript", "sequence_missing"]
    (tmp_path / "a.gff").write_text(f"{lost}\n")
    with pytest.raises(InputError, match="no sequence of the annotation stands in the FASTA file"):
        genes_of(tmp_path, **files, settings=SKIP)


def test_damaged_gff_line_is_counted_and_the_rest_read(tmp_path):
    rows = [GENE, ("CDS", 5, 37, "+", "0", "ID=c1;Parent=g1;protein_id=P"), ("gene", 90, 80, "+", ".", "ID=g2")]
    with pytest.raises(InputError, match=r"a\.gff:4: start and end must be positive"):
        _run(tmp_path, rows)
    found, report = _run(tmp_path, rows, SKIP)
    assert [row["protein"] for row in found] == ["MKPGFAVTEA"] and report.count("damage", "unreadable") == 1


@pytest.mark.parametrize("damage", ["truncated gzip", "empty record", "letters before header", "non-ASCII"])
def test_damaged_fasta_is_one_clear_error(damage, tmp_path):
    text = f">c1\n{GENOME}\n"
    data = {
        "truncated gzip": gzip.compress(text.encode())[:-12],
        "empty record": b">c0\n" + text.encode(),
        "letters before header": b"acgt\n" + text.encode(),
        "non-ASCII": f">c1\n{GENOME}é\n".encode(),
    }[damage]
    (tmp_path / "g.fna").write_bytes(data)
    (tmp_path / "a.gff").write_text("c1\tt\tgene\t5\t37\t.\t+\t.\tID=g1\n")
    with pytest.raises(InputError, match=r"g\.fna"):
        genes_of(tmp_path, fasta=tmp_path / "g.fna", gff=tmp_path / "a.gff")
    assert not list(tmp_path.glob("*.parquet"))


def test_mixed_line_ends_blank_lines_and_unsorted_rows_change_nothing(tmp_path):
    rows = [GENE, ("mRNA", 5, 37, "+", ".", "ID=r1;Parent=g1"), ("exon", 5, 37, "+", ".", "Parent=r1")]
    rows.append(("CDS", 5, 37, "+", "0", "ID=c1;Parent=r1;protein_id=P"))
    plain, _ = _run(tmp_path, rows)
    text = (tmp_path / "a.gff").read_text().splitlines()
    mixed = "\r\n".join(text[:2]) + "\r\n\n" + "c2\tt\tgene\t1\t8\t.\t+\t.\tID=z\n" + "\r\n".join(text[:1:-1]) + "\r\n"
    (tmp_path / "a.gff").write_text(mixed, newline="")
    again, _ = genes_of(tmp_path, fasta=tmp_path / "g.fna", gff=tmp_path / "a.gff")
    assert [row for row in again if row["gene_id"] != "z"] == plain


def test_special_genes_are_counted_rejections(tmp_path):
    cases = {
        "pseudogene": [("pseudogene", 5, 37, "+", ".", "ID=g1;pseudo=true"), ("exon", 5, 37, "+", ".", "Parent=g1")],
        "immune_segment": [("gene", 5, 37, "+", ".", "ID=g1;gene_biotype=V_segment"),
                           ("V_gene_segment", 5, 37, "+", ".", "ID=r1;Parent=g1")],
        "no_transcript": [GENE],
        "protein_shorter_than_min": [GENE, ("CDS", 5, 13, "+", "0", "ID=c1;Parent=g1")],
        "cds_outside_exons": [GENE, ("mRNA", 5, 37, "+", ".", "ID=r1;Parent=g1"),
                              ("exon", 5, 30, "+", ".", "Parent=r1"), ("CDS", 5, 37, "+", "0", "ID=c1;Parent=r1")],
        "longer_than_max_gene_nt": [("gene", 1, 370, "+", ".", "ID=g1")],
    }  # fmt: skip
    for reason, annotation in cases.items():
        rows, report = _run(tmp_path, annotation, PairSettings(max_gene_nt=100))
        assert [row["reason"] for row in rows] == [reason]
        assert report.count("gene", f"rejected: {reason}") == 1


def test_secondary_units_are_left_out_by_the_assembly_report(tmp_path):
    annotation = [GENE, ("CDS", 5, 37, "+", "0", "ID=c1;Parent=g1")]
    _run(tmp_path, annotation)
    (tmp_path / "r.txt").write_text(
        "# name\trole\nHSCHR1\talt-scaffold\t1\tChromosome\tKI1.1\t<>\tc1\tALT_REF\t370\tna\n"
    )
    files = {"fasta": tmp_path / "g.fna", "gff": tmp_path / "a.gff", "assembly_report": tmp_path / "r.txt"}
    rows, _ = genes_of(tmp_path, **files)
    assert [row["reason"] for row in rows] == ["secondary_unit"]
    rows, _ = genes_of(tmp_path, **files, settings=PairSettings(primary_units_only=False))
    assert [row["status"] for row in rows] == ["kept"]


@pytest.mark.parametrize("policy", ["reject", "keep_published"])
def test_disagreement_with_the_published_protein_follows_the_settings(policy, tmp_path):
    annotation = [GENE, ("CDS", 5, 37, "+", "0", "ID=c1;Parent=g1;protein_id=P.1")]
    _run(tmp_path, annotation)
    (tmp_path / "p.faa").write_text(">P.1 other\nMKPGFAVTEW\n")
    files = {"fasta": tmp_path / "g.fna", "gff": tmp_path / "a.gff", "protein": tmp_path / "p.faa"}
    (row,), report = genes_of(tmp_path, **files, settings=PairSettings(on_disagreement=policy))
    assert report.of("cds") == {"substitutions": 1}
    assert (row["status"], row["reason"]) == ("kept" if policy == "keep_published" else "rejected", "substitutions")
    assert row["protein"] == "MKPGFAVTEW"


def test_cds_with_two_parents_and_escaped_names(tmp_path):
    annotation = [
        ("gene", 5, 37, "+", ".", "ID=g%2C1;locus_tag=A%3BB%2CC;Name=n%25"),
        ("mRNA", 5, 37, "+", ".", "ID=r1;Parent=g%2C1"), ("mRNA", 5, 37, "+", ".", "ID=r2;Parent=g%2C1"),
        ("exon", 5, 37, "+", ".", "Parent=r1,r2"), ("CDS", 5, 37, "+", "0", "ID=c1;Parent=r1,r2;protein_id=P"),
    ]  # fmt: skip
    rows, _ = _run(tmp_path, annotation)
    assert [(row["gene_id"], row["symbol"], row["transcript_id"]) for row in rows] == [
        ("A;B,C", "n%", "r1"), ("A;B,C", "n%", "r2"),
    ]  # fmt: skip
    assert rows[0]["protein"] == rows[1]["protein"] == "MKPGFAVTEA"


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize("notation", ["end beyond the length", "two rows"])
def test_gene_across_the_origin_in_both_notations(strand, notation, tmp_path):
    letters, whole = GENOME[20:] + GENOME[:20], "ID={};Is_circular=true"
    if strand == "-":
        letters = letters.translate(str.maketrans("acgt", "tgca"))[::-1]
    start = 370 - 15 if strand == "+" else 370 - 16
    rows = [("region", 1, 370, "+", ".", whole.format("r"))]
    for kind, text in (("gene", "ID=g1"), ("CDS", "ID=c1;Parent=g1;protein_id=P")):
        phase = "0" if kind == "CDS" else "."
        if notation == "two rows":
            rows += [(kind, start, 370, strand, phase, text), (kind, 1, start + 32 - 370, strand, phase, text)]
        else:
            rows.append((kind, start, start + 32, strand, phase, text))
    (row,), _ = _run(tmp_path, rows, letters=letters)
    assert row["protein"] == "MKPGFAVTEA" and row["end"] > 370 and row["rna"] == row["dna"] == row["cds"]
