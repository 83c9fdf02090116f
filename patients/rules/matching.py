"""Whose document is it? The comparison of a received identity with those of the base.

Sources: SC.MSS/UX.07, hl7v2 3.3 (order of the table), mssante 2.3, ins 10.2, README decision 11. The
comparison is exact, and no setting relaxes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from interop.ins.key import Ins
from interop.ins.traits import ReceivedTraits, Trait, differing_from, missing_traits


class MatchResult(StrEnum):
    """What the comparison found; all but MATCHED files nothing."""

    MATCHED = "matched"
    NO_INS = "no_ins"
    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown"
    DIFFERENT = "different"


class MatchDoubt(StrEnum):
    """Why an identity that carries the matricule is not enough."""

    NONE = ""
    TRAITS = "traits"
    NOT_QUALIFIED = "not_qualified"
    FORMER_INS = "former_ins"
    SEVERAL = "several"
    UNDER_REVIEW = "under_review"
    CLOSED = "closed"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class ReceivedPerson:
    """The patient of a document: traits as written there, INS when there is one."""

    traits: ReceivedTraits
    ins: Ins | None


@dataclass(frozen=True, slots=True)
class Holder:
    """An identity of the base that carries, or carried, the matricule under that OID."""

    pk: int
    traits: ReceivedTraits
    ins: Ins
    is_qualified: bool
    is_former: bool = False
    is_under_review: bool = False
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """`holder` is the one found, or the nearest when there is a doubt; `differing` what differs."""

    result: MatchResult
    doubt: MatchDoubt = MatchDoubt.NONE
    holder: Holder | None = None
    differing: tuple[Trait, ...] = ()

    def __bool__(self) -> bool:
        return self.result == MatchResult.MATCHED


def match_received(
    person: ReceivedPerson, holders: Sequence[Holder], *, allowed_oids: Collection[str]
) -> Match:
    """Find the one qualified identity whose every strict trait, matricule and OID are those received.

    `holders` carry or carried the matricule; `allowed_oids` are the authorities of this installation
    (no test matricule in production, ins 2.1). The first condition of the table that holds decides.
    """
    if person.ins is None:
        return Match(MatchResult.NO_INS)
    missing = missing_traits(person.traits)
    if missing:
        return Match(MatchResult.INCOMPLETE, differing=missing)
    if not holders:
        return Match(MatchResult.UNKNOWN)
    nearest = _nearest(person, holders)
    differing = differing_between(nearest, person)
    doubt = _doubt(person.ins, nearest, holders, differing, allowed_oids)
    result = MatchResult.DIFFERENT if doubt else MatchResult.MATCHED
    return Match(result, doubt, nearest, differing)


def differing_between(holder: Holder, person: ReceivedPerson) -> tuple[Trait, ...]:
    """The strict traits, matricule and OID included, that are not exactly the same on both sides."""
    return differing_from(holder.traits, holder.ins, person.traits, person.ins or _NO_INS)


_NO_INS: Final = Ins("", "")


def _nearest(person: ReceivedPerson, holders: Sequence[Holder]) -> Holder:
    return min(
        holders,
        key=lambda holder: (
            holder.is_closed,
            holder.is_former,
            len(differing_between(holder, person)),
            holder.pk,
        ),
    )


def _doubt(
    ins: Ins,
    holder: Holder,
    holders: Sequence[Holder],
    differing: tuple[Trait, ...],
    allowed_oids: Collection[str],
) -> MatchDoubt:
    checks = (
        (ins.oid not in allowed_oids, MatchDoubt.AUTHORITY),
        (holder.is_closed, MatchDoubt.CLOSED),
        (len([other for other in holders if not other.is_closed]) > 1, MatchDoubt.SEVERAL),
        (holder.is_former, MatchDoubt.FORMER_INS),
        (not holder.is_qualified, MatchDoubt.NOT_QUALIFIED),
        (bool(differing), MatchDoubt.TRAITS),
        (holder.is_under_review, MatchDoubt.UNDER_REVIEW),
    )
    return next((doubt for holds, doubt in checks if holds), MatchDoubt.NONE)
