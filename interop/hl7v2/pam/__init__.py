"""ADT messages of IHE PAM France 2.11 received by the DPI."""

from interop.hl7v2.pam.build import adt_header, build_adt
from interop.hl7v2.pam.identity import current_ins, read_identity, read_reliability
from interop.hl7v2.pam.model import (
    AdtMessage,
    Choice,
    Contact,
    DatedIns,
    DmpChoices,
    IdentityProof,
    Merge,
    Movement,
    MovementId,
    PatientIdentity,
    PmsiModes,
    Reliability,
    Visit,
)
from interop.hl7v2.pam.parse import parse_adt
from interop.hl7v2.pam.write import reliability_to_send

__all__ = [
    "AdtMessage",
    "Choice",
    "Contact",
    "DmpChoices",
    "IdentityProof",
    "DatedIns",
    "Merge",
    "Movement",
    "MovementId",
    "PatientIdentity",
    "PmsiModes",
    "Reliability",
    "Visit",
    "adt_header",
    "build_adt",
    "current_ins",
    "parse_adt",
    "read_identity",
    "read_reliability",
    "reliability_to_send",
]
