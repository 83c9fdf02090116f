"""The HL7 v2 message that carries a version to the PFI (spec hl7v2 2.1 to 2.6; DPI.CDA/HL7.01).

Everything is read from the frozen snapshot, so PID and CDA name the same person, with the INS and
`VALI` only when the snapshot holds a qualified identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from audit.errors import ApplicationError
from documents.models import Version
from documents.store import content_get
from exchange.identifiers import new_control_id
from interop.cda.codes import LOINC, PROFESSIONAL_ID, STRUCTURE_ID
from interop.cda.datatypes import Id
from interop.cda.value_sets import document_types
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Authority, Coded, Identifier, Organisation, Person
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.header import Endpoint
from interop.hl7v2.mdm import (
    CarriedDocument,
    MdmDocument,
    OrderFlags,
    Participant,
    build_mdm,
    mdm_header,
    organisation_recipient,
    patient_recipient,
    professional_recipient,
    reply_to,
)
from interop.hl7v2.pam.model import PatientIdentity, Visit
from interop.hl7v2.pam.write import reliability_to_send
from interop.ins.codes import IdentityStatus
from interop.ins.key import Ins
from mssante.rules import patient_address
from mssante.selectors import reply_mailbox
from patients.selectors import matricule_of
from sending.bodies import body_of
from sending.enums import Audience, Channel, OrderAction
from sending.facts import has_derogation
from sending.models import Order
from sending.selectors import MAIL_CHANNELS, mail_text

ACTIONS = {
    OrderAction.INITIAL: codes.Action.INITIAL,
    OrderAction.REPLACE: codes.Action.REPLACE,
    OrderAction.VISIBILITY: codes.Action.REPLACE,
    OrderAction.DELETE: codes.Action.DELETE,
}


class MessageImpossible(ApplicationError):
    """The message cannot be written: the content holds what HL7 cannot carry, or lacks a part."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"Le message d’envoi n’a pas pu être écrit : {detail}.", code="message_not_built")


def message_of(*, version: Version, orders: Sequence[Order]) -> bytes:
    """The MDM that carries every order given for one version and one action (README decision 8).

    `version.document` is read with its patient and its unit. Raises MessageImpossible, or
    StoredContentDamaged when the CDA can no longer be read.
    """
    snapshot = version.snapshot
    if snapshot is None:
        raise MessageImpossible("la version n’est pas validée")
    action = ACTIONS[OrderAction(orders[0].action)]
    now = timezone.now()
    professionals = [order for order in orders if order.channel == Channel.MSSANTE_PRO]
    patient = next((order for order in orders if order.channel == Channel.MSSANTE_PATIENT), None)
    order = MdmDocument(
        header=mdm_header(
            sender=_endpoint(settings.HL7_APPLICATION),
            receiver=_endpoint(settings.HL7_PFI_APPLICATION),
            control_id=new_control_id(),
            sent_at=now,
            action=action,
            processing_id=settings.HL7_PROCESSING_ID,
        ),
        action=action,
        patient=_identity(snapshot["patient"], snapshot["episode"]),
        visit=_visit(snapshot["episode"]),
        documents=(_document(version, snapshot, action),),
        participants=(
            _requester(snapshot),
            *map(_professional, professionals),
            *([_patient(version, snapshot)] if patient else []),
            *(_reply(version) if professionals or patient else ()),
        ),
        flags=_flags(version, orders, patient),
        recorded_at=now,
        occurred_at=version.validated_at,
        body_professional=(
            _body(version, snapshot, professionals[0], Audience.PROFESSIONAL) if professionals else ""
        ),
        body_patient=_body(version, snapshot, patient, Audience.PATIENT) if patient else "",
    )
    try:
        return build_mdm(order)
    except (Hl7Error, ValueError) as error:
        raise MessageImpossible(str(error)) from error


def _endpoint(application: str) -> Endpoint:
    return Endpoint(Authority(application), Authority(settings.HL7_FACILITY))


def _identity(patient: dict[str, Any], episode: dict[str, Any]) -> PatientIdentity:
    is_qualified = bool(patient["ins"])
    status = IdentityStatus.QUALIFIED if is_qualified else IdentityStatus(patient["identity_status"])
    ipp = Identifier(
        patient["ipp"], Authority(settings.HL7_FACILITY, patient["ipp_oid"], codes.ISO), codes.ID_IPP
    )
    account = episode.get("account_number", "")
    return PatientIdentity(
        identifiers=(ipp,),
        ins=Ins(patient["ins"], patient["ins_oid"]) if is_qualified else None,
        birth_name=patient["birth_name"],
        first_birth_given_name=patient["first_birth_given_name"],
        birth_given_names=patient["birth_given_names"],
        used_name=patient["used_name"],
        used_given_name=patient["used_given_name"],
        birth_date=date.fromisoformat(patient["birth_date"]) if patient["birth_date"] else None,
        sex=patient["sex"] if patient["sex"] in "FM" else codes.SEX_UNKNOWN,
        birth_place_code=patient["birth_place_cog"],
        account=Identifier(account, Authority(settings.HL7_FACILITY), codes.ID_ACCOUNT) if account else None,
        reliability=reliability_to_send(status),
    )


def _visit(episode: dict[str, Any]) -> Visit:
    number = episode["visit_number"]
    return Visit(
        patient_class=episode["kind"] or codes.PATIENT_CLASS_NONE,
        number=Identifier(number, Authority(settings.HL7_FACILITY), codes.ID_VISIT) if number else None,
        admitted_at=_moment(episode["admitted_at"]),
        discharged_at=_moment(episode["discharged_at"]),
    )


def _document(version: Version, snapshot: dict[str, Any], action: codes.Action) -> CarriedDocument:
    content = snapshot["document"]
    kind = document_types()[content["type_code"]]
    system = codes.SYSTEM_LOINC if kind.system == LOINC else codes.SYSTEM_TYPE_NATIONAL
    replaced = content["replaces"] if action is codes.Action.REPLACE else ""
    return CarriedDocument(
        type=Coded(kind.code, kind.display, system),
        id=Id(content["unique_id"]),
        content=content_get(version.cda_sha256),
        replaced_id=Id(replaced) if replaced else None,
    )


def _requester(snapshot: dict[str, Any]) -> Participant:
    """PRT SB: the professional and the site at the origin of the request (SC.DMP/CONF.12)."""
    author, site = snapshot["author"], snapshot["site"]
    return Participant(
        role=codes.Participation.SENT_BY,
        person=Person(
            identifier=author["rpps"],
            family=author["family_name"],
            given=author["given_name"],
            authority=Authority(codes.NAMESPACE_PERSON, PROFESSIONAL_ID, codes.ISO),
            name_type=codes.NAME_DISPLAY,
            identifier_type=codes.ID_RPPS,
        ),
        organisation=Organisation(
            name=site["name"],
            authority=Authority(codes.NAMESPACE_STRUCTURE, STRUCTURE_ID, codes.ISO),
            identifier_type=codes.ID_FINESS_SITE,
            identifier=site["finess"],
        ),
    )


def _professional(order: Order) -> Participant:
    """PRT RCT of a professional, of a structure, or of an address that only the sender knows."""
    family, given, address = order.recipient_family, order.recipient_given, order.recipient_address
    if order.recipient_rpps:
        return professional_recipient(rpps=order.recipient_rpps, family=family, given=given, address=address)
    if order.recipient_finess:
        return organisation_recipient(
            name=order.recipient_label, finess_site=order.recipient_finess, address=address
        )
    person = Person("", family or order.recipient_label, given, name_type=codes.NAME_DISPLAY)
    return Participant(role=codes.Participation.RECIPIENT, person=person, address=address)


def _patient(version: Version, snapshot: dict[str, Any]) -> Participant:
    """PRT RCT of the patient: the address is that of the matricule in the document, never a typed one.

    By the derogation before admission the document holds no INS: the matricule serves the address
    alone, and nothing else of the message carries it (mssante 1.6).
    """
    told = snapshot["patient"]
    family, given = told["birth_name"], told["first_birth_given_name"]
    if told["ins"]:
        ins = Ins(told["ins"], told["ins_oid"])
        address = patient_address(ins.matricule, settings.MSS_PATIENT_DOMAIN)
        return patient_recipient(ins=ins, family=family, given=given, address=address)
    matricule = matricule_of(version.document.patient) if has_derogation(version) else ""
    if not matricule:
        raise MessageImpossible("le document ne porte pas l’INS du patient")
    return Participant(
        role=codes.Participation.RECIPIENT,
        person=Person("", family, given, name_type=codes.NAME_LEGAL, identifier_type=codes.ID_INS),
        address=patient_address(matricule, settings.MSS_PATIENT_DOMAIN),
    )


def _reply(version: Version) -> tuple[Participant, ...]:
    """PRT REPLY: the mailbox that the people of the unit read, when there is one (mssante 1.7)."""
    mailbox = reply_mailbox(version.document.unit_id)
    return (reply_to(mailbox.address),) if mailbox else ()


def _body(version: Version, snapshot: dict[str, Any], order: Order, audience: Audience) -> str:
    action = OrderAction(order.action)
    text = mail_text(version.document, audience=audience, action=action)
    return body_of(snapshot, audience=audience, action=action, text=text, closes_reply=order.closes_reply)


def _flags(version: Version, orders: Sequence[Order], patient: Order | None) -> OrderFlags:
    channels = {order.channel for order in orders}
    return OrderFlags(
        masque_ps=version.is_masque_ps,
        invisible_patient=version.is_invisible_patient,
        invisible_rep_legaux=version.is_invisible_rep_legaux,
        connexion_secrete=version.is_connexion_secrete,
        modif_conf_code=_changes_visibility(version, orders),
        dest_dmp=Channel.DMP in channels,
        dest_mss_professional=Channel.MSSANTE_PRO in channels,
        dest_mss_patient=Channel.MSSANTE_PATIENT in channels,
        ack_reception=True,
        ack_reading=settings.MSS_ASK_READING and bool(channels & {*MAIL_CHANNELS}),
        patient_cannot_reply=patient is not None and patient.closes_reply,
    )


def _changes_visibility(version: Version, orders: Sequence[Order]) -> bool:
    """MODIF_CONF_CODE (hl7v2 2.6): this replacement shows the document to others than before."""
    if any(order.action == OrderAction.VISIBILITY for order in orders):
        return True
    replaced = (version.snapshot or {})["document"]["replaces"]
    if not replaced or orders[0].action != OrderAction.REPLACE:
        return False
    flags = ("is_masque_ps", "is_invisible_patient", "is_invisible_rep_legaux")
    before = Version.objects.filter(unique_id=replaced).values(*flags).first()
    return before is not None and before != {flag: getattr(version, flag) for flag in flags}


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
