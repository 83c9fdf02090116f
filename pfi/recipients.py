"""Who an order mails to, and the mailbox that sends (spec hl7v2 2.5, 2.7; mssante 1.6)."""

from __future__ import annotations

from django.conf import settings

from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.mdm import MdmDocument, Participant
from interop.mail.errors import MailRefused
from interop.mail.writing import check_address
from mssante.models import Mailbox
from mssante.rules import address_key, is_patient_address
from mssante.selectors import sender_mailbox
from mssante.services.mails import Recipient
from pfi.enums import JobChannel


def recipients_of(order: MdmDocument, channel: JobChannel) -> list[Recipient]:
    """The recipients of a channel, each address once.

    Raises Hl7Error: an address is unusable, a professional's is that of a patient, or the patient's is
    not that of the matricule in the document (207, at the PRT).
    """
    is_patient = channel == JobChannel.MSSANTE_PATIENT
    parts = order.patient_recipients if is_patient else order.professional_recipients
    found: dict[str, Recipient] = {}
    for part in parts:
        place = f"PRT^{order.participants.index(part) + 1}^15^1^4"
        _check(order, part, is_patient=is_patient, place=place)
        found.setdefault(address_key(part.address), _recipient(part, is_patient=is_patient))
    return list(found.values())


def sender_for(order: MdmDocument) -> Mailbox:
    """The application mailbox that sends for the site of the requester.

    Raises Hl7Error 207: this platform has none.
    """
    organisation = order.requester.organisation if order.requester else None
    mailbox = sender_mailbox(organisation.identifier[-9:] if organisation else "")
    if mailbox is None:
        raise Hl7Error(codes.ERROR_APPLICATION, "", "Aucune boîte d’envoi MSSanté n’est configurée ici")
    return mailbox


def _check(order: MdmDocument, part: Participant, *, is_patient: bool, place: str) -> None:
    try:
        check_address(part.address, place)
    except MailRefused as refused:
        raise Hl7Error(codes.ERROR_APPLICATION, place, refused.text) from None
    if is_patient_address(part.address, settings.MSS_PATIENT_DOMAIN) != is_patient:
        text = (
            "L’adresse du patient n’est pas dans le domaine des patients"
            if is_patient
            else "L’adresse d’un professionnel est dans le domaine des patients"
        )
        raise Hl7Error(codes.ERROR_APPLICATION, place, text)
    cda = order.document.cda
    ins = cda.patient.ins if cda else None
    if is_patient and ins is not None:
        matricule = part.address.rpartition("@")[0]
        if address_key(matricule) != address_key(ins.matricule):
            raise Hl7Error(
                codes.ERROR_APPLICATION, place, "L’adresse du patient n’est pas celle de l’INS du document"
            )


def _recipient(part: Participant, *, is_patient: bool) -> Recipient:
    person, organisation = part.person, part.organisation
    if person is not None and (person.family or person.identifier):
        name = f"{person.family} {person.given}".strip()
        return Recipient(part.address, name, person.identifier, is_patient)
    if organisation is not None:
        return Recipient(part.address, organisation.name, organisation.identifier, is_patient)
    return Recipient(part.address, part.device, part.device, is_patient)
