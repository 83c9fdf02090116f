from __future__ import annotations

import pytest

from tests.stats.world import World


@pytest.fixture
def world(db: None) -> World:
    """The hospital of the worked examples."""
    return World.described()
