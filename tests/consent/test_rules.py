"""What the patient's choices allow, and which choice counts (requirements 2; hl7v2 4.6)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.enums import ChoiceValue, Subject
from consent.rules import VALUE_OF_PAM, Reason, current_choice, may_consult_dmp, may_feed_dmp, pam_choice
from interop.hl7v2.codes import ChoiceCode

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.mark.requirement("SC.DMP/CONF.06.BIS", "F-PV-13", "F-PV-35")
@pytest.mark.parametrize(
    ("value", "feeding", "consultation", "reason"),
    [
        (None, True, False, Reason.NOT_COLLECTED),
        (ChoiceValue.NOT_COLLECTED, True, False, Reason.NOT_COLLECTED),
        (ChoiceValue.NOT_OPPOSED, True, True, Reason.NOT_OPPOSED),
        (ChoiceValue.OPPOSED, False, False, Reason.OPPOSED),
    ],
)
def test_the_state_table_of_the_regulation(
    value: ChoiceValue | None, feeding: bool, consultation: bool, reason: Reason
) -> None:
    assert (may_feed_dmp(value).allowed, may_consult_dmp(value).allowed) == (feeding, consultation)
    assert may_feed_dmp(value).reason == may_consult_dmp(value).reason == reason


@pytest.mark.requirement("SC.DMP/CONF.13")
@pytest.mark.parametrize(
    ("code", "value"),
    [
        (ChoiceCode.NOT_OPPOSED, "not_opposed"),
        (ChoiceCode.OPPOSED, "opposed"),
        (ChoiceCode.CONSENTS, "not_opposed"),
        (ChoiceCode.DOES_NOT_CONSENT, "opposed"),
        (ChoiceCode.NOT_COLLECTED, "not_collected"),
        (None, "not_collected"),
    ],
)
def test_codes_of_pam(code: ChoiceCode | None, value: str) -> None:
    told = pam_choice(
        subject=Subject.ALIMENTATION, code=code, collected_at=None, recorded_at=NOW, received_at=NOW
    )
    assert (told.value, told.collected_at) == (value, NOW)
    assert told.is_effective is (code != ChoiceCode.NOT_COLLECTED)


def test_every_code_of_pam_has_a_value() -> None:
    assert set(VALUE_OF_PAM) == set(ChoiceCode)


@dataclass(frozen=True)
class Row:
    """A recorded choice."""

    value: str
    collected_at: datetime
    pk: int
    is_effective: bool = True


def test_nothing_recorded_is_nothing() -> None:
    assert current_choice([]) is None
    assert current_choice([Row("opposed", NOW, 1, is_effective=False)]) is None


def test_the_latest_collected_counts_whatever_was_recorded_last() -> None:
    later = Row("not_opposed", NOW, 1)
    assert current_choice([later, Row("opposed", NOW - timedelta(days=1), 2)]) is later


def test_on_the_same_instant_the_more_restrictive_counts() -> None:
    opposed = Row("opposed", NOW, 1)
    assert current_choice([opposed, Row("not_opposed", NOW, 2), Row("not_collected", NOW, 3)]) is opposed
    reset = Row("not_collected", NOW, 1)
    assert current_choice([reset, Row("not_opposed", NOW, 2)]) is reset


def test_between_equals_the_last_written_counts() -> None:
    second = Row("opposed", NOW, 2)
    assert current_choice([second, Row("opposed", NOW, 1)]) is second


rows = st.lists(
    st.builds(
        Row,
        value=st.sampled_from(ChoiceValue.values),
        collected_at=st.integers(0, 3).map(lambda day: NOW + timedelta(days=day)),
        pk=st.integers(1, 10_000),
        is_effective=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda row: row.pk,
)


@pytest.mark.requirement("SC.DMP/CONF.13")
@given(rows, st.integers())
def test_the_order_of_arrival_changes_nothing(recorded: list[Row], seed: int) -> None:
    shuffled = list(recorded)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order of a test
    assert current_choice(shuffled) is current_choice(recorded)


@given(rows)
def test_what_counts_is_effective_and_nothing_effective_is_later(recorded: list[Row]) -> None:
    counting = current_choice(recorded)
    effective = [row for row in recorded if row.is_effective]
    assert (counting is None) is (not effective)
    if counting is not None:
        assert counting.collected_at == max(row.collected_at for row in effective)
        rivals = [row for row in effective if row.collected_at == counting.collected_at]
        assert not may_feed_dmp(ChoiceValue(counting.value)) or all(
            may_feed_dmp(ChoiceValue(row.value)) for row in rivals
        )


@given(rows, rows)
def test_a_message_that_collected_nothing_never_hides_a_choice(known: list[Row], more: list[Row]) -> None:
    absences = [Row("not_collected", row.collected_at, row.pk + 20_000, is_effective=False) for row in more]
    assert current_choice([*known, *absences]) is current_choice(known)
