"""config/local.yaml on real records: the graph's data stages from local files to the data report."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bsm.base.tables import BENCHMARK_ITEMS, GENES, read_table

ROOT = Path(__file__).resolve().parents[2]
GENOMES = {
    "saureus": (
        "saureus_GCF_000013425.1",
        "GCF_000013425.1_ASM1342v1_genomic.fna.gz",
        "genomic.gff.gz",
        "protein.faa.gz",
    ),
    "monkeypox": (
        "monkeypox_GCF_014621545.1",
        "GCF_014621545.1_ASM1462154v1_genomic.fna",
        "genomic.gff",
        "protein.faa",
    ),
    "hiv1": ("hiv1_GCF_000864765.1", "GCF_000864765.1_ViralProj15476_genomic.fna", "genomic.gff", "protein.faa"),
    "arabidopsis": ("arabidopsis_chr1_338kb", "Atha.gdna.fa", "Atha.gff3", None),
}
FLAT_FILES = {"human_mitochondrion": "NC_012920.1.gbff", "phage_t4": "T4_NC_000866.gbff.gz", "yeast": "U49845.gbk"}


def _config(real: Path, folder: Path) -> Path:
    """config/local.yaml with its sources replaced by real files, and one benchmark item that stands in the data."""
    config = yaml.safe_load((ROOT / "config" / "local.yaml").read_text())
    sources = []
    for name, (root, fasta, gff, protein) in GENOMES.items():
        files = {"fasta": fasta, "gff": gff, "protein": protein}
        paths = {role: str(real / root / file) for role, file in files.items() if file}
        sources.append({"name": name, "kind": "local_genome", "licence": "NCBI", **paths})
    for name, file in FLAT_FILES.items():
        path = str(real / "flatfiles" / file)
        sources.append({"name": name, "kind": "local_genome", "licence": "NCBI", "genbank": path})
    proteins = str(real / "saureus_GCF_000013425.1" / "protein.faa.gz")
    sources.append(
        {"name": "proteins", "kind": "local_fasta", "licence": "NCBI", "modality": "protein", "paths": [proteins]}
    )
    config["sources"] = sources
    config["clean"] = {"max_loss": 1.0}
    config["anneal"] = {"candidates_round2": ["pair_heavy"], "candidates_round3": ["pair_heavy"]}
    config["mixes"] = [{"name": "single_only", "weights": {"single": 1}},
                       {"name": "pair_heavy", "weights": {"single": 1, "refseq": 8}}]  # fmt: skip
    (folder / "benchmarks").mkdir()
    leaked = "MNLVPNNDPRSLSSSAAQVVRSSASKNKQDDKVSPTGGSTSYNVVDLTPFGAGSLTNVDVQ"
    (folder / "benchmarks" / "my_assay.csv").write_text(
        f"split,sequence_a,value,assay,mutant\ntest,{leaked},1.0,a,WT\n"
    )
    path = folder / "local.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.slow
def test_the_data_stages_run_on_real_local_files(shared_data, tmp_path):
    config = _config(shared_data("ncbi").resolve(), tmp_path)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--cores",
        "2",
        "results/data.md",
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    run = subprocess.run([*command, "--configfile", str(config), "--directory", str(tmp_path)], cwd=ROOT,
                         capture_output=True, text=True, check=False, env=environment)  # fmt: skip
    assert run.returncode == 0, (run.stdout + run.stderr)[-5000:]
    equal = {}
    for report in sorted((tmp_path / "data" / "pairs").rglob("*.report.csv")):
        for row in csv.DictReader(report.open()):
            print(f"{row['source']:20} {row['what']:7} {row['kind']:40} {int(row['n']):6,}  {row['examples'][:60]}")
            if row["what"] == "cds" and row["kind"] == "equal":
                equal[row["source"]] = int(row["n"])
    assert equal == {
        "saureus": 2767, "monkeypox": 179, "hiv1": 10, "human_mitochondrion": 13, "phage_t4": 277, "yeast": 3,
    }  # fmt: skip
    print((tmp_path / "results" / "data.md").read_text()[:6000])
    arabidopsis = read_table(tmp_path / "data/pairs/arabidopsis/all.genes.parquet", GENES)
    assert set(arabidopsis["status"].to_pylist()) == {"kept"} and arabidopsis.num_rows == 9
    assert len(list((tmp_path / "data" / "shards").glob("*.manifest.json"))) == len(GENOMES) + len(FLAT_FILES) + 1
    assert read_table(tmp_path / "data/benchmarks/my_assay.parquet", BENCHMARK_ITEMS).num_rows == 1
