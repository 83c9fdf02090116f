"""HL7 v2: framing, tokens, acknowledgements, PAM France and the two CI-SIS document volets. Pure Python, no
I/O.

Source of every rule: shared/spec/hl7v2.md and the texts that it names.
"""

from interop.hl7v2.ack import Ack, build_ack, parse_ack
from interop.hl7v2.codes import AckCode, Action, Severity
from interop.hl7v2.errors import Fault, Hl7Error, application_fault
from interop.hl7v2.header import Endpoint, Header, peek_header, read_header
from interop.hl7v2.mllp import FrameDecoder, FrameError, FrameTooLarge, frame, unframe
from interop.hl7v2.pam import AdtMessage, parse_adt
from interop.hl7v2.tokens import Message, Segment, Separators, parse_message

__all__ = [
    "Ack",
    "AckCode",
    "Action",
    "AdtMessage",
    "Endpoint",
    "Fault",
    "FrameDecoder",
    "FrameError",
    "FrameTooLarge",
    "Header",
    "Hl7Error",
    "Message",
    "Segment",
    "Separators",
    "Severity",
    "application_fault",
    "build_ack",
    "frame",
    "parse_ack",
    "parse_adt",
    "parse_message",
    "peek_header",
    "read_header",
    "unframe",
]
