"""Who may ask the DMP, in the order of the specification, and what its answer means (dmp 6.1, 6.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.enums import ChoiceValue
from dmp.enums import AccessState
from dmp.rules.access import (
    AccessFacts,
    counts_by_itself,
    is_fresh,
    may_ask_dmp,
    needs_authorisation,
    notice_is_due,
    state_of,
    stay_has_ended,
)
from national.dmp.ports import Authorisation, DmpState, Existence
from ui.pills import FAMILIES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALLOWED = AccessFacts(
    may_consult=True,
    is_strong=True,
    has_rpps=True,
    has_relation=True,
    consultation=ChoiceValue.NOT_OPPOSED,
    has_ended=False,
    is_qualified=True,
    is_enabled=True,
    has_read_notice=True,
)
OBSTACLES = (
    ({"may_consult": False}, AccessState.NO_RIGHT),
    ({"is_strong": False}, AccessState.SESSION_TOO_WEAK),
    ({"has_rpps": False}, AccessState.SESSION_TOO_WEAK),
    ({"has_relation": False}, AccessState.NO_RELATION),
    ({"consultation": None}, AccessState.NOT_INFORMED),
    ({"consultation": ChoiceValue.NOT_COLLECTED}, AccessState.NOT_INFORMED),
    ({"consultation": ChoiceValue.OPPOSED}, AccessState.OPPOSED),
    ({"has_ended": True}, AccessState.STAY_ENDED),
    ({"is_qualified": False}, AccessState.INS_NOT_QUALIFIED),
    ({"is_enabled": False}, AccessState.NOT_ENABLED),
    ({"has_read_notice": False}, AccessState.NOTICE_TO_READ),
)


def test_a_person_who_meets_every_condition_may_ask() -> None:
    assert may_ask_dmp(ALLOWED)
    assert may_ask_dmp(ALLOWED).state == AccessState.CHECKING


@pytest.mark.requirement("SC.DMP/CONF.09.BIS", "F-PV-13", "F-PV-14")
@pytest.mark.parametrize(("change", "state"), OBSTACLES)
def test_each_condition_alone_stops_with_its_reason(change: dict[str, object], state: AccessState) -> None:
    gate = may_ask_dmp(replace(ALLOWED, **change))
    assert not gate
    assert gate.state == state


@given(st.sets(st.sampled_from(range(len(OBSTACLES))), min_size=2))
def test_the_first_reason_in_the_order_of_the_specification_is_said(chosen: set[int]) -> None:
    change = {}
    for index in sorted(chosen, reverse=True):
        change |= OBSTACLES[index][0]
    first = min(chosen)
    if "consultation" in OBSTACLES[first][0]:
        expected = may_ask_dmp(replace(ALLOWED, consultation=change["consultation"])).state
    else:
        expected = OBSTACLES[first][1]
    assert may_ask_dmp(replace(ALLOWED, **change)).state == expected


def test_every_state_has_its_words() -> None:
    assert {state.value for state in AccessState} <= set(FAMILIES["dmp_access"])


@pytest.mark.parametrize(
    ("is_closed", "ended_at", "days", "ended"),
    [
        (False, None, 0, False),
        (False, NOW - DAY, 0, False),
        (True, NOW - DAY, 0, True),
        (True, NOW, 0, True),
        (True, NOW - DAY, 2, False),
        (True, NOW - 2 * DAY, 2, True),
        (True, None, 5, True),
    ],
)
def test_a_stay_ends_the_consultation(
    is_closed: bool, ended_at: datetime | None, days: int, ended: bool
) -> None:
    found = stay_has_ended(is_closed=is_closed, ended_at=ended_at, now=NOW, tolerance=timedelta(days=days))
    assert found is ended


class TestAuthorisation:
    @pytest.mark.requirement("SC.DMP/CONF.16")
    @pytest.mark.parametrize(
        ("status", "asked"),
        [
            (Authorisation.NONE, True),
            (Authorisation.EXPIRED, True),
            (Authorisation.VALID, False),
            (Authorisation.BLOCKED, False),
            (Authorisation.UNKNOWN, True),
        ],
    )
    def test_it_is_positioned_when_missing_or_expired(self, status: Authorisation, asked: bool) -> None:
        existence = Existence(DmpState.OPEN, status)
        assert needs_authorisation(existence, refused_at=None, asked_at=None, now=NOW) is asked

    @pytest.mark.parametrize("state", [DmpState.CLOSED, DmpState.NONE])
    @pytest.mark.parametrize("status", list(Authorisation))
    def test_never_without_an_open_dmp(self, state: DmpState, status: Authorisation) -> None:
        existence = Existence(state, status)
        assert not needs_authorisation(existence, refused_at=None, asked_at=None, now=NOW)

    def test_a_refusal_is_not_repeated_within_the_day(self) -> None:
        existence = Existence(DmpState.OPEN, Authorisation.NONE)
        hour_ago, day_ago = NOW - timedelta(hours=1), NOW - DAY
        assert not needs_authorisation(existence, refused_at=hour_ago, asked_at=hour_ago, now=NOW)
        assert needs_authorisation(existence, refused_at=day_ago, asked_at=day_ago, now=NOW)
        # Asked and granted an hour ago, lost since: asked again.
        assert needs_authorisation(existence, refused_at=None, asked_at=hour_ago, now=NOW)

    def test_an_unknown_status_is_asked_for_once_a_day(self) -> None:
        existence = Existence(DmpState.OPEN, Authorisation.UNKNOWN)
        assert not needs_authorisation(
            existence, refused_at=None, asked_at=NOW - timedelta(hours=23), now=NOW
        )
        assert needs_authorisation(existence, refused_at=None, asked_at=NOW - DAY, now=NOW)

    @pytest.mark.parametrize(
        ("existence", "state"),
        [
            (Existence(DmpState.OPEN, Authorisation.VALID), AccessState.OPEN),
            (Existence(DmpState.OPEN, Authorisation.BLOCKED), AccessState.BLOCKED),
            (Existence(DmpState.OPEN, Authorisation.NONE), AccessState.NOT_ALLOWED),
            (Existence(DmpState.OPEN, Authorisation.EXPIRED), AccessState.NOT_ALLOWED),
            (Existence(DmpState.OPEN, Authorisation.UNKNOWN), AccessState.NOT_ALLOWED),
            (Existence(DmpState.CLOSED, Authorisation.VALID), AccessState.CLOSED),
            (Existence(DmpState.NONE, Authorisation.NONE), AccessState.NONE),
        ],
    )
    def test_the_icon_says_what_the_dmp_says(self, existence: Existence, state: AccessState) -> None:
        assert state_of(existence) == state


@pytest.mark.parametrize(
    ("minutes", "session", "fresh"),
    [(0, "a", True), (14, "a", True), (15, "a", False), (1, "b", False)],
)
def test_the_cache_serves_a_quarter_of_an_hour_in_one_session(
    minutes: int, session: str, fresh: bool
) -> None:
    found = is_fresh(
        checked_at=NOW - timedelta(minutes=minutes),
        session="a",
        current_session=session,
        now=NOW,
        life=timedelta(minutes=15),
    )
    assert found is fresh


def test_a_dropped_answer_is_never_fresh() -> None:
    life = timedelta(minutes=15)
    assert not is_fresh(checked_at=None, session="a", current_session="a", now=NOW, life=life)


@pytest.mark.requirement("SC.DMP/CONF.11")
@pytest.mark.parametrize(("days_ago", "due"), [(None, True), (0, False), (179, False), (180, True)])
def test_the_notice_comes_back_after_its_delay(days_ago: int | None, due: bool) -> None:
    accepted_at = None if days_ago is None else NOW - days_ago * DAY
    assert notice_is_due(accepted_at=accepted_at, now=NOW, days=180) is due


@pytest.mark.requirement("SC.DMP/UX.15")
@pytest.mark.parametrize(
    ("kind", "roles", "counts"),
    [
        ("O", ["prescripteur"], True),
        ("E", ["soignant", "prescripteur"], True),
        ("I", ["prescripteur"], False),
        ("O", ["secretaire"], False),
        ("O", [], False),
    ],
)
def test_the_counter_runs_by_kind_of_care_and_profile(kind: str, roles: list[str], counts: bool) -> None:
    found = counts_by_itself(kind=kind, roles=roles, kinds_counted=["O", "E"], roles_counted=["prescripteur"])
    assert found is counts
