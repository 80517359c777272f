"""The miniature's planted pairs: every one is found, letter by letter, and no other."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import polars as pl
import pytest

from bsm.base.config import ROOT_CONFIG, load_config, validated
from bsm.base.tables import GENES, PIECES, read_table
from bsm.cli import main

CONFIG = ["--config", str(ROOT_CONFIG)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The miniature's mirror of the publishers, fetched and paired as the graph does."""
    folder = tmp_path_factory.mktemp("miniature")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the addresses of config.yaml are relative to the working directory
        assert main(["miniature", *CONFIG, "--out", "data/miniature"]) == 0
        for source, part in _parts():
            raw = f"data/raw/{source}/{part}"
            assert main(["acquire", *CONFIG, "--source", source, "--part", part, "--out", raw]) == 0
            outputs = [f"--{name}={source}.{part}.{name}" for name in ("genes", "corpus", "counts", "report")]
            assert main(["pair", *CONFIG, "--source", source, "--part", part, "--raw", raw, *outputs]) == 0
    return folder


def _parts() -> list[tuple[str, str]]:
    sources = validated(load_config([])).sources
    return [(s.name, part) for s in sources if s.kind in ("refseq_genomes", "ncbi_gene") for part in s.parts]


def _sampled_genes(world: Path, source: str, part: str) -> set[str] | None:
    table = world / f"data/raw/{source}/{part}/gene2accession.tsv"
    return {line.split("\t")[1] for line in table.open()} if table.exists() else None


def test_planted_pairs_are_all_found_and_no_others(world):
    truth = pl.read_parquet(world / "data/miniature/truth/pairs.parquet")
    for source, part in _parts():
        sampled = _sampled_genes(world, source, part)
        planted = truth.filter(pl.col("source") == source, pl.col("part") == part)
        if sampled is not None:
            planted = planted.filter(pl.col("gene_id").is_in(list(sampled)))
        expected = Counter(_key(row) for row in planted.iter_rows(named=True) if row["expected"] == "kept")
        genes = read_table(world / f"{source}.{part}.genes", GENES).to_pylist()
        found = Counter(_key(row) for row in genes if row["status"] == "kept")
        assert len(expected) > 300 and found == expected, (source, part)
        _check_rna(planted, genes)


def _key(row: dict) -> tuple[str, ...]:
    return (row["gene_id"], row["protein_id"] or "", row["dna"], row["cds"] or "", row["protein"] or "")


def _check_rna(planted: pl.DataFrame, genes: list[dict]) -> None:
    """Where the world has a transcript, the RNA is its letters (it has none for bacteria and organelles)."""
    rows = [row for row in planted.iter_rows(named=True) if row["rna"] and row["expected"] == "kept"]
    found = {(row["gene_id"], row["protein_id"], row["rna"]) for row in genes}
    assert {(row["gene_id"], row["protein_id"], row["rna"]) for row in rows} <= found


def test_every_alignment_of_the_corpora_spells_its_piece(world):
    for source, part in _parts():
        rows = read_table(world / f"{source}.{part}.corpus", PIECES).to_pylist()
        n_aligned = 0
        for _, record in groupby(rows, key=lambda row: row["record_id"]):
            dna, *others = record
            assert dna["modality"] == "dna"
            for piece in others:
                blocks = piece["blocks"]
                if blocks is None:
                    continue
                n_aligned += 1
                letters = "".join(dna["sequence"][a:b] for a, b in zip(blocks[::2], blocks[1::2], strict=True))
                if piece["modality"] == "rna":
                    assert letters == piece["sequence"]
                else:
                    assert -(-len(letters) // 3) == len(piece["sequence"])
        assert n_aligned > 300
        assert len({(row["record_id"], row["piece"]) for row in rows}) == len(rows)
