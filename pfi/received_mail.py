"""From a mail to HL7 messages: one MDM of the volet LPS for each CDA (spec hl7v2 3.2, mssante 2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.conf import settings
from django.utils import timezone

from exchange.identifiers import new_control_id
from interop.cda.parsed import ParsedPatient
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Authority, Coded, Identifier, Organisation, Person
from interop.hl7v2.header import Endpoint
from interop.hl7v2.lps import LpsDocument, LpsFlags, Mail, build_lps, lps_header
from interop.hl7v2.mdm import Participant
from interop.hl7v2.mdm.model import CarriedDocument
from interop.hl7v2.pam.model import PatientIdentity, Reliability
from interop.ins.traits import Sex
from interop.mail.opening import OpenedMail
from interop.xdm.codes import XdmAction
from interop.xdm.opening import OpenedDocument
from interop.xds import codes as xds


def event_of(document: OpenedDocument) -> codes.Action | None:
    """The action that a document asks for; None when the metadata and the document disagree (2.4)."""
    if document.action is XdmAction.DELETE:
        return codes.Action.DELETE
    if document.cda.replaced is not None and document.cda.replaced.id is not None:
        return codes.Action.REPLACE
    return None if document.action is XdmAction.REPLACE else codes.Action.INITIAL


def message_of(
    document: OpenedDocument, action: codes.Action, mail: OpenedMail, recipients: Sequence[Participant]
) -> bytes:
    """The MDM of one document of a mail; `recipients` are the PRT RCT of the mail.

    Raises:
        ValueError: the mail has no sender or no Message-ID. Hl7Error: a character that cannot travel.
    """
    cda = document.cda
    now = timezone.now()
    replaced = cda.replaced.id if action is codes.Action.REPLACE and cda.replaced else None
    received = LpsDocument(
        header=lps_header(
            sender=Endpoint(Authority(settings.HL7_PFI_APPLICATION), Authority(settings.HL7_FACILITY)),
            receiver=Endpoint(Authority(settings.HL7_APPLICATION), Authority(settings.HL7_FACILITY)),
            control_id=new_control_id(),
            sent_at=now,
            action=action,
            processing_id=settings.HL7_PROCESSING_ID,
        ),
        action=action,
        patient=identity_of(cda.patient),
        document=CarriedDocument(
            Coded(cda.type.code, cda.type.display, "LN"), cda.id, document.content, replaced, cda
        ),
        participants=(_sender(document, mail), *recipients),
        mail=Mail(mail.message_id, mail.subject, mail.text, "1"),
        recorded_at=now,
        flags=_flags(document),
    )
    return build_lps(received)


def identity_of(patient: ParsedPatient) -> PatientIdentity:
    """PID of the patient that the document names: its INS when it has one, else its local identifiers.

    A trait that the document lacks stays empty: the DPI answers 905, the PFI judges nothing (hl7v2 3.3).
    """
    traits = patient.traits
    return PatientIdentity(
        identifiers=tuple(
            Identifier(one.extension or one.root, Authority("", one.root), "PI") for one in patient.local_ids
        ),
        ins=patient.ins,
        birth_name=traits.birth_name,
        first_birth_given_name=traits.first_birth_given_name,
        birth_given_names=traits.birth_given_names,
        used_name=patient.used_name,
        used_given_name=patient.used_given_name,
        birth_date=_day(traits.birth_date),
        sex=codes.SEX_UNKNOWN if traits.sex == Sex.UNDETERMINED else str(traits.sex),
        birth_place_code=traits.birth_place_cog,
        reliability=Reliability(
            status=codes.IdentityStatus.QUALIFIED if patient.ins else codes.IdentityStatus.PROVISIONAL
        ),
    )


def _sender(document: OpenedDocument, mail: OpenedMail) -> Participant:
    sender = mail.sender
    author = document.cda.authors[0] if document.cda.authors else None
    name = author.organization.name if author and author.organization else ""
    return Participant(
        codes.Participation.SENT_BY,
        person=_person(document),
        organisation=Organisation(name) if name else None,
        address=sender.email if sender else "",
    )


def _person(document: OpenedDocument) -> Person | None:
    author = document.cda.authors[0] if document.cda.authors else None
    if author is None or author.name is None or author.id is None:
        return None
    return Person(
        author.id.extension or "",
        author.name.family,
        author.name.given,
        Authority("", author.id.root),
    )


def _flags(document: OpenedDocument) -> LpsFlags:
    told = {code.code for code in document.entry.confidentiality_codes}
    return LpsFlags(
        masque_ps=xds.VISIBILITY_MASKED in told,
        invisible_patient=xds.VISIBILITY_HIDDEN_PATIENT in told,
        invisible_rep_legaux=xds.VISIBILITY_HIDDEN_GUARDIANS in told,
    )


def _day(value: str) -> date | None:
    try:
        return datetime.strptime(value[:8], "%Y%m%d").date()
    except ValueError:
        return None
