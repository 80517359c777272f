"""Real NCBI records: every CDS equals its published protein, and every exception is listed by name."""

from __future__ import annotations

import gzip

import pytest
from Bio import SeqIO
from pair_files import assert_blocks_fit, genes_of

from bsm.base.config.data import PairSettings

# flat file -> (CDS equal to /translation, classes of the others with the proteins concerned)
FLAT_FILES = {
    "NC_005816.gb": (10, {}),
    "NC_000932.gb": (84, {"stated: RNA editing": ["NP_051109.2"]}),  # ndhD: acg edited to aug
    "arab1.gb": (18, {}),
    "AE003644_Adh-genomic.gb": (14, {}),
    "U49845.gbk": (3, {}),
    "cor6_6.gb": (6, {}),
    "NC_001422.gbk": (11, {}),
    "NC_002058_multDBLINK_bug3375.gb": (1, {}),
    "NC_012920.1.gbff": (13, {}),
    "NM_001747.gb": (1, {}),
    "rna.NM_001996.gbff": (1, {}),
    "HM138502.gbk": (1, {}),
    "influA_California.gbff": (11, {}),
    "lambda_NC_001416.gb": (73, {}),
    "T4_NC_000866.gbff.gz": (277, {"ambiguous_codon": ["NP_049709.1"]}),  # an IUPAC code in a silent place
    "zika_outgroup.gb": (1, None),  # its other CDS are mature peptides without /translation
}


@pytest.mark.parametrize("name", FLAT_FILES)
def test_flat_file_cds_equal_the_published_translation(name, shared_data, tmp_path):
    n_equal, others = FLAT_FILES[name]
    rows, report = genes_of(tmp_path, genbank=shared_data("ncbi/flatfiles") / name)
    classes = report.of("cds")
    assert classes.pop("equal") == n_equal
    if others is not None:
        assert classes == {kind: len(names) for kind, names in others.items()}
    for kind, names in (others or {}).items():
        listed = [row[6] for row in report.rows() if row[3] == "cds" and row[4] == kind]
        assert listed == [" ".join(names)]
    kept = [row for row in rows if row["status"] == "kept"]
    assert kept
    for row in kept:
        assert_blocks_fit(row)


ASSEMBLIES = {  # folder -> (genome, annotation, proteins, CDS, pseudo genes)
    "saureus_GCF_000013425.1":
        ("GCF_000013425.1_ASM1342v1_genomic.fna.gz", "genomic.gff.gz", "protein.faa.gz", 2767, 30),
    "monkeypox_GCF_014621545.1":
        ("GCF_014621545.1_ASM1462154v1_genomic.fna", "genomic.gff", "protein.faa", 179, 0),
    "hiv1_GCF_000864765.1":
        ("GCF_000864765.1_ViralProj15476_genomic.fna", "genomic.gff", "protein.faa", 10, 0),
}  # fmt: skip


@pytest.mark.parametrize("folder", ASSEMBLIES)
def test_assembly_cds_equal_protein_faa(folder, shared_data, tmp_path):
    root = shared_data(f"ncbi/{folder}")
    fasta, gff, protein, n_cds, n_pseudo = ASSEMBLIES[folder]
    rows, report = genes_of(tmp_path, fasta=root / fasta, gff=root / gff, protein=root / protein)
    assert report.of("cds") == {"equal": n_cds}
    assert report.count("gene", "rejected: pseudogene") == n_pseudo
    with gzip.open(root / protein, "rt") if protein.endswith("gz") else (root / protein).open() as handle:
        published = {record.id: str(record.seq) for record in SeqIO.parse(handle, "fasta")}
    kept = {row["protein_id"]: row for row in rows if row["protein_id"] and row["status"] == "kept"}
    assert {name: row["protein"] for name, row in kept.items()} == published
    for row in kept.values():
        assert_blocks_fit(row)


def test_hiv_slippage_introns_frameshift_and_stop_read_as_trp(shared_data, tmp_path):
    root = shared_data("ncbi/hiv1_GCF_000864765.1")
    fasta = root / "GCF_000864765.1_ViralProj15476_genomic.fna"
    rows, _ = genes_of(tmp_path, fasta=fasta, gff=root / "genomic.gff", protein=root / "protein.faa")
    by_symbol = {row["symbol"]: row for row in rows}
    gag_pol, vpr, tat, nef = (by_symbol[name] for name in ("gag-pol", "vpr", "tat", "nef"))
    assert gag_pol["coding"][:3] == [0, 1302, 1301], "the letter at the slip is read twice"
    assert gag_pol["rna"] == gag_pol["dna"], "a slip is no intron"
    assert vpr["rna"] == vpr["dna"] and vpr["coding"] == [0, 215, 216, 289], "a gap of one letter is no intron"
    assert tat["exons"] == [0, 215, 2548, 2594] and len(tat["rna"]) == 261
    assert "W" in nef["protein"][123] and nef["reason"] == "transl_except W"
    assert by_symbol["asp"]["strand"] == -1


def test_sars_cov_2_orf1ab_slips_and_shares_its_rna(shared_data, tmp_path):
    root = shared_data("ncbi/sarscov2_GCF_009858895.2")
    gff = root / "GCF_009858895.2_ASM985889v3_genomic.gff"
    rows, report = genes_of(tmp_path, fasta=root / "sars_cov2_ref.fasta", gff=gff)
    assert report.of("cds") == {"no_published": 12}, "mature_protein_region_of_CDS rows are no CDS"
    by_protein = {row["protein_id"]: row for row in rows}
    pp1ab, pp1a = by_protein["YP_009724389.1"], by_protein["YP_009725295.1"]
    assert len(pp1ab["protein"]) == 7096 and len(pp1a["protein"]) == 4405
    assert pp1ab["rna"] == pp1a["rna"] == pp1ab["dna"]


def test_mitochondrion_table_2_and_stops_completed_by_poly_a(shared_data, tmp_path):
    root = shared_data("ncbi/refseq_gff3_fasta_pairs")
    rows, _ = genes_of(tmp_path, fasta=root / "NC_012920.1.fasta", gff=root / "NC_012920.1.gff3")
    proteins = {row["protein_id"]: row for row in rows if row["protein_id"]}
    with open(shared_data("ncbi/flatfiles") / "NC_012920.1.gbff") as handle:
        record = SeqIO.read(handle, "genbank")
    published = {
        f.qualifiers["protein_id"][0]: f.qualifiers["translation"][0] for f in record.features if f.type == "CDS"
    }
    assert {name: row["protein"] for name, row in proteins.items()} == published
    assert {row["genetic_code"] for row in proteins.values()} == {2}
    completed = [row for row in proteins.values() if row["reason"] == "stop completed by poly-A"]
    assert len(completed) == 6 and all(len(row["cds"]) % 3 for row in completed)


def test_selenoproteins_read_tga_as_u(shared_data, tmp_path):
    root = shared_data("ncbi/refseq_gff3_fasta_pairs")
    published = str(SeqIO.read(root / "NP_005401.3.fasta", "fasta").seq)
    (selenop,), _ = genes_of(tmp_path, fasta=root / "NM_005410.4.fasta", gff=root / "NM_005410.4.gff3")
    assert selenop["protein"] == published and published.count("U") == 10
    assert selenop["dna"] is None and selenop["transcript_id"] == "NM_005410.4", "an mRNA record holds no genomic DNA"
    rows, _ = genes_of(tmp_path, fasta=root / "NG_009930.1.fasta", gff=root / "NG_009930.1.gff3")
    (selenon,) = [row for row in rows if row["protein_id"] == "NP_065184.2"]
    assert selenon["protein"].count("U") == 2 and len(selenon["exons"]) > 20
    assert_blocks_fit(selenon)


def test_antizyme_slips_on_an_mrna_record(shared_data, tmp_path):
    root = shared_data("ncbi/refseq_gff3_fasta_pairs")
    (row,), _ = genes_of(tmp_path, fasta=root / "NM_004152.3.fasta", gff=root / "NM_004152.3.gff3")
    assert len(row["rna"]) == 1181, "the exons end before the record's poly-A tail"
    assert len(row["cds"]) == 687 and len(row["protein"]) == 228
    assert row["reason"] == "ribosomal slippage"


def test_refseq_gene_records_splice_to_their_transcripts(shared_data, tmp_path):
    """The spliced RNA of NG_008939 and others reads to the annotated protein without an inner stop, GT..AG inside."""
    root = shared_data("ncbi/refseq_gff3_fasta_pairs")
    for name in ("NG_008939.1", "NG_009113.2", "NG_009299.1", "NG_009497.1", "NG_029724.1", "NC_000011.10"):
        rows, report = genes_of(tmp_path, fasta=root / f"{name}.fasta", gff=root / f"{name}.gff3")
        assert set(report.of("cds")) == {"no_published"}, name
        for row in rows:
            if row["status"] == "kept":
                assert_blocks_fit(row)
                ends = zip(row["exons"][1:-1:2], row["exons"][2:-1:2], strict=True)
                introns = {(row["dna"][a : a + 2], row["dna"][b - 2 : b]) for a, b in ends}
                assert introns <= {("gt", "ag"), ("gc", "ag")}, (name, row["transcript_id"])


def test_trans_spliced_rps12_joins_both_strands(shared_data, tmp_path):
    rows, _ = genes_of(tmp_path, genbank=shared_data("ncbi/flatfiles") / "NC_000932.gb")
    both = [row for row in rows if row["symbol"] == "rps12"]
    assert {row["strand"] for row in both} == {-1, 0}
    first, second = both
    assert first["protein"] == second["protein"] and first["coding"][0] == second["coding"][0] == 0
    for row in both:
        assert row["dna"].startswith(row["cds"][:114])
        assert_blocks_fit(row)


def test_phix174_genes_cross_the_origin(shared_data, tmp_path):
    rows, _ = genes_of(tmp_path, genbank=shared_data("ncbi/flatfiles") / "NC_001422.gbk")
    crossing = [row for row in rows if row["end"] > 5386]
    assert [(row["start"], row["end"]) for row in crossing] == [(3980, 5522), (4496, 5522), (5074, 5437)]
    assert all(row["rna"] == row["dna"] for row in crossing)


def test_arabidopsis_equals_genhub_extraction(shared_data, tmp_path):
    root = shared_data("ncbi/arabidopsis_chr1_338kb")
    rows, _ = genes_of(tmp_path, fasta=root / "Atha.gdna.fa", gff=root / "Atha.gff3")
    by_transcript = {row["transcript_id"]: row for row in rows}
    expected_rna = SeqIO.to_dict(SeqIO.parse(root / "genhub_expected/atha-all-mrnas.fa", "fasta"))
    expected_cds = SeqIO.to_dict(SeqIO.parse(root / "genhub_expected/atha-cds.fa", "fasta"))
    common = set(expected_rna) & set(by_transcript)
    assert common
    for name in common:
        assert by_transcript[name]["rna"] == str(expected_rna[name].seq).lower()
        assert by_transcript[name]["cds"] == str(expected_cds[name].seq).lower()
    assert sum(row["gene_id"] == "839313" for row in rows) == 2, "isoforms are rows of their own"
    (mir838,) = [row for row in rows if row["symbol"] == "MIR838A"]
    assert mir838["rna"] and mir838["protein"] is None


def test_published_transcript_wins_where_it_differs(shared_data, tmp_path):
    root = shared_data("ncbi/arabidopsis_chr1_338kb")
    fasta, gff = root / "Atha.gdna.fa", root / "Atha.gff3"
    plain, _ = genes_of(tmp_path, fasta=fasta, gff=gff)
    first, second, third = [row for row in plain if row["protein_id"]][:3]
    changed = second["rna"][:5] + ("a" if second["rna"][5] != "a" else "c") + second["rna"][6:]
    records = {first["transcript_id"]: first["rna"], second["transcript_id"]: changed}
    records[third["transcript_id"]] = third["rna"] + "a" * 17
    rna = tmp_path / "rna.fna"
    rna.write_text("".join(f">{name} title\n{letters.upper()}\n" for name, letters in records.items()))
    rows, report = genes_of(tmp_path, fasta=fasta, gff=gff, rna=rna)
    by_name = {row["transcript_id"]: row for row in rows}
    assert by_name[first["transcript_id"]] == first
    won = by_name[second["transcript_id"]]
    assert (won["rna"], won["route"], won["exons"]) == (changed, "transcript_record", None)
    assert won["coding"] == second["coding"]
    assert by_name[third["transcript_id"]] == third, "a poly-A tail stands in no gene"
    assert {kind: n for kind, n in report.of("rna").items() if kind != "no_record"} == {
        "equal": 1, "differs": 1, "equal_but_poly_a_tail": 1,
    }  # fmt: skip


def test_damaged_length_is_counted_and_the_rest_is_read(shared_data, tmp_path):
    path = shared_data("ncbi/flatfiles") / "revcomp_mrna.gb"  # LOCUS states 181,589 letters, 50,040 are there
    rows, report = genes_of(tmp_path, genbank=path, settings=PairSettings(on_damaged="skip"))
    assert report.of("cds") == {"equal": 3} and report.of("damage") == {"unreadable": 1}
    assert {row["strand"] for row in rows if row["protein"]} == {-1}
