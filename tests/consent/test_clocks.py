"""A wrong clock must never hide an opposition (SC.DMP/CONF.06.BIS, CONF.13)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from consent.enums import ChoiceValue, Subject
from consent.rules import current_choice, pam_choice, screen_date
from interop.hl7v2.codes import ChoiceCode
from patients.rules import CLOCK_SKEW

NOW = datetime(2026, 3, 8, 14, 32, tzinfo=UTC)
FUTURE = NOW + timedelta(days=365)


@dataclass(frozen=True)
class Row:
    value: str
    collected_at: datetime
    is_effective: bool = True
    pk: int = 1


def told(code, at):
    return pam_choice(
        subject=Subject.ALIMENTATION, code=code, collected_at=at, recorded_at=NOW, received_at=NOW
    )


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_a_consent_dated_in_the_future_is_kept_without_effect():
    assert not told(ChoiceCode.NOT_OPPOSED, FUTURE).is_effective


@pytest.mark.requirement("SC.DMP/CONF.13")
def test_an_opposition_dated_in_the_future_counts_from_its_reception():
    choice = told(ChoiceCode.OPPOSED, FUTURE)
    assert (choice.is_effective, choice.collected_at) == (True, NOW)


def test_a_clock_slightly_ahead_is_believed():
    at = NOW + CLOCK_SKEW
    assert (told(ChoiceCode.NOT_OPPOSED, at).is_effective, told(ChoiceCode.NOT_OPPOSED, at).collected_at) == (
        True,
        at,
    )


@pytest.mark.requirement("SC.DMP/CONF.06")
def test_what_a_person_records_now_counts_even_when_the_sender_is_slightly_ahead():
    ahead = Row(ChoiceValue.NOT_OPPOSED, NOW + CLOCK_SKEW)
    recorded = Row(ChoiceValue.OPPOSED, screen_date(NOW, [ahead]), pk=2)
    assert current_choice([ahead, recorded]) is recorded


def test_a_screen_choice_is_dated_now_when_nothing_is_ahead():
    assert screen_date(NOW, [Row(ChoiceValue.NOT_OPPOSED, NOW - timedelta(days=1))]) == NOW
    assert screen_date(NOW, []) == NOW
