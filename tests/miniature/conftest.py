"""The default world, its benchmarks and its planted leaks, built once for all tests of the miniature."""

from __future__ import annotations

import pytest

from bsm.base.config import load_config, validated
from bsm.miniature.benchmarks import build_benchmarks
from bsm.miniature.benchmarks.draws import Item
from bsm.miniature.leaks import plan_leaks
from bsm.miniature.model import PlantedRecord, World
from bsm.miniature.world import build_world


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(validated(load_config()).miniature)


@pytest.fixture(scope="session")
def items(world) -> dict[str, list[Item]]:
    return build_benchmarks(world)


@pytest.fixture(scope="session")
def planted(world, items) -> list[PlantedRecord]:
    return plan_leaks(world, items)
