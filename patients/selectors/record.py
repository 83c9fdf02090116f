"""What the pages about patients show: the unit list and the banner of a record (workflows 0)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from interop.ins.key import Ins
from patients.enums import AlertKind, AlertState, EpisodeKind, EpisodeState, IdentifierKind, TeamSource
from patients.models import PRESENT_STATES, Alert, CareTeamMember, Episode, Identifier, Patient
from patients.selectors.access import in_units_of

UNIT_LIST_SIZE = 300


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One kind of alert as shown: a kind without any row reads « non renseignée », never none."""

    kind: AlertKind
    state: AlertState
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A member of the care team of the current episode."""

    user: User
    source: TeamSource


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One line of « Mes patients »."""

    patient: Patient
    episode: Episode
    ipp: str
    alerts: tuple[AlertLine, ...]


@dataclass(frozen=True)
class Record:
    """The head of a patient's record.

    `ins` is the active matricule of a qualified identity, None for any other status (ins 7.4).
    `episode` is the stay to show: open, else planned, else the last one. Alerts and team are read when a
    page shows them: 1 query each, once.
    """

    patient: Patient
    ipp: str
    ins: Ins | None
    identifiers: tuple[Identifier, ...]
    episode: Episode | None
    episodes: tuple[Episode, ...]

    @cached_property
    def alerts(self) -> tuple[AlertLine, ...]:
        return alert_lines(Alert.objects.filter(patient=self.patient, is_active=True).order_by("id"))

    @cached_property
    def team(self) -> tuple[TeamLine, ...]:
        return _team(self.episode)


def patient_by_uid(uid: UUID) -> Patient:
    """A patient by its public identifier; Patient.DoesNotExist otherwise."""
    return Patient.objects.get(uid=uid)


def episode_by_uid(uid: UUID) -> Episode:
    """An episode by its public identifier, with its patient and units; Episode.DoesNotExist otherwise."""
    return Episode.objects.select_related("patient", "unit", "nursing_unit", "housing_unit").get(uid=uid)


def episodes_of(patient: Patient, *, states: Collection[str] = ()) -> QuerySet[Episode]:
    """Every episode of a patient, or those in some states, with their units."""
    episodes = Episode.objects.filter(patient=patient).select_related("unit", "nursing_unit", "housing_unit")
    return episodes.filter(state__in=states) if states else episodes


def record(patient: Patient) -> Record:
    """Read the head of a record. 2 queries, whatever the number of rows."""
    identifiers = tuple(Identifier.objects.filter(patient=patient, is_active=True).order_by("id"))
    ins = next((one for one in identifiers if one.kind == IdentifierKind.INS), None)
    episodes = tuple(
        Episode.objects.filter(patient=patient)
        .select_related("unit__site", "nursing_unit", "housing_unit")
        .order_by(F("admitted_at").desc(nulls_first=True), "-id")
    )
    episode = _episode_shown(episodes)
    return Record(
        patient=patient,
        ipp=_ipp(identifiers),
        ins=Ins(ins.value, ins.oid) if ins and patient.is_qualified else None,
        identifiers=identifiers,
        episode=episode,
        episodes=episodes,
    )


def unit_list(user: User, *, unit_codes: Collection[str] = ()) -> list[UnitRow]:
    """Patients present or planned in the units of the user, by unit, room, bed and name.

    `unit_codes` keeps some of these units. 3 queries, and the user's assignments.
    """
    episodes = Episode.objects.filter(in_units_of(user), state__in=PRESENT_STATES, patient__is_closed=False)
    if unit_codes:
        episodes = episodes.filter(
            Q(unit__code__in=unit_codes)
            | Q(nursing_unit__code__in=unit_codes)
            | Q(housing_unit__code__in=unit_codes)
        )
    rows = list(
        episodes.select_related("patient", "unit").order_by(
            "unit__code", "room", "bed", "patient__search_birth_name", "id"
        )[:UNIT_LIST_SIZE]
    )
    ids = [row.patient_id for row in rows]
    ipps = ipps_of(ids)
    alerts: dict[int, list[Alert]] = {}
    for alert in Alert.objects.filter(patient_id__in=ids, is_active=True).order_by("id"):
        alerts.setdefault(alert.patient_id, []).append(alert)
    return [
        UnitRow(row.patient, row, ipps.get(row.patient_id, ""), alert_lines(alerts.get(row.patient_id, [])))
        for row in rows
    ]


def alert_lines(alerts: Iterable[Alert]) -> tuple[AlertLine, ...]:
    """One line for each kind of alert, in the order of the enum."""
    rows = list(alerts)
    return tuple(_alert_line(kind, [row for row in rows if row.kind == kind]) for kind in AlertKind)


def ipps_of(patient_ids: Collection[int]) -> dict[int, str]:
    """The first active IPP of each of these patients. 1 query."""
    rows = Identifier.objects.filter(
        patient_id__in=patient_ids, kind=IdentifierKind.IPP, is_active=True
    ).order_by("-id")
    return {row.patient_id: row.value for row in rows}


def matricule_of(patient: Patient) -> str:
    """The matricule INS in force of a patient, empty without one; what it may serve is for the caller."""
    active = Identifier.objects.filter(patient=patient, kind=IdentifierKind.INS, is_active=True)
    return active.values_list("value", flat=True).first() or ""


def _alert_line(kind: AlertKind, rows: list[Alert]) -> AlertLine:
    if not rows:
        return AlertLine(kind, AlertState.NOT_RECORDED)
    return AlertLine(kind, AlertState(rows[0].state), tuple(row.label for row in rows if row.label))


def _ipp(identifiers: Iterable[Identifier]) -> str:
    return next((one.value for one in identifiers if one.kind == IdentifierKind.IPP), "")


def _episode_shown(episodes: tuple[Episode, ...]) -> Episode | None:
    for state in (EpisodeState.OPEN, EpisodeState.PLANNED, EpisodeState.CLOSED):
        found = next((one for one in episodes if one.state == state), None)
        if found is not None:
            return found
    return None


def stays_to_conclude(record: Record) -> tuple[Episode, ...]:
    """The stays that a discharge letter may be about, the likeliest first: it opens the list.

    Those that are open, and those closed since less than CARE_RELATION_DAYS; a hospital stay before a
    visit, what is open before what ended. Never a planned one: it has nothing to conclude.
    """
    begun = [one for one in record.episodes if one.state == EpisodeState.OPEN or _ended_lately(one)]
    return tuple(
        sorted(begun, key=lambda one: (one.kind != EpisodeKind.INPATIENT, one.state != EpisodeState.OPEN))
    )


def stays_with_choices(record: Record) -> tuple[Episode, ...]:
    """The stays for which the patient may still choose: under way, planned, or ended lately.

    A stay that ended may still have a letter that waits. Without any of these, the last stay.
    """
    ended = tuple(one for one in record.episodes if _ended_lately(one))
    living = tuple(one for one in record.episodes if one.state in PRESENT_STATES)
    return (*living, *ended) or ((record.episode,) if record.episode else ())


def _ended_lately(episode: Episode) -> bool:
    limit = timezone.now() - timedelta(days=settings.CARE_RELATION_DAYS)
    ended_at = episode.discharged_at
    return episode.state == EpisodeState.CLOSED and ended_at is not None and ended_at > limit


def _team(episode: Episode | None) -> tuple[TeamLine, ...]:
    rows = (
        CareTeamMember.objects.filter(Q(until__isnull=True) | Q(until__gt=timezone.now()), episode=episode)
        .select_related("user")
        .order_by("user__family_name", "user__given_name")
    )
    return tuple(TeamLine(row.user, TeamSource(row.source)) for row in rows)
