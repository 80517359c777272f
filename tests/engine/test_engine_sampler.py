"""The rows of a step depend on seed, mix and step alone; every pass visits every row; shares are those of the mix."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.config.training import Mix
from bsm.base.errors import BsmError
from bsm.engine.sampler import BLOCK_SLOTS, BUFFER_ROW_GROUPS, Sampler, slots_of
from bsm.engine.sources import ShardFile, ShardSource


def source(name, group="single", group_rows=((16, 16, 8),), tokens_per_row=60):
    """A source as its manifest and footers describe it; the sampler reads no row."""
    shards = tuple(
        ShardFile(f"train-{i:05d}.parquet", sum(rows), sum(rows) * tokens_per_row, tuple(rows))
        for i, rows in enumerate(group_rows)
    )
    n_rows = sum(s.n_rows for s in shards)
    return ShardSource(name, group, Path(name), 64, n_rows, n_rows * tokens_per_row, "0", shards, "train")


SOURCES = [
    source("nucleotides", group_rows=((16,) * 12, (16,) * 9 + (5,))), source("proteins", group_rows=((16, 16), (9,))),
    source("genes", "gene"), source("pairs", "refseq", ((16,) * 5,)), source("web", "web", ((7,),), tokens_per_row=31),
]  # fmt: skip
ROUND_2 = Mix(name="m", weights={"single": 10, "refseq": 2, "gene": 1})
ROUND_3 = Mix(name="m", weights={"refseq": 1, "gene": 1, "web": 10})


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**31), st.randoms(use_true_random=False))
def test_any_order_of_calls_and_any_batch_size_give_the_same_rows(batch, seed, rng):
    steps = list(range(30))
    slots = [row for step in range(30 * batch) for row in Sampler(SOURCES, ROUND_2, seed, 1).rows(step)] \
        if batch < 4 else None  # fmt: skip
    expected = [Sampler(SOURCES, ROUND_2, seed, batch).rows(step) for step in steps]
    shuffled = Sampler(SOURCES, ROUND_2, seed, batch)
    rng.shuffle(steps)
    assert all(shuffled.rows(step) == expected[step] for step in steps)
    if slots is not None:
        assert [row for rows in expected for row in rows] == slots


def test_far_steps_cost_no_more_than_near_ones_and_need_no_history():
    sampler = Sampler(SOURCES, ROUND_3, 1, 8)
    far = 10**9
    assert sampler.rows(far) == Sampler(SOURCES, ROUND_3, 1, 8).rows(far)
    assert sum(sampler.draws(far).values()) == 8 * far


def test_other_seeds_give_other_rows_and_the_order_of_the_sources_does_not_matter():
    first = [Sampler(SOURCES, ROUND_2, 1, 8).rows(step) for step in range(20)]
    assert first != [Sampler(SOURCES, ROUND_2, 2, 8).rows(step) for step in range(20)]
    turned = SOURCES[::-1]
    again = [Sampler(turned, ROUND_2, 1, 8).rows(step) for step in range(20)]
    names = [[(SOURCES[s].name, r) for s, r in rows] for rows in first]
    slots, turned_slots = slots_of(SOURCES, ROUND_2), slots_of(turned, ROUND_2)
    assert slots.tolist() == turned_slots.tolist()[::-1]
    assert names == [[(turned[s].name, r) for s, r in rows] for rows in again]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=8), min_size=1, max_size=4),
    st.integers(0, 1000), st.integers(1, 7), st.integers(0, 50),
)  # fmt: skip
def test_every_pass_visits_every_row_once(group_rows, seed, batch, already):
    only = source("s", group_rows=group_rows)
    sampler = Sampler([only], Mix(name="m", weights={"single": 1}), seed, batch, {"s": already})
    n_steps = -(-3 * only.n_rows // batch)
    rows = [row for step in range(n_steps) for _, row in sampler.rows(step)]
    first_whole = -already % only.n_rows
    for start in range(first_whole, len(rows) - only.n_rows + 1, only.n_rows):
        assert sorted(rows[start : start + only.n_rows]) == list(range(only.n_rows))


def test_a_pass_reads_row_groups_one_buffer_after_the_other_and_passes_differ():
    big = source("s", group_rows=((16,) * 40,))
    sampler = Sampler([big], Mix(name="m", weights={"single": 1}), 1, big.n_rows)
    passes = [[row for _, row in sampler.rows(step)] for step in range(3)]
    size = BUFFER_ROW_GROUPS * 16
    for rows in passes:
        for start in range(0, len(rows), size):
            assert len({row // 16 for row in rows[start : start + size]}) == BUFFER_ROW_GROUPS
        assert np.mean(np.abs(np.diff(rows)) == 1) < 0.1  # rows that stand together in the shard are far apart
    assert passes[0] != passes[1] != passes[2]


def test_later_rounds_go_on_behind_the_rows_of_earlier_ones():
    earlier = Sampler(SOURCES, Mix(name="m", weights={"single": 1}), 1, 4)
    later = Sampler(SOURCES, ROUND_2, 1, 4, earlier.draws(50))
    drawn = Counter(row for step in range(50) for row in earlier.rows(step))
    n_unseen = SOURCES[0].n_rows - earlier.draws(50)["nucleotides"]
    new = [row for step in range(1000) for row in later.rows(step) if row[0] == 0][:n_unseen]
    assert all(drawn[row] == 0 for row in new) and len(new) > 100
    assert later.draws(0) == earlier.draws(50)
    assert later.planned(0)["nucleotides"] == (0.0, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["single", "refseq", "gene", "web"]), st.floats(0.01, 100), min_size=1),
    st.lists(st.tuples(st.sampled_from(["single", "refseq", "gene", "web"]), st.integers(1, 3000), st.integers(1, 64)),
             min_size=4, max_size=12),
)  # fmt: skip
def test_every_block_holds_the_mix_within_one_slot_per_source(weights, members):
    sources = [source(f"s{i}", group, ((n,),), tokens) for i, (group, n, tokens) in enumerate(members)]
    weights = {group: weight for group, weight in weights.items() if any(s.group == group for s in sources)}
    if not weights:
        return
    mix = Mix(name="m", weights=weights)
    slots = slots_of(sources, mix)
    assert slots.sum() == BLOCK_SLOTS
    group_tokens = Counter()
    for s in sources:
        group_tokens[s.group] += s.n_tokens
    share = [weights.get(s.group, 0) * s.n_rows / group_tokens[s.group] for s in sources]
    quota = np.array(share) / sum(share) * BLOCK_SLOTS
    n_raised = int(((quota > 0) & (quota < 1)).sum())  # raised to one slot at the cost of the others
    assert (np.abs(slots - quota) <= 1 + n_raised).all()
    assert n_raised or (np.abs(slots - quota) < 1).all()
    assert ((slots > 0) == (quota > 0)).all()
    rows = [s for step in range(BLOCK_SLOTS // 64 * 2) for s, _ in Sampler(sources, mix, 1, 64).rows(step)]
    for block in (rows[:BLOCK_SLOTS], rows[BLOCK_SLOTS:]):
        assert np.array_equal(np.bincount(block, minlength=len(sources)), slots)


def test_sources_are_spread_evenly_over_a_block():
    sampler = Sampler(SOURCES, ROUND_2, 1, BLOCK_SLOTS)
    order = [s for s, _ in sampler.rows(0)]
    for index, n in enumerate(sampler.slots):
        places = [i for i, s in enumerate(order) if s == index]
        gaps = np.diff(places)
        assert len(gaps) == 0 or gaps.max() <= np.ceil(BLOCK_SLOTS / n) + len(SOURCES)


def test_draws_and_plan_are_what_the_rows_add_up_to():
    sampler = Sampler(SOURCES, ROUND_2, 5, 7, {"proteins": 11})
    drawn = Counter()
    for step in range(400):
        if step % 57 == 0:
            expected = {s.name: drawn[i] + 11 * (s.name == "proteins") for i, s in enumerate(SOURCES)}
            assert sampler.draws(step) == expected
        drawn.update(s for s, _ in sampler.rows(step))
    planned = sampler.planned(400)
    for i, s in enumerate(SOURCES):
        assert planned[s.name] == pytest.approx((drawn[i] * s.n_tokens / s.n_rows, drawn[i] / s.n_rows))


def test_tokens_follow_the_mix_although_rows_are_filled_differently():
    sampler = Sampler(SOURCES, ROUND_3, 1, BLOCK_SLOTS)
    tokens = {name: n for name, (n, _) in sampler.planned(10).items()}
    total = sum(tokens.values())
    assert tokens["web"] / total == pytest.approx(10 / 12, abs=0.002)
    assert tokens["genes"] / total == pytest.approx(1 / 12, abs=0.002)
    passes = Sampler(SOURCES, ROUND_2, 1, BLOCK_SLOTS).planned(10)
    assert passes["nucleotides"][1] == pytest.approx(passes["proteins"][1], rel=0.01)


def test_a_mix_that_weighs_a_group_without_sources_is_refused():
    with pytest.raises(BsmError, match=r"mix m weighs a group without training rows.*web"):
        Sampler(SOURCES[:-1], ROUND_3, 1, 4)
    assert slots_of(SOURCES[:-1], Mix(name="m", weights={"web": 0, "gene": 1})).tolist() == [0, 0, BLOCK_SLOTS, 0]


def test_sources_beyond_the_slots_of_a_block_are_refused():
    rng = random.Random(1)
    many = [source(f"s{i}", group_rows=((rng.randrange(1, 9),),)) for i in range(BLOCK_SLOTS + 1)]
    assert (slots_of(many[:-1], Mix(name="m", weights={"single": 1})) == 1).all()
    with pytest.raises(BsmError, match="more sources than slots"):
        slots_of(many, Mix(name="m", weights={"single": 1}))
