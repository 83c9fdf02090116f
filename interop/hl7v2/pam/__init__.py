"""ADT messages of IHE PAM France 2.11 received by the DPI."""

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
    "current_ins",
    "parse_adt",
    "read_identity",
    "read_reliability",
]
