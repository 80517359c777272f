"""Duplicates, groups and the split over all sources."""

from __future__ import annotations

import numpy as np
import pytest
from Bio.Seq import Seq
from clean_makers import piece

from bsm.base import tables
from bsm.base.config.data import CleanSettings
from bsm.base.counts import read_counts
from bsm.base.errors import InputError
from bsm.clean.group import GROUPS, group_parts
from bsm.clean.sketch import kmer_hashes, sequence_key, signature


def flipped(letters):
    return str(Seq(letters).reverse_complement())


def grouped(tmp_path, paths, name="groups", **settings):
    out, counts = tmp_path / f"{name}.parquet", tmp_path / f"{name}.csv"
    group_parts(paths, CleanSettings(**settings), out, counts)
    return {row["record_id"]: row for row in tables.read_table(out, GROUPS).to_pylist()}, read_counts(counts)


def gene(maker, n, source="refseq_pairs", n_aa=60):
    """A gene of a pair source with an intron in its DNA: rows of dna, rna and protein."""
    protein = maker.protein(n_aa)
    rna = maker.dna(40) + maker.coding(protein) + "taa" + maker.dna(60)
    dna = rna[:90] + maker.dna(200) + rna[90:]
    return [piece(f"{source}:{n}", s, m, k, source=source, gene_id=str(n), taxid=9)
            for k, (m, s) in enumerate((("dna", dna), ("rna", rna), ("protein", protein)))]  # fmt: skip


def test_a_pair_its_single_copies_and_its_web_copies_share_one_group(maker, write, tmp_path):
    genes = [gene(maker, n) for n in range(12)]
    singles, proteins, web = [], [], []
    for n, (dna, rna, protein) in enumerate(genes):
        singles.append(piece(f"nt:rna{n}", flipped(rna["sequence"]), "rna", source="nt"))
        singles.append(piece(f"nt:part{n}", dna["sequence"][:300], "dna", source="nt"))
        proteins.append(piece(f"aa:P{n}", protein["sequence"][:-1] + "W", "protein", source="aa"))
        document = [("dna", maker.dna(80)), ("protein", protein["sequence"]), ("dna", maker.dna(70))]
        web += [piece(f"web:{n}", s, m, k, source="web") for k, (m, s) in enumerate(document)]
    contig = "".join(g[0]["sequence"] for g in genes) + maker.dna(15_000)
    contigs = [piece("nt2:contig", contig, "dna", source="nt2")]
    corpora = [[row for g in genes for row in g], singles, proteins, web, contigs]
    paths = [write(f"c{i}", rows) for i, rows in enumerate(corpora)]
    rows, _ = grouped(tmp_path, paths)
    names = {rows[f"refseq_pairs:{n}"]["group_id"] for n in range(12)}
    assert len(names) == 12
    for n in range(12):
        family = {rows[name]["group_id"] for name in (f"nt:rna{n}", f"nt:part{n}", f"aa:P{n}", f"web:{n}")}
        assert family == {rows[f"refseq_pairs:{n}"]["group_id"]} == {f"aa:P{n}"}
    assert rows["nt2:contig"]["group_id"] == "nt2:contig"


def test_groups_do_not_depend_on_the_order_of_files(maker, write, tmp_path):
    paths = []
    for n in range(6):
        single = piece(f"x{n}:1", maker.protein(50), "protein", source=f"source{n}")
        paths.append(write(f"s{n}", [*gene(maker, n, f"source{n}"), single]))
    grouped(tmp_path, paths, "a", valid_share=0.3)
    grouped(tmp_path, paths[::-1], "b", valid_share=0.3)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_identical_records_collapse_across_single_sources_on_both_strands(maker, write, tmp_path):
    s, p = maker.dna(300), maker.protein(80)
    a = write("a", [piece("a:1", s, "dna", source="a"), piece("a:2", p, "protein", source="a")])
    b = write("b", [piece("b:1", flipped(s), "dna", source="b"), piece("b:2", p, "protein", source="b")])
    rows, counts = grouped(tmp_path, [b, a])
    assert {n: (r["reason"], r["multiplicity"]) for n, r in rows.items() if r["representative"]} == {
        "a:1": (None, 2), "a:2": (None, 2)
    }  # fmt: skip
    assert rows["b:1"]["reason"] == rows["b:2"]["reason"] == "exact_duplicate"
    assert [c["n_records"] for c in counts if c["reason"] == "exact_duplicate"] == ["2"]


def test_equal_genes_of_two_pair_sources_both_stay_but_share_a_group(maker, write, tmp_path):
    rows = gene(maker, 1)
    twin = [{**row, "record_id": "gene_pairs:1", "source": "gene_pairs"} for row in rows]
    paths = [write("a", rows), write("b", twin)]
    found, _ = grouped(tmp_path, paths)
    assert all(row["representative"] for row in found.values())
    assert len({row["group_id"] for row in found.values()}) == 1
    found, _ = grouped(tmp_path, paths, deduplicate={"pairs_across_sources": True})
    assert [row["representative"] for _, row in sorted(found.items())] == [True, False]


def test_near_duplicates_go_and_the_longest_stays(maker, write, tmp_path):
    s, p = maker.dna(2000), maker.protein(900)
    rows = [piece("a:short", s[3:1990], "dna"), piece("a:long", s, "dna"), piece("a:turned", flipped(s[:1960]), "dna"),
            piece("a:half", s[:1000], "dna"), piece("a:other", maker.dna(2000), "dna"),
            piece("a:protein", p, "protein"), piece("a:mutant", p[:400] + "W" + p[401:], "protein")]  # fmt: skip
    found, _ = grouped(tmp_path, [write("a", rows)])
    near = {name for name, row in found.items() if row["reason"] == "near_duplicate"}
    assert near == {"a:short", "a:turned", "a:protein"}
    assert found["a:half"]["group_id"] == found["a:long"]["group_id"] != found["a:other"]["group_id"]
    kept, _ = grouped(tmp_path, [tmp_path / "a.parquet"], deduplicate={"near_duplicate_jaccard": 1})
    assert all(row["representative"] for row in kept.values())


def test_isoforms_are_no_duplicates(maker, write, tmp_path):
    dna, rna, protein = gene(maker, 1)
    other = [{**dna, "record_id": "b"}, {**rna, "record_id": "b", "sequence": rna["sequence"][:-9]},
             {**protein, "record_id": "b"}]  # fmt: skip
    found, _ = grouped(tmp_path, [write("a", [dna, rna, protein, *other])])
    assert all(row["representative"] for row in found.values())
    assert len({row["group_id"] for row in found.values()}) == 1


def test_the_split_follows_groups_and_carries_validation_sequences(maker, write, tmp_path):
    rows = [row for n in range(200) for row in gene(maker, n, n_aa=25)]
    found, counts = grouped(tmp_path, [write("a", rows)], valid_share=0.25)
    valid = [row for row in found.values() if row["split"] == "valid"]
    assert 30 <= len(valid) <= 70
    for row in found.values():
        expected = [r["sequence"] for r in rows if r["record_id"] == row["record_id"]]
        assert row["sequences"] == (expected if row["split"] == "valid" else None)
    sizes = {c["reason"]: int(c["n_records"]) for c in counts if c["source"] == "all"}
    assert sizes == {"groups": 200, "in_groups_of_1": 200, "in_the_largest_group": 1}


def test_contigs_and_oversized_groups_are_training_data(maker, write, tmp_path):
    rows = [piece(f"a:{n}", maker.dna(21_000), "dna") for n in range(3)]
    rows += [piece(f"b:{n}", maker.protein(30), "protein") for n in range(3)]
    found, counts = grouped(tmp_path, [write("a", rows)], valid_share=1.0)
    assert {name: row["split"] for name, row in found.items()} == {
        **{f"a:{n}": "train" for n in range(3)}, **{f"b:{n}": "valid" for n in range(3)}
    }  # fmt: skip
    assert "drawn_for_validation_but_a_container" in {c["reason"] for c in counts}


def test_a_record_id_that_stands_twice_is_refused(maker, write, tmp_path):
    a = [piece("a:1", maker.dna(40), "dna", source="a"), piece("a:2", maker.dna(40), "dna", source="a")]
    with pytest.raises(InputError, match="a:1"):
        grouped(tmp_path, [write("a", [*a, a[0]])])


def test_sketches_see_both_strands_and_estimate_jaccard(maker):
    s = maker.dna(3000)
    assert sequence_key(s, True) == sequence_key(flipped(s), True) != sequence_key(maker.dna(3000), True)
    assert np.array_equal(kmer_hashes(s, True, 21), kmer_hashes(flipped(s), True, 21))
    words = {min(s[i : i + 21], flipped(s[i : i + 21])) for i in range(len(s) - 20)}
    assert kmer_hashes(s, True, 21).size == len(words)
    other = s[:2500] + maker.dna(500)
    true = len(set(kmer_hashes(s, True, 21)) & set(kmer_hashes(other, True, 21))) / len(
        set(kmer_hashes(s, True, 21)) | set(kmer_hashes(other, True, 21))
    )
    estimate = signature(s, True, 21, 256).jaccard(signature(other, True, 21, 256))
    assert abs(estimate - true) < 0.1


def test_a_repeat_in_many_genes_does_not_chain_them_and_is_training(maker, write, tmp_path):
    repeat = maker.dna(300)
    genes = [gene(maker, n, n_aa=500) for n in range(30)]
    for dna, *_ in genes:
        dna["sequence"] = dna["sequence"][:150] + repeat + dna["sequence"][150:]
    rows = [*(row for g in genes for row in g), piece("nt:alu", repeat, "dna", source="nt")]
    found, counts = grouped(tmp_path, [write("a", rows[:-1]), write("b", rows[-1:])], valid_share=1.0)
    assert len({row["group_id"] for name, row in found.items() if name != "nt:alu"}) == 30
    assert found["nt:alu"]["split"] == "train"
    assert "drawn_for_validation_but_part_of_others" in {c["reason"] for c in counts}


@pytest.mark.parametrize("n_members", [20, 200])
def test_a_family_is_one_group_below_and_above_the_limit_of_all_pairs(maker, write, tmp_path, n_members):
    founder = maker.protein(120)
    rows = [piece(f"aa:{n}", maker.edited(founder, 6), "protein") for n in range(n_members)]
    found, _ = grouped(tmp_path, [write("a", rows)], deduplicate={"link_all_pairs": 32})
    assert len({row["group_id"] for row in found.values()}) == 1
