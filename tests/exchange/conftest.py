"""A listener in a thread on a free port of the loopback, and a handler of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from exchange import registry
from exchange.registry import Outcome, Reception
from tests.exchange.listening import Listening
from tests.exchange.messages import TEST_TYPE


@pytest.fixture
def listening(transactional_db: None) -> Iterator[Listening]:
    """Starts listeners (`listening.start(partner)`); stops them at the end of the test."""
    with Listening() as started:
        yield started


@dataclass
class Treated:
    """What the handler of the tests was given, and what it must do."""

    receptions: list[Reception] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    raises: list[Exception] = field(default_factory=list)

    def __call__(self, reception: Reception) -> Outcome:
        self.receptions.append(reception)
        if self.raises:
            raise self.raises.pop(0)
        return self.outcome

    @property
    def count(self) -> int:
        return len(self.receptions)


@pytest.fixture
def treated(monkeypatch: pytest.MonkeyPatch) -> Treated:
    """The handler of the messages of `tests.exchange.messages`."""
    handler = Treated()
    monkeypatch.setitem(registry._handlers, (TEST_TYPE, ""), handler)
    return handler
