"""What arrived, filed or refused, as a list for other software."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.selectors import serves_every_unit, units_of
from documents.models import Reception
from patients.models import Patient


@dataclass(frozen=True, slots=True)
class ArrivalFilters:
    """What a list of arrivals is narrowed to; empty means everything."""

    origins: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    since: datetime | None = None
    patient: Patient | None = None


def arrivals(user: User, filters: ArrivalFilters) -> QuerySet[Reception]:
    """What arrived for the units of the user or for the user, filed or refused; or for one patient, whose
    record the caller has opened."""
    rows = Reception.objects.select_related("patient", "document", "version", "unit")
    if filters.patient is not None:
        rows = rows.filter(patient=filters.patient)
    elif not serves_every_unit(user):
        rows = rows.filter(Q(unit__in=units_of(user)) | Q(recipient=user))
    if filters.origins:
        rows = rows.filter(origin__in=filters.origins)
    if filters.outcomes:
        rows = rows.filter(outcome__in=filters.outcomes)
    if filters.units:
        rows = rows.filter(unit__code__in=filters.units)
    if filters.since:
        rows = rows.filter(at__gte=filters.since)
    return rows.defer("version__body", "version__snapshot")
