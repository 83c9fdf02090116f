"""Documents that came by MSSanté, handed over by the PFI: MDM T02, T10, T04 of the volet LPS v1.1.

Sources: hl7v2 3.2 to 3.5, mssante 2.3 to 2.7; DPI.CDA/HL7.02, SC.MSS/UX.07, UX.05. Nothing is filed
unless every strict trait, the matricule and its OID are those of one qualified identity; the answer
says why otherwise (ERR-3 207, ERR-5 900 to 906). A message that is wrong as a message is refused with
a technical code, without ERR-5, and stays in the journal alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.utils import timezone

from documents.enums import Intake, Origin, ReceiptOutcome, ReceiptRequest
from documents.received import IncomingDeletion, IncomingDocument, Mailing, Receipt, Refusal
from documents.selectors import recipient_of, unit_of_recipients
from documents.services import document_delete_received, document_receive, reception_refuse
from documents.wishes import Visibility
from establishment.models import Unit
from exchange.registry import Outcome, Reception
from interop.hl7v2 import codes
from interop.hl7v2.codes import AckCode, Action
from interop.hl7v2.errors import Fault, Hl7Error, application_fault
from interop.hl7v2.lps import LpsDocument, LpsRules, Mail, identity_fault, parse_lps, peek_lps
from interop.hl7v2.mdm.model import Participant
from interop.ins.traits import Trait
from patients.models import Patient
from patients.rules import Match, MatchDoubt, MatchResult, ReceivedPerson, match_received
from patients.selectors import holders_of

REQUEST_OF: Final[Mapping[Action, ReceiptRequest]] = {
    Action.INITIAL: ReceiptRequest.INITIAL,
    Action.REPLACE: ReceiptRequest.REPLACE,
    Action.DELETE: ReceiptRequest.DELETE,
}
CODE_OF: Final[Mapping[MatchResult, str]] = {
    MatchResult.NO_INS: codes.APPLICATION_INS_ABSENT,
    MatchResult.INCOMPLETE: codes.APPLICATION_INS_INCOMPLETE,
    MatchResult.UNKNOWN: codes.APPLICATION_PATIENT_UNKNOWN,
    MatchResult.DIFFERENT: codes.APPLICATION_INS_MISMATCH,
}
TRAIT_WORDS: Final[Mapping[str, str]] = {
    Trait.BIRTH_NAME: "nom de naissance",
    Trait.BIRTH_GIVEN_NAMES: "liste des prénoms",
    Trait.BIRTH_DATE: "date de naissance",
    Trait.SEX: "sexe",
    Trait.BIRTH_PLACE_COG: "lieu de naissance",
    Trait.INS_MATRICULE: "matricule INS",
    Trait.INS_OID: "OID de l’INS",
}
DOUBT_WORDS: Final[Mapping[MatchDoubt, str]] = {
    MatchDoubt.NOT_QUALIFIED: "l’identité locale qui porte ce matricule n’est pas qualifiée",
    MatchDoubt.FORMER_INS: "ce matricule est un ancien matricule du patient",
    MatchDoubt.SEVERAL: "plusieurs identités locales portent ce matricule",
    MatchDoubt.UNDER_REVIEW: "l’identité locale est en cours de révision",
    MatchDoubt.CLOSED: "l’identité locale est fermée",
    MatchDoubt.AUTHORITY: "cette autorité d’affectation n’est pas acceptée ici",
}
MASKED: Final = "document masqué aux professionnels : intégré avec sa marque"


def lps_receive(reception: Reception) -> Outcome:
    """Integrate, replace or delete one document, or refuse it by the table of hl7v2 3.3.

    Raises:
        Hl7Error: the message itself is wrong: technical code, nothing kept but the message.
    """
    rules = LpsRules(processing_ids=frozenset(reception.partner.processing_ids))
    try:
        received = parse_lps(reception.parsed, rules)
    except Hl7Error as error:
        if not error.fault.application_code:
            raise
        return _unusable(reception, error.fault)
    fault = identity_fault(received)
    match = _match(received) if fault is None else None
    if match is None or not match:
        fault = fault or _fault_of(match)
        _refuse(reception, received, fault, match)
        return _refused(fault, received.warnings)
    receipt = _apply(reception, received, _patient(match))
    return _answer(receipt, received)


def sender_label(sender: Participant | None) -> str:
    """Who sent the mail, as a reader names it: the structure, else the person, else the address."""
    if sender is None:
        return ""
    if sender.organisation is not None and sender.organisation.name:
        return sender.organisation.name
    person = sender.person
    name = " ".join(part for part in (person.family, person.given) if part) if person else ""
    return name or sender.device or sender.address


def reason_of(match: Match | None, fault: Fault) -> str:
    """Why nothing was filed, in a sentence without any value of a trait."""
    if match is not None and match.doubt in DOUBT_WORDS:
        return f"Identité non concordante : {DOUBT_WORDS[match.doubt]}."
    if match is not None and match.differing:
        names = ", ".join(TRAIT_WORDS[trait] for trait in match.differing)
        kind = "absent" if match.result == MatchResult.INCOMPLETE else "différent"
        return f"Trait {kind} : {names}."
    return f"{fault.text or fault.application_label}."


def _match(received: LpsDocument) -> Match:
    cda = received.document.cda
    patient = cda.patient if cda is not None else None
    if patient is None or patient.ins is None:
        return Match(MatchResult.NO_INS)
    return match_received(
        ReceivedPerson(patient.traits, patient.ins),
        holders_of(patient.ins),
        allowed_oids=settings.INS_ALLOWED_OIDS,
    )


def _patient(match: Match) -> Patient:
    holder = match.holder
    if holder is None:
        raise ValueError("a match names its holder")
    return Patient.objects.get(pk=holder.pk)


def _fault_of(match: Match | None) -> Fault:
    if match is None:
        return application_fault(codes.APPLICATION_OTHER)
    fault = application_fault(CODE_OF[match.result])
    return application_fault(CODE_OF[match.result], text=reason_of(match, fault))


def _apply(reception: Reception, received: LpsDocument, patient: Patient) -> Receipt:
    incoming = _incoming(reception, received)
    at = timezone.now()
    if received.action is not Action.DELETE:
        return document_receive(patient=patient, incoming=incoming, actor=reception.actor, at=at)
    deletion = IncomingDeletion(
        origin=incoming.origin,
        intake=incoming.intake,
        cda=incoming.cda,
        unit=incoming.unit,
        source_label=incoming.source_label,
        source_id=incoming.source_id,
        mailing=incoming.mailing,
    )
    return document_delete_received(patient=patient, incoming=deletion, actor=reception.actor, at=at)


def _incoming(reception: Reception, received: LpsDocument) -> IncomingDocument:
    flags = received.flags
    return IncomingDocument(
        cda=received.document.content,
        origin=Origin.MSSANTE,
        intake=Intake.AUTOMATIC,
        request=REQUEST_OF[received.action],
        visibility=Visibility(
            is_masque_ps=flags.masque_ps,
            is_invisible_patient=flags.invisible_patient,
            is_invisible_rep_legaux=flags.invisible_rep_legaux,
        ),
        unit=_unit(received.recipients),
        source_label=sender_label(received.sender),
        source_id=received.mail.message_id,
        is_visibility_change=flags.modif_conf_code,
        mailing=_mailing(reception, received.sender, received.recipients),
        parsed=received.document.cda,
    )


def _unit(recipients: tuple[Participant, ...]) -> Unit | None:
    return unit_of_recipients(
        (part.organisation.identifier for part in recipients if part.organisation),
        (part.address for part in recipients),
    )


def _mailing(
    reception: Reception, sender: Participant | None, recipients: tuple[Participant, ...]
) -> Mailing:
    numbers = (part.national_person_id.removeprefix("8") for part in recipients if not part.is_patient)
    return Mailing(
        sender_address=sender.address if sender else "",
        recipient_address=next((part.address for part in recipients if part.address), ""),
        recipient=recipient_of(numbers),
        message_uid=reception.message.uid,
    )


def _refuse(reception: Reception, received: LpsDocument, fault: Fault, match: Match | None) -> None:
    holder = match.holder if match is not None else None
    reception_refuse(
        incoming=_incoming(reception, received),
        refusal=Refusal(
            outcome=ReceiptOutcome.REFUSED_IDENTITY,
            code=fault.application_code,
            reason=reason_of(match, fault),
            candidate=Patient.objects.get(pk=holder.pk) if holder is not None else None,
            differing=match.differing if match is not None else (),
        ),
        actor=reception.actor,
        at=timezone.now(),
    )


def _unusable(reception: Reception, fault: Fault) -> Outcome:
    """A CDA without usable header (207, 906): kept with what is around it, its bytes included."""
    around = peek_lps(reception.parsed)
    sender = next((part for part in around.participants if part.role == codes.Participation.SENT_BY), None)
    recipients = tuple(part for part in around.participants if part.role == codes.Participation.RECIPIENT)
    mail = around.mail or Mail("")
    reception_refuse(
        incoming=IncomingDocument(
            cda=around.content,
            origin=Origin.MSSANTE,
            intake=Intake.AUTOMATIC,
            unit=_unit(recipients),
            source_label=sender_label(sender),
            source_id=mail.message_id,
            mailing=_mailing(reception, sender, recipients),
        ),
        refusal=Refusal(
            ReceiptOutcome.UNREADABLE,
            fault.application_code,
            "L’en-tête du document CDA ne peut pas être utilisé.",
        ),
        actor=reception.actor,
        at=timezone.now(),
    )
    return _refused(fault, ())


def _answer(receipt: Receipt, received: LpsDocument) -> Outcome:
    warnings = (*received.warnings, *((MASKED,) if received.flags.masque_ps else ()))
    if not receipt.is_accepted:
        known = receipt.code in codes.APPLICATION_ERROR_LABELS
        code = receipt.code if known else codes.APPLICATION_OTHER  # a code of our own readers: 'Autre'
        return _refused(application_fault(code, text=receipt.sentence), warnings)
    patient = receipt.reception.patient
    return Outcome(warnings=warnings, patient_uid=patient.uid if patient else None)


def _refused(fault: Fault, warnings: tuple[str, ...]) -> Outcome:
    """AE with its code; what was kept of the refusal stays (exchange.registry.Outcome)."""
    return Outcome(warnings=warnings, code=AckCode.AE, faults=(fault,))
