"""Reads of the calls to national services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from establishment.enums import NationalService
from national.enums import CallOutcome
from national.models import Call, ClockReading, ServiceTrial
from national.trials import AIR_TRIAL, TRIALS

BROKEN: Final = (CallOutcome.UNAVAILABLE, CallOutcome.UNCERTAIN)
"""Outcomes where the service did not answer; a refusal is an answer."""
COUNTED: Final = 10_000


def last_call(service: NationalService) -> Call | None:
    """The newest call to a service, by any process of the product; None before the first. 1 query."""
    return Call.objects.filter(service=service).order_by("-started_at").first()


@dataclass(frozen=True, slots=True)
class CallFilters:
    """What the list of calls is narrowed to; empty means all. `text` begins a transaction or a code."""

    since: datetime | None = None
    services: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.services or self.outcomes or self.text)


def calls(filters: CallFilters) -> QuerySet[Call]:
    """Calls, newest first."""
    found = Call.objects.order_by("-id")
    if filters.since is not None:
        found = found.filter(started_at__gte=filters.since)
    if filters.services:
        found = found.filter(service__in=filters.services)
    if filters.outcomes:
        found = found.filter(outcome__in=filters.outcomes)
    if filters.text:
        found = found.filter(
            Q(transaction__istartswith=filters.text)
            | Q(code__istartswith=filters.text)
            | Q(message_id=filters.text)
        )
    return found


def calls_count(filters: CallFilters) -> int:
    """How many calls the filters keep, counted up to `COUNTED` + 1. 1 query."""
    return calls(filters).order_by()[: COUNTED + 1].count()


def calls_failed_by_service(since: datetime) -> dict[str, int]:
    """Calls without answer since a moment, by service. 1 query on a partial index."""
    failed = Call.objects.filter(started_at__gte=since, outcome__in=BROKEN).order_by()
    return dict(failed.values_list("service").annotate(count=Count("id")))


@dataclass(frozen=True, slots=True)
class Health:
    """What the calls say of one service: its newest one, and the last of each kind."""

    last: Call | None
    success: Call | None
    refusal: Call | None
    failure: Call | None


CONSULTATION: Final = ("TD0.3", "TD3.1", "TD3.2", AIR_TRIAL)
"""Transactions that only the consultation of the DMP makes."""


def health_of(service: NationalService, *, transactions: Sequence[str] = ()) -> Health:
    """The state of a service as its calls tell it; the refusal of a trial is what it looks for. 4 queries.

    `transactions` narrows to some of them.
    """
    mine = Call.objects.filter(service=service).order_by("-started_at")
    if transactions:
        mine = mine.filter(transaction__in=transactions)
    return Health(
        last=mine.first(),
        success=mine.filter(outcome=CallOutcome.SUCCESS).first(),
        refusal=mine.filter(outcome=CallOutcome.REJECTED).exclude(transaction__in=TRIALS).first(),
        failure=mine.filter(outcome__in=BROKEN).first(),
    )


def last_success_at(service: NationalService) -> datetime | None:
    """When a service last did what was asked. 1 query."""
    mine = Call.objects.filter(service=service, outcome=CallOutcome.SUCCESS).order_by("-started_at")
    return mine.values_list("started_at", flat=True).first()


def first_call_at(service: NationalService) -> datetime | None:
    """When a service was first called. 1 query."""
    mine = Call.objects.filter(service=service).order_by("started_at")
    return mine.values_list("started_at", flat=True).first()


def trial_by_uid(uid: UUID) -> ServiceTrial | None:
    """One trial."""
    return ServiceTrial.objects.filter(uid=uid).first()


def last_trials(targets: Sequence[str]) -> dict[str, ServiceTrial]:
    """The newest trial of each target. 1 query for each target."""
    found = {target: ServiceTrial.objects.filter(target=target).order_by("-id").first() for target in targets}
    return {target: trial for target, trial in found.items() if trial is not None}


READ_LATELY: Final = timedelta(minutes=15)
"""A drift is measured again each minute while somebody calls: an older one says nothing of now."""


def clock_drift(service: NationalService, now: datetime) -> tuple[str, timedelta] | None:
    """The machine whose clock was lately the farthest from that of a service, and by how much. 1 query."""
    lately = ClockReading.objects.filter(service=service, measured_at__gt=now - READ_LATELY)
    farthest = max(lately, key=lambda reading: abs(reading.drift_ms), default=None)
    return (farthest.host, timedelta(milliseconds=farthest.drift_ms)) if farthest else None
