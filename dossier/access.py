"""Opening a record from a page: care relation asked, opening traced, once for each page shown."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpRequest

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from documents.models import Version
from documents.selectors import version_to_show
from documents.services import READ_REMOVED, removed_refuse
from patients.models import Patient
from patients.selectors import Record, care_relation, patient_by_uid, record
from patients.services import record_open


def reader(request: HttpRequest) -> tuple[User, Actor]:
    """The logged-in person and the actor of the request; views are never reached without both."""
    user = request.user
    actor = getattr(request, "actor", None)
    if not isinstance(user, User) or not isinstance(actor, Actor):
        raise Http404
    return user, actor


def record_for_page(request: HttpRequest, patient_uid: UUID) -> Record:
    """Open a record to show a page of it; 404 when unknown, AccessRefused without care relation."""
    user, actor = reader(request)
    try:
        patient = patient_by_uid(patient_uid)
    except Patient.DoesNotExist as error:
        raise Http404 from error
    record_open(patient=patient, user=user, actor=actor)
    return record(patient)


@dataclass(frozen=True, slots=True)
class IdentityPage:
    """The identity of a patient; `is_followed` tells whether the reader has a care relation too."""

    record: Record
    is_followed: bool


def patient_for_identity(patient_uid: UUID) -> Patient:
    """A patient by its public identifier, or 404."""
    try:
        return patient_by_uid(patient_uid)
    except Patient.DoesNotExist as error:
        raise Http404 from error


def identity_for_page(request: HttpRequest, patient_uid: UUID) -> IdentityPage:
    """Show the identity of any patient to who manages identities; the reading is traced.

    No care relation is asked: a duplicate or a wrong identity is put right for persons who have no stay, and
    the page holds nothing of their care.
    """
    user, actor = reader(request)
    patient = patient_for_identity(patient_uid)
    relation = care_relation(user, patient)
    trace_write(
        type="identity.view",
        action=Action.READ,
        actor=actor,
        patient_uid=patient.uid,
        object_type="patients.patient",
        object_uid=patient.uid,
        detail={"relation": relation.kind.value},
    )
    return IdentityPage(record(patient), is_followed=bool(relation))


def version_for_page(request: HttpRequest, version_uid: UUID, *, opens_record: bool = False) -> Version:
    """A version of a patient that the reader follows; 404 or AccessRefused as for the record.

    `opens_record` is for whole pages: they show the banner, so the opening is traced. What is
    fetched inside a page already opened only traces its refusal.
    """
    user, actor = reader(request)
    try:
        version = version_to_show(version_uid)
    except Version.DoesNotExist as error:
        raise Http404 from error
    patient = version.document.patient
    if opens_record or not care_relation(user, patient):
        record_open(patient=patient, user=user, actor=actor)
    removed_refuse(version=version, may_read=user.has_perm(READ_REMOVED), actor=actor)
    return version
