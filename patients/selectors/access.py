"""Who has a care relation with whom (security 3.3; F-DPI-08, F-PV-10, F-PV-11)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.enums import AccountKind
from accounts.models import User
from accounts.selectors import serves_every_unit, units_of
from patients.enums import EpisodeState
from patients.models import PRESENT_STATES, CareTeamMember, Episode, Movement, Patient


class RelationKind(StrEnum):
    """What founds the access of a user to a record."""

    UNIT = "unit"
    TEAM = "team"
    SERVICE = "service"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CareRelation:
    """A relation of care; `until` is None while the stay that founds it goes on."""

    kind: RelationKind
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self.kind != RelationKind.NONE


NO_RELATION = CareRelation(RelationKind.NONE)


def care_relation(user: User, patient: Patient) -> CareRelation:
    """The strongest relation of a user with a patient: a stay that goes on, else the last to end.

    A software that serves the whole establishment answers for every record, whatever its stays; one
    that serves named units is as their people. 1 query, and one more a request for the assignments.
    """
    if _serves_every_record(user):
        return CareRelation(RelationKind.SERVICE)
    rows = list(_related(user).filter(patient=patient).only("id", "state", "discharged_at"))
    if not rows:
        return NO_RELATION
    latest = max(rows, key=lambda row: row.discharged_at or datetime.max.replace(tzinfo=UTC))
    kind = RelationKind.TEAM if getattr(latest, "is_team", False) else RelationKind.UNIT
    until = _until(latest.discharged_at) if latest.state == EpisodeState.CLOSED else None
    return CareRelation(kind, until)


def relations_for(user: User, patient_ids: Collection[int]) -> frozenset[int]:
    """Those of these patients with whom the user has a care relation. 1 query."""
    if _serves_every_record(user):
        return frozenset(patient_ids)
    return frozenset(_related(user).filter(patient_id__in=patient_ids).values_list("patient_id", flat=True))


def patients_searchable(user: User) -> QuerySet[Patient]:
    """Whose identity a search may show: everybody's to people, who must find a patient to receive;
    to a software that serves named units, that of their patients alone (security 3.2)."""
    if user.kind != AccountKind.SERVICE or serves_every_unit(user):
        return Patient.objects.all()
    return Patient.objects.filter(pk__in=_related(user).values("patient_id"))


def in_units_of(user: User) -> Q:
    """Stays under the responsibility, or within the walls, of a unit of the user."""
    if serves_every_unit(user):
        return Q()
    ids = [unit.pk for unit in units_of(user)]
    return Q(unit_id__in=ids) | Q(nursing_unit_id__in=ids) | Q(housing_unit_id__in=ids)


def _serves_every_record(user: User) -> bool:
    return user.kind == AccountKind.SERVICE and serves_every_unit(user)


def _related(user: User) -> QuerySet[Episode]:
    """Stays that found a relation: planned, open, or closed since less than CARE_RELATION_DAYS.

    A unit that the patient left during the stay keeps its relation: its team answers for what it did.
    """
    live = Q(state__in=PRESENT_STATES) | Q(
        state=EpisodeState.CLOSED, discharged_at__gt=timezone.now() - _tolerance()
    )
    member = CareTeamMember.objects.filter(
        Q(until__isnull=True) | Q(until__gt=timezone.now()), episode=OuterRef("pk"), user=user
    )
    if serves_every_unit(user):
        return Episode.objects.filter(live).annotate(is_team=Exists(member))
    codes = [unit.code for unit in units_of(user)]
    passed = Movement.objects.filter(
        Q(medical_unit_code__in=codes) | Q(nursing_unit_code__in=codes) | Q(housing_unit_code__in=codes),
        episode=OuterRef("pk"),
        is_cancelled=False,
    )
    return (
        Episode.objects.filter(live)
        .annotate(is_team=Exists(member))
        .filter(Q(is_team=True) | in_units_of(user) | Exists(passed))
    )


def _tolerance() -> timedelta:
    return timedelta(days=settings.CARE_RELATION_DAYS)


def _until(discharged_at: datetime | None) -> datetime | None:
    return discharged_at + _tolerance() if discharged_at else None
