"""The one-pass sample equals its definition on the whole input."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.sample.budget import HashSample

hashes = st.one_of(st.integers(0, 2**64 - 2), st.integers(0, 50).map(lambda i: (7 << 48) + i))
offers = st.lists(st.tuples(hashes, st.integers(1, 400)), unique_by=lambda item: item[0], max_size=60)


def sample_by_definition(records: list[tuple[int, int]], budget: int) -> set[int]:
    taken: set[int] = set()
    total = 0
    for name_hash, n_letters in sorted(records):
        if total + n_letters > budget:
            break
        total += n_letters
        taken.add(name_hash)
    return taken


def sample_of(records: list[tuple[int, int]], budget: int | None) -> set[int]:
    sample = HashSample(budget)
    candidates = {h for h, n in records if sample.offer(h, n) == "candidate"}
    return {h for h in candidates if h < sample.cut}


@settings(max_examples=300, deadline=None)
@given(offers, st.integers(1, 3000), st.randoms(use_true_random=False))
def test_sample_is_the_longest_prefix_in_hash_order_within_the_budget(records, budget, random):
    expected = sample_by_definition(records, budget)
    shuffled = random.sample(records, len(records))
    assert sample_of(records, budget) == sample_of(shuffled, budget) == expected


@given(offers)
def test_without_a_budget_everything_is_kept(records):
    assert sample_of(records, None) == {h for h, _ in records}


def test_an_accession_seen_before_is_no_second_candidate():
    sample = HashSample(100)
    assert [sample.offer(5, 10), sample.offer(5, 10)] == ["candidate", "duplicate_accession"]


def test_memory_holds_only_what_the_budget_can_take():
    sample = HashSample(1000)
    for index in range(20_000):
        sample.offer((index * 0x9E3779B97F4A7C15) % 2**64, 10)
    assert sum(map(len, sample._hashes.values())) <= 120
