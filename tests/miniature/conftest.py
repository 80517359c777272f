"""The default world, built once for all tests of the miniature."""

from __future__ import annotations

import pytest

from bsm.base.config import load_config, validated
from bsm.miniature.model import World
from bsm.miniature.world import build_world


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(validated(load_config()).miniature)
