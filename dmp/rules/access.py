"""May this person consult this DMP now? Asked before any request, and what the DMP's answer means.

Sources: spec dmp 6.1 (preconditions, in their order), 6.2 and 1.4 (authorisation), requirements 3
(SC.DMP/CONF.09.BIS, CONF.16). The DMP filters the rest itself: no right of its matrices is repeated here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consent.enums import ChoiceValue
from consent.rules import Reason, may_consult_dmp
from dmp.enums import AccessState
from national.dmp.ports import Authorisation, DmpState, Existence

ASKED_AGAIN_AFTER: Final = timedelta(days=1)
"""An authorisation refused, or a status that nobody knows, is not asked for again before (dmp 1.4)."""


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What is known locally when a person opens a record, at one moment.

    `consultation` is the choice of the stay shown, None without any stay; `has_ended` tells that the
    stay, and the tolerance after it, are over. `profile_gap` is what the VIHF would lack (`rules.roles`).
    """

    may_consult: bool
    is_strong: bool
    has_rpps: bool
    has_relation: bool
    consultation: ChoiceValue | None
    has_ended: bool
    is_qualified: bool
    is_enabled: bool
    has_read_notice: bool
    profile_gap: AccessState | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """`state` is that of the icon; `checking` when requests may leave, for their answer is not there yet."""

    state: AccessState

    @property
    def is_open(self) -> bool:
        return self.state == AccessState.CHECKING

    def __bool__(self) -> bool:
        return self.is_open


OPEN: Final = Gate(AccessState.CHECKING)


def may_ask_dmp(facts: AccessFacts) -> Gate:
    """Whether any transaction may leave, TD0.2 included; else the reason (dmp 6.1, in its order).

    SC.DMP/CONF.09.BIS: nothing recorded, or an opposition, sends nothing at all.
    """
    obstacles = (
        (not facts.may_consult, AccessState.NO_RIGHT),
        (not (facts.is_strong and facts.has_rpps), AccessState.SESSION_TOO_WEAK),
        (True, facts.profile_gap),
        (not facts.has_relation, AccessState.NO_RELATION),
        (True, _of_choice(facts.consultation)),
        (facts.has_ended, AccessState.STAY_ENDED),
        (not facts.is_qualified, AccessState.INS_NOT_QUALIFIED),
        (not facts.is_enabled, AccessState.NOT_ENABLED),
        (not facts.has_read_notice, AccessState.NOTICE_TO_READ),
    )
    return next((Gate(state) for stops, state in obstacles if stops and state), OPEN)


def _of_choice(value: ChoiceValue | None) -> AccessState | None:
    decision = may_consult_dmp(value)
    if decision.allowed:
        return None
    return AccessState.OPPOSED if decision.reason == Reason.OPPOSED else AccessState.NOT_INFORMED


def stay_has_ended(
    *, is_closed: bool, ended_at: datetime | None, now: datetime, tolerance: timedelta
) -> bool:
    """Whether the consultation of a stay is over (dmp 6.1: after the stay, a tolerance of 0 by default)."""
    return is_closed and (ended_at is None or now >= ended_at + tolerance)


def needs_authorisation(
    existence: Existence, *, refused_at: datetime | None, asked_at: datetime | None, now: datetime
) -> bool:
    """Whether TD0.3 is to be positioned, without any action of the user (SC.DMP/CONF.16).

    A professional blocked by the patient never asks; a refusal is not repeated within the day; a status
    that no setting names is asked for once a day at most (dmp 1.4).
    """
    if existence.state is not DmpState.OPEN:
        return False
    if existence.authorisation in (Authorisation.NONE, Authorisation.EXPIRED):
        return refused_at is None or now - refused_at >= ASKED_AGAIN_AFTER
    if existence.authorisation is Authorisation.UNKNOWN:
        return asked_at is None or now - asked_at >= ASKED_AGAIN_AFTER
    return False


def state_of(existence: Existence) -> AccessState:
    """What TD0.2 says, as the icon says it. Without a valid authorisation nothing may be read."""
    if existence.state is DmpState.NONE:
        return AccessState.NONE
    if existence.state is DmpState.CLOSED:
        return AccessState.CLOSED
    if existence.authorisation is Authorisation.VALID:
        return AccessState.OPEN
    if existence.authorisation is Authorisation.BLOCKED:
        return AccessState.BLOCKED
    return AccessState.NOT_ALLOWED


def is_fresh(
    *, checked_at: datetime | None, session: str, current_session: str, now: datetime, life: timedelta
) -> bool:
    """Whether a cached answer still counts (spec README, decision 16).

    It is that of one session: a new login asks again.
    """
    return checked_at is not None and session == current_session and now - checked_at < life


def notice_is_due(*, accepted_at: datetime | None, now: datetime, days: int) -> bool:
    """Whether the professional must be told again that accesses are traced and shown (SC.DMP/CONF.11)."""
    return accepted_at is None or now - accepted_at >= timedelta(days=days)


def counts_by_itself(
    *, kind: str, roles: Collection[str], kinds_counted: Collection[str], roles_counted: Collection[str]
) -> bool:
    """Whether opening the record counts new documents without a click (SC.DMP/UX.15).

    By kind of care and by profile of the reader; the hospital sets both. Elsewhere it is on demand.
    """
    return kind in kinds_counted and bool(set(roles) & set(roles_counted))
