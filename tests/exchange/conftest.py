"""A listener in a thread, on a free port of the loopback."""

from __future__ import annotations

import pytest

from tests.exchange.listening import Listening


@pytest.fixture
def listening(transactional_db: None) -> Listening:
    """Starts listeners (`listening.start(partner)`); stops them at the end of the test."""
    with Listening() as started:
        yield started
