"""Rules of the exchange: who may speak, when to try again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exchange.models import MAX_ATTEMPTS, Partner
from exchange.rules import HL7_RETRY_END, is_loopback, may_connect, may_retry, retry_delay

START = datetime(2025, 1, 2, tzinfo=UTC)


def test_delays_are_those_of_the_decision() -> None:
    delays = [retry_delay(attempt) for attempt in range(1, 7)]
    minutes = [delay.total_seconds() / 60 for delay in delays]
    assert minutes == [0.5, 2, 10, 60, 60, 60]


def test_attempts_within_the_three_days_are_those_that_the_journal_counts() -> None:
    at, attempts = START, 0
    while may_retry(created_at=START, now=at):
        attempts += 1
        at += retry_delay(attempts)
    assert attempts <= MAX_ATTEMPTS
    assert at - START >= HL7_RETRY_END


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_loopback_is_read_in_the_address_alone(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("code", "uses_tls", "host", "allows_plain", "expected"),
    [
        ("dev", False, "127.0.0.1", False, True),
        ("dev", False, "10.0.0.1", True, False),
        ("dev", True, "10.0.0.1", True, False),
        ("gam", False, "10.0.0.1", False, False),
        ("gam", False, "10.0.0.1", True, True),
        ("gam", False, "127.0.0.1", False, True),
        ("gam", True, "10.0.0.1", False, True),
    ],
)
def test_plain_lines_stay_on_this_machine(
    code: str, uses_tls: bool, host: str, allows_plain: bool, expected: bool
) -> None:
    partner = Partner(code=code, uses_tls=uses_tls)
    assert may_connect(partner, host=host, allows_plain=allows_plain) is expected
