"""Every kind of source through the command, from mirrors in the publishers' layouts."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from bsm.base.config.load import load_config
from bsm.base.config.problems import validated
from bsm.base.counts import read_counts
from bsm.base.fasta import read_fasta
from bsm.base.filelist import files_of, read_file_list
from bsm.base.tables import BENCHMARK_ITEMS, CLEAN, GENES, PIECES, read_table, write_table
from bsm.cli import main

FASTA = ">NC_1.1 one\nACGTACGTAC\nGTACGTACGT\n"
GENOME = {
    "genomic.fna.gz": FASTA, "genomic.gff.gz": "##gff-version 3\n", "protein.faa.gz": ">NP_1.1\nMAAA\n",
    "rna.fna.gz": ">NM_1.1\nACGT\n", "assembly_report.txt": "# report\n",
}  # fmt: skip


@pytest.fixture
def acquire(mirror, tmp_path, monkeypatch):
    """``acquire(source, part)`` -> (exit code, folder); the mirror is below the working directory."""
    monkeypatch.chdir(tmp_path)

    def acquire(source, part="all", *options, out="raw", servers=None):
        folder = tmp_path / out / part
        arguments = ["--source", json.dumps(source), "--part", part, "--servers", servers or mirror.servers]
        return main(["acquire", *arguments, "--settings", "{}", "--out", str(folder), *options]), folder

    return acquire


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def genomes(*species, **more):
    return {"name": "pairs", "kind": "refseq_genomes", "species": list(species), **more}


@pytest.fixture
def two_genomes(mirror, tools):
    """Testa prima in RefSeq, Testa secunda only in GenBank and without rna.fna.gz, Testa nuda without annotation."""
    address = mirror.assembly("GCF_900000001.1", GENOME)
    mirror.summary("refseq", [tools.summary_row("GCF_900000001.1", "Testa prima", 7, address)])
    plain = {name: text for name, text in GENOME.items() if not name.startswith("rna")}
    second = mirror.assembly("GCA_900000002.1", plain)
    naked = mirror.assembly("GCA_900000003.1", {"genomic.fna.gz": FASTA})
    bare = {"annotation_name": "na", "annotation_date": "na"}
    mirror.summary("genbank", [
        tools.summary_row("GCA_900000002.1", "Testa secunda", 8, second.replace("https", "ftp"), **bare | {
            "annotation_name": "Annotation submitted by someone"}),
        tools.summary_row("GCA_900000003.1", "Testa nuda", 9, naked, **bare),
    ])  # fmt: skip


def test_a_refseq_species_comes_with_all_its_files(acquire, two_genomes, mirror):
    code, folder = acquire(genomes({"name": "Testa prima"}), "testa_prima")
    assert code == 0
    files = {f.path: f for f in read_file_list(folder)}
    assert {f.role: f.path for f in files.values()} == {
        "genomic_fasta": "genomic.fna.gz", "gff": "genomic.gff.gz", "rna_fasta": "rna.fna.gz",
        "protein_fasta": "protein.faa.gz", "readme": "assembly_report.txt",
    }  # fmt: skip
    genome = files["genomic.fna.gz"]
    assert genome.version == "GCF_900000001.1 GCF_900000001.1-RS_2024_01" and genome.licence.startswith("NCBI")
    assert genome.url.endswith("/GCF_900000001.1_T1_genomic.fna.gz") and genome.url.startswith(f"file:{mirror.root}")
    assert [r.name for r in read_fasta(folder / "genomic.fna.gz")] == ["NC_1.1"]
    for file in files.values():
        data = (folder / file.path).read_bytes()
        assert (file.n_bytes, file.md5) == (len(data), hashlib.md5(data).hexdigest())
        assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert not list(folder.glob("*.part*")) and not (folder / ".work").exists()


def test_a_genbank_species_is_found_where_refseq_has_none(acquire, two_genomes):
    code, folder = acquire(genomes({"name": "Testa secunda"}), "testa_secunda")
    assert code == 0
    assert {f.role for f in read_file_list(folder)} == {"genomic_fasta", "gff", "protein_fasta", "readme"}
    assert files_of(folder, "gff") == [folder / "genomic.gff.gz"]


@pytest.mark.parametrize(
    ("species", "message"),
    [
        ({"name": "Testa nuda"}, "without annotation: GCA_900000003.1"),
        ({"name": "Testa nuda", "accession": "GCA_900000003.1"}, "unannotated assembly has no pairs"),
        ({"name": "Testa ignota"}, "no annotated assembly"),
    ],
)
def test_a_species_without_pairs_stops_with_the_rule(acquire, two_genomes, capsys, species, message):
    part = species["name"].lower().replace(" ", "_")
    code, folder = acquire(genomes(species), part)
    assert code == 1 and message in capsys.readouterr().err
    assert not (folder / "files.csv").exists()


@pytest.mark.parametrize("how", [{}, {"accession": "GCA_900000003.1"}])
def test_a_species_without_pairs_can_be_reported_instead(acquire, two_genomes, mirror, tools, tmp_path, capsys, how):
    source = genomes({"name": "Testa nuda", **how}, on_unresolved="report")
    lock = ("--lock", str(tmp_path / "lock.json"))
    code, folder = acquire(source, "testa_nuda", *lock)
    assert code == 0 and "warning: Testa nuda is unresolved" in capsys.readouterr().err
    [file] = read_file_list(folder)
    assert (file.role, file.path, file.version) == ("unresolved", "unresolved.csv", "unresolved")
    assert sorted(p.name for p in folder.iterdir()) == ["files.csv", "unresolved.csv"]  # nothing stands in for a genome
    text = (folder / "unresolved.csv").read_text()
    assert text.startswith("kind,accession,start,end,reason\nspecies,Testa nuda,,,") and "GCA_900000003.1" in text
    late = mirror.assembly("GCF_900000009.1", GENOME)
    mirror.summary("refseq", [tools.summary_row("GCF_900000009.1", "Testa nuda", 9, late)])
    _, again = acquire(source, "testa_nuda", *lock, out="again")
    assert snapshot(again) == snapshot(folder)  # as locked
    if not how:
        assert acquire(source, "testa_nuda", *lock, "--update-lock")[0] == 0
        assert files_of(folder, "gff") and not files_of(folder, "unresolved")


def test_a_reported_species_is_an_empty_part_for_pair_and_clean(acquire, two_genomes, tmp_path, capsys):
    source = genomes({"name": "Testa nuda"}, on_unresolved="report")
    _, raw = acquire(source, "testa_nuda")
    out = {name: tmp_path / f"nuda.{name}" for name in ("genes", "corpus", "counts", "report")}
    options = [text for name, path in out.items() for text in (f"--{name}", str(path))]
    arguments = ["--source", json.dumps(source), "--part", "testa_nuda", "--raw", str(raw)]
    assert main(["pair", *arguments, *options]) == 0
    assert read_table(out["genes"], GENES).num_rows == read_table(out["corpus"], PIECES).num_rows == 0
    [row] = read_counts(out["counts"])
    assert (row["part"], row["outcome"], row["reason"]) == ("testa_nuda", "dropped", "unresolved_species")
    assert (row["n_records"], row["n_letters"]) == ("1", "0")
    assert out["report"].read_text().count("\n") == 1

    letters = "".join(random.Random(3).choices("acgt", k=600))
    write_table(tmp_path / "prima.corpus", [
        {"record_id": "pairs:prima:g", "piece": 0, "source": "pairs", "part": "prima", "modality": "dna",
         "sequence": letters, "accession": "NC_1.1", "start": 0, "end": 600, "strand": 1, "licence": "N"},
    ], PIECES)  # fmt: skip
    write_table(tmp_path / "items", [], BENCHMARK_ITEMS)

    def clean(step, **paths):
        named = [(f"--{name}", str(tmp_path / file)) for name, files in paths.items() for file in files.split()]
        flags = {flag: [file for f, file in named if f == flag] for flag, _ in named}
        return main(["clean", step, *(text for flag, files in flags.items() for text in (flag, *files))])

    for part in ("nuda", "prima"):
        outputs = {"kept": f"{part}.kept", "hits": f"{part}.hits", "counts": f"{part}.removed"}
        assert clean("search", items="items", corpus=f"{part}.corpus", **outputs) == 0
    assert clean("group", kept="nuda.kept prima.kept", out="groups", counts="groups.csv") == 0
    gate = {"groups": "groups", "out": "clean", "manifest": "clean.json", "counts": "clean.csv"}
    assert clean("gate", kept="nuda.kept prima.kept", removed="nuda.removed prima.removed", **gate) == 0
    assert read_table(tmp_path / "clean", CLEAN)["sequence"].to_pylist() == [letters]
    assert clean("gate", kept="nuda.kept", **gate) == 1 and "An empty source" in capsys.readouterr().err


def test_a_second_run_changes_nothing_and_a_changed_mirror_is_followed(acquire, two_genomes, mirror):
    _, folder = acquire(genomes({"name": "Testa prima"}), "testa_prima")
    before = snapshot(folder)
    acquire(genomes({"name": "Testa prima"}), "testa_prima")
    assert snapshot(folder) == before
    mirror.assembly("GCF_900000001.1", GENOME | {"genomic.gff.gz": "##gff-version 3\n# a comment\n"})
    acquire(genomes({"name": "Testa prima"}), "testa_prima")
    assert gzip.decompress((folder / "genomic.gff.gz").read_bytes()).endswith(b"# a comment\n")


def test_the_lock_pins_what_the_first_run_found(acquire, two_genomes, mirror, tmp_path, capsys, tools):
    source = genomes({"name": "Testa prima"})
    lock = ("--lock", str(tmp_path / "sources.lock.json"))
    _, folder = acquire(source, "testa_prima", *lock)
    before = snapshot(folder)
    fragment = json.loads((tmp_path / "sources.lock" / "pairs.testa_prima.json").read_text())
    assert fragment["resolved"]["accession"] == "GCF_900000001.1"
    assert (
        fragment["resolved"]["candidates"] == ["GCF_900000001.1"] and fragment["resolved"]["resolved_by"] == "species"
    )
    assert set(fragment["files"]) == {f.path for f in read_file_list(folder)}

    newer = mirror.assembly("GCF_900000000.1", GENOME)
    mirror.summary("refseq", [tools.summary_row("GCF_900000000.1", "Testa prima", 7, newer)])
    _, again = acquire(source, "testa_prima", *lock, out="again")
    assert snapshot(again) == before

    mirror.assembly("GCF_900000001.1", GENOME | {"genomic.gff.gz": "##gff-version 3\n# redone\n"})
    code, third = acquire(source, "testa_prima", *lock, out="third")
    assert code == 1 and "publisher's md5 changed since the lock" in capsys.readouterr().err
    assert not (third / "files.csv").exists()
    code, _ = acquire(genomes({"name": "Testa prima", "taxid": 8}), "testa_prima", *lock, out="fourth")
    assert code == 1 and "made for other settings: species.taxid was absent, now 8" in capsys.readouterr().err
    code, renewed = acquire(source, "testa_prima", *lock, "--update-lock", out="renewed")
    assert code == 0 and read_file_list(renewed)[0].version.startswith("GCF_900000000.1")


def test_release_files_of_the_divisions_are_fetched_in_natural_order(acquire, mirror):
    mirror.release({
        "fungi.10.1.genomic.fna.gz": FASTA, "fungi.2.1.genomic.fna.gz": FASTA, "fungi.1.rna.fna.gz": FASTA,
        "fungi.1.protein.faa.gz": ">NP\nMA\n", "plant.1.1.genomic.fna.gz": FASTA, "fungi.1.1.genomic.gbff.gz": "x",
    }, number=227)  # fmt: skip
    source = {"name": "nt", "kind": "refseq_release", "divisions": ["fungi"]}
    code, folder = acquire(source)
    assert code == 0
    assert [f.path for f in read_file_list(folder)] == [
        "fungi.1.rna.fna.gz", "fungi.10.1.genomic.fna.gz", "fungi.2.1.genomic.fna.gz",
    ]  # fmt: skip
    assert {(f.role, f.version) for f in read_file_list(folder)} == {("nucleotide_fasta", "release 227")}


def test_a_release_that_is_gone_and_an_unknown_division_are_named(acquire, mirror, capsys):
    mirror.release({"fungi.1.1.genomic.fna.gz": FASTA}, number=227)
    assert acquire({"name": "nt", "kind": "refseq_release", "divisions": ["fungi"], "release": 214})[0] == 1
    assert "release 214 is gone" in capsys.readouterr().err
    assert acquire({"name": "nt", "kind": "refseq_release", "divisions": ["fungi", "moss"]})[0] == 1
    assert "no FASTA files of division(s) moss" in capsys.readouterr().err


def test_max_tokens_limits_the_release_files_by_a_seeded_choice(acquire, mirror):
    mirror.release({f"fungi.{n}.1.genomic.fna.gz": FASTA for n in range(1, 9)})
    source = {"name": "nt", "kind": "refseq_release", "divisions": ["fungi"], "max_tokens": 100}
    chosen = [f.path for f in read_file_list(acquire(source)[1])]
    assert 0 < len(chosen) < 8
    assert [f.path for f in read_file_list(acquire(source, out="again")[1])] == chosen


def metalink(data: bytes, version: str) -> str:
    return (
        f'<metalink xmlns="http://www.metalinker.org/"><version>{version}</version><files>'
        f'<file name="uniprot_sprot.fasta.gz"><size>{len(data)}</size><verification>'
        f'<hash type="md5">{hashlib.md5(data).hexdigest()}</hash></verification></file></files></metalink>'
    )


def test_uniprot_is_verified_against_the_metalink(acquire, mirror, tools, capsys):
    folder = "uniprot/pub/databases/uniprot/current_release/knowledgebase/complete"
    data = tools.zipped(">sp|P1|A_B\nMAAA\n")
    mirror.write(f"{folder}/uniprot_sprot.fasta.gz", data)
    mirror.write(f"{folder}/RELEASE.metalink", metalink(data, "2024_05"))
    source = {"name": "uniprot", "kind": "uniprot", "datasets": ["swissprot"]}
    code, out = acquire(source)
    [file] = read_file_list(out)
    assert code == 0 and (file.role, file.version, file.path) == (
        "protein_fasta", "release 2024_05", "uniprot_sprot.fasta.gz",
    )  # fmt: skip
    assert acquire(source | {"release": "2024_04"}, out="other")[0] == 1
    assert "release 2024_04 is no longer current" in capsys.readouterr().err
    mirror.write(f"{folder}/RELEASE.metalink", metalink(data[:-1] + b"x", "2024_05"))
    assert acquire(source, out="bad")[0] == 1
    assert "not the right file" in capsys.readouterr().err


def test_what_does_not_fit_on_the_disk_is_seen_before_the_first_byte(acquire, mirror, tools, capsys, monkeypatch):
    folder = "uniprot/pub/databases/uniprot/current_release/knowledgebase/complete"
    data = tools.zipped(">sp|P1|A_B\nMAAA\n")
    mirror.write(f"{folder}/uniprot_sprot.fasta.gz", data)
    mirror.write(f"{folder}/RELEASE.metalink", metalink(data, "2024_05"))
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    code, out = acquire({"name": "uniprot", "kind": "uniprot", "datasets": ["swissprot"]})
    assert code == 1 and not (out / "uniprot_sprot.fasta.gz").exists()
    assert f"not enough disk: {len(data)} bytes to fetch in 1 file(s), 10 free" in capsys.readouterr().err


def mmseqs(entries: dict[int, str]) -> tuple[bytes, str]:
    """Data and index of an MMseqs2 database; the data are stored in reverse, the index is sorted by key."""
    data, index = b"", {}
    for key, text in reversed(entries.items()):
        entry = text.encode() + b"\n\0"
        index[key] = f"{key}\t{len(data)}\t{len(entry)}\n"
        data += entry
    return data, "".join(index[key] for key in sorted(index))


def colabfold_members(**changes: bytes | str) -> dict[str, bytes | str]:
    sequences, sequence_index = mmseqs({0: "MAAA", 3: "MCCCC", 7: "MDX"})
    headers, header_index = mmseqs({0: "prot_a first", 1: "unused", 3: "prot_b", 7: "prot_c the third"})
    prefix = "db/colabfold_envdb_202108_db"
    return {
        f"{prefix}_seq": sequences, f"{prefix}_seq.index": sequence_index, f"{prefix}_seq.dbtype": b"\0\0\0\0",
        f"{prefix}_h": headers, f"{prefix}_h.index": header_index, f"{prefix}_aln": b"not needed",
        **{f"{prefix}{suffix}": value for suffix, value in changes.items()},
    }  # fmt: skip


def test_colabfold_becomes_fasta_in_the_order_of_the_index(acquire, mirror):
    mirror.tar("colabfold/colabfold_envdb_202108.db.tar.gz", colabfold_members())
    code, folder = acquire({"name": "cf", "kind": "colabfold"})
    assert code == 0
    [fasta] = files_of(folder, "protein_fasta")
    assert list(read_fasta(fasta)) == [
        ("prot_a", "first", "MAAA"), ("prot_b", "", "MCCCC"), ("prot_c", "the third", "MDX"),
    ]  # fmt: skip
    assert [p.name for p in files_of(folder, "archive")] == ["colabfold_envdb_202108.db.tar.gz"]
    assert not (folder / ".work").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_seq.dbtype": b"\0\0\0\x80"}, "compressed MMseqs2 database"),
        ({"_seq.dbtype": b"\x01\0\0\0"}, "not a database of amino acids"),
        ({"_seq.index": "0\t0\t900\n"}, "points beyond the data"),
        ({"_h.index": "0\t0\t3\n"}, "sequence without a header"),
        ({"/../../escape": b"x"}, "archive member leaves the folder"),
    ],
)
def test_an_odd_colabfold_archive_is_refused(acquire, mirror, capsys, changes, message):
    mirror.tar("colabfold/colabfold_envdb_202108.db.tar.gz", colabfold_members(**changes))
    code, folder = acquire({"name": "cf", "kind": "colabfold"})
    assert code == 1 and message in capsys.readouterr().err
    assert not (folder / "files.csv").exists() and not (folder / "colabfold.fasta.gz").exists()


def test_a_listing_that_leads_out_of_the_folder_is_refused(acquire, mirror, capsys, tmp_path):
    mirror.hub("HuggingFaceFW/fineweb-edu", "sample/10BT", {"../../../escape.parquet": b"PAR1"})
    code, _ = acquire({"name": "web", "kind": "fineweb_edu", "folders": ["sample/10BT"]})
    assert code == 1 and "file name leaves the folder" in capsys.readouterr().err


def test_local_files_are_listed_where_they_are(acquire, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.fa").write_text(FASTA)
    source = {"name": "own", "kind": "local_fasta", "paths": ["mine/a.fa"], "modality": "dna", "licence": "mine"}
    code, folder = acquire(source)
    assert code == 0
    [file] = read_file_list(folder)
    assert (file.role, file.path, file.url) == ("nucleotide_fasta", "../../mine/a.fa", "file:mine/a.fa")
    assert [r.name for r in read_fasta(*files_of(folder, "nucleotide_fasta"))] == ["NC_1.1"]
    assert [p.name for p in folder.iterdir()] == ["files.csv"]
    assert acquire(source | {"paths": ["mine/b.fa"]})[0] == 1
    assert "mine/b.fa: no such file" in capsys.readouterr().err
    (tmp_path / "mine" / "b.fa").write_text("<html>")
    assert acquire(source | {"paths": ["mine/b.fa"]})[0] == 1
    assert "does not look like" in capsys.readouterr().err


def test_a_local_genome_of_real_records_is_listed(acquire, shared_data):
    folder = shared_data("ncbi/hiv1_GCF_000864765.1")
    source = {
        "name": "own", "kind": "local_genome", "licence": "public",
        "fasta": str(folder / "GCF_000864765.1_ViralProj15476_genomic.fna"), "gff": str(folder / "genomic.gff"),
        "protein": str(folder / "protein.faa"),
    }  # fmt: skip
    code, out = acquire(source)
    assert code == 0
    assert [f.role for f in read_file_list(out)] == ["genomic_fasta", "gff", "protein_fasta"]
    assert len(list(read_fasta(*files_of(out, "protein_fasta")))) == 10


def test_remote_servers_are_locked_by_default(acquire, faulty_server, tmp_path, tools, capsys):
    data = tools.zipped(">sp|P1|A_B\nMAAA\n")
    base = "pub/databases/uniprot/current_release/knowledgebase/complete"
    faulty_server.files = {
        f"{base}/uniprot_sprot.fasta.gz": data,
        f"{base}/RELEASE.metalink": metalink(data, "2024_05").encode(),
    }
    servers = json.dumps([{"name": "uniprot", "address": f"http://{faulty_server.netloc}/data"}])
    settings = json.dumps({"allow_http": [faulty_server.netloc], "contact": "a@b.org"})
    source = {"name": "uniprot", "kind": "uniprot", "datasets": ["swissprot"]}
    code, folder = acquire(source, "all", "--settings", settings, servers=servers)
    assert code == 0 and (folder / "uniprot_sprot.fasta.gz").read_bytes() == data
    lock = json.loads((tmp_path / "sources.lock" / "uniprot.all.json").read_text())
    assert lock["files"]["uniprot_sprot.fasta.gz"]["sha256"] == hashlib.sha256(data).hexdigest()
    capsys.readouterr()
    assert main(["acquire", "--list"]) == 0
    [row] = [line.split("\t") for line in capsys.readouterr().out.splitlines() if line.startswith("uniprot\t")]
    assert row[3] == "2024_05" and row[5] == str(len(data))


def test_the_plan_is_printed_without_any_server(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["acquire", "--list"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["name", "part", "url", "version", "checksum", "n_bytes", "licence"]
    rows = lines[1:]
    assert {"refseq_pairs", "web", "ncrpi", "protein_fitness"} <= {row[0] for row in rows}
    assert {"miniatura_vertebrata", "miniatura_florida"} <= {row[1] for row in rows}
    assert all(len(row) == 7 and row[6] for row in rows) and {row[5] for row in rows} == {"unknown"}
    urls = [row[2] for row in rows]
    assert any(u.endswith("ncbi/refseq/release/miniature/miniature.*.rna.fna.gz") for u in urls)
    assert any("HuggingFaceFW/fineweb-edu/resolve/{commit}/sample/10BT/*.parquet" in u for u in urls)
    assert any(u.endswith("complete/uniprot_sprot.fasta.gz") for u in urls)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


def test_the_papers_whole_plan_is_printed_offline(tmp_path, monkeypatch, capsys, no_network):
    monkeypatch.chdir(tmp_path)
    paper = Path(__file__).parents[2] / "config" / "paper.yaml"
    config = validated(load_config([str(paper)]))
    assert main(["acquire", "--config", str(paper), "--list"]) == 0
    out, err = capsys.readouterr()
    header, *rows = [line.split("\t") for line in out.splitlines()]
    found = [dict(zip(header, row, strict=True)) for row in rows]
    planned = {(row["name"], row["part"]) for row in found}
    assert planned == {(s.name, part) for s in config.sources for part in s.parts} | {
        (b.name, "benchmark") for b in config.benchmarks
    }
    for row in found:
        assert row["url"].startswith("https://") and row["licence"] and row["checksum"] and row["version"]
        assert row["n_bytes"] == "unknown" or int(row["n_bytes"]) > 0
    urls = {row["url"] for row in found}
    ends = ("gene/DATA/gene2accession.gz", "efetch.fcgi", "uniprot_trembl.fasta.gz", "uniref50.fasta.gz",
            "colabfold_envdb_202108.db.tar.gz", "vertebrate_mammalian.*.rna.fna.gz", "data/*.parquet",
            "dataset/ncRNAFam/gene/multi_class/*",
            "arvind_dms.tar.gz?rlkey=m1v7vmsrghwju3ti3a3dvk4p1&dl=1")  # fmt: skip
    for end in ends:
        assert any(url.endswith(end) for url in urls), end
    assert f"{len(found)} families of files" in err and "ODC-By 1.0" in err
    assert main(["acquire", "--config", str(paper), "--list", "--only", "web"]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["web"]
    assert main(["acquire", "--config", str(paper), "--list", "--only", "wed"]) == 1
    assert "Known: refseq_nucleotides, uniprot" in capsys.readouterr().err


def test_an_unknown_part_and_missing_options_are_named(acquire, mirror, capsys):
    assert acquire(genomes({"name": "Testa prima"}), "testa_secunda")[0] == 1
    assert "Allowed: testa_prima" in capsys.readouterr().err
    assert main(["acquire", "--benchmark", "ncrpi", "--servers", mirror.servers]) == 1
    assert "missing --raw, --out, --counts" in capsys.readouterr().err


def test_the_contact_that_a_config_is_shipped_with_is_refused_before_any_request(tmp_path, capsys):
    paper = Path(__file__).resolve().parents[2] / "config" / "paper.yaml"
    code = main(["acquire", "--config", str(paper), "--source", "uniprot", "--out", str(tmp_path / "out")])
    assert code == 1
    assert "acquire.contact: still the address that the config was shipped with" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
