"""The command as the graph calls it: corpus, sampling to a budget, counts, report; by hand; byte-stable."""

from __future__ import annotations

import csv
import json
from collections import defaultdict

import pytest
from pair_files import cut

from bsm.base.counts import read_counts
from bsm.base.filelist import RawFile, write_file_list
from bsm.base.tables import GENES, PIECES, read_table
from bsm.cli import main

FILES = {"genomic_fasta": "Atha.gdna.fa", "gff": "Atha.gff3"}


@pytest.fixture
def raw(shared_data, tmp_path):
    root = shared_data("ncbi/arabidopsis_chr1_338kb")
    files = [RawFile(role, str(root / name), name, "TAIR10", 1, "", "", "free") for role, name in FILES.items()]
    write_file_list(tmp_path / "raw" / "files.csv", files)
    return tmp_path / "raw"


def _run(raw, out, max_tokens=None, seed=1):
    source = {"name": "own", "kind": "local_genome", "licence": "free", "fasta": "x", "gff": "y", "taxid": 3702}
    source["max_tokens"] = max_tokens
    paths = {name: out / f"x.{name}" for name in ("genes", "corpus", "counts", "report")}
    arguments = ["pair", "--source", json.dumps(source), "--part", "all", "--raw", str(raw)]
    arguments += ["--settings", json.dumps({"seed": seed})]
    for name, path in paths.items():
        arguments += [f"--{name}", str(path)]
    assert main(arguments) == 0
    return paths


def test_corpus_holds_each_kept_gene_as_aligned_pieces(raw, tmp_path):
    paths = _run(raw, tmp_path)
    genes = [row for row in read_table(paths["genes"], GENES).to_pylist() if row["status"] == "kept"]
    records = defaultdict(list)
    for row in read_table(paths["corpus"], PIECES).to_pylist():
        records[row["record_id"]].append(row)
    assert len(records) == len(genes) == 9
    for (record_id, pieces), gene in zip(records.items(), genes, strict=True):
        assert record_id == f"own:all:{gene['gene_id']}:{gene['transcript_id']}"
        assert [piece["modality"] for piece in pieces] == ["dna", "rna", "protein"][: 3 if gene["protein"] else 2]
        assert [piece["piece"] for piece in pieces] == list(range(len(pieces)))
        assert {(piece["taxid"], piece["release"], piece["licence"]) for piece in pieces} == {(3702, "TAIR10", "free")}
        dna, rna, *protein = pieces
        assert dna["blocks"] == [0, len(dna["sequence"])]
        assert cut(dna["sequence"], rna["blocks"]) == rna["sequence"]
        assert rna["accession"] == dna["accession"] == "NC_003070.9"
        assert dna["start"] <= rna["start"] < rna["end"] <= dna["end"]
        for piece in protein:
            assert len(cut(dna["sequence"], piece["blocks"])) == 3 * len(piece["sequence"])
            assert (piece["accession"], piece["strand"]) == (gene["protein_id"], 0)
    with open(paths["report"]) as handle:
        report = {(row["what"], row["kind"]): int(row["n"]) for row in csv.DictReader(handle)}
    assert report == {("cds", "no_published"): 8, ("gene", "kept"): 9}


def test_budget_takes_whole_genes_by_hash(raw, tmp_path):
    everything = _run(raw, tmp_path / "a")
    n_all = int(read_counts(everything["counts"])[0]["n_letters"])
    picks = set()
    for seed in range(6):
        paths = _run(raw, tmp_path / f"b{seed}", max_tokens=n_all // 2, seed=seed)
        corpus = read_table(paths["corpus"], PIECES).to_pylist()
        chosen = {row["gene_id"] for row in corpus}
        whole = [row for row in read_table(everything["corpus"], PIECES).to_pylist() if row["gene_id"] in chosen]
        assert corpus == whole, "every isoform of a chosen gene, nothing else"
        counts = {row["reason"] or row["outcome"]: int(row["n_letters"]) for row in read_counts(paths["counts"])}
        assert counts["kept"] <= n_all // 2 and counts["kept"] + counts["beyond_max_tokens"] == n_all
        picks.add(frozenset(chosen))
    assert len(picks) > 1, "the seed decides"


def test_outputs_are_byte_stable(raw, tmp_path):
    first, second = _run(raw, tmp_path / "a"), _run(raw, tmp_path / "b")
    for name, path in first.items():
        assert path.read_bytes() == second[name].read_bytes()


def test_by_hand_from_gff_and_from_flat_file(shared_data, tmp_path, capsys):
    root = shared_data("ncbi/monkeypox_GCF_014621545.1")
    out = tmp_path / "genes.parquet"
    files = {"--fasta": "GCF_014621545.1_ASM1462154v1_genomic.fna", "--gff": "genomic.gff", "--protein": "protein.faa"}
    assert (
        main(["pair", *(text for flag, name in files.items() for text in (flag, str(root / name))), "--out", str(out)])
        == 0
    )
    assert "equal" in capsys.readouterr().err
    from_gff = read_table(out, GENES).to_pylist()
    assert main(["pair", "--genbank", str(root / "genomic.gbff.gz"), "--out", str(out)]) == 0
    from_flat_file = read_table(out, GENES).to_pylist()
    assert len(from_gff) == 179 and from_gff == from_flat_file


def test_wrong_calls_say_what_is_missing(tmp_path, capsys):
    assert main(["pair", "--fasta", "x", "--out", "y"]) == 1
    assert "give --fasta and --gff, or --genbank" in capsys.readouterr().err
    assert main(["pair", "--source", '{"kind": "local_genome", "name": "a", "licence": "", "genbank": "b"}']) == 1
    assert "--source needs --part, --raw" in capsys.readouterr().err
