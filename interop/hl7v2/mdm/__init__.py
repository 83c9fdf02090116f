"""Volet CI-SIS "Transmission de document(s) CDA en HL7v2" v2.1: orders from a DPI to a PFI, MDM and ORU."""

from interop.hl7v2.mdm.checks import check_order
from interop.hl7v2.mdm.model import (
    CarriedDocument,
    MatrixMode,
    MdmDocument,
    MdmRules,
    OrderFlags,
    Participant,
    Profile,
)
from interop.hl7v2.mdm.parse import parse_mdm
from interop.hl7v2.mdm.participants import (
    device_recipient,
    device_requester,
    organisation_recipient,
    patient_recipient,
    professional_recipient,
    reply_to,
    requester,
)
from interop.hl7v2.mdm.write import build_mdm, build_oru, mdm_header, oru_header

__all__ = [
    "CarriedDocument",
    "MatrixMode",
    "MdmDocument",
    "MdmRules",
    "OrderFlags",
    "Participant",
    "Profile",
    "build_mdm",
    "build_oru",
    "check_order",
    "device_recipient",
    "device_requester",
    "mdm_header",
    "organisation_recipient",
    "oru_header",
    "parse_mdm",
    "patient_recipient",
    "professional_recipient",
    "reply_to",
    "requester",
]
