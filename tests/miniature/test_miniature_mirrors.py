"""The mirrors read by others' readers: Biopython, gffutils, tarfile, md5; nothing of ours parses here."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import gffutils
import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import CompoundLocation, FeatureLocation, SeqFeature

from bsm.base.alphabet import Modality
from bsm.miniature.mirror_colabfold import write_colabfold
from bsm.miniature.mirror_gene import write_gene2accession
from bsm.miniature.mirror_genomes import write_genomes
from bsm.miniature.mirror_release import write_release
from bsm.miniature.mirror_uniprot import write_uniprot
from bsm.miniature.model import PlantedRecord


def planted(corpus: str, name: str, letters: str) -> PlantedRecord:
    modality = Modality.DNA if letters.islower() else Modality.PROTEIN
    return PlantedRecord(corpus, name, letters, "ppi", "ppi", "test:0", "a", "exact", 1.0, 0, len(letters), 1, modality)  # type: ignore[arg-type]


PLANTED = [
    planted("uniprot", "Q9Z001", "MPLANTEDINVNIPRQT"), planted("colabfold", "MGYP990000000001", "MPLANTEDINCFLD"),
    planted("refseq_nucleotides", "NZ_98000001.1", "acgtacgtgg"),
    planted("refseq_nucleotides", "NR_980001.1", "ggccaattaa"),
]  # fmt: skip


@pytest.fixture(scope="module")
def mirror(world, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("mirror")
    write_genomes(world, out)
    write_gene2accession(world, out)
    write_release(world, PLANTED, out)
    write_uniprot(world, PLANTED, out)
    write_colabfold(world, PLANTED, out)
    return out


def assemblies(mirror: Path) -> list[Path]:
    return sorted(path.parent for path in mirror.glob("ncbi/genomes/all/*/*/*/*/*/md5checksums.txt"))


def fasta(path: Path) -> dict[str, str]:
    with gzip.open(path, "rt") as handle:
        return {record.id: str(record.seq) for record in SeqIO.parse(handle, "fasta")}


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def database(folder: Path) -> gffutils.FeatureDB:
    """The annotation as gffutils reads it; parts of a feature get ids of their own."""
    text = gzip.decompress(next(folder.glob("*_genomic.gff.gz")).read_bytes()).decode()
    return gffutils.create_db(text, ":memory:", from_string=True, merge_strategy="create_unique", keep_order=True)


def coding_rows(db: gffutils.FeatureDB) -> dict[str, list[gffutils.Feature]]:
    """Rows of each CDS in file order, by their ID attribute."""
    rows: dict[str, list[gffutils.Feature]] = {}
    for feature in db.features_of_type("CDS", order_by="file_order"):
        rows.setdefault(feature.attributes["ID"][0], []).append(feature)
    return rows


def extract(rows: list[gffutils.Feature], contig: str) -> Seq:
    """Coding letters by Biopython; circular contigs are doubled so that features may cross the origin."""
    parts = [FeatureLocation(r.start - 1, r.end, 1 if r.strand == "+" else -1) for r in rows]
    location = parts[0] if len(parts) == 1 else CompoundLocation(parts)
    return SeqFeature(location, type="CDS").extract(Seq(contig + contig))


def protein_of(rows: list[gffutils.Feature], contig: str) -> str:
    """Published protein by the annotation's own words: phase, table, transl_except, partial."""
    attributes = rows[0].attributes
    letters = str(extract(rows, contig))[int(rows[0].frame) :].upper()
    table = int(attributes.get("transl_table", ["1"])[0])
    exception = ",".join(attributes.get("transl_except", []))
    letters += "A" * (-len(letters) % 3) if "TERM" in exception else ""
    protein = str(Seq(letters[: len(letters) // 3 * 3]).translate(table=table))
    if "Sec" in exception:
        protein = protein.replace("*", "U", 1)
    starts_here = not any("start_range" in r.attributes or "end_range" in r.attributes for r in rows)
    return ("M" + protein[1:] if starts_here else protein).removesuffix("*")


@pytest.mark.parametrize("index", range(4))
def test_biopython_reproduces_every_published_protein_from_genome_and_gff(mirror, index):
    folder = assemblies(mirror)[index]
    contigs, proteins = fasta(next(folder.glob("*_genomic.fna.gz"))), fasta(next(folder.glob("*_protein.faa.gz")))
    seen = set()
    for rows in coding_rows(database(folder)).values():
        if rows[0].attributes.get("pseudo"):
            continue
        [accession] = rows[0].attributes["protein_id"]
        assert protein_of(rows, contigs[rows[0].seqid]) == proteins[accession], accession
        seen.add(accession)
    assert seen == proteins.keys()


@pytest.mark.parametrize("index", range(4))
def test_gffutils_sees_the_hierarchy_and_spells_the_transcripts(mirror, index):
    folder = assemblies(mirror)[index]
    db, contigs = database(folder), fasta(next(folder.glob("*_genomic.fna.gz")))
    rna = next(iter(folder.glob("*_rna.fna.gz")), None)
    transcripts = fasta(rna) if rna else {}
    n_differing = 0
    for feature in db.all_features():
        for parent in feature.attributes.get("Parent", []):
            assert db[parent].featuretype in (
                "gene",
                "pseudogene",
                "mRNA",
                "lnc_RNA",
                "snRNA",
                "snoRNA",
                "rRNA",
                "tRNA",
            )
        names = feature.attributes.get("transcript_id")
        if names and feature.featuretype not in ("exon", "CDS"):
            exons = list(db.children(feature, featuretype="exon", order_by="file_order"))
            n_differing += str(extract(exons, contigs[feature.seqid])).upper() != transcripts[names[0]]
    has_transcripts = "GCF_900000003" not in folder.name and "GCA_" not in folder.name
    assert bool(transcripts) == has_transcripts
    assert n_differing == int(has_transcripts), "one transcript record differs from the genome"


def test_annotation_states_the_real_exceptions(mirror):
    text = "".join(gzip.decompress(p.read_bytes()).decode() for p in mirror.glob("ncbi/**/*_genomic.gff.gz"))
    for pattern in (
        r"transl_except=\(pos:(complement\()?\d+\.\.\d+\)?%2Caa:Sec\)", r"aa:TERM\);transl_table=2",
        r"exception=ribosomal slippage", r"exception=trans-splicing.*part=1", r"exception=trans-splicing.*part=2",
        r"partial=true;.*start_range=\.,1", r"end_range=\d+,\.", r"\tpseudogene\t.*pseudo=true", r"transl_table=12",
        r"transl_table=11", r"Is_circular=true;Name=MT", r"product=[^;]*%2C", r"product=[^;]*%3B",
        r"orig_transcript_id=gnl\|WGS", r"exception=annotated by transcript or proteomic data",
    ):  # fmt: skip
        assert re.search(pattern, text), pattern
    parts = re.findall(r"\tCDS\t\d+\t\d+\t\.\t([+-])\t.*trans-splicing", text)
    assert parts == ["-", "+"]


def test_a_feature_runs_past_the_end_of_a_circular_sequence(mirror):
    past = Counter()
    for folder in assemblies(mirror):
        lengths = {name: len(letters) for name, letters in fasta(next(folder.glob("*_genomic.fna.gz"))).items()}
        past.update(f.featuretype for f in database(folder).all_features() if f.end > lengths[f.seqid])
    assert past == {"gene": 3, "CDS": 3}


def test_genomes_are_soft_masked(mirror):
    for path in mirror.glob("ncbi/genomes/**/*_genomic.fna.gz"):
        letters = "".join(fasta(path).values())
        assert 0.01 < sum(c.islower() for c in letters) / len(letters) < 0.15


def test_checksums_of_the_publishers_hold(mirror):
    for folder in assemblies(mirror):
        lines = [line.split("  ./") for line in (folder / "md5checksums.txt").read_text().splitlines()]
        assert {name: digest for digest, name in lines} == {
            p.name: md5(p) for p in folder.iterdir() if p.name != "md5checksums.txt"
        }
    release = mirror / "ncbi" / "refseq" / "release"
    for line in (release / "release-catalog" / "release1.files.installed").read_text().splitlines():
        digest, name = line.split("\t")
        assert md5(release / "miniature" / name) == digest


def test_assembly_summaries_have_38_columns_and_genbank_alone_lists_its_species(mirror):
    rows = {}
    for kind in ("refseq", "genbank"):
        text = (mirror / "ncbi/genomes/ASSEMBLY_REPORTS" / f"assembly_summary_{kind}.txt").read_text()
        lines = text.splitlines()
        header = lines[1].removeprefix("#").split("\t")
        assert len(header) == 38
        rows[kind] = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[2:]]
    assert [r["organism_name"] for r in rows["refseq"]] == [
        "Miniatura vertebrata", "Miniatura saccharina", "Miniatura bacillaris",
    ]  # fmt: skip
    alone = [r for r in rows["genbank"] if r["paired_asm_comp"] == "na"]
    assert [r["organism_name"] for r in alone] == ["Miniatura florida"]
    for row in rows["refseq"] + alone:
        folder = mirror / "ncbi" / row["ftp_path"].removeprefix("https://ftp.ncbi.nlm.nih.gov/")
        assert (folder / f"{folder.name}_genomic.gff.gz").is_file()


def test_gene2accession_rows_resolve_in_the_release(mirror, world):
    lines = gzip.decompress((mirror / "ncbi/gene/DATA/gene2accession.gz").read_bytes()).decode().splitlines()
    header = lines[0].split("\t")
    assert header[0] == "#tax_id"
    assert len(header) == 16
    rows = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]
    release = mirror / "ncbi/refseq/release/miniature"
    genomic, rna, protein = (
        fasta(release / f"miniature.1.{name}.gz") for name in ("1.genomic.fna", "rna.fna", "protein.faa")
    )
    genes = {str(g.gene_id): g for s in (*world.species, *world.gene_species) for g in s.genes}
    refseq = [row for row in rows if row["status"] != "-"]
    for row in refseq:
        assert row["RNA_nucleotide_accession.version"] in {*rna, "-"}
        assert row["protein_accession.version"] in {*protein, "-"}
        contig = genomic[row["genomic_nucleotide_accession.version"]]
        if row["orientation"] != "?":
            start = int(row["start_position_on_the_genomic_accession"])
            piece = Seq(contig[start : int(row["end_position_on_the_genomic_accession"]) + 1])
            dna = piece if row["orientation"] == "+" else piece.reverse_complement()
            assert str(dna).lower() == genes[row["GeneID"]].dna
    assert {row["orientation"] for row in rows} == {"+", "-", "?"}
    assert {row["status"] for row in rows} >= {"REVIEWED", "MODEL", "NA", "-"}
    assert max(Counter(row["GeneID"] for row in rows).values()) >= 3
    assert any(row["status"] == "-" for row in rows)


def test_release_holds_n_runs_iupac_codes_and_planted_records(mirror):
    release = mirror / "ncbi/refseq/release/miniature"
    genomic, rna = fasta(release / "miniature.1.1.genomic.fna.gz"), fasta(release / "miniature.1.rna.fna.gz")
    everything = "".join(genomic.values()).upper()
    assert "N" * 10 in everything
    assert set("RYK") <= set(everything) <= set("ACGTNRYK")
    assert genomic["NZ_98000001.1"] == "ACGTACGTGG"
    assert rna["NR_980001.1"] == "GGCCAATTAA"


def test_swiss_prot_headers_and_metalink(mirror, world):
    folder = mirror / "uniprot/pub/databases/uniprot/current_release/knowledgebase/complete"
    path = folder / "uniprot_sprot.fasta.gz"
    with gzip.open(path, "rt") as handle:
        records = list(SeqIO.parse(handle, "fasta"))
    pattern = re.compile(
        r"sp\|[OPQ][0-9][A-Z0-9]{3}[0-9]\|[A-Z0-9]{1,6}_[A-Z0-9]{3,5} .+ OS=.+ OX=\d+ (GN=\S+ )?PE=\d SV=1"
    )
    assert all(pattern.fullmatch(record.description) for record in records)
    assert len({record.id.split("|")[1] for record in records}) == len(records) == world.settings.world.n_uniprot + 1
    assert len({record.id.split("|")[2] for record in records}) == len(records)
    tree = ElementTree.parse(folder / "RELEASE.metalink")
    space = "{http://www.metalinker.org/}"
    assert tree.find(f".//{space}hash[@type='md5']").text == md5(path)
    assert int(tree.find(f".//{space}size").text) == path.stat().st_size
    published = {t.protein for s in world.species for g in s.genes for t in g.transcripts}
    assert 0.04 < sum(str(r.seq) in published for r in records) / len(records) < 0.25


def test_colabfold_archive_is_an_mmseqs_database(mirror, world):
    data = gzip.decompress((mirror / "colabfold/colabfold_envdb_202108.db.tar.gz").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
        assert all(m.mtime == m.uid == m.gid == 0 for m in archive.getmembers())
    name = "colabfold_envdb_202108_db"
    assert int.from_bytes(members[f"{name}_seq.dbtype"], "little") == 0
    entries = {}
    for kind in ("_seq", "_h"):
        for line in members[f"{name}{kind}.index"].decode().splitlines():
            key, offset, length = map(int, line.split("\t"))
            entry = members[f"{name}{kind}"][offset : offset + length]
            assert entry.endswith(b"\n\0")
            entries.setdefault(key, []).append(entry[:-2].decode())
    assert len(entries) == world.settings.world.n_colabfold + 1
    assert ["MPLANTEDINCFLD", "MGYP990000000001"] in entries.values()
