"""Reads of the consultation room: may this person ask, what did the DMP tell them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q

from accounts.assurance import Assurance
from accounts.models import User
from audit.context import Actor, current_origin
from consent.selectors import CurrentChoices, choices_current
from dmp.consultation import Consultation
from dmp.enums import AccessState, DocumentStatus
from dmp.models import DmpStatus, NoticeAcceptance, RemoteDocument, SearchPreset
from dmp.rules.access import AccessFacts, Gate, is_fresh, may_ask_dmp, notice_is_due, stay_has_ended
from dmp.rules.roles import profile_gap
from documents.enums import Origin
from documents.models import Reception, Version
from establishment.enums import NationalService
from establishment.models import Site, Unit
from establishment.selectors import endpoint_for
from interop.xds import codes
from national.dmp.opening import EVERY_SITE
from patients.enums import EpisodeState
from patients.models import Episode, Patient
from patients.selectors import CareRelation, Record, care_relation


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a person may consult a DMP now; `consultation` is there when the gate is open alone."""

    gate: Gate
    consultation: Consultation | None = None


def access_of(
    record: Record,
    user: User,
    *,
    actor: Actor,
    assurance: Assurance | None,
    now: datetime,
    relation: CareRelation | None = None,
) -> Access:
    """The gate of spec dmp 6.1 for one person, one record, one session. 5 queries at most.

    `relation` is given by who asked for it already.
    """
    episode = record.episode
    choices = choices_current(episode) if episode else None
    place = _unit_of(episode, user)
    facts = AccessFacts(
        may_consult=user.has_perm("dmp.consult"),
        is_strong=assurance is not None and assurance.is_strong(now),
        has_rpps=bool(user.rpps),
        profile_gap=profile_gap(user.acting.profession, user.acting.specialty),
        has_relation=bool(care_relation(user, record.patient) if relation is None else relation),
        consultation=choices.consultation_value if choices else None,
        has_ended=episode is None or _has_ended(episode, now),
        is_qualified=record.ins is not None and not record.patient.is_identity_under_review,
        is_enabled=place is not None and site_is_enabled(place.site),
        has_read_notice=not notice_due(user, now=now),
    )
    gate = may_ask_dmp(facts)
    # The gate saw to these four; naming them again lets the types say it.
    if not gate or episode is None or record.ins is None or place is None or assurance is None:
        return Access(gate)
    return Access(
        gate,
        Consultation(
            user=user,
            actor=actor,
            assurance=assurance,
            patient=record.patient,
            ipp=record.ipp,
            ins=record.ins,
            episode=episode,
            site=place.site,
            unit=place,
            choice=_choice_uid(choices),
        ),
    )


def _choice_uid(choices: CurrentChoices | None) -> str:
    return str(choices.consultation.uid) if choices and choices.consultation else ""


def _has_ended(episode: Episode, now: datetime) -> bool:
    return stay_has_ended(
        is_closed=episode.state == EpisodeState.CLOSED,
        ended_at=episode.discharged_at,
        now=now,
        tolerance=timedelta(days=settings.DMP_STAY_GRACE_DAYS),
    )


def _unit_of(episode: Episode | None, user: User) -> Unit | None:
    """Where the care is given: the unit of the stay, else that of the reader."""
    if episode is not None and episode.unit is not None:
        return episode.unit
    return next((row.unit for row in user.assignments_now if row.unit is not None), None)


def site_is_enabled(site: Site) -> bool:
    """Whether the consultation is open for a site: declared for AIR simplifié, and the endpoint on."""
    sites = settings.DMP_AIR_SITES
    return (EVERY_SITE in sites or site.finess in sites) and endpoint_for(NationalService.DMP) is not None


def notice_due(user: User, *, now: datetime) -> bool:
    """Whether this person must read the notice of SC.DMP/CONF.11 before consulting. 1 query."""
    last = NoticeAcceptance.objects.filter(user=user).order_by("-accepted_at").first()
    return notice_is_due(
        accepted_at=last.accepted_at if last else None, now=now, days=settings.DMP_NOTICE_DAYS
    )


def status_known(consultation: Consultation) -> DmpStatus | None:
    """The row of this user for this patient, fresh or not. 1 query."""
    return DmpStatus.objects.filter(
        patient=consultation.patient, user=consultation.user, structure=consultation.structure
    ).first()


def status_is_fresh(status: DmpStatus | None, *, now: datetime) -> bool:
    """Whether the cached answer may serve in the session of this request (spec README, decision 16)."""
    return status is not None and is_fresh(
        checked_at=status.checked_at,
        session=status.session,
        current_session=current_origin().session,
        now=now,
        life=timedelta(minutes=settings.DMP_STATUS_MINUTES),
    )


def remote_document(user: User, uid: UUID) -> RemoteDocument:
    """One document that this user saw; DoesNotExist for anybody else's. 1 query."""
    return RemoteDocument.objects.select_related("patient").get(user=user, uid=uid)


@dataclass(frozen=True, slots=True)
class News:
    """How many documents of third parties this user has not seen, and how many hide from the patient."""

    count: int = 0
    invisible: int = 0


def news_for_patients(user: User, patient_ids: Collection[int]) -> dict[int, News]:
    """For each of these patients, what this user has not seen yet, from what is stored. 1 query."""
    hidden = Q(confidentiality__contains=[codes.VISIBILITY_HIDDEN_PATIENT])
    rows = (
        RemoteDocument.objects.seen_by(user, patient_ids)
        .unseen()
        .values_list("patient_id")
        .annotate(count=Count("id"), invisible=Count("id", filter=hidden))
        .order_by()
    )
    return {patient_id: News(count, invisible) for patient_id, count, invisible in rows}


def statuses_for_patients(
    user: User, patient_ids: Collection[int], *, now: datetime
) -> dict[int, AccessState]:
    """For each of these patients, what the DMP last told this user, while it may serve. 1 query."""
    rows = DmpStatus.objects.filter(user=user, patient_id__in=patient_ids, checked_at__isnull=False)
    return {row.patient_id: AccessState(row.state) for row in rows if status_is_fresh(row, now=now)}


def presets_of(user: User) -> list[SearchPreset]:
    """The searches that this user keeps. 1 query."""
    return list(SearchPreset.objects.filter(user=user))


def counter_preset(user: User) -> SearchPreset | None:
    """The criteria that this user chose for the counter, if any. 1 query."""
    return SearchPreset.objects.filter(user=user, is_for_counter=True).first()


def previous_visit_end(consultation: Consultation) -> datetime | None:
    """When the last stay before this one ended; None when there was none. 1 query."""
    ended = Episode.objects.filter(patient=consultation.patient, state=EpisodeState.CLOSED)
    return (
        ended.exclude(pk=consultation.episode.pk)
        .order_by("-discharged_at")
        .values_list("discharged_at", flat=True)
    ).first()


def integrated_at(consultation: Consultation) -> datetime | None:
    """When a document of the DMP last entered this record, by anybody. 1 query."""
    return (
        Reception.objects.filter(patient=consultation.patient, origin=Origin.DMP)
        .order_by("-at")
        .values_list("at", flat=True)
        .first()
    )


@dataclass(frozen=True, slots=True)
class Filed:
    """A document of the DMP that the record holds: in which version, and where."""

    number: int
    version_uid: UUID
    state: str


def filed_versions(patient: Patient, unique_ids: Collection[str]) -> dict[str, Filed]:
    """Those of these documents that the record holds, by their uniqueId (SC.DMP/UX.14.TER). 1 query."""
    rows = Version.objects.filter(document__patient=patient, unique_id__in=[one for one in unique_ids if one])
    return {
        unique_id: Filed(number, uid, state)
        for unique_id, number, uid, state in rows.values_list("unique_id", "number", "uid", "state")
    }


def documents_in_force(user: User, patient: Patient) -> list[RemoteDocument]:
    """What third parties deposited and this user knows, newest act first, filed here or not. 1 query."""
    rows = RemoteDocument.objects.seen_by(user, [patient.pk]).filter(
        status__in=[DocumentStatus.APPROVED, DocumentStatus.ARCHIVED], replaced_by="", is_ours=False
    )
    found = list(rows.select_related("patient"))
    found.sort(key=lambda row: row.at, reverse=True)
    return found


def remote_documents(user: User, patient: Patient, uids: Collection[UUID]) -> list[RemoteDocument]:
    """Those of these documents that this user saw, newest act first; others' are not found. 1 query."""
    rows = RemoteDocument.objects.seen_by(user, [patient.pk]).filter(uid__in=uids).select_related("patient")
    return sorted(rows, key=lambda row: row.at, reverse=True)
