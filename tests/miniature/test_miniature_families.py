"""Families are what the truth says: exact likelihoods, profiles that members follow, stems that pair."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.config.miniature import SpeciesSettings, WorldSettings
from bsm.base.randomness import generator
from bsm.miniature import families, rna_families
from bsm.miniature.divergence import CHANCE_LIMIT, chance_of_identity
from bsm.miniature.model import ProteinFamily, RnaFamily

SETTINGS = WorldSettings(
    species=[SpeciesSettings(name="Miniatura una", taxid=1)], n_protein_families=6, n_ncrna_families=4
)


@pytest.fixture(scope="module")
def proteins() -> tuple[ProteinFamily, ...]:
    return families.draw_families(1, SETTINGS)


@pytest.fixture(scope="module")
def rnas() -> tuple[RnaFamily, ...]:
    return rna_families.draw_rna_families(1, SETTINGS)


def toy_family(index: int, rows: list[dict[str, float]]) -> ProteinFamily:
    return ProteinFamily(index, f"toy{index}", np.array([[row.get(a, 0.0) for a in AMINO_ACIDS] for row in rows]))


def test_profiles_are_distributions_that_start_with_methionine(proteins):
    for family in proteins:
        assert np.allclose(family.profile.sum(axis=1), 1)
        assert family.profile[0, AMINO_ACIDS.index("M")] == 1
        assert 20 <= len(family.profile) <= 60
        assert len({f.name[:4] for f in proteins}) == len(proteins)


def test_members_follow_the_profile(proteins):
    family, rng = proteins[0], generator("members")
    members = [families.draw_protein(family, rng) for _ in range(4000)]
    for site in (1, 7, len(family.profile) - 1):
        counts = Counter(member[site] for member in members)
        observed = np.array([counts[a] for a in AMINO_ACIDS]) / len(members)
        assert np.abs(observed - family.profile[site]).max() < 0.04


def test_likelihood_of_all_proteins_sums_to_one():
    toys = [
        toy_family(0, [{"M": 1.0}, {"A": 0.7, "C": 0.3}]),
        toy_family(1, [{"M": 1.0}, {"A": 0.2, "D": 0.8}]),
        toy_family(2, [{"M": 1.0}, {"C": 1.0}, {"A": 0.5, "C": 0.5}]),
    ]
    everything = ["M" + "".join(rest) for n in (1, 2) for rest in product("ACD", repeat=n)]
    likelihood = 2 ** families.log2_likelihood(everything, toys)
    assert likelihood.sum() == pytest.approx(1)
    assert likelihood[everything.index("MA")] == pytest.approx((0.7 + 0.2) / 3)


def test_likelihood_equals_the_plain_sum_over_families(proteins):
    rng = generator("plain")
    for family in proteins:
        member = families.draw_protein(family, rng)
        plain = 0.0
        for other in proteins:
            if len(other.profile) == len(member):
                path = 1.0
                for site, letter in enumerate(member):
                    path *= other.profile[site, AMINO_ACIDS.index(letter)]
                plain += path / len(proteins)
        assert families.log2_likelihood([member], proteins)[0] == pytest.approx(np.log2(plain))


def test_a_protein_outside_every_family_has_no_likelihood(proteins):
    assert families.log2_likelihood(["M" * 7, "MU" + "A" * 30], proteins).tolist() == [-np.inf, -np.inf]


def test_stems_of_rna_members_pair(rnas):
    allowed = {"at", "ta", "gc", "cg", "gt", "tg"}
    rng = generator("stems")
    for family in rnas:
        members = [rna_families.draw_rna(family, rng) for _ in range(50)]
        assert all(m[i] + m[j] in allowed for m in members for i, j in family.pairs)
        assert any(m[i] != members[0][i] for m in members for i, _ in family.pairs), "stems vary together"


def test_rna_likelihood_sums_to_one_and_charges_stems_once():
    toy = RnaFamily(0, "toy", np.array([[0.5, 0.5, 0, 0], [0.25] * 4, [0, 0, 0.5, 0.5]]), ((0, 2),))
    everything = ["".join(letters) for letters in product("acgt", repeat=3)]
    likelihood = 2 ** rna_families.log2_likelihood(everything, [toy])
    assert likelihood.sum() == pytest.approx(1)
    assert likelihood[everything.index("act")] == pytest.approx(0.5 * 0.25)


def test_two_members_are_rarely_near_identical(proteins):
    """The bound that sets the branch length holds for each family (the shortest may just miss it)."""
    for family in proteins:
        units = [(1, float(agree)) for agree in (family.profile**2).sum(axis=1)]
        assert chance_of_identity(units, len(family.profile)) <= 10 * CHANCE_LIMIT


def test_chance_of_identity_bounds_a_simulation():
    n, agree, rng = 12, 0.75, generator("simulation")
    hits = rng.random((20_000, n)) < agree
    window = 10  # ceil(0.8 * 12); 95 % of it: all ten
    near = np.stack([hits[:, i : i + window].all(axis=1) for i in range(n - window + 1)]).any(axis=0).mean()
    bound = chance_of_identity([(1, agree)] * n, n)
    assert near <= bound <= 3 * near
