"""The graph itself, run on the smallest config: complete, reproducible, and re-run only where something changed.

All of these stand in one file, so that one test worker runs the graph once for all of them (``--dist loadfile``).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import shutil
from pathlib import Path

import pytest
import yaml
from running import NANO, snakemake

from bsm.base.benchmarks import TASKS
from bsm.base.config import merge

SOURCES = ("colabfold", "gene_pairs", "refseq_nucleotides", "refseq_pairs", "uniprot", "web")
SINGLE_MODAL = ("colabfold", "refseq_nucleotides", "uniprot")
SINGLE_MODAL_RUNS = ("mixed/round1", "single/round2", "single/round3")
DATA_AFTER_CLEAN = {"shard", "shard_plan", "report_data"}
LEARNING = {"anneal", "anneal_select", "train", "evaluate", "evaluate_baselines", "report_table", "report_figure"}
AFTER_CLEAN = DATA_AFTER_CLEAN | LEARNING


def hashes(directory: Path) -> dict[str, str]:
    """Content of everything a run wrote for later stages or people (logs, states and wall times left out)."""
    files = [p for folder in ("data", "results", "runs") for p in (directory / folder).rglob("*") if p.is_file()]
    files = [p for p in files if "state" not in p.parts and p.name != "speed.json"]
    return {str(p.relative_to(directory)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def summary(directory: Path) -> list[dict[str, str]]:
    """``snakemake --detailed-summary``: every output with the rule that makes it and its inputs."""
    text = snakemake("--detailed-summary", directory=directory).output
    lines = text[text.index("output_file\t") :].splitlines()
    return list(csv.DictReader(lines, delimiter="\t"))


@pytest.fixture
def copy_of_run(nano, tmp_path):
    """A finished run of one's own to change things in; time stamps kept."""
    target = tmp_path / "run"
    shutil.copytree(nano, target, copy_function=shutil.copy2)
    return target


def test_a_run_ends_with_the_table_the_figure_and_a_message_that_says_where_they_are(nano):
    with open(nano / "results" / "table1.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["corpus"] for row in rows} == {"nano"}
    assert {row["task"] for row in rows} == {*TASKS, "perplexity", "validation_loss"}
    assert {row["arm"] for row in rows} == {"mixed", "single", "no_web", "none"}
    assert (nano / "results" / "validation_loss.svg").read_text().startswith("<?xml")
    message = (nano / "end_of_run.txt").read_text()
    for words in ("results/table1.csv           Table 1", "Time of the jobs by stage", "AutoModelForCausalLM"):
        assert words in message


def test_every_run_leaves_held_out_losses_of_every_section(nano):
    with open(nano / "results" / "table1.csv", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["task"] == "validation_loss" and row["arm"] != "none"]
    measured = {(row["model"], row["arm"], row["round"]) for row in rows}
    trained = {path.parts[-4:-1] for path in (nano / "runs").glob("*/*/*/model.safetensors")}
    assert measured == trained and len(trained) == 9
    for run in trained:
        sections = {r["dataset"] for r in rows if (r["model"], r["arm"], r["round"]) == run}
        assert {"nucleotides", "proteins", "refseq", "gene", "web", "mean_of_sections"} <= sections


def test_a_deleted_evaluation_is_measured_again_and_only_the_table_follows(copy_of_run):
    before = hashes(copy_of_run)
    next(copy_of_run.glob("results/evaluations/*/mixed/round3/zero-shot.*.csv")).unlink()
    run = snakemake("--cores", "2", directory=copy_of_run)
    assert [name for name, _ in run.jobs] == ["all", "evaluate", "report_table"]
    assert hashes(copy_of_run) == before


def test_a_run_ends_with_shards_of_every_source_and_the_data_report(nano):
    manifests = sorted(p.name for p in (nano / "data" / "shards").glob("*.manifest.json"))
    assert manifests == [f"{source}.manifest.json" for source in SOURCES]
    for name in ("data.md", "sources.csv", "plan.csv", "planted_found.csv", "data_counts.csv"):
        assert (nano / "results" / name).stat().st_size > 0


def test_running_again_does_nothing(nano):
    assert "Nothing to be done" in snakemake("--cores", "2", directory=nano).output


def test_only_the_report_has_an_input_under_truth(nano):
    readers = {row["rule"] for row in summary(nano) if "/truth" in (row["input-file(s)"] or "")}
    assert readers == {"report_data"}


def test_every_job_after_clean_takes_the_manifests_of_its_sources(nano):
    rows = [row for row in summary(nano) if row["rule"] in AFTER_CLEAN]
    assert {row["rule"] for row in rows} == AFTER_CLEAN
    for row in rows:
        source = Path(row["output_file"]).name.split(".")[0]
        expected = [source] if row["rule"] == "shard" else SOURCES
        if row["rule"] in ("train", "evaluate") and any(f"/{run}/" in row["output_file"] for run in SINGLE_MODAL_RUNS):
            expected = SINGLE_MODAL  # and no other, but for held-out losses of all sections
        for name in expected:
            assert f"data/clean/{name}.manifest.json" in row["input-file(s)"], row["output_file"]


def test_a_comment_in_an_annotation_re_runs_nothing_after_the_gates(copy_of_run):
    gff = copy_of_run / "data/raw/refseq_pairs/miniatura_vertebrata/genomic.gff.gz"
    gff.write_bytes(gzip.compress(gzip.decompress(gff.read_bytes()) + b"# a comment\n", mtime=0))
    before = hashes(copy_of_run)
    run = snakemake("--cores", "2", directory=copy_of_run)
    rules = {name for name, _ in run.jobs}
    assert not rules & (AFTER_CLEAN - {"report_data"})
    assert [w for name, w in run.jobs if name == "pair"] == ["source=refseq_pairs, part=miniatura_vertebrata"]
    assert hashes(copy_of_run) == before


def test_a_changed_species_re_runs_its_chain_and_the_shards_it_feeds(copy_of_run):
    fasta = copy_of_run / "data/raw/refseq_pairs/miniatura_vertebrata/genomic.fna.gz"
    lines = gzip.decompress(fasta.read_bytes()).split(b"\n")
    lines[1] = lines[1][::-1]
    fasta.write_bytes(gzip.compress(b"\n".join(lines), mtime=0))
    run = snakemake("--cores", "2", directory=copy_of_run)
    own = [wildcards for name, wildcards in run.jobs if name in ("pair", "clean_search")]
    assert own == ["source=refseq_pairs, part=miniatura_vertebrata"] * 2
    assert ("shard", "source=refseq_pairs") in run.jobs
    assert ("shard", "source=colabfold") not in run.jobs
    assert ("shard_plan", "") in run.jobs
    trained = {wildcards for name, wildcards in run.jobs if name == "train"}
    assert "model=bsm-nano, arm=mixed, round=round2" in trained
    single_modal = ("arm=mixed, round=round1", "arm=single, round=round2", "arm=single, round=round3")
    assert not {w for w in trained if w.endswith(single_modal)}


def test_a_dropped_species_re_runs_only_what_depends_on_it(copy_of_run, tmp_path):
    config = yaml.safe_load(NANO.read_text())
    config["sources"][3]["species"].pop()
    (tmp_path / "fewer.yaml").write_text(yaml.safe_dump(config))
    run = snakemake("--cores", "2", "results/plan.csv", directory=copy_of_run, config=tmp_path / "fewer.yaml")
    rules = [name for name, _ in run.jobs]
    assert not {"miniature", "acquire_source", "pair", "clean_search"} & set(rules)
    assert ("shard", "source=refseq_pairs") in run.jobs


def planned(directory: Path, tmp_path: Path, overlay: dict) -> set[str]:
    """Rules that a dry run on a finished run wants to start after a change of the config."""
    config = merge(yaml.safe_load(NANO.read_text()), overlay)
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(config))
    run = snakemake("-n", "--cores", "2", directory=directory, config=tmp_path / "changed.yaml")
    return {name for name, _ in run.jobs} - {"all"}


@pytest.mark.parametrize(
    "overlay",
    [
        {"acquire": {"retries": 9, "contact": "me@example.org", "timeout_seconds": 5}},
        {"train": {"checkpoint_every_seconds": 7, "log_every_steps": 3}},
    ],
    ids=["manners of downloading", "manners of training"],
)
def test_settings_that_change_no_result_re_run_nothing(nano, tmp_path, overlay):
    assert planned(nano, tmp_path, overlay) == set()


def test_a_setting_re_runs_the_step_that_reads_it_and_what_follows(nano, tmp_path):
    assert planned(nano, tmp_path, {"clean": {"max_loss": 0.65}}) == {"clean_gate", *AFTER_CLEAN}
    assert planned(nano, tmp_path, {"shard": {"max_passes": 999}}) == {"shard_plan", "report_data"}
    assert planned(nano, tmp_path, {"report": {"title": "Other"}}) == {"report_data"}
    assert planned(nano, tmp_path, {"evaluate": {"few_shot_seed": 2}}) == {"evaluate", "report_table"}
    assert planned(nano, tmp_path, {"train": {"gradient_clip": 0.5}}) == LEARNING - {"evaluate_baselines"}


@pytest.mark.slow
def test_one_core_and_two_cores_write_the_same_bytes(nano, tmp_path):
    snakemake("--cores", "1", directory=tmp_path)
    assert hashes(tmp_path) == hashes(nano)
