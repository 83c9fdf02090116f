"""Asking the gate of the consultation from a page: the person, the session and the record of the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from dmp.consultation import Consultation
from dmp.enums import AccessState
from dmp.models import DmpStatus, RemoteDocument
from dmp.rules.access import Gate
from dmp.selectors import access_of, remote_document, status_is_fresh, status_known
from dossier.access import reader
from patients.models import Patient
from patients.selectors import Record, care_relation, patient_by_uid, record
from patients.services import record_open

CLOSED = "La consultation du DMP n’est plus possible pour ce patient : rien n’a été demandé."


@dataclass(frozen=True, slots=True)
class Asked:
    """A request about the DMP of a patient; `consultation` is there only when the gate is open."""

    user: User
    actor: Actor
    record: Record
    gate: Gate
    consultation: Consultation | None
    now: datetime

    @property
    def patient(self) -> Patient:
        return self.record.patient


def asked_for(request: HttpRequest, patient_uid: UUID) -> Asked:
    """The gate for the person of this request; 404 when the patient is unknown.

    The page around was opened, and traced, before: only a refusal is traced here.
    """
    try:
        patient = patient_by_uid(patient_uid)
    except Patient.DoesNotExist as error:
        raise Http404 from error
    return _asked(request, patient)


def asked_about(request: HttpRequest, document_uid: UUID) -> tuple[Asked, RemoteDocument]:
    """The same, from a document that this person saw; 404 for any other."""
    user, _ = reader(request)
    try:
        document = remote_document(user, document_uid)
    except RemoteDocument.DoesNotExist as error:
        raise Http404 from error
    return _asked(request, document.patient), document


def _asked(request: HttpRequest, patient: Patient) -> Asked:
    user, actor = reader(request)
    relation = care_relation(user, patient)
    if not relation:
        record_open(patient=patient, user=user, actor=actor)
    found, now = record(patient), timezone.now()
    access = access_of(
        found, user, actor=actor, assurance=getattr(request, "assurance", None), now=now, relation=relation
    )
    return Asked(user, actor, found, access.gate, access.consultation, now)


def access_confirmed(asked: Asked) -> DmpStatus | None:
    """The answer by which what this person saw of the DMP may be listed; None when there is none in force."""
    if asked.consultation is None:
        return None
    status = status_known(asked.consultation)
    may_show = (
        status is not None and status.state == AccessState.OPEN and status_is_fresh(status, now=asked.now)
    )
    return status if may_show else None


def may_look_at(asked: Asked) -> bool:
    """Whether a document that this person saw may be shown: the gate is open and no answer closed the access.

    An answer that is only old does not hide what is being read: the DMP decides when the content is asked.
    """
    if asked.consultation is None:
        return False
    status = status_known(asked.consultation)
    return status is not None and status.state == AccessState.OPEN
