"""What a received identity does to a known one (spec hl7v2 4.3, update semantics; ins 3; INS/va1.62)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from patients.rules.identity import Standing

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far the clock of a sender may be ahead of ours."""


class IdentityDecision(StrEnum):
    """What is done with the strict traits, the status and the INS of a message."""

    TAKE = "take"
    KEEP_NEWER = "keep_newer"
    KEEP_QUALIFIED = "keep_qualified"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class ReceivedIdentity:
    """The facts that decide, on both sides.

    `updated_at` is PID-33, else EVN-2; `known_at` the date of the last version that counted.
    `same_traits` and `same_ins` compare what the message states with what is held.
    """

    held: Standing
    told: Standing
    updated_at: datetime
    known_at: datetime
    same_traits: bool
    same_ins: bool


def decide_received(facts: ReceivedIdentity, *, external_master: bool) -> IdentityDecision:
    """Decide whether a known identity takes what PAM says (hl7v2 4.3).

    An older version never replaces a newer one: messages come late, and again after a defect. Where
    an external référentiel d'identités is master, its identity is taken as received (ins 7.3, row
    15). Where the DPI is master, an identity qualified here keeps its status and strict traits unless
    the message brings the same evidence: qualified too, under the same INS. A doubt that is not older
    is taken. Other traits, or another INS, may be those of another person: what is held stays, and is
    put under review.
    """
    held_is_qualified = facts.held.recovered and facts.held.controlled
    if facts.updated_at < facts.known_at:
        return IdentityDecision.KEEP_NEWER
    if external_master or not held_is_qualified or facts.told.is_untrusted:
        return IdentityDecision.TAKE
    if facts.told.recovered and not facts.same_ins:
        return IdentityDecision.REVIEW
    if facts.told.recovered and facts.told.controlled:
        return IdentityDecision.TAKE
    return IdentityDecision.KEEP_QUALIFIED if facts.same_traits else IdentityDecision.REVIEW
