"""Writes of documents received from elsewhere: filed, replaced, deleted or refused, always kept.

Sources: requirements 13, hl7v2 3.5, mssante 2.5 to 2.7, dmp 6.5. One entry for every channel, so that
the same document coming twice is one document with two provenances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from audit.context import Actor
from audit.enums import Action, Outcome
from audit.rows import rows_insert
from audit.services import trace_write
from documents import events
from documents.enums import Intake, Origin, ReceiptOutcome, VersionState
from documents.header import ReceivedHeader, received_header, why_unreadable
from documents.models import Document, Reception, Version
from documents.pdf_safety import PdfRefused, check_pdf_passive
from documents.received import (
    FILED_AGAIN,
    REFILED_FOR,
    SENTENCES,
    IncomingDeletion,
    IncomingDocument,
    Receipt,
    Refusal,
)
from documents.rules import Arrival, Held, Ruling, application_code, number_of, ruling_on, ruling_on_deletion
from documents.selectors import held_by_id, held_by_set, held_last, stay_for_filing
from documents.services.notices import notice_open
from documents.store import content_put
from documents.wishes import Visibility
from establishment.selectors import legal_entity
from interop.cda.refusals import CdaRefused
from interop.xml import XmlRefused
from patients.models import Patient
from patients.rules import ReceivedPerson, differing_between
from patients.selectors import holder_of

TRACE_TYPES: Final = {
    ReceiptOutcome.INTEGRATED: "integrate",
    ReceiptOutcome.REPLACED: "replace",
    ReceiptOutcome.DELETED: "delete",
    ReceiptOutcome.DUPLICATE: "duplicate",
}
REJECTED: Final = "reject"
INS_LENGTH: Final = 15


@dataclass(frozen=True, slots=True)
class _Entry:
    """What every Reception row of one arrival says; `ins` goes to the trace alone."""

    columns: dict[str, Any]
    actor: Actor
    ins: str = ""


def document_receive(*, patient: Patient, incoming: IncomingDocument, actor: Actor, at: datetime) -> Receipt:
    """File a document in the record of `patient`, or say why not; a Reception row is kept either way.

    The bytes are stored before the transaction; identity, versions and authors decide inside it.
    Raises nothing for a document that is refused.
    """
    entry = _Entry(_columns(incoming, actor, at), actor)
    try:
        zone = ZoneInfo(settings.TIME_ZONE)
        header = received_header(incoming.cda, zone=zone, parsed=incoming.parsed)
    except (XmlRefused, CdaRefused) as error:
        return _unreadable(entry, error)
    pdf = header.parsed.body.pdf
    if pdf:
        try:
            check_pdf_passive(pdf)
        except PdfRefused as refused:
            return _runs_something(_with_header(entry, header), refused)
    with transaction.atomic():
        return _receive(patient, incoming, header, _with_header(entry, header), at)


def document_delete_received(
    *, patient: Patient, incoming: IncomingDeletion, actor: Actor, at: datetime
) -> Receipt:
    """Mark a received document deleted as its sender asks; its content stays viewable (SC.MSS/UX.05)."""
    unique_id = incoming.unique_id
    entry = _Entry(_columns(incoming, actor, at) | {"unique_id": unique_id}, actor)
    author_keys = None
    if incoming.cda:
        try:
            header = received_header(incoming.cda, zone=ZoneInfo(settings.TIME_ZONE))
        except (XmlRefused, CdaRefused) as error:
            return _unreadable(entry, error)
        entry = _with_header(entry, header)
        unique_id, author_keys = header.unique_id, header.author_keys
    with transaction.atomic():
        lineages_lock(unique_id)
        target = held_by_id(unique_id, patient)
        outcome = ruling_on_deletion(target, author_keys)
        version = _locked(target.pk) if target is not None and target.same_patient else None
        if outcome == ReceiptOutcome.DELETED and version is not None:
            Version.objects.filter(pk=version.pk).update(state=VersionState.DELETED, deleted_at=at)
        return _record(entry, outcome, patient=patient, version=version)


def reception_refuse(*, incoming: IncomingDocument, refusal: Refusal, actor: Actor, at: datetime) -> Receipt:
    """Keep a document that found no record: identity unknown or not concordant, bytes unusable."""
    entry = _Entry(_columns(incoming, actor, at), actor)
    try:
        entry = _with_header(entry, received_header(incoming.cda, zone=ZoneInfo(settings.TIME_ZONE)))
    except (XmlRefused, CdaRefused):
        entry = replace(entry, columns=entry.columns | {"title": ""})
    with transaction.atomic():
        return _record(
            entry,
            refusal.outcome,
            code=refusal.code,
            reason=refusal.reason,
            candidate=refusal.candidate,
            differing=list(refusal.differing),
        )


def lineages_lock(*names: str) -> None:
    """Serialise what arrives about the same documents, whichever channel brings it.

    Always in the same order, and before any row: documents, versions and stays come after.
    """
    ordered = sorted({name for name in names if name})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 1)) FROM unnest(%s::text[]) AS name",
            [ordered],
        )


def _receive(
    patient: Patient, incoming: IncomingDocument, header: ReceivedHeader, entry: _Entry, at: datetime
) -> Receipt:
    lineages_lock(header.unique_id, header.set_id, header.parent_id, incoming.registry_parent)
    patient = Patient.objects.get(pk=patient.pk)
    differing = list(_differing(patient, header))
    if differing and incoming.confirmation is None:
        return _record(entry, ReceiptOutcome.REFUSED_IDENTITY, candidate=patient, differing=differing)
    same_id = held_by_id(header.unique_id, patient)
    ruling = _ruling(patient, incoming, header, same_id, sha256=entry.columns["cda_sha256"])
    if ruling.again is not None:
        return _file_again(ruling.again, patient, incoming, entry, differing)
    if ruling.outcome in (ReceiptOutcome.INTEGRATED, ReceiptOutcome.REPLACED):
        version = _file(patient, incoming, header, ruling, at, sha256=entry.columns["cda_sha256"])
        return _record(entry, ruling.outcome, patient=patient, version=version, differing=differing)
    known = _locked(same_id.pk) if same_id is not None and same_id.same_patient else None
    if ruling.outcome == ReceiptOutcome.DUPLICATE and known is not None:
        _add_provenance(known.document, incoming.origin)
    return _record(entry, ruling.outcome, patient=patient, version=known, differing=differing)


def _ruling(
    patient: Patient,
    incoming: IncomingDocument,
    header: ReceivedHeader,
    same_id: Held | None,
    *,
    sha256: str,
) -> Ruling:
    lineage = held_by_set(header.set_id, patient)
    if lineage is None and same_id is not None:
        lineage = held_last(same_id.document_pk, patient)
    if incoming.intake == Intake.AUTOMATIC and _takes_our_identifiers(header, same_id, lineage):
        return Ruling(ReceiptOutcome.CONFLICT)
    return ruling_on(
        Arrival(
            request=incoming.request,
            sha256=sha256,
            number=header.number,
            # The registry of the DMP accepted the deposit: it knows who may replace what (dmp 3.6).
            author_keys=None if incoming.origin == Origin.DMP else header.author_keys,
            refiles=incoming.intake == Intake.MANUAL and bool(incoming.refiled_for.strip()),
        ),
        same_id=same_id,
        lineage=lineage,
        parent=held_by_id(header.parent_id, patient) or held_by_id(incoming.registry_parent, patient),
        accepts_orphan=settings.RECEPTION_ACCEPTS_ORPHAN,
    )


def _takes_our_identifiers(header: ReceivedHeader, same_id: Held | None, lineage: Held | None) -> bool:
    """Whether a stranger's document uses identifiers that only this installation gives (cda 8.4).

    Filed, it would stand in the way of the document that gets them one day.
    """
    ours = f"{legal_entity().oid_root}."
    return (same_id is None and header.unique_id.startswith(ours)) or (
        lineage is None and header.set_id.startswith(ours)
    )


def _file(
    patient: Patient,
    incoming: IncomingDocument,
    header: ReceivedHeader,
    ruling: Ruling,
    at: datetime,
    *,
    sha256: str,
) -> Version:
    """Write the version that arrived, as the first of a document or after the one that it follows."""
    if ruling.after is None:
        document = _new_document(patient, incoming, header, at)
        taken: list[int] = []
    else:
        previous = _locked(ruling.after.pk)
        document = previous.document
        taken = list(document.versions.values_list("number", flat=True))
        _take_over(document, previous, incoming, header, at)
    pdf = header.parsed.body.pdf
    version = Version(
        document=document,
        number=number_of(header.number, taken),
        state=VersionState.CURRENT,
        author_label=header.author_label,
        author_organization=header.author_organization,
        author_keys=sorted(header.author_keys),
        act_at=header.act_at,
        edited_at=at,
        unique_id=header.unique_id,
        structure=header.structure,
        has_ins=header.parsed.patient.ins is not None,
        cda_sha256=sha256,
        cda_size=len(incoming.cda),
        pdf_sha256=content_put(pdf) if pdf else "",
        pdf_size=len(pdf) if pdf else None,
        **_flags(incoming.visibility),
    )
    rows_insert(version)
    return version


def _file_again(
    again: Held, patient: Patient, incoming: IncomingDocument, entry: _Entry, differing: list[str]
) -> Receipt:
    """The deleted version is in force again; the receptions tell that it was deleted, and why it is back."""
    version = _locked(again.pk)
    Version.objects.filter(pk=version.pk).update(state=VersionState.CURRENT, deleted_at=None)
    version.refresh_from_db(fields=["state", "deleted_at"])
    _add_provenance(version.document, incoming.origin)
    return _record(
        entry,
        ReceiptOutcome.INTEGRATED,
        reason=FILED_AGAIN,
        patient=patient,
        version=version,
        differing=differing,
        extra=entry.columns["extra"] | {REFILED_FOR: incoming.refiled_for.strip()},
    )


def _new_document(
    patient: Patient, incoming: IncomingDocument, header: ReceivedHeader, at: datetime
) -> Document:
    episode = incoming.episode
    if episode is not None and episode.patient_id != patient.pk:
        raise ValueError("the episode is another patient's")
    if episode is None and incoming.unit is not None:
        episode = stay_for_filing(patient, incoming.unit, act_at=header.act_at, at=at)
    document = Document(
        patient=patient,
        episode=episode,
        unit=incoming.unit or (episode.unit if episode else None),
        type_code=header.type_code,
        title=header.title,
        set_id=header.set_id,
        origins=[incoming.origin],
        created_at=at,
    )
    rows_insert(document)
    return document


def _take_over(
    document: Document, previous: Version, incoming: IncomingDocument, header: ReceivedHeader, at: datetime
) -> None:
    """The document goes on under the type, title and setId of its new version."""
    if previous.state == VersionState.CURRENT:
        Version.objects.filter(pk=previous.pk).update(state=VersionState.REPLACED, replaced_at=at)
        events.version_replaced.send(sender=Version, version=previous, at=at)
    Document.objects.filter(pk=document.pk).update(
        type_code=header.type_code, title=header.title, set_id=header.set_id or document.set_id
    )
    _add_provenance(document, incoming.origin)


def _add_provenance(document: Document, origin: Origin) -> None:
    if origin not in document.origins:
        Document.objects.filter(pk=document.pk).update(origins=[*document.origins, origin])


def _locked(version_pk: int) -> Version:
    """A version and its document, held until the end of the transaction: document first."""
    document_id = Version.objects.values_list("document_id", flat=True).get(pk=version_pk)
    document = Document.objects.select_for_update(of=("self",)).get(pk=document_id)
    version = Version.objects.select_for_update(of=("self",)).get(pk=version_pk)
    version.document = document
    return version


def _differing(patient: Patient, header: ReceivedHeader) -> tuple[str, ...]:
    received = header.parsed.patient
    return tuple(differing_between(holder_of(patient), ReceivedPerson(received.traits, received.ins)))


def _flags(visibility: Visibility) -> dict[str, bool]:
    return {
        "is_masque_ps": visibility.is_masque_ps,
        "is_invisible_patient": visibility.is_invisible_patient,
        "is_invisible_rep_legaux": visibility.is_invisible_rep_legaux,
        "is_connexion_secrete": visibility.is_connexion_secrete,
    }


def _columns(incoming: IncomingDocument | IncomingDeletion, actor: Actor, at: datetime) -> dict[str, Any]:
    """Columns of the Reception that do not depend on what the document says; its bytes are stored."""
    mailing, raw = incoming.mailing, incoming.raw
    return {
        "at": at,
        "origin": incoming.origin,
        "intake": incoming.intake,
        "request": incoming.request,
        "unit": incoming.unit,
        "recipient": mailing.recipient,
        "actor_login": actor.login,
        "actor_uid": actor.uid,
        "source_label": incoming.source_label[:200],
        "source_address": mailing.sender_address[:320],
        "recipient_address": mailing.recipient_address[:320],
        "source_id": incoming.source_id[:255],
        "message_uid": mailing.message_uid,
        "is_visibility_change": incoming.is_visibility_change,
        "extra": dict(incoming.extra),
        "cda_sha256": content_put(incoming.cda) if incoming.cda else "",
        "cda_size": len(incoming.cda) or None,
        "raw_sha256": content_put(raw.content) if raw else "",
        "raw_name": raw.name[:200] if raw else "",
    }


def _described(header: ReceivedHeader) -> dict[str, Any]:
    return {
        "title": header.title,
        "type_code": header.type_code,
        "act_at": header.act_at,
        "author_label": header.author_label,
        "author_organization": header.author_organization,
        "unique_id": header.unique_id,
        "set_id": header.set_id,
        "number": header.number,
    }


def _with_header(entry: _Entry, header: ReceivedHeader) -> _Entry:
    ins = header.parsed.patient.ins
    return replace(
        entry,
        columns=entry.columns | _described(header),
        ins=ins.matricule[:INS_LENGTH] if ins is not None else "",
    )


def _unreadable(entry: _Entry, error: XmlRefused | CdaRefused) -> Receipt:
    code, text = why_unreadable(error)
    with transaction.atomic():
        return _record(entry, ReceiptOutcome.UNREADABLE, code=code, reason=text)


def _runs_something(entry: _Entry, refused: PdfRefused) -> Receipt:
    """A document whose PDF acts when it is opened: kept, filed nowhere, whoever sent it."""
    with transaction.atomic():
        return _record(
            entry, ReceiptOutcome.UNREADABLE, code=f"pdf:{refused.code}", reason=f"{refused.text}."
        )


def _record(
    entry: _Entry,
    outcome: ReceiptOutcome,
    *,
    version: Version | None = None,
    code: str = "",
    reason: str = "",
    **columns: Any,
) -> Receipt:
    """Keep the arrival and trace it, whatever became of it."""
    code = code or application_code(outcome)
    sentence = reason or SENTENCES[outcome]
    is_refused = outcome not in TRACE_TYPES
    reception = Reception(
        outcome=outcome,
        code=code,
        reason=sentence[:300] if is_refused else "",
        document=version.document if version else None,
        version=version,
        **(entry.columns | columns),
    )
    rows_insert(reception)
    _trace(reception, entry, is_refused=is_refused)
    notice_open(reception)
    return Receipt(
        outcome=outcome,
        reception=reception,
        document=reception.document,
        version=version,
        sentence=sentence,
        code=code,
    )


def _trace(reception: Reception, entry: _Entry, *, is_refused: bool) -> None:
    """`mssante.integrate`, `dmp.reject`...: every step until the final treatment (SC.MSS/UX.37)."""
    patient = reception.patient or reception.candidate
    trace_write(
        type=f"{reception.origin}.{TRACE_TYPES.get(ReceiptOutcome(reception.outcome), REJECTED)}",
        action=Action.UPDATE if is_refused else Action.CREATE,
        actor=entry.actor,
        outcome=Outcome.REFUSED if is_refused else Outcome.SUCCESS,
        patient_uid=patient.uid if patient else None,
        patient_ins=entry.ins,
        object_type="reception",
        object_uid=reception.uid,
        object_version=str(reception.number or ""),
        detail={
            "intake": reception.intake,
            "request": reception.request,
            "outcome": reception.outcome,
            "code": reception.code,
            "document": str(reception.document.uid) if reception.document else "",
            "unique_id": reception.unique_id,
            "set_id": reception.set_id,
            "type": reception.type_code,
            "source_id": reception.source_id,
            "from": reception.source_address,
            "to": reception.recipient_address,
            "differing": reception.differing,
            "again": REFILED_FOR in reception.extra,
            "sha256": reception.cda_sha256,
        },
    )
