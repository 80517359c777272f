"""``bsm report data``: the four files from the tables that the stages leave."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bsm.base.counts import COLUMNS, Counts
from bsm.base.filelist import RawFile, write_file_list
from bsm.base.tables import GENES, HITS, write_table
from bsm.cli import main
from bsm.report.page import table
from bsm.report.sources import citation_of

PLAN = """arm,round,mix,group,source,weight_share,supply_tokens,budget_tokens,passes,worst
mixed,round1,single_only,single,all,1.000000,4000,2000,0.500000,1
mixed,round1,single_only,single,uniprot,1.000000,4000,2000,0.500000,1
mixed,all,worst,web,all,,0,10,,1
"""
SPLIT = {"n_documents": 7, "n_tokens": 4000, "n_tokens_by_modality": {"dna": 0, "rna": 0, "protein": 3986},
         "padding_share": 0.0123, "cut_share": 0.25}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Small tables of one source; ``run(*more)`` calls the command and returns its four texts."""
    write_file_list(tmp_path / "raw" / "uniprot" / "all" / "mine.csv", [
        RawFile("protein_fasta", "b.fasta.gz", "https://ftp.uniprot.org/b", "2024_05", 30, "m", "s", "CC BY 4.0"),
        RawFile("protein_fasta", "a.fasta.gz", "file:mine/a.fasta.gz", "", 12, "m", "s", "CC BY 4.0"),
    ])  # fmt: skip
    for stage in ("shard", "clean"):
        counts = Counts(stage, "uniprot", "all")
        counts.keep(100, 2)
        counts.drop("too short", 9)
        counts.write(tmp_path / f"{stage}.counts.csv")
    manifest = {"source": "uniprot", "group": "single", "splits": {"train": SPLIT, "valid": SPLIT | {"n_tokens": 50}}}
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    (tmp_path / "plan.csv").write_text(PLAN)
    hit = {"task": "ppi", "dataset": "ppi", "item_id": "1", "source": "uniprot", "kind": "same_modality",
           "record_id": "uniprot:P1", "piece": 0, "start": 0, "end": 9}  # fmt: skip
    write_table(tmp_path / "h.parquet", [hit | {"removed": r} for r in (True, True, False)], HITS)
    (tmp_path / "refseq_pairs").mkdir()
    genes = tmp_path / "refseq_pairs" / "x.genes.parquet"
    write_table(genes, [{"status": "kept"}, {"status": "rejected", "reason": "pseudogene"}], GENES)
    files = {
        "--file-lists": tmp_path / "raw/uniprot/all/mine.csv", "--counts": tmp_path / "shard.counts.csv",
        "--hits": tmp_path / "h.parquet", "--manifests": tmp_path / "m.json", "--genes": genes,
        "--plan": tmp_path / "plan.csv",
    }  # fmt: skip
    outputs = [tmp_path / name for name in ("sources.csv", "data_counts.csv", "planted_found.csv", "data.md")]

    def call(*more):
        arguments = [text for flag, path in files.items() for text in (flag, str(path))]
        arguments[4:4] = [str(tmp_path / "clean.counts.csv")]
        flags = zip(("--sources", "--all-counts", "--planted", "--page"), map(str, outputs), strict=True)
        assert main(["report", "data", *arguments, *(t for pair in flags for t in pair), *more]) == 0
        return [path.read_text() for path in outputs]

    return call


def test_sources_list_every_file_with_checksums_licence_and_citation(run):
    rows = list(csv.DictReader(run()[0].splitlines()))
    assert [(r["source"], r["part"], r["file"], r["bytes"]) for r in rows] == [
        ("uniprot", "all", "a.fasta.gz", "12"), ("uniprot", "all", "b.fasta.gz", "30"),
    ]  # fmt: skip
    assert [r["citation"] for r in rows] == ["", "The UniProt Consortium 2025"]


def test_what_could_not_be_had_stands_in_the_table_and_on_the_page_with_its_reason(run, tmp_path):
    raw = tmp_path / "raw" / "refseq_pairs" / "testa_nuda"
    rows = [
        "species,Testa nuda,,,without annotation: GCA_1.1",
        *("rna,NM_1.1,,,suppressed",) * 2,
        "rna,NM_2.1,,,absent",
    ]
    raw.mkdir(parents=True)
    (raw / "unresolved.csv").write_text("\n".join(["kind,accession,start,end,reason", *rows]) + "\n")
    unresolved = RawFile("unresolved", "unresolved.csv", "https://ftp.ncbi.nlm.nih.gov/x", "unresolved", 9, "", "", "N")
    write_file_list(raw / "files.csv", [unresolved])
    missing = "Testa nuda: without annotation: GCA_1.1; 2 suppressed; 1 absent"
    sources, _, _, page = run("--file-lists", str(raw / "files.csv"))
    assert [r["missing"] for r in csv.DictReader(sources.splitlines())] == [missing]
    assert f"| refseq_pairs | testa_nuda | {missing} |" in page.splitlines() and "## Unresolved sources" in page
    assert "Unresolved" not in run()[3]


def test_counts_of_all_stages_are_one_sorted_table(run):
    lines = run()[1].splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1:] == [
        "clean,uniprot,all,dropped,too short,1,9", "clean,uniprot,all,kept,,2,100",
        "shard,uniprot,all,dropped,too short,1,9", "shard,uniprot,all,kept,,2,100",
    ]  # fmt: skip


def test_the_page_shows_tokens_plan_drops_genes_leaks_and_licences(run):
    page = run("--corpus", "lab")[3]
    for line in (
        "Corpus: **lab**.",
        "| uniprot | single | 7 | 4,000 | 0 | 0 | 3,986 | 50 | 1.23% | 25.00% |",
        "| mixed | round1 | single_only | single | 4,000 | 2,000 | 0.50 |",
        "| mixed | all | worst | web | 0 | 10 | - |",
        "| clean | uniprot | too short | 1 | 0 | 9 |",
        "| refseq_pairs | rejected | pseudogene | 1 |",
        "| ppi | ppi | uniprot | same_modality | 1 | 2 | - |",
        "| uniprot | CC BY 4.0 | 2 | 42 |",
    ):
        assert line in page.splitlines()
    assert "miniature" not in page and "Planted" not in page


def test_without_truth_the_planted_table_has_only_its_header(run):
    assert run()[2] == "corpus,subject,source,kind,planted,found,wrongly_found,share\n"


def test_with_truth_the_page_says_that_the_world_is_generated(run, tmp_path):
    (tmp_path / "truth").mkdir()
    samples = {
        "pairs": {"source": "refseq_pairs", "part": "x", "gene_id": "g", "transcript_id": None, "protein_id": None,
                  "dna": "a", "rna": None, "cds": None, "protein": None, "expected": "rejected",
                  "special": "pseudogene"},
        "web": {"document_id": "d", "start": 0, "end": 1, "modality": "dna", "sequence": "a", "kind": "sequence",
                "layout": "fasta"},
        "leaks": {"corpus": "uniprot", "kind": "exact", "task": "ppi", "dataset": "ppi", "item_id": "1", "role": "a",
                  "record_name": "P", "start": 0, "end": 1, "genetic_code": None, "modality": "protein",
                  "letters": "M"},
    }  # fmt: skip
    for name, row in samples.items():
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "truth" / f"{name}.parquet")
    _, _, planted, page = run("--truth", str(tmp_path / "truth"), "--corpus", "miniature")
    assert "miniature,pairs,refseq_pairs,rejected: pseudogene,1,1,0,1.0000" in planted
    assert "generated miniature" in page and "## Planted and found" in page


@pytest.mark.parametrize(("flag", "name"), [
    ("--file-lists", "raw/uniprot/all/mine.csv"), ("--plan", "plan.csv"), ("--manifests", "m.json"),
    ("--hits", "h.parquet"), ("--genes", "refseq_pairs/x.genes.parquet"),
])  # fmt: skip
@pytest.mark.parametrize("damage", [b"\xff\x00 no table", b"a,b\n1,2\n"])
def test_an_input_that_cannot_be_read_is_one_clear_error_and_no_output(run, tmp_path, capsys, flag, name, damage):
    outputs = [path.name for path in tmp_path.iterdir()]
    (tmp_path / name).write_bytes(damage)
    with pytest.raises(AssertionError):
        run()
    assert name in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == outputs


def test_a_citation_needs_a_public_address():
    base = "https://huggingface.co/datasets/LucaGroup/LucaOne-Downstream-Task-Datasets/resolve/c/dataset"
    assert citation_of(f"{base}/ncRPI/gene_protein/binary_class/train/train.csv").startswith("NPInter")
    assert citation_of(f"{base}/readme.md") == "He 2024, LucaOne"
    assert citation_of("file:data/miniature/uniprot/x.fasta.gz") == ""


def test_tables_align_numbers_and_escape_bars():
    assert table(("a|b", "n"), [("x|y", 1234)]) == "| a\\|b | n |\n| --- | ---: |\n| x\\|y | 1,234 |"
