"""What the patient's choices allow: the gate rules, in one place.

Sources: requirements 2 (SC.DMP/CONF.06, .06.BIS, .09, .09.BIS, .13), spec hl7v2 4.6 (DSR 3.2.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from consent.enums import ChoiceValue, MessageChoiceValue, Subject
from interop.hl7v2.codes import ChoiceCode
from patients.rules import CLOCK_SKEW


class Reason(StrEnum):
    """Why something is allowed or not."""

    NOT_COLLECTED = "not_collected"
    NOT_OPPOSED = "not_opposed"
    OPPOSED = "opposed"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an act is allowed, and why."""

    allowed: bool
    reason: Reason

    def __bool__(self) -> bool:
        return self.allowed


def may_feed_dmp(value: ChoiceValue | None) -> Decision:
    """Whether the documents of an episode may be sent to the DMP (SC.DMP/CONF.06.BIS).

    The default lies here and nowhere else: nothing recorded allows feeding (DSR 3.2.2 a). A
    deletion is not a feeding and does not ask this rule (decision 6).
    """
    return _decide(value, by_default=True)


def may_consult_dmp(value: ChoiceValue | None) -> Decision:
    """Whether the care team may consult the DMP during an episode (SC.DMP/CONF.09.BIS).

    The default lies here and nowhere else: nothing recorded forbids consultation, and even the
    test of existence (DSR 3.2.2 a).
    """
    return _decide(value, by_default=False)


def _decide(value: ChoiceValue | None, *, by_default: bool) -> Decision:
    if value == ChoiceValue.NOT_OPPOSED:
        return Decision(True, Reason.NOT_OPPOSED)
    if value == ChoiceValue.OPPOSED:
        return Decision(False, Reason.OPPOSED)
    return Decision(by_default, Reason.NOT_COLLECTED)


_RESTRICTIVENESS: Final = {
    ChoiceValue.NOT_OPPOSED: 0,
    ChoiceValue.NOT_COLLECTED: 1,
    ChoiceValue.OPPOSED: 2,
}
"""On a tie the more restrictive value counts (hl7v2 4.6). Not collected lies in between: it forbids
consultation, and what it allows an opposition forbids."""


class Recorded(Protocol):
    """What the order of choices needs of a row."""

    @property
    def value(self) -> str: ...
    @property
    def collected_at(self) -> datetime: ...
    @property
    def is_effective(self) -> bool: ...
    @property
    def pk(self) -> int: ...


_Row = TypeVar("_Row", bound=Recorded)


def current_choice(choices: Iterable[_Row]) -> _Row | None:
    """Return the choice that counts among those of one episode and one subject, None without any.

    The latest effective one: by date of collection, then the more restrictive, then the row's id
    (SC.DMP/CONF.13: the most recent dated value wins; design 3).
    """
    effective = [choice for choice in choices if choice.is_effective]
    return max(effective, key=_rank, default=None)


def _rank(choice: Recorded) -> tuple[datetime, int, int]:
    return choice.collected_at, _RESTRICTIVENESS[ChoiceValue(choice.value)], choice.pk


VALUE_OF_PAM: Final[dict[ChoiceCode, ChoiceValue]] = {
    ChoiceCode.NOT_OPPOSED: ChoiceValue.NOT_OPPOSED,
    ChoiceCode.CONSENTS: ChoiceValue.NOT_OPPOSED,
    ChoiceCode.OPPOSED: ChoiceValue.OPPOSED,
    ChoiceCode.DOES_NOT_CONSENT: ChoiceValue.OPPOSED,
    ChoiceCode.NOT_COLLECTED: ChoiceValue.NOT_COLLECTED,
}
"""ZFA-9 and ZFA-11 (PAM.Fr 2.11; hl7v2 4.6)."""


@dataclass(frozen=True, slots=True)
class PamChoice:
    """What a ZFA says of one subject, as a choice to record."""

    subject: Subject
    value: ChoiceValue
    collected_at: datetime
    is_effective: bool


def pam_choice(
    *,
    subject: Subject,
    code: ChoiceCode | None,
    collected_at: datetime | None,
    recorded_at: datetime,
    received_at: datetime,
) -> PamChoice:
    """Translate ZFA-9/10 or ZFA-11/12 (SC.DMP/CONF.13, hl7v2 4.6).

    `code` None is a reset (`""`), which takes effect. `NA` only says that the sender collected
    nothing: it is kept without effect, so that it never hides a collected value, whichever comes
    first. A missing date is that of the event, EVN-2 (`recorded_at`).

    A day without hour reads as its midnight, and would lose to what was recorded earlier that day: at
    that precision it is a tie, where an opposition wins.

    A date in the future would hide every choice made until then: an opposition so dated counts from
    its reception, anything else is kept without effect.
    """
    value = ChoiceValue.NOT_COLLECTED if code is None else VALUE_OF_PAM[code]
    at = collected_at or recorded_at
    if value == ChoiceValue.OPPOSED and (at.hour, at.minute, at.second) == (0, 0, 0):
        at = max(at, min(at + timedelta(days=1, seconds=-1), received_at))
    is_impossible = at > received_at + CLOCK_SKEW
    return PamChoice(
        subject=subject,
        value=value,
        collected_at=received_at if is_impossible and value == ChoiceValue.OPPOSED else at,
        is_effective=code != ChoiceCode.NOT_COLLECTED
        and not (is_impossible and value != ChoiceValue.OPPOSED),
    )


def screen_date(now: datetime, choices: Iterable[Recorded]) -> datetime:
    """The date of a choice recorded on screen now: after everything known, whatever the clocks say.

    A person's entry is a newer version of the same state (hl7v2 4.6); a sender's clock that is
    slightly ahead must not make it an older one.
    """
    current = current_choice(list(choices))
    if current is None or current.collected_at < now:
        return now
    return current.collected_at + timedelta(microseconds=1)


class Said(Protocol):
    """What the order of choices about messages needs of a row."""

    @property
    def value(self) -> str: ...
    @property
    def collected_at(self) -> datetime: ...
    @property
    def pk(self) -> int: ...


_Said = TypeVar("_Said", bound=Said)


def current_message_choice(choices: Iterable[_Said]) -> _Said | None:
    """Return the choice about messages that counts, None without any.

    The latest by date of collection; on a tie the opposition, then the row's id, as `current_choice`.
    """
    return max(
        choices,
        key=lambda one: (one.collected_at, one.value == MessageChoiceValue.OPPOSED, one.pk),
        default=None,
    )


def may_mail_patient(value: MessageChoiceValue | None) -> Decision:
    """Whether the patient may be written to in Mon espace santé (MSS/va1.20).

    The default lies here and nowhere else: nothing recorded allows it, and the patient may always
    refuse there too.
    """
    if value == MessageChoiceValue.OPPOSED:
        return Decision(False, Reason.OPPOSED)
    if value == MessageChoiceValue.NOT_OPPOSED:
        return Decision(True, Reason.NOT_OPPOSED)
    return Decision(True, Reason.NOT_COLLECTED)
