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
from bsm.engine.sampler import BLOCK_SLOTS, BUFFER_ROW_GROUPS, Sampler, _visits, shares_of
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
    assert shares_of(SOURCES, ROUND_2).tolist() == shares_of(turned, ROUND_2).tolist()[::-1]
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
def test_every_block_holds_the_mix_within_a_slot_and_all_blocks_together_within_a_few(weights, members):
    sources = [source(f"s{i}", group, ((n,),), tokens) for i, (group, n, tokens) in enumerate(members)]
    weights = {group: weight for group, weight in weights.items() if any(s.group == group for s in sources)}
    if not weights:
        return
    mix = Mix(name="m", weights=weights)
    group_tokens = Counter()
    for s in sources:
        group_tokens[s.group] += s.n_tokens
    share = [weights.get(s.group, 0) * s.n_rows / group_tokens[s.group] for s in sources]
    quota = np.array(share) / sum(share) * BLOCK_SLOTS
    sampler = Sampler(sources, mix, 1, 64)
    assert sampler.shares * BLOCK_SLOTS == pytest.approx(quota)
    rows = [s for step in range(BLOCK_SLOTS // 64 * 2) for s, _ in sampler.rows(step)]
    for block in (rows[:BLOCK_SLOTS], rows[BLOCK_SLOTS:]):
        slots = np.bincount(block, minlength=len(sources))
        assert (np.floor(quota - 1e-6) <= slots).all() and (slots <= np.ceil(quota + 1e-6)).all()
    for n_blocks in (3, 100, 12_345):
        drawn = np.array(list(sampler.draws(n_blocks * BLOCK_SLOTS // 64).values()))
        assert drawn.sum() == n_blocks * BLOCK_SLOTS
        assert np.abs(drawn - n_blocks * quota).max() <= 2 + np.log2(n_blocks)


def test_sources_are_spread_evenly_over_a_block():
    sampler = Sampler(SOURCES, ROUND_2, 1, BLOCK_SLOTS)
    order = [s for s, _ in sampler.rows(0)]
    for index, n in enumerate(np.bincount(order)):
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
    assert shares_of(SOURCES[:-1], Mix(name="m", weights={"web": 0, "gene": 1})).tolist() == [0, 0, 1, 0]


def test_more_sources_than_slots_in_a_block_are_read_in_their_shares():
    rng = random.Random(1)
    many = [source(f"s{i}", group_rows=((rng.randrange(1, 9),),)) for i in range(BLOCK_SLOTS + 300)]
    n_rows = sum(s.n_rows for s in many)
    sampler = Sampler(many, Mix(name="m", weights={"single": 1}), 1, 1)
    passes = [passes for _, passes in sampler.planned(100 * n_rows).values()]
    assert min(passes) > 97 and max(passes) < 103


@pytest.mark.parametrize("n_passes", [1, 4])
def test_a_tiny_source_beside_a_large_one_is_passed_over_equally_often(n_passes):
    sizes = {"large": 20_000_000, "tiny": 1_000}
    sources = [source(name, group_rows=((1_000,) * (n // 1_000),)) for name, n in sizes.items()]
    sampler = Sampler(sources, Mix(name="m", weights={"single": 1}), 1, 1)
    passes = {name: passes for name, (_, passes) in sampler.planned(n_passes * sum(sizes.values())).items()}
    assert passes["tiny"] == pytest.approx(n_passes, rel=0.01)
    assert passes["large"] == pytest.approx(n_passes, rel=0.01)
    seen = [slot for slot in range(200_000) if sampler.rows(slot)[0][0] == 1]
    gaps = np.diff(seen) / (sum(sizes.values()) / sizes["tiny"])
    assert gaps.min() > 0.3 and gaps.max() < 2.1  # spread over the run, not drawn together


@given(st.integers(0, 5000), st.integers(0, 2**32 - 1))
def test_visits_are_those_of_the_van_der_corput_numbers_written_out(n, bound):
    mirrored = [int(f"{b:032b}"[::-1], 2) for b in range(n)]
    assert _visits(n, np.array([bound])) == sum(v < bound for v in mirrored)


@pytest.mark.parametrize("mix", [ROUND_2, ROUND_3])
def test_a_budget_in_tokens_is_met_without_counting_padding(mix):
    sampler = Sampler(SOURCES, mix, 1, 8)
    n_steps = sampler.n_steps(10**7)
    assert sum(n for n, _ in sampler.planned(n_steps).values()) == pytest.approx(10**7, rel=1e-4)
    assert sampler.n_steps(1) == 1
    tokens = {s.name: s.n_tokens / s.n_rows for s in SOURCES}
    read = [tokens[SOURCES[s].name] for step in range(BLOCK_SLOTS) for s, _ in sampler.rows(step)]
    assert sampler.tokens_per_step == pytest.approx(8 * np.mean(read), rel=1e-3)


def test_a_mix_of_emptier_rows_gets_more_steps_for_the_same_tokens():
    full, web = (Sampler(SOURCES, Mix(name="m", weights={group: 1}), 1, 8) for group in ("refseq", "web"))
    assert web.n_steps(10**6) / full.n_steps(10**6) == pytest.approx(60 / 31, rel=0.001)
