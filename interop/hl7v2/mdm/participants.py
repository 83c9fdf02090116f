"""The PRT of our own orders: who asks, and who receives.

Source: hl7v2.md 2.5; SC.DMP/CONF.12 (FINESS géographique and national identifier of the requester).
"""

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Authority, Organisation, Person
from interop.hl7v2.mdm.model import Participant
from interop.ins.key import Ins

_PERSONS = Authority(codes.NAMESPACE_PERSON, codes.OID_PERSON, codes.ISO)
_STRUCTURES = Authority(codes.NAMESPACE_STRUCTURE, codes.OID_STRUCTURE, codes.ISO)


def requester(*, rpps: str, family: str, given: str, structure: str, finess_site: str) -> Participant:
    """Return the SB participant: a professional and the site where he or she works."""
    return Participant(
        role=codes.Participation.SENT_BY,
        person=_professional(rpps, family, given),
        organisation=_site(structure, finess_site),
    )


def device_requester(*, device: str, structure: str, finess_site: str) -> Participant:
    """Return the SB participant of an order that a software decides alone."""
    return Participant(
        role=codes.Participation.SENT_BY, organisation=_site(structure, finess_site), device=device
    )


def professional_recipient(*, rpps: str, family: str, given: str, address: str) -> Participant:
    """Return the RCT participant for the MSSanté mailbox of a professional."""
    return Participant(codes.Participation.RECIPIENT, _professional(rpps, family, given), address=address)


def organisation_recipient(*, name: str, finess_site: str, address: str) -> Participant:
    """Return the RCT participant for the mailbox of a structure."""
    return Participant(codes.Participation.RECIPIENT, organisation=_site(name, finess_site), address=address)


def device_recipient(*, device: str, address: str) -> Participant:
    """Return the RCT participant for the mailbox of an application."""
    return Participant(codes.Participation.RECIPIENT, device=device, address=address)


def patient_recipient(*, ins: Ins, family: str, given: str, address: str) -> Participant:
    """Return the RCT participant for the mailbox of the patient in Mon espace santé."""
    authority = Authority(codes.INS_AUTHORITY_NAMES[ins.oid], ins.oid, codes.ISO)
    person = Person(ins.matricule, family, given, authority, codes.NAME_LEGAL, codes.ID_INS)
    return Participant(codes.Participation.RECIPIENT, person, address=address)


def reply_to(address: str) -> Participant:
    """Return the REPLY participant."""
    return Participant(codes.Participation.REPLY_TO, address=address)


def _professional(rpps: str, family: str, given: str) -> Person:
    return Person(rpps, family, given, _PERSONS, codes.NAME_DISPLAY, codes.ID_RPPS)


def _site(name: str, finess_site: str) -> Organisation:
    return Organisation(name, _STRUCTURES, codes.ID_FINESS_SITE, finess_site)
