"""Importing by hand what a person dropped (SC.MSS/UX.39): kept as it came, then filed where she says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from documents.dropped import Dropped, DroppedDocument, DroppedKind, DropRefused, open_dropped
from documents.enums import Intake, Origin, ReceiptOutcome, ReceiptRequest, VersionState
from documents.errors import ImportRefused
from documents.models import Document, HandImport, Reception, Version
from documents.received import (
    SENTENCES,
    Confirmation,
    IncomingDeletion,
    IncomingDocument,
    Mailing,
    RawInput,
    Receipt,
    Refusal,
)
from documents.selectors import FilingPlace, held_by_id, place_by_hand
from documents.services.produced import OID_SEQUENCE
from documents.services.received import document_delete_received, document_receive, reception_refuse
from documents.store import content_get, content_put
from establishment.identifiers import Branch, oid_allocate
from establishment.models import Unit
from interop.cda.value_sets import document_types
from patients.models import Patient
from patients.rules import ReceivedPerson, differing_between
from patients.selectors import holder_of


@dataclass(frozen=True, slots=True)
class LooseFile:
    """What a person says of a PDF dropped alone, which says nothing of itself (MSSREC_MAN_NONCDA)."""

    title: str
    type_code: str
    act_at: datetime


@dataclass(frozen=True, slots=True)
class ImportBy:
    """Who imports: her session as `actor`; `unit` where she named it, when nothing else tells it."""

    user: User
    actor: Actor
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class _Filing:
    """What the documents of one import share."""

    dropped: Dropped
    patient: Patient
    raw: RawInput
    confirmation: Confirmation
    by: ImportBy
    at: datetime


def import_open(
    *, user: User, actor: Actor, content: bytes, name: str, patient: Patient | None = None
) -> HandImport:
    """Keep a dropped file and open it once, so that a wrong one is said at once.

    Raises:
        DropRefused: the file is not opened; its bytes and its refusal are kept all the same.
    """
    try:
        open_dropped(content, zone=_zone(), action_slot=settings.XDM_ACTION_SLOT)
    except DropRefused as error:
        reception_refuse(
            incoming=IncomingDocument(
                cda=b"",
                origin=Origin.UPLOAD,
                intake=Intake.MANUAL,
                raw=RawInput(content, name),
            ),
            refusal=Refusal(ReceiptOutcome.UNREADABLE, error.code, error.reason),
            actor=actor,
            at=timezone.now(),
        )
        raise
    with transaction.atomic():
        opened = HandImport.objects.create(
            user=user, patient=patient, raw_sha256=content_put(content), raw_name=name[:200]
        )
        trace_write(
            type="mssante.import",
            action=Action.CREATE,
            actor=actor,
            patient_uid=patient.uid if patient else None,
            object_type="import",
            object_uid=opened.uid,
            detail={"sha256": opened.raw_sha256, "size": len(content)},
        )
    return opened


def dropped_of(opened: HandImport) -> Dropped:
    """Read again what was dropped, from the store: nothing of it is believed from a form."""
    return open_dropped(content_get(opened.raw_sha256), zone=_zone(), action_slot=settings.XDM_ACTION_SLOT)


def import_file(
    *, opened: HandImport, patient: Patient, chosen: Collection[str], motive: str, by: ImportBy
) -> list[Receipt]:
    """File the chosen CDA of a dropped file in the record of `patient`, whom a person confirmed.

    `chosen` are uniqueId; each document is judged by the versions already held, and has its receipt.
    The identity of the patient is never changed by an import (workflows 5.5).

    Raises:
        ImportRefused: nothing chosen, a closed identity, no unit, another matricule without right and
            motive, or a document that was deleted without a motive to file it again.
    """
    dropped = dropped_of(opened)
    documents = [one for one in dropped.documents if one.header.unique_id in chosen]
    if not documents:
        raise ImportRefused("Choisissez au moins un document à classer.", "nothing_chosen")
    if patient.is_closed:
        raise ImportRefused(
            "Cette identité est fermée : choisissez le dossier retenu par l’identitovigilance.",
            "identity_closed",
        )
    if any(matricule_differs(patient, one) for one in documents):
        check_may_override(by.user, motive)
    if not motive.strip() and any(returns(patient, one) for one in documents):
        raise ImportRefused(
            "Ce document a été supprimé auparavant : écrivez pourquoi vous le classez de nouveau.",
            "motive_missing",
        )
    filing = _Filing(
        dropped,
        patient,
        RawInput(content_get(opened.raw_sha256), opened.raw_name),
        Confirmation(motive.strip()),
        by,
        timezone.now(),
    )
    places = [_place(filing, one.header.act_at) for one in documents]
    receipts = [_file(one, filing, place) for one, place in zip(documents, places, strict=True)]
    HandImport.objects.filter(pk=opened.pk).update(done_at=filing.at)
    return receipts


def matricule_differs(patient: Patient, document: DroppedDocument) -> bool:
    """Whether both sides carry an INS and it is not the same: another person, until somebody says why."""
    ins, held = document.header.parsed.patient.ins, holder_of(patient).ins
    return ins is not None and bool(held.matricule) and ins != held


def returns(patient: Patient, document: DroppedDocument) -> bool:
    """Whether the document was deleted from this record, and comes back by a person alone (mssante 2.6)."""
    if document.request == ReceiptRequest.DELETE:
        return False
    held = held_by_id(document.header.unique_id, patient)
    return (
        held is not None and held.same_patient and held.state == VersionState.DELETED and not held.is_produced
    )


def check_may_override(user: User, motive: str) -> None:
    """The hard stop of mssante 2.8.4: the right, and a motive.

    Raises:
        ImportRefused: one of the two is missing.
    """
    if not user.has_perm("documents.import_mismatch"):
        raise ImportRefused(
            "Le matricule INS du document n’est pas celui de ce dossier : il ne peut pas y être classé. "
            "Vérifiez le patient, ou signalez-le à l’identitovigilance.",
            "matricule_differs",
        )
    if not motive.strip():
        raise ImportRefused(
            "Le matricule INS diffère : écrivez pourquoi ce document est bien de ce patient.",
            "motive_missing",
        )


@transaction.atomic
def loose_file_import(*, opened: HandImport, patient: Patient, file: LooseFile, by: ImportBy) -> Receipt:
    """File a PDF that came without its CDA: title, type and date are those that a person gives.

    Raises:
        ImportRefused: not a PDF, an unknown type, no title, a closed identity, no unit.
    """
    if dropped_of(opened).kind != DroppedKind.PDF:
        raise ImportRefused("Ce fichier n’est pas un PDF.", "not_pdf")
    if patient.is_closed:
        raise ImportRefused("Cette identité est fermée : choisissez un autre dossier.", "identity_closed")
    if file.type_code not in document_types() or not file.title.strip():
        raise ImportRefused("Donnez au document un titre et un type.", "facts_missing")
    at = timezone.now()
    place = filing_place(patient=patient, by=by, act_at=file.act_at, at=at)
    known = Version.objects.filter(
        document__patient=patient, pdf_sha256=opened.raw_sha256, cda_sha256="", state=VersionState.CURRENT
    ).first()
    version = known or _loose_version(opened, patient, file, place, at)
    outcome = ReceiptOutcome.DUPLICATE if known else ReceiptOutcome.INTEGRATED
    reception = Reception.objects.create(
        at=at,
        origin=Origin.MSSANTE,
        intake=Intake.MANUAL,
        request=ReceiptRequest.INITIAL,
        outcome=outcome,
        is_cda=False,
        patient=patient,
        document=version.document,
        version=version,
        unit=place.unit,
        actor_login=by.actor.login,
        actor_uid=by.actor.uid,
        title=file.title[:200],
        type_code=file.type_code,
        act_at=file.act_at,
        unique_id=version.unique_id,
        raw_sha256=opened.raw_sha256,
        raw_name=opened.raw_name,
    )
    HandImport.objects.filter(pk=opened.pk).update(done_at=at)
    trace_write(
        type="mssante.integrate",
        action=Action.CREATE,
        actor=by.actor,
        patient_uid=patient.uid,
        object_type="reception",
        object_uid=reception.uid,
        detail={"intake": Intake.MANUAL, "format": "pdf", "sha256": opened.raw_sha256, "outcome": outcome},
    )
    return Receipt(outcome, reception, version.document, version, SENTENCES[outcome])


def filing_place(
    *, patient: Patient, by: ImportBy, act_at: datetime | None, at: datetime, addresses: Collection[str] = ()
) -> FilingPlace:
    """The unit in whose name a document is imported, frozen with it (stats C8), and its stay.

    Raises:
        ImportRefused: neither the habilitations, nor the stays, nor the mail, nor the person say it.
    """
    place = place_by_hand(patient, by.user, by.actor, act_at=act_at, at=at, addresses=addresses)
    if place is None and by.unit is not None:
        place = FilingPlace(by.unit)
    if place is None:
        raise ImportRefused("Choisissez l’unité pour laquelle vous classez ce document.", "unit_missing")
    return place


def _place(filing: _Filing, act_at: datetime | None) -> FilingPlace:
    return filing_place(
        patient=filing.patient,
        by=filing.by,
        act_at=act_at,
        at=filing.at,
        addresses=filing.dropped.recipient_addresses,
    )


def _file(one: DroppedDocument, filing: _Filing, place: FilingPlace) -> Receipt:
    """A bare CDA was added by hand; what an archive or a mail held came by MSSanté."""
    dropped, patient, actor = filing.dropped, filing.patient, filing.by.actor
    is_bare = dropped.kind == DroppedKind.CDA
    incoming = IncomingDocument(
        cda=one.content,
        origin=Origin.UPLOAD if is_bare else Origin.MSSANTE,
        intake=Intake.MANUAL,
        request=one.request,
        visibility=one.visibility,
        episode=place.episode,
        unit=place.unit,
        source_label=dropped.sender_label or one.header.author_organization,
        source_id=dropped.message_id,
        extra=_said(one, filing),
        mailing=Mailing(
            sender_address=dropped.sender_address,
            recipient_address=next(iter(dropped.recipient_addresses), ""),
        ),
        raw=None if is_bare else filing.raw,
        confirmation=filing.confirmation,
        refiled_for=filing.confirmation.motive,
    )
    if one.request == ReceiptRequest.DELETE:
        deletion = IncomingDeletion(
            origin=incoming.origin,
            intake=incoming.intake,
            cda=one.content,
            unit=place.unit,
            source_label=dropped.sender_label,
            source_id=incoming.source_id,
            mailing=incoming.mailing,
            raw=incoming.raw,
        )
        return document_delete_received(patient=patient, incoming=deletion, actor=actor, at=filing.at)
    return document_receive(patient=patient, incoming=incoming, actor=actor, at=filing.at)


def _said(one: DroppedDocument, filing: _Filing) -> dict[str, str]:
    """The motive of the person, where the identities differ."""
    received, motive = one.header.parsed.patient, filing.confirmation.motive
    differs = differing_between(holder_of(filing.patient), ReceivedPerson(received.traits, received.ins))
    return {"motive": motive} if differs and motive else {}


def _loose_version(
    opened: HandImport, patient: Patient, file: LooseFile, place: FilingPlace, at: datetime
) -> Version:
    content = content_get(opened.raw_sha256)
    document = Document.objects.create(
        patient=patient,
        episode=place.episode,
        unit=place.unit,
        type_code=file.type_code,
        title=file.title.strip()[:200],
        origins=[Origin.MSSANTE],
        created_at=at,
    )
    return Version.objects.create(
        document=document,
        state=VersionState.CURRENT,
        act_at=file.act_at,
        edited_at=at,
        unique_id=oid_allocate(Branch.DOCUMENT, sequence=OID_SEQUENCE),
        pdf_sha256=opened.raw_sha256,
        pdf_size=len(content),
    )


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)
