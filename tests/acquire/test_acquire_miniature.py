"""Every source and benchmark of config.yaml, fetched from the miniature world and compared with its truth."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bsm.acquire.registry import FILES
from bsm.base.config.load import ROOT_CONFIG, load_config
from bsm.base.config.problems import validated
from bsm.base.fasta import read_fasta
from bsm.base.filelist import files_of, read_file_list
from bsm.base.tables import BENCHMARK_ITEMS, read_table
from bsm.cli import main

CONFIG = validated(load_config())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The working directory of a run: the world, and everything that acquire makes of it."""
    folder = tmp_path_factory.mktemp("world")
    before = Path.cwd()
    os.chdir(folder)
    try:
        settings = CONFIG.miniature.model_dump_json()
        assert main(["miniature", "--settings", settings, "--out", "data/miniature"]) == 0
        servers = json.dumps([server.model_dump(mode="json") for server in CONFIG.servers])
        common = ["--servers", servers, "--settings", CONFIG.acquire.model_dump_json()]
        for source in CONFIG.sources:
            for part in source.parts:
                out = f"data/raw/{source.name}/{part}"
                arguments = ["--source", source.model_dump_json(), "--part", part, "--out", out]
                assert main(["acquire", *arguments, *common]) == 0, (source.name, part)
        for entry in CONFIG.benchmarks:
            out = f"data/benchmarks/{entry.name}"
            arguments = ["--benchmark", entry.model_dump_json(), "--raw", f"data/raw/benchmarks/{entry.name}"]
            arguments += ["--out", f"{out}.parquet", "--counts", f"{out}.counts.csv"]
            assert main(["acquire", *arguments, *common]) == 0, entry.name
    finally:
        os.chdir(before)
    return folder


def truth(world, name):
    return pq.read_table(world / "data/miniature/truth" / name).to_pylist()


def test_every_raw_file_is_listed_with_version_checksums_and_licence(world):
    manifest = json.loads((world / "data/miniature/manifest.json").read_text())["files"]
    known = set(manifest.values())
    n_fetched = 0
    for listing in (world / "data/raw").rglob("files.csv"):
        files = read_file_list(listing.parent)
        assert files
        for file in files:
            assert all((file.role, file.url, file.version, file.sha256, file.licence)), file
            assert file.md5 or file.role in ("web_parquet", "benchmark", "archive"), file  # md5 where one is published
            assert (listing.parent / file.path).stat().st_size == file.n_bytes
            n_fetched += file.sha256 in known
    assert n_fetched > 50


def test_nothing_of_the_truth_is_fetched(world):
    listings = [f for listing in (world / "data/raw").rglob("files.csv") for f in read_file_list(listing.parent)]
    assert not [f.url for f in listings if "truth" in f.url]


def interleaved(out, raw, source):
    names = {option: str(out / option) for option in ("found", "corpus", "counts")}
    options = [text for option, path in names.items() for text in (f"--{option}", path)]
    code = main(["interleave", "--source", source.model_dump_json(), "--raw", str(raw), *options])
    return code, {option: Path(path).read_bytes() for option, path in names.items()}


def test_interleave_gives_the_same_whether_acquire_leaves_documents_out_or_not(world, tmp_path, monkeypatch):
    monkeypatch.chdir(world)
    web = next(source for source in CONFIG.sources if source.kind == "fineweb_edu")
    whole = web.model_copy(update={"all_documents": True})
    servers = json.dumps([server.model_dump(mode="json") for server in CONFIG.servers])
    common = ["--servers", servers, "--settings", CONFIG.acquire.model_dump_json()]
    assert main(["acquire", "--source", whole.model_dump_json(), "--out", str(tmp_path / "raw"), *common]) == 0
    n_all, n_kept = (
        sum(pq.read_metadata(path).num_rows for path in files_of(folder, "web_parquet"))
        for folder in (tmp_path / "raw", world / "data/raw/web/all")
    )
    assert 0 < n_kept < n_all
    results = []
    for number, folder in enumerate((tmp_path / "raw", world / "data/raw/web/all")):
        (tmp_path / str(number)).mkdir()
        results.append(interleaved(tmp_path / str(number), folder, web))
    assert results[0] == results[1] and results[0][0] == 0
    assert b"no_sequence" in results[0][1]["counts"]


def test_a_mirror_in_a_folder_is_not_locked(world):
    assert not (world / "sources.lock").exists()


def test_every_leaked_item_is_an_item_that_must_be_removed(world):
    items = {}
    for entry in CONFIG.benchmarks:
        for row in read_table(world / f"data/benchmarks/{entry.name}.parquet", BENCHMARK_ITEMS).to_pylist():
            assert items.setdefault((row["dataset"], row["item_id"]), row) is row
    leaks = truth(world, "leaks.parquet")
    assert len(leaks) > 50
    assert {items[leak["dataset"], leak["item_id"]]["split"] for leak in leaks} <= {"valid", "test"}


def test_records_of_the_gene_source_are_the_worlds(world):
    folder = world / "data/raw/gene_pairs/all"
    proteins = {r.name: r.sequence for r in read_fasta(*files_of(folder, "protein_fasta"))}
    transcripts = {r.name: r.sequence.lower() for r in read_fasta(*files_of(folder, "rna_fasta"))}
    expected = [row for row in truth(world, "pairs.parquet") if row["source"] == "gene_pairs"]
    of_protein = {row["protein_id"]: row["protein"] for row in expected}
    of_transcript = {row["transcript_id"]: row["rna"] for row in expected}
    shared = proteins.keys() & of_protein.keys()
    assert len(shared) > 300 and all(proteins[name] == of_protein[name] for name in shared)
    shared = transcripts.keys() & of_transcript.keys()
    assert len(shared) > 200 and all(transcripts[name] == of_transcript[name] for name in shared)


def test_colabfold_holds_as_many_proteins_as_were_made(world):
    records = list(read_fasta(*files_of(world / "data/raw/colabfold/all", "protein_fasta")))
    assert len(records) >= CONFIG.miniature.world.n_colabfold
    assert len({r.name for r in records}) == len(records)


def test_a_source_is_fetched_by_its_name_in_the_config(world, monkeypatch):
    monkeypatch.chdir(world)
    assert main(["acquire", "--config", str(ROOT_CONFIG), "--source", "uniprot", "--out", "by_name"]) == 0
    assert (world / "by_name/files.csv").read_bytes() == (world / "data/raw/uniprot/all/files.csv").read_bytes()


def test_every_registered_file_is_on_a_configured_server():
    of_sources = [file for file in FILES.values() if file.kind != "benchmark"]
    optional = {"datasets", "eutils"}  # the world's gene records are all in its release
    assert {file.server for file in of_sources} - optional <= {server.name for server in CONFIG.servers}
    assert {file.kind for file in of_sources} <= {source.kind for source in CONFIG.sources}
