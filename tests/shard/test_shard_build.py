"""From a clean corpus to shards, manifest and counts: nothing lost, nothing twice, same bytes again."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from shard_genes import letters, random_gene, row, write_clean

from bsm.base.config.data import ShardSettings
from bsm.base.counts import read_counts
from bsm.base.errors import InputError
from bsm.base.tables import SHARD_ROWS, read_table
from bsm.cli import main
from bsm.shard import build
from bsm.shard.build import build_shards
from bsm.shard.pairs import NOT_ALIGNED, NOT_DRAWN, OUTSIDE_CENTRE, draw_combination, shuffled
from bsm.shard.show import unpack
from bsm.shard.tally import TOO_MANY_N


def shard(tmp_path, rows, group="refseq", name="out", **settings):
    """Build shards; returns (manifest, documents by id, counts by (outcome, reason), folder)."""
    corpus = write_clean(tmp_path / "clean.parquet", rows)
    out, manifest, counts = tmp_path / name, tmp_path / f"{name}.json", tmp_path / f"{name}.csv"
    value = build_shards(corpus, "s", group, ShardSettings(**settings), out, manifest, counts)
    assert json.loads(manifest.read_text()) == value
    documents = {}
    for path in sorted(out.iterdir()):
        for record_id, text, pieces in unpack(read_table(path, SHARD_ROWS)):
            assert record_id not in documents
            documents[record_id] = (text, pieces, path.name.partition("-")[0])
    table = {(r["outcome"], r["reason"]): (int(r["n_records"]), int(r["n_letters"])) for r in read_counts(counts)}
    return value, documents, table, out


def genes(n, n_aa=60, **more):
    rows, by_id = [], {}
    for i in range(n):
        by_id[f"g{i}"] = gene = random_gene(i, n_aa, n_introns=2, max_intron=80)
        rows += gene.rows(f"g{i}", **more)
    return rows, by_id


def n_letters(rows):
    return sum(len(r["sequence"]) for r in rows)


def windows_of(documents, record_id):
    """The pieces of a record's windows, in the order of the windows."""
    keys = [k for k in documents if k == record_id or k.startswith(f"{record_id}@")]
    return [documents[k][1] for k in sorted(keys, key=lambda k: int(k.partition("@")[2] or 0))]


@pytest.mark.parametrize("window", ["tile", "centre", "whole"])
@pytest.mark.parametrize("context", [128, 512, 2048])
def test_letters_kept_and_dropped_are_the_letters_of_the_corpus(tmp_path, window, context):
    rows, _ = genes(40)
    value, documents, counts, _ = shard(tmp_path, rows, window=window, context_tokens=context)
    kept = sum(n for (outcome, _), (_, n) in counts.items() if outcome == "kept")
    dropped = sum(n for (outcome, _), (_, n) in counts.items() if outcome == "dropped")
    assert kept + dropped == n_letters(rows)
    assert kept == sum(len(text) for _, pieces, _ in documents.values() for _, text in pieces)
    assert kept == sum(n for m, n in value["splits"]["train"]["n_tokens_by_modality"].items() if m != "special")
    assert (OUTSIDE_CENTRE in {reason for _, reason in counts}) == (window == "centre" and context < 2048)


def test_whole_genes_are_the_drawn_combination_in_the_drawn_order(tmp_path):
    rows, by_id = genes(60)
    _, documents, _, _ = shard(tmp_path, rows, context_tokens=2048)
    combinations = Counter()
    for name, gene in by_id.items():
        text, pieces, _ = documents[name]
        assert text == "<bos>" + "<sep>".join(t for _, t in pieces) + "<eos>"
        assert all(t == getattr(gene, modality) for modality, t in pieces)
        combinations[tuple(m for m, _ in pieces)] += 1
    assert {frozenset(c) for c in combinations} == {
        frozenset(s) for s in (("dna", "rna"), ("dna", "protein"), ("rna", "protein"), ("dna", "rna", "protein"))
    }
    assert len(combinations) > 8  # of 12 orders


def test_combination_and_order_depend_on_the_seed_and_the_record_and_nothing_else():
    draws = [draw_combination(1, f"g{i}", (1, 2, 3)) for i in range(4000)]
    assert draws == [draw_combination(1, f"g{i}", (1, 2, 3)) for i in range(4000)]
    assert draws != [draw_combination(2, f"g{i}", (1, 2, 3)) for i in range(4000)]
    assert all(900 < n < 1100 for n in Counter(draws).values()) and len(set(draws)) == 4
    assert draw_combination(1, "g", (1, 2)) == (1, 2) and draw_combination(1, "g", (1,)) == (1,)
    pieces = [(0, 0, 1), (1, 0, 1), (2, 0, 1)]
    orders = Counter(tuple(shuffled(pieces, 1, "g", window)) for window in range(6000))
    assert len(orders) == 6 and all(880 < n < 1120 for n in orders.values())


def test_tiled_genes_come_back_from_their_windows(tmp_path):
    rows, by_id = genes(40, n_aa=200)
    _, documents, counts, _ = shard(tmp_path, rows, context_tokens=256)
    assert counts["changed", "cut into windows"] == (40, 0)
    for name, gene in by_id.items():
        windows = windows_of(documents, name)
        drawn = {m for pieces in windows for m, _ in pieces}
        for modality in drawn:
            assert "".join(t for pieces in windows for m, t in pieces if m == modality) == getattr(gene, modality)
        assert all(len(text) <= 256 * 5 for text in windows)


def test_without_blocks_rna_and_protein_are_aligned_by_translation_and_dna_is_left_out(tmp_path):
    rows, by_id = genes(40, n_aa=200)
    for r in rows:
        r["blocks"] = None
    _, documents, counts, _ = shard(tmp_path, rows, context_tokens=256)
    n_left_out = 0
    for name, gene in by_id.items():
        drawn = {("dna", "rna", "protein")[code - 1] for code in draw_combination(1, name, (1, 2, 3))}
        windows = windows_of(documents, name)
        if {"rna", "protein"} <= drawn:
            n_left_out += "dna" in drawn
            assert {m for pieces in windows for m, _ in pieces} == {"rna", "protein"}
        else:  # no alignment is pretended: a window holds one modality
            assert all(len(pieces) == 1 for pieces in windows)
        for modality in {m for pieces in windows for m, _ in pieces}:
            assert "".join(t for pieces in windows for m, t in pieces if m == modality) == getattr(gene, modality)
    assert counts["dropped", NOT_ALIGNED][0] == n_left_out > 0


def test_genes_with_few_modalities_are_sampled_as_they_are(tmp_path):
    rng = random.Random(1)
    rows = [row("ncrna", "dna", letters(rng, 70)), row("ncrna", "rna", letters(rng, 50), piece=1),
            row("alone", "dna", letters(rng, 300))]  # fmt: skip
    _, documents, _, _ = shard(tmp_path, rows, context_tokens=128)
    assert sorted(documents["ncrna"][1]) == [("dna", rows[0]["sequence"]), ("rna", rows[1]["sequence"])]
    assert "".join(t for pieces in windows_of(documents, "alone") for _, t in pieces) == rows[2]["sequence"]


def test_windows_with_too_many_n_are_dropped_and_counted(tmp_path):
    rows = [row("long", "dna", "acgt" * 40 + "n" * 30 + "acgt" * 40), row("short", "dna", "acgtn" * 5)]
    _, documents, counts, _ = shard(tmp_path, rows, group="single", context_tokens=102)
    assert set(documents) == {"long@0", "long@2", "long@3"}
    assert counts["dropped", TOO_MANY_N] == (2, 125)


def test_splits_stay_apart(tmp_path):
    rows, _ = genes(20)
    valid = [r | {"record_id": "v" + r["record_id"], "split": "valid"} for r in rows[:15]]
    value, documents, _, _ = shard(tmp_path, rows + valid, context_tokens=2048)
    assert {split for k, (_, _, split) in documents.items() if k.startswith("v")} == {"valid"}
    assert {split for k, (_, _, split) in documents.items() if k.startswith("g")} == {"train"}
    assert value["splits"]["valid"]["n_documents"] == 5


def test_same_corpus_same_bytes_and_old_shards_do_not_survive(tmp_path):
    rows, _ = genes(60)
    shard(tmp_path, rows, context_tokens=256, rows_per_shard=10)
    first = {p.name: p.read_bytes() for p in [*(tmp_path / "out").iterdir(), tmp_path / "out.json"]}
    assert len(first) > 4
    shard(tmp_path, rows[:9], context_tokens=256, rows_per_shard=10)
    assert len(list((tmp_path / "out").iterdir())) == 1
    shard(tmp_path, rows, context_tokens=256, rows_per_shard=10)
    assert {p.name: p.read_bytes() for p in [*(tmp_path / "out").iterdir(), tmp_path / "out.json"]} == first


def test_several_buffers_hold_every_document_once(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "BUFFER_TOKENS", 5000)
    monkeypatch.setattr("bsm.base.tables.ROW_GROUP_ROWS", 50)
    rows, _ = genes(100)
    value, documents, _, _ = shard(tmp_path, rows, context_tokens=1024)
    assert value["splits"]["train"]["n_documents"] == len(documents) >= 100


def test_a_failed_run_leaves_the_old_shards_in_place(tmp_path):
    rows, _ = genes(5)
    _, _, _, out = shard(tmp_path, rows)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(InputError, match="do not belong to the modality"):
        shard(tmp_path, [*rows, row("bad", "dna", "MKV")])
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".out")]


def test_a_folder_with_other_files_is_never_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        shard(tmp_path, genes(1)[0])
    assert (tmp_path / "out" / "thesis.txt").exists()


def test_an_empty_corpus_gives_an_empty_manifest(tmp_path):
    value, documents, _, out = shard(tmp_path, [])
    assert value["shards"] == [] and value["splits"]["train"]["n_tokens"] == 0 and not documents
    assert out.is_dir()


def test_the_command_shards_and_shows(tmp_path, capsys):
    corpus = write_clean(tmp_path / "clean.parquet", [row("web:1", "dna", "acgt"), row("web:1", "protein", "MKV")])
    out, manifest, counts = (str(tmp_path / name) for name in ("out", "m.json", "c.csv"))
    arguments = ["shard", "--corpus", str(corpus), "--source-name", "web", "--group", "web", "--out", out]
    assert main([*arguments, "--manifest", manifest, "--counts", counts, "--settings", '{"context_tokens": 64}']) == 0
    assert "1 documents, 10 tokens in 1 rows, 84.38% padding, 0.00% cut" in capsys.readouterr().out
    assert main(["shard", "show", str(Path(out) / "train-00000.parquet")]) == 0
    shown = capsys.readouterr().out
    assert "web:1  (dna 4, protein 3)" in shown and "<bos>acgt<sep>MKV<eos>" in shown
    assert main(["shard", "--corpus", str(corpus)]) == 1
    assert "missing arguments" in capsys.readouterr().err


def test_modalities_left_undrawn_are_counted(tmp_path):
    rows, by_id = genes(30)
    _, _, counts, _ = shard(tmp_path, rows, context_tokens=2048)
    undrawn = sum(
        len((gene.dna, gene.rna, gene.protein)[code - 1])
        for name, gene in by_id.items()
        for code in {1, 2, 3} - set(draw_combination(1, name, (1, 2, 3)))
    )
    assert counts["dropped", NOT_DRAWN][1] == undrawn
