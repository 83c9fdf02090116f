"""HL7 v2: framing, tokens, acknowledgements, PAM France and the two CI-SIS document volets. Pure Python, no
I/O.

Source of every rule: shared/spec/hl7v2.md and the texts that it names.
"""

from interop.hl7v2.ack import Ack, build_ack, parse_ack
from interop.hl7v2.codes import AckCode, Action, Participation, Severity, ZamKind
from interop.hl7v2.errors import Fault, Hl7Error, application_fault
from interop.hl7v2.header import Endpoint, Header, peek_header, read_header
from interop.hl7v2.lps import (
    LpsDocument,
    LpsFlags,
    LpsRules,
    Mail,
    build_lps,
    identity_fault,
    lps_header,
    parse_lps,
)
from interop.hl7v2.mdm import (
    CarriedDocument,
    MatrixMode,
    MdmDocument,
    MdmRules,
    OrderFlags,
    Participant,
    Profile,
    build_mdm,
    build_oru,
    mdm_header,
    oru_header,
    parse_mdm,
)
from interop.hl7v2.mllp import FrameCut, FrameDecoder, FrameError, FrameTooLarge, StrayBytes, frame, unframe
from interop.hl7v2.pam import AdtMessage, adt_header, build_adt, parse_adt
from interop.hl7v2.tokens import Message, Segment, Separators, parse_message
from interop.hl7v2.zam import Zam, build_zam, parse_zam, zam_fault, zam_header

__all__ = [
    "Ack",
    "AckCode",
    "Action",
    "AdtMessage",
    "CarriedDocument",
    "Endpoint",
    "Fault",
    "FrameCut",
    "FrameDecoder",
    "FrameError",
    "FrameTooLarge",
    "Header",
    "Hl7Error",
    "LpsDocument",
    "LpsFlags",
    "LpsRules",
    "Mail",
    "MatrixMode",
    "MdmDocument",
    "MdmRules",
    "Message",
    "OrderFlags",
    "Participant",
    "Participation",
    "Profile",
    "Segment",
    "Separators",
    "Severity",
    "StrayBytes",
    "Zam",
    "ZamKind",
    "adt_header",
    "application_fault",
    "build_ack",
    "build_adt",
    "build_lps",
    "build_mdm",
    "build_oru",
    "build_zam",
    "frame",
    "identity_fault",
    "lps_header",
    "mdm_header",
    "oru_header",
    "parse_ack",
    "parse_adt",
    "parse_lps",
    "parse_mdm",
    "parse_message",
    "parse_zam",
    "peek_header",
    "read_header",
    "unframe",
    "zam_fault",
    "zam_header",
]
