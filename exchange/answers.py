"""Acknowledgements that this software gives (spec hl7v2 1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from django.utils import timezone

from exchange.identifiers import new_control_id
from interop.hl7v2 import codes
from interop.hl7v2.ack import build_ack
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Fault, Hl7Error
from interop.hl7v2.header import Endpoint, Header, peek_header

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


def answer(header: Header | None, code: AckCode, faults: Sequence[Fault] = ()) -> bytes:
    """Build the acknowledgement of a message from what could be read of its header.

    An acknowledgement is never acknowledged: the answer is then empty. One that the character set of the
    message cannot write leaves in UTF-8.
    """
    if header is not None and header.message == MESSAGE_ACK:
        return b""
    received = header or _NOBODY
    for readable in (received, replace(received, charset=codes.CHARSET_UTF8)):
        with suppress(Hl7Error):
            return _build(readable, code, faults)
    # the header holds what an answer cannot repeat
    return _build(replace(_NOBODY, processing_id="P"), code, faults)


def answer_accepted(header: Header, control_id: str) -> bytes:
    """Build the AA of a message from the header its sender always uses and MSH-10 as it came.

    The answers given to one sender within one second differ by two identifiers only: the rest is built
    once. What this saves is what lets the stored mode keep up with a bare INSERT.
    """
    template = _accepted_template(header, timezone.now().replace(microsecond=0))
    return template.replace(_OURS, new_control_id().encode("ascii")).replace(
        _THEIRS, control_id.encode("latin-1")
    )


def usual_header(msh: tuple[str, ...]) -> Header:
    """The header that the messages of one sender share: all but MSH-7 and MSH-10."""
    return _usual_header((*msh[:_SENT_AT], "", *msh[_SENT_AT + 1 : _CONTROL_ID], *msh[_CONTROL_ID + 1 :]))


_SENT_AT: Final = 7
_CONTROL_ID: Final = 10
# Stand for the two identifiers in what is built once; nobody can send them to us.
_OURS: Final = new_control_id().encode("ascii")
_THEIRS: Final = new_control_id().encode("ascii")


@lru_cache(maxsize=64)
def _usual_header(shared: tuple[str, ...]) -> Header:
    fields = (*shared[:_CONTROL_ID], _THEIRS.decode("ascii"), *shared[_CONTROL_ID:])
    raw = fields[0] + fields[1] + fields[1].join(fields[2:])
    return peek_header(raw.encode("utf-8")) or _NOBODY


@lru_cache(maxsize=64)
def _accepted_template(header: Header, second: datetime) -> bytes:
    return _build(header, AckCode.AA, (), control_id=_OURS.decode("ascii"), sent_at=second)


def _build(
    header: Header,
    code: AckCode,
    faults: Sequence[Fault],
    *,
    control_id: str = "",
    sent_at: datetime | None = None,
) -> bytes:
    charset = header.charset if header.charset in codes.CODEC_OF_CHARSET else codes.CHARSET_UTF8
    return build_ack(
        header,
        code=code,
        control_id=control_id or new_control_id(),
        sent_at=sent_at or timezone.now(),
        faults=faults,
        charset=charset,
    )
