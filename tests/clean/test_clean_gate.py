"""The gate: no validation sequence in training, the loss rule, and a manifest of the content."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from Bio.Seq import Seq
from clean_makers import piece
from clean_reference import frames, stands_in
from test_clean_group import gene

from bsm.base import tables
from bsm.base.config.data import CleanSettings
from bsm.base.counts import Counts, read_counts
from bsm.base.errors import BsmError, InputError
from bsm.clean.contents import ContentHash
from bsm.clean.gate import pass_gate
from bsm.clean.group import GROUPS, group_parts
from bsm.cli import main


def gated(tmp_path, sources, removed=(), **settings):
    """Group all parts of all sources and pass each source through its gate -> rows and manifest by source."""
    config = CleanSettings(**settings)
    groups = tmp_path / "groups.parquet"
    group_parts([path for paths in sources.values() for path in paths], config, groups, tmp_path / "groups.csv")
    result = {}
    for name, paths in sources.items():
        out, manifest, counts = (tmp_path / f"{name}.{end}" for end in ("clean.parquet", "json", "gate.csv"))
        pass_gate(paths, list(removed), groups, config, out, manifest, counts)
        rows = tables.read_table(out, tables.CLEAN).to_pylist()
        result[name] = rows, json.loads(manifest.read_text()), read_counts(counts)
    return result


def test_no_validation_sequence_stands_in_training_whatever_the_modality(maker, write, tmp_path):
    genes = [gene(maker, n, n_aa=25) for n in range(18)]
    contig = "".join((r["sequence"] if n % 2 else str(Seq(r["sequence"]).reverse_complement())) + maker.dna(150)
                     for n, (_, r, _) in enumerate(genes))  # fmt: skip
    contig += "".join(maker.coding(p["sequence"]) + maker.dna(100) for *_, p in genes)
    nt = [piece("nt:contig", contig, "dna", source="nt"), piece("nt:other", maker.dna(400), "dna", source="nt")]
    aa = [piece(f"aa:{n}", g[2]["sequence"], "protein", source="aa") for n, g in enumerate(genes)]
    documents = [(("rna", g[1]["sequence"]), ("dna", maker.dna(90)), ("dna", maker.dna(90))) for g in genes]
    web = [piece(f"web:{n}", s, m, k, source="web") for n, d in enumerate(documents) for k, (m, s) in enumerate(d)]
    sources = {"refseq_pairs": [write("pairs", [r for g in genes for r in g])], "nt": [write("nt", nt)],
               "aa": [write("aa", aa)], "web": [write("web", web)]}  # fmt: skip
    result = gated(tmp_path, sources, valid_share=0.3, max_validation_loss=0.5, deduplicate={"container_nt": 3000})
    rows = [row for found, _, _ in result.values() for row in found]
    valid = [r for r in rows if r["split"] == "valid"]
    train = [r for r in rows if r["split"] == "train"]
    assert {r["source"] for r in valid} >= {"refseq_pairs", "aa", "web"}
    nucleotides = "-".join(r["sequence"] for r in train if r["modality"] != "protein")
    proteins = [r["sequence"] for r in train if r["modality"] == "protein"]
    proteins += [f for r in train if r["modality"] != "protein" for f in frames(r["sequence"])]
    for held in {(r["sequence"], r["modality"] == "protein") for r in valid}:
        assert not stands_in(held[0], "-".join(proteins) if held[1] else nucleotides, 0.95, 0.8)
    assert {r["group_id"] for r in valid}.isdisjoint({r["group_id"] for r in train})
    pieces = [r for r in train if r["record_id"].startswith("nt:contig")]
    assert len(pieces) > 3
    assert all(r["sequence"] == contig[r["start"] : r["end"]] for r in pieces)
    counts = {(c["outcome"], c["reason"]): int(c["n_letters"]) for c in result["nt"][2]}
    assert counts["changed", "validation_sequence"] > 500
    assert sum(counts.values()) == len(contig) + 400


def test_duplicates_leave_and_multiplicity_stays(maker, write, tmp_path):
    p = maker.protein(80)
    rows = [piece(f"aa:{n}", p, "protein", source="aa") for n in range(3)]
    found, manifest, counts = gated(tmp_path, {"aa": [write("aa", rows)]}, valid_share=0)["aa"]
    assert [(r["record_id"], r["multiplicity"], r["group_id"], r["split"]) for r in found] == [
        ("aa:0", 3, "aa:0", "train")
    ]
    assert manifest["n_records"] == {"train": 1, "valid": 0}
    assert manifest["n_letters"]["train"] == {"dna": 0, "rna": 0, "protein": 80}
    assert {c["reason"]: c["n_records"] for c in counts} == {"": "1", "exact_duplicate": "2"}


def test_the_manifest_tells_content_and_nothing_else(maker, write, tmp_path):
    rows = [piece(f"aa:{n}", maker.protein(50), "protein", source="aa") for n in range(9)]
    whole = write("aa", rows)
    first = gated(tmp_path, {"aa": [whole]})["aa"][1]
    regrouped = tmp_path / "regrouped.parquet"
    with tables.TableWriter(regrouped, tables.PIECES) as writer:
        for start in range(0, 9, 2):
            writer.add_table(tables.read_table(whole, tables.PIECES).slice(start, 2))
    assert gated(tmp_path, {"aa": [regrouped]})["aa"][1] == first
    changed = [{**rows[0], "sequence": rows[0]["sequence"][:-1] + "W"}, *rows[1:]]
    assert gated(tmp_path, {"aa": [write("changed", changed)]})["aa"][1]["content_sha256"] != first["content_sha256"]


def test_content_hash_ignores_chunks_and_sees_every_value():
    schema = pa.schema([("s", pa.string()), ("n", pa.int32()), ("l", pa.list_(pa.int32()))])
    rows = [{"s": "ab", "n": 1, "l": [1, 2]}, {"s": None, "n": None, "l": None}, {"s": "c", "n": 0, "l": []}]

    def digest(parts):
        content = ContentHash(schema)
        for part in parts:
            content.update(pa.Table.from_pylist(part, schema))
        return content.hexdigest()

    whole = digest([rows])
    assert digest([rows[:1], rows[1:]]) == digest([[], rows]) == whole
    others = [
        [{**rows[0], "s": "a"}, rows[1], {**rows[2], "s": "bc"}], [rows[0], {**rows[1], "s": ""}, rows[2]],
        [rows[0], {**rows[1], "n": 0}, rows[2]], [rows[0], {**rows[1], "l": []}, rows[2]],
        [{**rows[0], "l": [1]}, rows[1], {**rows[2], "l": [2]}], [rows[1], rows[0], rows[2]],
    ]  # fmt: skip
    assert len({whole, *(digest([other]) for other in others)}) == 7


def test_a_loss_above_the_limit_stops_until_acknowledged(maker, write, tmp_path, capsys):
    counts = Counts("clean.search", "aa", "human")
    counts.keep(700)
    counts.drop("benchmark:ppi", 300)
    counts.write(tmp_path / "removed.csv")
    sources = {"aa": [write("aa", [piece("aa:1", maker.protein(50), "protein", source="aa")])]}
    with pytest.raises(BsmError, match=r"human: 30\.00%"):
        gated(tmp_path, sources, [tmp_path / "removed.csv"])
    assert not (tmp_path / "aa.clean.parquet").exists()
    _, manifest, _ = gated(tmp_path, sources, [tmp_path / "removed.csv"], acknowledge_loss=True)["aa"]
    assert manifest["lost_to_benchmarks"] == 0.3
    assert "human: 30.00% of 1,000 letters" in capsys.readouterr().err


def test_groups_of_other_records_are_refused(maker, write, tmp_path):
    gated(tmp_path, {"aa": [write("aa", [piece("aa:1", maker.protein(50), "protein", source="aa")])]})
    other = write("other", [piece("aa:2", maker.protein(50), "protein", source="aa")])
    with pytest.raises(InputError, match="other records"):
        pass_gate(
            [other], [], tmp_path / "groups.parquet", CleanSettings(), tmp_path / "o", tmp_path / "m", tmp_path / "c"
        )
    assert not (tmp_path / "o").exists()


def test_the_three_commands_run_one_after_the_other(maker, write, tmp_path):
    corpus = write("corpus", [piece(f"nt:{n}", maker.dna(300), "dna", source="nt") for n in range(5)])
    items = write("items", [], tables.BENCHMARK_ITEMS)
    p = {n: str(tmp_path / n) for n in ("kept", "hits", "counts", "groups", "gcounts", "out", "manifest", "ocounts")}
    assert main(["clean", "search", "--items", str(items), "--corpus", str(corpus), "--kept", p["kept"], "--hits",
                 p["hits"], "--counts", p["counts"]]) == 0  # fmt: skip
    assert main(["clean", "group", "--kept", p["kept"], "--out", p["groups"], "--counts", p["gcounts"]]) == 0
    assert main(["clean", "gate", "--kept", p["kept"], "--removed", p["counts"], "--groups", p["groups"], "--out",
                 p["out"], "--manifest", p["manifest"], "--counts", p["ocounts"]]) == 0  # fmt: skip
    assert tables.read_table(p["out"], tables.CLEAN).num_rows == 5


def test_a_large_family_survives_its_own_validation_split(maker, write, tmp_path):
    """Every member is >= 95 % like the founder: no k-mer of the family is rare, and a split inside it destroys it."""
    protein, rrna = maker.protein(300), maker.dna(1500)
    aa = [piece(f"aa:{n:03}", maker.edited(protein, 8), "protein", source="aa") for n in range(120)]
    nt = [piece(f"nt:{n:03}", maker.edited(rrna, 40), "dna", source="nt") for n in range(120)]
    nt += [piece(f"nt:part{n:03}", maker.edited(rrna[300:800], 10), "rna", source="nt") for n in range(80)]
    other = [piece(f"aa:x{n}", maker.protein(200), "protein", source="aa") for n in range(300)]
    other_nt = [piece(f"nt:x{n}", maker.dna(1000), "dna", source="nt") for n in range(300)]
    result = gated(tmp_path, {"aa": [write("aa", aa + other)], "nt": [write("nt", nt + other_nt)]}, valid_share=0.2)
    for source, n_members in (("aa", 420), ("nt", 500)):
        rows, manifest, counts = result[source]
        assert len(rows) == n_members == sum(manifest["n_records"].values())
        assert manifest["n_records"]["valid"] > 30
        assert manifest["lost_to_validation"] == 0
        assert {c["reason"] for c in counts} == {""}


def test_short_sequences_never_become_validation_and_none_stands_in_training(maker, write, tmp_path):
    peptides = [maker.protein(12) for _ in range(200)]
    longer = ["".join(peptides[i : i + 20]) + maker.protein(60) for i in range(0, 200, 20)]
    rows = [piece(f"aa:{n}", s, "protein", source="aa") for n, s in enumerate([*peptides, *longer])]
    rows += [piece(f"aa:x{n}", maker.protein(100), "protein", source="aa") for n in range(200)]
    rows += [piece("aa:q", "Q" * 60, "protein", source="aa")]
    found, manifest, _ = gated(tmp_path, {"aa": [write("aa", rows)]}, valid_share=0.5, acknowledge_loss=True)["aa"]
    train = "-".join(r["sequence"] for r in found if r["split"] == "train")
    valid = [r["sequence"] for r in found if r["split"] == "valid"]
    assert manifest["n_records"]["valid"] == len(valid) > 30
    assert not any(sequence in train for sequence in valid)
    counts = read_counts(tmp_path / "groups.csv")
    assert sum(int(c["n_records"]) for c in counts if c["reason"].endswith("too_short_or_simple")) > 0


def test_contigs_of_many_genes_glue_nothing_and_every_source_is_validated(maker, write, tmp_path):
    """Plasmids that share genes pairwise, and documents that cite several genes, would chain all genes together."""
    genes = [gene(maker, n, n_aa=40) for n in range(80)]
    nt = [piece(f"nt:{n}", "".join(g[0]["sequence"] + maker.dna(30) for g in [*genes, *genes][2 * n : 2 * n + 6]),
                "dna", source="nt") for n in range(40)]  # fmt: skip
    nt += [piece(f"nt:rna{n}", g[1]["sequence"], "rna", source="nt") for n, g in enumerate(genes)]
    web = [piece(f"web:{n}", genes[(m * n + 7) % 80][k]["sequence"], modality, k, source="web", genetic_code=None)
           for n in range(40) for m, k, modality in ((1, 0, "dna"), (3, 1, "rna"), (5, 2, "protein"))]  # fmt: skip
    sources = {"refseq_pairs": [write("pairs", [r for g in genes for r in g])], "nt": [write("nt", nt)],
               "web": [write("web", web)]}  # fmt: skip
    result = gated(tmp_path, sources, valid_share=0.1, max_validation_loss=0.4)
    groups = tables.read_table(tmp_path / "groups.parquet", GROUPS).to_pylist()
    names = [g["group_id"] for g in groups]
    assert max(names.count(name) for name in names) <= 4
    for n in range(80):
        by_record = {g["record_id"]: g["group_id"] for g in groups}
        assert by_record[f"nt:rna{n}"] == by_record[f"refseq_pairs:{n}"]
    assert all(
        g["split"] == "train" for g in groups if g["record_id"].startswith("nt:") and "rna" not in g["record_id"]
    )
    for _, manifest, _ in result.values():
        assert manifest["n_records"]["valid"] > 0 and manifest["warnings"] == []
    rows = [row for found, _, _ in result.values() for row in found]
    train = "-".join(r["sequence"] for r in rows if r["split"] == "train" and r["modality"] != "protein")
    held = {r["sequence"] for r in rows if r["split"] == "valid" and r["modality"] != "protein"}
    assert not any(s in train or str(Seq(s).reverse_complement()) in train for s in held)


def test_validation_that_costs_too_much_stops_and_an_unvalidated_source_is_named(maker, write, tmp_path, capsys):
    proteins = [maker.protein(150) for _ in range(10)]
    contig = "".join(maker.coding(p) for p in proteins)
    sources = {"aa": [write("aa", [piece(f"aa:{n}", p, "protein", source="aa") for n, p in enumerate(proteins)])],
               "nt": [write("nt", [piece("nt:1", contig, "dna", source="nt")])]}  # fmt: skip
    settings = {"valid_share": 0.9, "deduplicate": {"container_nt": 3000}}
    with pytest.raises(BsmError, match="max_validation_loss"):
        gated(tmp_path, sources, **settings)
    assert not (tmp_path / "nt.clean.parquet").exists()
    manifest = gated(tmp_path, sources, acknowledge_loss=True, **settings)["nt"][1]
    assert manifest["lost_to_validation"] > 0.5
    assert manifest["warnings"] == ["no validation records"]
    assert "no record of nt is validation" in capsys.readouterr().err
