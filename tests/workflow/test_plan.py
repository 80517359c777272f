"""What a user sees before anything runs: plans of the real configs, refusals of wrong ones, limits of the profile."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from running import ROOT, snakemake

from bsm.base.config import load_config

OWN_FILES = ("genome/genomic.fna", "genome/genomic.gff", "genome/protein.faa", "genome/records.gbff")


@pytest.mark.parametrize("name", ["paper", "lab", "local"])
def test_a_real_config_is_planned_offline(tmp_path, name):
    for file in (*OWN_FILES, "proteins.fasta.gz", "documents.jsonl.gz"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    run = snakemake("-n", "--cores", "64", directory=tmp_path, config=ROOT / "config" / f"{name}.yaml")
    assert "clean_group" in run.output
    assert "miniature " not in run.output
    assert not (tmp_path / "data").exists()


def test_the_paper_config_plans_one_chain_for_every_species(tmp_path):
    run = snakemake("-n", "--cores", "64", directory=tmp_path, config=ROOT / "config" / "paper.yaml")
    species = [w for name, w in run.jobs if name == "acquire_source" and "source=refseq_pairs" in w]
    assert len(species) == 14
    assert [w for name, w in run.jobs if name == "pair" and "refseq_pairs" in w] == species


def write_config(path: Path, change) -> Path:
    config = copy.deepcopy(load_config())
    change(config)
    path.write_text(yaml.safe_dump(config))
    return path


def several_mistakes(config) -> None:
    config["clean"]["level"] = "sloppy"
    config["train"]["rounds"][0]["n_tokens"] = -1
    config["mixes"][1]["weights"] = {"single": 0}
    config["sources"][3]["species"][0]["name"] = "Homo sapiens"
    config["shard"]["context"] = 512


def test_a_wrong_config_stops_with_every_problem_before_any_job(tmp_path):
    bad = write_config(tmp_path / "bad.yaml", several_mistakes)
    run = snakemake("--cores", "2", directory=tmp_path, config=bad, check=False)
    assert run.code == 1
    assert "5 problem(s) in the config; nothing was started" in run.output
    for key in ("clean.level", "train.rounds[round1].n_tokens", "mixes[paper_round2]", "species", "shard.context"):
        assert key in run.output
    assert "Traceback" not in run.output
    assert not (tmp_path / "data").exists()


GPU_JOBS = """
rule all:
    input: expand("{i}.txt", i=range(4))
rule gpu_job:
    output: "{i}.txt"
    resources: gpu=1, mem_mb=10
    shell: "echo start >> order.log; sleep 0.3; echo end >> order.log; touch {output}"
"""


def test_with_one_gpu_in_the_profile_never_two_gpu_jobs_run_at_once(tmp_path):
    """The shipped profile limits gpu; with one there, 64 cores still run GPU jobs one after the other."""
    profile = yaml.safe_load((ROOT / "profiles" / "default" / "profile.yaml").read_text())
    assert set(profile["resources"]) == {"gpu", "mem_mb"}
    profile["resources"]["gpu"] = 1
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "profile.yaml").write_text(yaml.safe_dump(profile))
    (tmp_path / "Snakefile").write_text(textwrap.dedent(GPU_JOBS))
    command = [sys.executable, "-m", "snakemake", "--cores", "64", "--workflow-profile", "profile"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "order.log").read_text().split() == ["start", "end"] * 4


def test_the_slurm_profile_is_not_limited_to_the_login_node(tmp_path):
    """Jobs keep what they ask for: the limits of profiles/default are not laid over the cluster's profile."""
    profile = yaml.safe_load((ROOT / "profiles" / "slurm" / "profile.yaml").read_text())
    assert profile.pop("executor") == "slurm"  # its plugin contacts the controller when it is imported
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm" / "profile.yaml").write_text(yaml.safe_dump(profile))
    overrides = ("clean_group:mem_mb=64000000", "clean_group:gpu=1")
    run = snakemake(
        "-n", "--workflow-profile", str(tmp_path / "slurm"), "--set-resources", *overrides,
        directory=tmp_path, config=ROOT / "config" / "paper.yaml",
    )  # fmt: skip
    asked = next(line for line in run.output.splitlines() if "resources:" in line and "mem_mb=64000000" in line)
    assert "gpu=1" in asked
    assert "profiles/default" not in run.output


def test_own_files_that_do_not_exist_are_all_named_before_anything_starts(tmp_path):
    run = snakemake("-n", directory=tmp_path, config=ROOT / "config" / "local.yaml", check=False)
    assert run.code == 1
    assert "6 file(s) of local sources do not exist" in run.output
    for file in (*OWN_FILES, "proteins.fasta.gz", "documents.jsonl.gz"):
        assert file in run.output


def test_a_key_that_stands_twice_in_a_config_file_is_refused(tmp_path):
    (tmp_path / "twice.yaml").write_text("shard: {seed: 1}\nshard: {seed: 2}\n")
    run = snakemake("-n", directory=tmp_path, config=tmp_path / "twice.yaml", check=False)
    assert run.code == 1
    assert "the key 'shard' stands twice" in run.output


def test_the_default_profile_is_picked_up_beside_the_snakefile(tmp_path):
    run = snakemake("-n", "--cores", "64", directory=tmp_path, config=ROOT / "config" / "nano.yaml")
    assert "profiles/default" in run.output
