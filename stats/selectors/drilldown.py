"""The stays that a rate counts, one by one, for those who may see identities (F-PV-32)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from patients.enums import IdentifierKind
from patients.models import Episode, Identifier
from stats.rules.figures import Key, Ratio
from stats.rules.months import Period
from stats.rules.stays import is_reached
from stats.selectors.stays import stays_one_by_one
from stats.selectors.tally import reading_at

PAGE = 50


@dataclass(frozen=True, slots=True)
class CountedStay:
    """One stay or consultation of the base; `is_reached`: it is in the numerator too."""

    episode: Episode
    ipp: str
    is_reached: bool


@dataclass(frozen=True, slots=True)
class CountedStays:
    """One page of them, with the rate that they make."""

    ratio: Ratio
    rows: list[CountedStay]
    has_more: bool


def stays_counted(key: Key, *, at: datetime, reached: Collection[bool], page: int) -> CountedStays:
    """The stays of one line of the screen, latest exit first. 3 queries.

    `reached` tells which: those counted (True), those that are missing (False).
    """
    reading = reading_at(at, period=Period(key.month, key.month))
    found = {
        pk: outcome
        for pk, stay in stays_one_by_one(reading)
        if (outcome := is_reached(stay, key)) is not None
    }
    wanted = [pk for pk, outcome in found.items() if outcome in reached]
    episodes = list(
        Episode.objects.filter(pk__in=wanted)
        .select_related("patient", "unit")
        .order_by("-discharged_at", "-admitted_at", "-id")[(page - 1) * PAGE : page * PAGE + 1]
    )
    ipps = dict(
        Identifier.objects.filter(
            kind=IdentifierKind.IPP, is_active=True, patient__in={one.patient_id for one in episodes}
        )
        .order_by("-id")
        .values_list("patient_id", "value")
    )
    rows = [CountedStay(one, ipps.get(one.patient_id, ""), found[one.pk]) for one in episodes[:PAGE]]
    return CountedStays(Ratio(sum(found.values()), len(found)), rows, len(episodes) > PAGE)
