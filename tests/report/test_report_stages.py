"""Counts of all stages: nothing twice, everything adds up; hits that are left are really left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.counts import Counts
from bsm.base.tables import CLEAN, HITS, write_table
from bsm.report import stages
from bsm.report.hits import hit_rows


def as_read(*all_counts: Counts) -> list[dict[str, str]]:
    """Rows as a CSV file gives them back."""
    return [{name: str(value) for name, value in row.items()} for counts in all_counts for row in counts.rows()]


def items_counted_by(part_numbers) -> list[dict[str, str]]:
    found = []
    for n in part_numbers:
        counts = Counts(stages.ITEMS, "ppi", "all")
        counts.drop("train_item", n_records=n)
        counts.keep(n, n)
        found.append(counts)
    return as_read(*found)


def test_items_of_a_benchmark_count_once_whatever_the_number_of_parts():
    merged = stages.merged_counts(items_counted_by([40] * 8))
    assert [(r["outcome"], r["n_records"]) for r in merged] == [("dropped", "40"), ("kept", "40")]
    assert stages.left_out_items(merged) == [[stages.ITEMS, "ppi", "train_item", 40, 0]]
    assert stages.lost(merged) == []


def test_items_that_stay_are_no_loss_but_those_that_cannot_be_searched_are_named():
    acquire, items = Counts("acquire", "ppi", "all"), Counts(stages.ITEMS, "ppi", "all")
    acquire.change("letters read as X", 3)
    items.change("too_short_to_search", 6)
    assert stages.left_out_items(as_read(acquire, items)) == [[stages.ITEMS, "ppi", "too_short_to_search", 1, 6]]


def test_other_rows_stay_as_they_are():
    parts = [Counts("sample", "uniprot", part) for part in ("b", "a")]
    for counts in parts:
        counts.keep(5)
    assert stages.merged_counts(as_read(*parts)) == as_read(*parts[::-1])


letters = st.integers(0, 500)


@given(st.lists(st.tuples(letters, letters, letters, letters, letters, letters), min_size=1, max_size=4))
def test_letters_and_records_add_up_through_the_stages(parts):
    rows = []
    for number, (removed, cut, duplicate, validation, unused, used) in enumerate(parts):
        part = f"p{number}"
        left = unused + used
        corpus = Counts("sample", "x", part)
        corpus.keep(left + validation + duplicate + cut + removed, 10)
        search, gate, group, shard = (
            Counts(s, "x", part) for s in ("clean.search", "clean.gate", "clean.group", "shard")
        )
        search.drop("benchmark:ppi", removed, 2)
        search.change("benchmark:ppi", cut)
        search.keep(left + validation + duplicate, 9)
        gate.drop("exact_duplicate", duplicate, 3)
        group.drop("exact_duplicate", duplicate, 3)
        gate.change("validation_sequence", validation)
        gate.keep(left, 6)
        shard.keep(used, 4)
        shard.drop("modality not in the drawn combination", unused, 1)
        rows += as_read(corpus, search, gate, group, shard)
    [[_, n_corpus, *taken, n_clean, n_unused, n_used, unaccounted]] = stages.letters_through(rows)
    assert n_corpus - sum(taken) == n_clean == n_unused + n_used and unaccounted == 0
    [[_, n_records, *dropped, n_more, n_left]] = stages.records_through(rows)
    assert n_records - sum(dropped) + n_more == n_left == 6 * len(parts)
    in_table = sum(row[5] for row in stages.lost(rows) if row[0] in ("clean.search", "clean.gate"))
    assert in_table == sum(taken)


def test_letters_that_no_stage_accounts_for_are_shown():
    corpus, gate = Counts("pair", "x", "all"), Counts("clean.gate", "x", "all")
    corpus.keep(100)
    gate.keep(90)
    assert stages.letters_through(as_read(corpus, gate))[0][-1] == 10


def hit(record_id, start, end, removed=False, piece=0):
    return {"task": "ppi", "dataset": "ppi", "item_id": "1", "source": "s", "kind": "k", "record_id": record_id,
            "piece": piece, "start": start, "end": end, "removed": removed}  # fmt: skip


def row(record_id, accession, start, end, piece=0):
    return {"record_id": record_id, "source": "s", "accession": accession, "start": start, "end": end, "piece": piece,
            "sequence": "a" * (end - start)}  # fmt: skip


CLEAN_ROWS = [
    row("s:whole", "whole", 0, 50),
    row("s:cut:0-30", "cut", 0, 30), row("s:cut:70-100", "cut", 70, 100),
    row("s:split:110-140", "split", 110, 140),
    row("s:doc", "doc", 5, 25), row("s:doc", "doc", 65, 95, piece=1),
    row("s:part:gene:t", "NC_1", 1000, 1050), row("s:part:gene:t", "NC_1", 1000, 1050, piece=1),
]  # fmt: skip


@pytest.mark.parametrize(("found", "n_left"), [
    ([hit("s:whole", 10, 40)], 1),
    ([hit("s:gone", 10, 40)], 0),  # a duplicate or a dropped protein
    ([hit("s:cut", 40, 60, removed=True), hit("s:cut", 25, 45)], 0),
    ([hit("s:cut", 40, 60, removed=True), hit("s:cut", 5, 25), hit("s:cut", 75, 95)], 2),
    ([hit("s:split:100-150", 12, 32)], 1),  # sample had split the record: places count from 100
    ([hit("s:split:100-150", 2, 22)], 0),
    ([hit("s:doc", 0, 15, piece=2, removed=True), hit("s:doc", 20, 30, piece=2), hit("s:doc", 0, 15, piece=1)], 1),
    ([hit("s:part:gene:t", 0, 15, piece=1)], 1),
    ([hit("s:part:other:t", 0, 15, piece=1, removed=True), hit("s:part:other:t", 0, 15, piece=0)], 0),
])  # fmt: skip
def test_hits_are_left_only_where_their_letters_stand_in_the_clean_corpus(tmp_path, found, n_left):
    write_table(tmp_path / "hits.parquet", found, HITS)
    write_table(tmp_path / "clean.parquet", CLEAN_ROWS, CLEAN)
    [[*_, n_removed, left]] = hit_rows([tmp_path / "hits.parquet"], [tmp_path / "clean.parquet"])
    assert (n_removed, left) == (sum(h["removed"] for h in found), n_left)
