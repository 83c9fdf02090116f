"""One SOAP exchange over the transport: what the SOAP services of the State have in common.

Source: spec dmp 1.2 and 3.7 (layers of errors). A fault is left to the adapter, which knows its codes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from interop.soap.envelope import Addressing, Envelope, build_envelope, parse_envelope
from interop.soap.errors import SoapError
from interop.soap.mtom import (
    Attachment,
    build_multipart,
    is_multipart,
    parse_multipart,
    soap_content_type,
)
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.transport import Answer, Transport

_TRY_AGAIN = frozenset({408, 425, 429})
_GATEWAY = frozenset({502, 504})


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A request: `token` is the signed assertion; `repeatable` as for the transport."""

    path: str
    action: str
    message_id: str
    body: etree._Element
    token: bytes
    read_timeout: float
    repeatable: bool
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyRequest:
    """A request whose bytes are made: what `exchange_ready` sends as they are."""

    path: str
    content_type: str
    data: bytes
    message_id: str
    read_timeout: float
    repeatable: bool


@dataclass(frozen=True, slots=True)
class SoapAnswer:
    """An answer without fault, with the parts that came beside the envelope; `raw` is the whole body."""

    envelope: Envelope
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    raw: bytes = b""


def exchange(transport: Transport, request: SoapRequest) -> SoapAnswer:
    """Send a request, read its answer.

    Raises:
        SoapFault: the service answered with a fault.
        NationalServiceError: it could not be reached, or answered something else than SOAP.
    """
    addressing = Addressing(
        to=transport.settings.url(request.path),
        action=request.action,
        message_id=request.message_id,
    )
    data = build_envelope(addressing, request.body, token=request.token)
    content_type, data = _packed(data, request.action, request.attachments)
    return exchange_ready(
        transport,
        ReadyRequest(
            request.path, content_type, data, request.message_id, request.read_timeout, request.repeatable
        ),
    )


def exchange_ready(transport: Transport, request: ReadyRequest) -> SoapAnswer:
    """Send an envelope that a service shapes in its own way, read its answer. Raises as `exchange`."""
    answer = transport.post(
        request.path,
        request.data,
        content_type=request.content_type,
        read_timeout=request.read_timeout,
        repeatable=request.repeatable,
    )
    try:
        read = _read(answer)
        if read.envelope.relates_to not in ("", request.message_id):
            raise SoapError("the answer is that of another request")
    except SoapError as error:
        # What follows on this line may be the answer that we wait for: never read the next call's from it.
        transport.close()
        raise _unreadable(transport, answer, error, repeatable=request.repeatable) from error
    return read


def _packed(data: bytes, action: str, attachments: Sequence[Attachment]) -> tuple[str, bytes]:
    if not attachments:
        return soap_content_type(action), data
    mark = secrets.token_hex(16)
    message = build_multipart(
        data, attachments, action=action, boundary=f"uuid_{mark}", root_id=f"root.{mark}@dpi"
    )
    return message.content_type, message.body


def _read(answer: Answer) -> SoapAnswer:
    if not is_multipart(answer.content_type):
        return SoapAnswer(parse_envelope(answer.body), raw=answer.body)
    message = parse_multipart(answer.content_type, answer.body)
    return SoapAnswer(parse_envelope(message.root), message.attachments, raw=answer.body)


def _unreadable(
    transport: Transport, answer: Answer, error: SoapError, *, repeatable: bool
) -> NationalServiceError:
    """Say what an answer that is no SOAP message means, from its status.

    A gateway that gives up (502, 504), or a success that cannot be read, tells nothing of what the service
    did with the request.
    """
    label = transport.settings.label
    code = f"HTTP_{answer.status}"
    text = str(error)
    success = 200 <= answer.status < 300
    if 300 <= answer.status < 500 and answer.status not in _TRY_AGAIN:
        return Rejected(
            code,
            text,
            kind=RejectionKind.CONFIGURATION,
            message=f"{label} a refusé l'appel ({code}) : son adresse est à vérifier.",
        )
    if not repeatable and (success or answer.status in _GATEWAY):
        message = f"{label} a donné une réponse illisible ; l'issue sera vérifiée."
        return Uncertain(message, code="UNREADABLE" if success else code, text=text)
    return Unavailable(f"{label} est indisponible.", code="UNREADABLE" if success else code, text=text)
