"""Benchmark files: what is refused, and which items train, choose and test."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from evaluate_benchmarks import dataset_of, fitness_rows, pair_rows, protloc_rows, protstab_rows, row, write
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from bsm.base.benchmarks import TASKS
from bsm.base.errors import InputError
from bsm.evaluate.items import Dataset, Item, read_datasets
from bsm.evaluate.parts import training_subset, usable_parts


def test_datasets_are_picked_by_task_and_several_may_share_one(tmp_path):
    private = [r | {"dataset": "private_code"} for r in pair_rows("central_dogma")]
    paths = [write(tmp_path / "a.parquet", pair_rows("central_dogma")), write(tmp_path / "b.parquet", private),
             write(tmp_path / "c.parquet", protloc_rows())]  # fmt: skip
    assert [d.name for d in read_datasets(paths, ["central_dogma"])] == ["central_dogma", "private_code"]
    assert [d.input for d in read_datasets(paths)] == ["dna+protein", "dna+protein", "protein"]


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"label": "vacuole"}, "label is none of the task's"),
        ({"label": None}, "label is none of the task's"),
        ({"sequence_a": ""}, "sequence_a is empty"),
        ({"sequence_a": None}, "sequence_a is empty"),
        ({"sequence_b": "ACD", "modality_b": "protein"}, "modality_b does not fit"),
        ({"modality_a": "dna"}, "modality_a does not fit"),
        ({"split": "dev"}, "split is none of"),
    ],
)
def test_a_bad_item_is_refused_with_its_name(tmp_path, columns, named):
    rows = protloc_rows()
    rows[3] |= columns
    with pytest.raises(InputError, match=named) as caught:
        read_datasets([write(tmp_path / "x.parquet", rows)])
    assert "item train:3 of protloc" in str(caught.value)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_target_must_be_a_finite_number(tmp_path, value):
    rows = protstab_rows()
    rows[0]["value"] = value
    with pytest.raises(InputError, match="no finite number"):
        read_datasets([write(tmp_path / "x.parquet", rows)])


def test_a_missing_column_task_or_test_part_is_one_clear_error(tmp_path):
    table = pq.read_table(write(tmp_path / "x.parquet", protloc_rows()))
    pq.write_table(table.drop(["label"]), tmp_path / "short.parquet")
    with pytest.raises(InputError, match="missing column"):
        read_datasets([tmp_path / "short.parquet"])
    with pytest.raises(InputError, match="no benchmark file holds the task"):
        read_datasets([tmp_path / "x.parquet"], ["ppi"])
    with pytest.raises(InputError, match="no test items"):
        dataset_of(tmp_path / "y.parquet", [r for r in protloc_rows() if r["split"] != "test"])
    with pytest.raises(InputError, match="unknown task"):
        dataset_of(tmp_path / "z.parquet", [r | {"task": "folding"} for r in protloc_rows()])


def test_a_variant_may_lack_its_gene_but_a_pair_needs_both(tmp_path):
    assert dataset_of(tmp_path / "f.parquet", fitness_rows()).part("test")[0].sequences == (
        fitness_rows()[0]["sequence_a"],
    )
    with pytest.raises(InputError, match="sequence_b is empty"):
        dataset_of(tmp_path / "p.parquet", [r | {"sequence_b": None} for r in pair_rows()])


def test_classes_are_the_tasks_list_or_those_of_the_file(tmp_path):
    assert dataset_of(tmp_path / "a.parquet", protloc_rows()).labels[0] == "cytoplasmic membrane"
    rna = [row("ncrnafam", i, "test", "acgt", label=name) for i, name in enumerate(["RF2", "RF1", "RF2"])]
    dataset = dataset_of(tmp_path / "b.parquet", rna)
    assert dataset.labels == ("RF1", "RF2")
    assert dataset.targets(dataset.items).tolist() == [1, 0, 1]


def test_published_parts_are_used_as_they_are_where_they_are_disjoint(tmp_path):
    parts = usable_parts(dataset_of(tmp_path / "x.parquet", protloc_rows()), 0.1)
    assert (len(parts.train), len(parts.valid), len(parts.test), parts.notes) == (60, 20, 40, ())


def test_a_validation_part_equal_to_test_is_not_used(tmp_path, capsys):
    rows = [r for r in protloc_rows() if r["split"] != "valid"]
    rows += [r | {"split": "valid", "item_id": f"dev:{i}"} for i, r in enumerate(rows) if r["split"] == "test"]
    parts = usable_parts(dataset_of(tmp_path / "x.parquet", rows), 0.1)
    assert "validation part not used: 40 of its 40 items are test items" in capsys.readouterr().err
    assert (len(parts.train), len(parts.valid), len(parts.test)) == (54, 6, 40)
    assert {item.split for item in parts.valid} == {"train"}


def test_training_items_that_stand_in_test_or_validation_are_dropped_and_counted(tmp_path, capsys):
    rows = protloc_rows()
    rows[0]["sequence_a"], rows[1]["sequence_a"] = rows[-1]["sequence_a"], rows[60]["sequence_a"]
    parts = usable_parts(dataset_of(tmp_path / "x.parquet", rows), 0.1)
    assert len(parts.train) == 58
    assert capsys.readouterr().err.count("1 training items dropped") == 2


def test_a_pair_of_proteins_is_the_same_pair_in_either_order(tmp_path):
    rows = pair_rows()
    test = rows[-1]
    rows[0] |= {"sequence_a": test["sequence_b"], "sequence_b": test["sequence_a"]}
    assert len(usable_parts(dataset_of(tmp_path / "x.parquet", rows), 0.1).train) == len(rows) // 2 - 1


def test_repeated_items_fall_on_one_side_of_the_cut(tmp_path):
    rows = [r for r in protloc_rows() if r["split"] != "valid"]
    rows = [r | {"item_id": f"{r['item_id']}.{copy}"} for r in rows for copy in range(3)]
    parts = usable_parts(dataset_of(tmp_path / "x.parquet", rows), 0.2)
    train, valid = ({item.sequence_a for item in part} for part in (parts.train, parts.valid))
    assert not train & valid
    assert (len(train), len(valid)) == (48, 12)


def test_central_dogma_items_that_share_a_sequence_are_one_cluster(tmp_path):
    """True pairs with one side changed; the last joins the second gene through its DNA, then its protein."""
    pairs = [("aa", "MK"), ("aa", "ML"), ("cc", "MK"), ("gg", "WW"), ("tt", "YY"), ("tg", "WY"), ("gg", "WY")]
    rows = [row("central_dogma", i, "test", a, b, label="1") for i, (a, b) in enumerate(pairs)]
    dataset = dataset_of(tmp_path / "x.parquet", rows)
    clusters = dataset.clusters(dataset.part("test")).tolist()
    assert [clusters.index(c) for c in clusters] == [0, 0, 0, 3, 4, 3, 3]
    other = dataset_of(tmp_path / "y.parquet", pair_rows())
    assert other.clusters(other.part("test")) is None


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=20))
def test_clusters_are_the_connected_components(pairs):
    items = [Item(str(i), "test", "", f"a{a}", "", f"b{b}", "1", None, None, None) for i, (a, b) in enumerate(pairs)]
    graph = coo_matrix((np.ones(len(pairs)), ([a for a, _ in pairs], [9 + b for _, b in pairs])), shape=(18, 18))
    expected = connected_components(graph, directed=False)[1][[a for a, _ in pairs]]
    found = Dataset(TASKS["central_dogma"], "x", tuple(items), ("0", "1")).clusters(items)
    assert (np.equal.outer(found, found) == np.equal.outer(expected, expected)).all()


def test_a_benchmark_whose_training_part_is_its_test_part_is_refused(tmp_path):
    rows = [r for r in protloc_rows() if r["split"] == "test"]
    rows += [r | {"split": "train", "item_id": f"train:{i}"} for i, r in enumerate(rows)]
    with pytest.raises(InputError, match="too few training items"):
        usable_parts(dataset_of(tmp_path / "x.parquet", rows), 0.1)


def test_the_training_subset_follows_the_seed_and_not_the_order_of_items(tmp_path):
    train = dataset_of(tmp_path / "x.parquet", protloc_rows()).part("train")
    chosen = {seed: training_subset(train, 10, "protloc", seed).tolist() for seed in (1, 2)}
    assert len(set(chosen[1])) == 10
    assert chosen[1] != chosen[2]
    backwards = training_subset(train[::-1], 10, "protloc", 1)
    assert sorted(59 - backwards) == chosen[1]
    assert training_subset(train, None, "protloc", 1).tolist() == list(range(60))
