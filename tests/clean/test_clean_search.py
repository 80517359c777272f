"""`bsm clean search` and `bsm clean` by hand, on files."""

from __future__ import annotations

import gzip
import json

import pytest
from Bio.Seq import Seq
from clean_makers import item, piece
from clean_reference import stands_in

from bsm.base import tables
from bsm.base.config.data import CleanSettings
from bsm.base.counts import read_counts
from bsm.clean.decontaminate import search_part
from bsm.clean.items import queries_of
from bsm.cli import main


def run_search(write, tmp_path, items, rows, name="run", **settings):
    files = {n: tmp_path / f"{name}.{n}" for n in ("kept.parquet", "hits.parquet", "counts.csv")}
    paths = [write(f"{name}-items", items, tables.BENCHMARK_ITEMS)]
    search_part(paths, write(f"{name}-corpus", rows), CleanSettings(**settings), *files.values())
    kept = tables.read_table(files["kept.parquet"], tables.PIECES).to_pylist()
    hits = tables.read_table(files["hits.parquet"], tables.HITS).to_pylist()
    return kept, hits, read_counts(files["counts.csv"])


def test_after_removal_an_exhaustive_check_finds_no_item(maker, write, tmp_path):
    proteins, genes = [maker.protein(60) for _ in range(6)], [maker.dna(90) for _ in range(6)]
    items = [item(f"p{i}", s, "protein", "ppi") for i, s in enumerate(proteins)]
    items += [item(f"g{i}", s, "rna", "ncrnafam") for i, s in enumerate(genes)]
    contig = maker.dna(2000)
    for i, g in enumerate(genes):
        copy = maker.edited(g, i % 4)
        contig += (str(Seq(copy).reverse_complement()) if i % 2 else copy) + maker.dna(400)
    for p in proteins:
        contig += maker.coding(p) + maker.dna(401)
    rows = [piece("corpus:contig", contig, "dna"), piece("corpus:clear", maker.dna(500), "dna")]
    rows += [piece(f"corpus:P{i}", maker.protein(30) + maker.edited(p, 2), "protein") for i, p in enumerate(proteins)]
    kept, hits, counts = run_search(write, tmp_path, items, rows)
    assert {h["item_id"] for h in hits if h["removed"]} == {i["item_id"] for i in items}
    for row in kept:
        assert not any(stands_in(g, row["sequence"], 0.95, 0.8) for g in genes)
        frames = [str(Seq(s[f : f + (len(s) - f) // 3 * 3]).translate()) for f in range(3)
                  for s in (row["sequence"], str(Seq(row["sequence"]).reverse_complement()))]  # fmt: skip
        assert not any(stands_in(p, frame, 0.95, 0.8) for p in proteins for frame in frames)
        assert row["sequence"] == contig[row["start"] : row["end"]] or row["record_id"] == "corpus:clear"
    letters = sum(int(c["n_letters"]) for c in counts if c["stage"] == "clean.search")
    assert letters == sum(len(r["sequence"]) for r in rows)


def test_train_items_are_not_removed_and_every_owner_is_listed(maker, write, tmp_path):
    s = maker.protein(80)
    items = [item("t", s, "protein", split="train"), item("v", s, "protein", split="valid"), item("x", s, "protein")]
    kept, hits, counts = run_search(write, tmp_path, items, [piece("corpus:P", s, "protein")])
    assert kept == []
    assert [(h["item_id"], h["split"], h["kind"], h["removed"]) for h in hits] == [
        ("v", "valid", "same_modality", True), ("x", "test", "same_modality", True)
    ]  # fmt: skip
    assert {(c["outcome"], c["reason"]) for c in counts} >= {
        ("dropped", "benchmark:protloc"),
        ("dropped", "train_item"),
    }


@pytest.mark.parametrize(("level", "n_left"), [("paper", 2), ("strict", 1), ("family", 0)])
def test_levels_remove_more_and_more(maker, write, tmp_path, level, n_left):
    s = maker.protein(200)
    rows = [piece("corpus:same", s, "protein"), piece("corpus:near", maker.edited(s, 6), "protein"),
            piece("corpus:far", maker.substituted(s, 0.35), "protein")]  # fmt: skip
    kept, hits, _ = run_search(write, tmp_path, [item("x", s, "protein")], rows, level=level)
    assert [r["record_id"] for r in kept] == ["corpus:near", "corpus:far"][2 - n_left :]
    assert {"corpus:same", "corpus:near"} <= {h["record_id"] for h in hits}


def test_level_paper_removes_a_pair_only_where_both_sequences_stand(maker, write, tmp_path):
    a, b = maker.protein(80), maker.protein(90)
    items = [item("x", a, "protein", "ppi", id_b="b", modality_b="protein", sequence_b=b)]
    rows = [piece("corpus:one", a, "protein")]
    rows += [piece("corpus:both", s, "protein", n, gene_id="1") for n, s in enumerate((a, b))]
    kept, hits, _ = run_search(write, tmp_path, items, rows, level="paper")
    assert [r["record_id"] for r in kept] == ["corpus:one"]
    assert sorted((h["record_id"], h["role"], h["removed"]) for h in hits) == [
        ("corpus:both", "a", True), ("corpus:both", "b", True), ("corpus:one", "a", False)
    ]  # fmt: skip
    kept, _, _ = run_search(write, tmp_path, items, rows, "strict", level="strict")
    assert kept == []


def test_a_fitness_assay_is_searched_through_its_wild_type(maker):
    wild = maker.protein(100)
    variants = [item(f"v{i:03}", wild[:i] + "W" + wild[i + 1 :], "protein", "protein_fitness", assay="A",
                     mutant=f"{wild[i]}{i + 1}W") for i in range(1, 60)]  # fmt: skip
    far = item("far", maker.protein(100), "protein", "protein_fitness", assay="A", mutant="many")
    queries, counts = queries_of(
        [*variants, item("wt", wild, "protein", "protein_fitness", assay="A", mutant="WT"), far]
    )
    assert {o.item_id for q in queries for o in q.owners} == {"wt", "far"}
    assert [(r["reason"], r["n_records"]) for r in counts[0].rows()] == [("through_wild_type", 59), ("", 2)]


def test_files_do_not_depend_on_row_groups_or_the_order_of_items(maker, write, tmp_path):
    genes = [maker.dna(120) for _ in range(40)]
    rows = [piece(f"corpus:r{i}", maker.dna(300) + g + maker.dna(300), "dna") for i, g in enumerate(genes)]
    a = write("a", [item(f"a{i}", g, "dna", "ncrpi") for i, g in enumerate(genes[:20])], tables.BENCHMARK_ITEMS)
    b = write("b", [item(f"b{i}", g, "rna", "ncrnafam") for i, g in enumerate(genes[10:30])], tables.BENCHMARK_ITEMS)
    whole = write("whole", rows)
    pieces = tmp_path / "pieces.parquet"
    with tables.TableWriter(pieces, tables.PIECES) as writer:
        for start in range(0, 40, 7):
            writer.add_table(tables.read_table(whole, tables.PIECES).slice(start, 7))
    outputs = []
    for number, (items, corpus) in enumerate((([a, b], whole), ([b, a], pieces))):
        files = [tmp_path / f"{number}.{name}" for name in ("kept.parquet", "hits.parquet", "counts.csv")]
        search_part(items, corpus, CleanSettings(), *files)
        outputs.append([f.read_bytes() for f in files])
    assert outputs[0] == outputs[1]


def test_empty_corpora_and_empty_benchmarks_pass(maker, write, tmp_path):
    kept, hits, _ = run_search(write, tmp_path, [], [piece("corpus:a", maker.dna(50), "dna")])
    assert len(kept) == 1 and hits == []
    kept, hits, _ = run_search(write, tmp_path, [item("x", maker.dna(50), "dna")], [], "empty")
    assert kept == [] and hits == []


def test_by_hand_lists_items_of_mixed_modalities_in_mixed_sequences(maker, tmp_path):
    protein, rna, dna = maker.protein(50), maker.dna(80), maker.dna(90)
    items, corpus, out = tmp_path / "items.fa", tmp_path / "corpus.fa.gz", tmp_path / "hits.csv"
    items.write_text(f">p\n{protein}\n>r\n{rna.upper().replace('T', 'U')}\n>d\n{dna.upper()}\n")
    genome = maker.dna(300) + maker.coding(protein) + maker.dna(100) + rna + maker.dna(100)
    genome += str(Seq(dna).reverse_complement())
    corpus.write_bytes(gzip.compress(f">chr1 a genome\n{genome.upper()}\n>prot\n{protein}\n".encode()))
    assert main(["clean", "--items", str(items), "--corpus", str(corpus), "--out", str(out)]) == 0
    lines = [line.split(",") for line in out.read_text().splitlines()]
    header = lines[0]
    found = {tuple(row[header.index(c)] for c in ("item_id", "record_id", "kind", "strand")) for row in lines[1:]}
    assert found == {("p", "chr1", "protein_in_nucleotides", "1"), ("p", "prot", "same_modality", "0"),
                     ("r", "chr1", "same_modality", "1"), ("d", "chr1", "same_modality", "-1")}  # fmt: skip


def test_by_hand_with_missing_flags_says_what_to_give(tmp_path, capsys):
    assert main(["clean", "--items", "x.fa"]) == 1
    assert "--corpus, --out" in capsys.readouterr().err


def test_sub_command_search_takes_settings_as_json(maker, write, tmp_path):
    s = maker.protein(60)
    items = write("items", [item("x", s, "protein")], tables.BENCHMARK_ITEMS)
    corpus = write("corpus", [piece("corpus:P", s, "protein")])
    files = [str(tmp_path / n) for n in ("kept.parquet", "hits.parquet", "counts.csv")]
    settings = json.dumps({"level": "strict"})
    code = main(["clean", "search", "--items", str(items), "--corpus", str(corpus), "--settings", settings,
                 "--kept", files[0], "--hits", files[1], "--counts", files[2]])  # fmt: skip
    assert code == 0
    assert tables.read_table(files[0], tables.PIECES).num_rows == 0


def test_letters_that_are_no_internal_letters_are_refused_with_file_and_record(maker, write, tmp_path, capsys):
    corpus = write(
        "corpus", [piece("corpus:ok", maker.protein(60), "protein"), piece("corpus:x", "acgtZZ9", "protein")]
    )
    items = write("items", [], tables.BENCHMARK_ITEMS)
    files = [str(tmp_path / n) for n in ("kept.parquet", "hits.parquet", "counts.csv")]
    assert main(["clean", "search", "--items", str(items), "--corpus", str(corpus), "--kept", files[0], "--hits",
                 files[1], "--counts", files[2]]) == 1  # fmt: skip
    error = capsys.readouterr().err
    assert "corpus.parquet, record corpus:x" in error and "9Zacgt" in error
    assert not (tmp_path / "kept.parquet").exists()


def test_by_hand_refuses_other_suffixes_before_the_search(maker, tmp_path, capsys):
    items, corpus = tmp_path / "items.fa", tmp_path / "corpus.fa"
    items.write_text(f">p\n{maker.protein(50)}\n")
    assert main(["clean", "--items", str(items), "--corpus", str(corpus), "--out", str(tmp_path / "h.txt")]) == 1
    assert ".parquet or .csv" in capsys.readouterr().err


def test_settings_may_stand_before_or_after_the_step(maker, write, tmp_path):
    s = maker.protein(60)
    items = write("items", [item("x", s, "protein")], tables.BENCHMARK_ITEMS)
    corpus = write("corpus", [piece("corpus:P", maker.edited(s, 2), "protein")])
    files = [str(tmp_path / n) for n in ("kept.parquet", "hits.parquet", "counts.csv")]
    options = ["--items", str(items), "--corpus", str(corpus), "--kept", files[0], "--hits", files[1],
               "--counts", files[2]]  # fmt: skip
    paper = ["--settings", json.dumps({"level": "paper"})]
    calls = (([*paper, "search", *options], 1), (["search", *paper, *options], 1), (["search", *options], 0))
    for arguments, n_left in calls:
        assert main(["clean", *arguments]) == 0
        assert tables.read_table(files[0], tables.PIECES).num_rows == n_left
