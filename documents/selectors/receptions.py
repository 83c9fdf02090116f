"""What arrived, as it is told to the people concerned (SC.MSS/UX.38, UX.40, F-PV-28)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from accounts.selectors import serves_every_unit, units_of
from audit.models import Trace
from documents.enums import Intake, NoticeKind, Origin, ReceiptOutcome
from documents.models import HandImport, Reception, ReceptionNotice, Version
from interop.ins.traits import comparable
from patients.models import PRESENT_STATES, Episode

PAGE: Final = 50
FILED: Final = (
    ReceiptOutcome.INTEGRATED,
    ReceiptOutcome.REPLACED,
    ReceiptOutcome.DUPLICATE,
    ReceiptOutcome.DELETED,
)
"""Outcomes that touched a document of a record."""
STEPS: Final = (
    "mssante.integrate",
    "mssante.replace",
    "mssante.delete",
    "mssante.duplicate",
    "mssante.reject",
    "mssante.seen",
    "mssante.unseen",
    "mssante.handled",
    "mssante.reported",
    "mssante.answered",
    "mssante.import",
    "mssante.view",
)
"""Traces of what is done about an arrival, on this side of the intermediation."""


@dataclass(frozen=True, slots=True)
class ReceptionFilters:
    """What the list is narrowed to; an empty value narrows nothing. `text` is a patient or a sender."""

    units: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    since: datetime | None = None
    text: str = ""
    intake: str = ""


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """For the bar: documents that nobody of the unit saw, rejections that nobody dealt with."""

    unseen: int
    rejected: int


def receptions_of_document(document_id: int) -> QuerySet[Reception]:
    """How a document came into the record, oldest first: its provenances. 1 query."""
    return Reception.objects.filter(document_id=document_id, outcome__in=FILED).order_by("id")


def notice_counts(user: User) -> NoticeCounts:
    """What waits for the units of a person. 1 query, and one more a request for the assignments."""
    waiting = ReceptionNotice.objects.filter(_concerns(user), seen_at__isnull=True).aggregate(
        unseen=Count("id", filter=~Q(kind=NoticeKind.REJECTED)),
        rejected=Count("id", filter=Q(kind=NoticeKind.REJECTED)),
    )
    return NoticeCounts(**waiting)


def notices_inbox(
    user: User, filters: ReceptionFilters, *, rejected: bool, limit: int = PAGE
) -> list[ReceptionNotice]:
    """One of the two groups of the inbox, what waits first, then the newest. 1 query."""
    kind = Q(kind=NoticeKind.REJECTED)
    found = _with_facts(ReceptionNotice.objects.filter(_concerns(user), kind if rejected else ~kind))
    found = found.filter(_narrowed(filters, "reception__"))
    if rejected:
        found = found.filter(seen_at__isnull=True)
    return list(found.order_by("-reception_id")[:limit])


def notices_unseen(user: User) -> QuerySet[ReceptionNotice]:
    """Everything filed by itself that nobody of the unit saw: « Tout marquer comme vu »."""
    return ReceptionNotice.objects.filter(_concerns(user), seen_at__isnull=True).exclude(
        kind=NoticeKind.REJECTED
    )


def notice_visible(user: User, reception_uid: UUID) -> ReceptionNotice:
    """The notice of an arrival that concerns this person; ReceptionNotice.DoesNotExist otherwise."""
    return _with_facts(ReceptionNotice.objects.filter(_concerns(user))).get(reception__uid=reception_uid)


def notices_among(user: User, uids: Iterable[UUID]) -> list[ReceptionNotice]:
    """Those of these arrivals that concern this person. 1 query."""
    found = ReceptionNotice.objects.filter(_concerns(user), reception__uid__in=list(uids))
    return list(found.select_related("reception__patient"))


def receptions_history(user: User, filters: ReceptionFilters, *, limit: int = PAGE) -> list[Reception]:
    """Every arrival by MSSanté or by hand that concerns a person, whatever became of it (F-PV-28).

    1 query.
    """
    found = Reception.objects.filter(
        _reception_concerns(user), _narrowed(filters, ""), origin__in=[Origin.MSSANTE, Origin.UPLOAD]
    ).select_related("patient", "unit", "document", "version", "notice__seen_by")
    return list(found.order_by("-id")[:limit])


def reports_open() -> list[ReceptionNotice]:
    """Rejections reported to the identity cell, oldest first. 1 query."""
    found = ReceptionNotice.objects.filter(reported_at__isnull=False, answered_at__isnull=True)
    return list(_with_facts(found).select_related("reported_by").order_by("reported_at"))


def unseen_kinds(patient_id: int) -> dict[int, str]:
    """Documents of a patient that the unit has not looked at yet, with the kind of news. 1 query."""
    rows = ReceptionNotice.objects.filter(
        patient_id=patient_id, seen_at__isnull=True, reception__document__isnull=False
    ).order_by("reception_id")
    return dict(rows.values_list("reception__document_id", "kind"))


def notice_waiting(version: Version) -> ReceptionNotice | None:
    """The news of a version that nobody looked at yet. 1 query."""
    waiting = ReceptionNotice.objects.filter(reception__version=version, seen_at__isnull=True)
    return waiting.select_related("reception").order_by("-reception_id").first()


def unseen_by_patient(patient_ids: Collection[int]) -> dict[int, int]:
    """How many arrivals nobody looked at, for each of these patients that has some. 1 query."""
    rows = ReceptionNotice.objects.filter(patient_id__in=patient_ids, seen_at__isnull=True)
    return dict(rows.order_by().values_list("patient_id").annotate(count=Count("id")))


def steps_of(reception: Reception) -> list[Trace]:
    """What was done about an arrival, oldest first, from the trace (SC.MSS/UX.37). 1 query."""
    steps = Trace.objects.filter(type__in=STEPS, time__gte=reception.at, object_uid=reception.uid)
    return list(steps.order_by("id"))


def _concerns(user: User) -> Q:
    """Arrivals for the units of a person, addressed to her, or that no unit was named for.

    A rejection without unit is everybody's, or it would be nobody's; a document without unit is told to
    who cares for the patient now.
    """
    if serves_every_unit(user):
        return Q()
    units = [unit.pk for unit in units_of(user)]
    patients = Episode.objects.filter(
        Q(unit_id__in=units) | Q(nursing_unit_id__in=units) | Q(housing_unit_id__in=units),
        state__in=PRESENT_STATES,
    ).values("patient_id")
    return (
        Q(unit_id__in=units)
        | Q(recipient=user)
        | Q(unit__isnull=True, kind=NoticeKind.REJECTED)
        | Q(unit__isnull=True, patient_id__in=patients)
    )


def _reception_concerns(user: User) -> Q:
    if serves_every_unit(user):
        return Q()
    units = [unit.pk for unit in units_of(user)]
    return (
        Q(unit_id__in=units)
        | Q(recipient=user)
        | Q(actor_uid=user.uid)
        | Q(unit__isnull=True, patient__isnull=True)
    )


def _narrowed(filters: ReceptionFilters, prefix: str) -> Q:
    wanted = Q()
    if filters.units:
        wanted &= Q(**{f"{prefix}unit__code__in": filters.units})
    if filters.outcomes:
        wanted &= Q(**{f"{prefix}outcome__in": filters.outcomes})
    if filters.intake in Intake.values:
        wanted &= Q(**{f"{prefix}intake": filters.intake})
    if filters.since is not None:
        wanted &= Q(**{f"{prefix}at__gte": filters.since})
    if filters.text:
        wanted &= (
            Q(**{f"{prefix}source_label__icontains": filters.text})
            | Q(**{f"{prefix}source_address__icontains": filters.text})
            | Q(**{f"{prefix}title__icontains": filters.text})
            | Q(**{f"{prefix}patient__search_full_name__contains": comparable(filters.text) or "\x7f"})
        )
    return wanted


def _with_facts(notices: QuerySet[ReceptionNotice]) -> QuerySet[ReceptionNotice]:
    return notices.select_related(
        "reception__patient",
        "reception__candidate",
        "reception__unit",
        "reception__document__episode",
        "reception__version",
        "seen_by",
    )


def imports_of_file(content: bytes) -> list[HandImport]:
    """Who began to import this very file by hand, the last one first. 1 query."""
    sha256 = hashlib.sha256(content).hexdigest()
    return list(HandImport.objects.select_related("user").filter(raw_sha256=sha256).order_by("-id")[:5])
