"""Acknowledgements that this software gives (spec hl7v2 1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from django.utils import timezone

from exchange.identifiers import new_control_id
from interop.hl7v2 import codes
from interop.hl7v2.ack import build_ack
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Fault, Hl7Error
from interop.hl7v2.header import Endpoint, Header

_NOBODY: Final = Header(Endpoint(), Endpoint(), control_id="", message="", event="")
"""Stands for the header of a message that has none that can be read."""

MESSAGE_ACK: Final = "ACK"
CONFLICT_FAULT: Final = Fault(
    codes.ERROR_OTHER, "MSH^1^10", "Un autre message a déjà été reçu sous cet identifiant"
)
DEFERRED_FAULT: Final = Fault(
    codes.ERROR_APPLICATION,
    "",
    "Message conservé, traitement impossible pour le moment : à présenter de nouveau",
)

FRAME_FAULT: Final = Fault(
    codes.ERROR_OTHER, "MSH^1", "Trame MLLP illisible ou au-dessus de la taille admise", codes.Severity.FATAL
)


def answer(header: Header | None, code: AckCode, faults: Sequence[Fault] = ()) -> bytes:
    """Build the acknowledgement of a message from what could be read of its header.

    An acknowledgement is never acknowledged: the answer is then empty.
    """
    if header is not None and header.message == MESSAGE_ACK:
        return b""
    try:
        return _build(header or _NOBODY, code, faults)
    except Hl7Error:  # the header holds what an answer cannot repeat
        return _build(replace(_NOBODY, processing_id="P"), code, faults)


def _build(header: Header, code: AckCode, faults: Sequence[Fault]) -> bytes:
    charset = header.charset if header.charset in codes.CODEC_OF_CHARSET else codes.CHARSET_UTF8
    return build_ack(
        header,
        code=code,
        control_id=new_control_id(),
        sent_at=timezone.now(),
        faults=faults,
        charset=charset,
    )
