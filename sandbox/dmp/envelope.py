"""SOAP 1.2 with WS-Addressing, in and out, and the MTOM message around it.

Sources: W3C SOAP 1.2, WS-Addressing 1.0 (core and SOAP binding), MTOM, XOP; DMP integration guide TD0.1:
which headers the service asks for.
"""

import re
import secrets
import uuid
from dataclasses import dataclass
from email.message import Message
from typing import Final
from urllib.parse import unquote, urlsplit

from lxml import etree

from interop.soap import codes as soap
from interop.vihf import codes as vihf
from sandbox.dmp.errors import (
    ACTION_NOT_SUPPORTED,
    ADDRESSING_HEADER_REQUIRED,
    INVALID_ADDRESSING_HEADER,
    SECURITY_UNAVAILABLE,
    SoapFault,
)
from sandbox.serving import Request, Response
from sandbox.xml import XmlError, children, parse, q, text_of

MAX_ENVELOPE: Final = 10 * 1024 * 1024
MISSING_HEADER_TEXT: Final = "A required header representing a Message Addressing Property is not present"
_MESSAGE_ID = re.compile(r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KNOWN_HEADERS = frozenset(
    {
        q(soap.NS_WSA, name)
        for name in ("MessageID", "To", "ReplyTo", "Action", "FaultTo", "From", "RelatesTo")
    }
    | {q(soap.NS_WSSE, "Security")}
)
_TRUE = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request read: addressing, the assertion of the security header, the body, the attachments."""

    action: str
    message_id: str
    assertion: etree._Element
    body: etree._Element
    attachments: dict[str, bytes]
    is_multipart: bool


def read_message(request: Request, *, multipart: bool) -> Incoming:
    """Read and check the envelope of a request; `multipart` tells whether the operation needs MTOM.

    SoapFault names the first rule that is broken.
    """
    content_type = _ContentType.of(request.headers.get("content-type", ""))
    if content_type.media == soap.MEDIA_MULTIPART:
        root, attachments = split_multipart(content_type, request.body)
    elif multipart:
        raise SoapFault("an MTOM message (multipart/related) is expected")
    elif content_type.media == soap.MEDIA_SOAP:
        root, attachments = request.body, {}
    else:
        raise SoapFault(f"content type {content_type.media or 'missing'} is not {soap.MEDIA_SOAP}")
    envelope = _parse_envelope(root)
    header, body = _header_and_body(envelope)
    action, message_id = _check_addressing(header, request.path)
    declared = content_type.parameter("action") or request.headers.get("soapaction", "").strip('"')
    if declared and declared != action:
        raise SoapFault(
            "the action of the transport is not that of the header", subcode=INVALID_ADDRESSING_HEADER
        )
    return Incoming(
        action,
        message_id,
        _assertion(header),
        body,
        attachments,
        content_type.media == soap.MEDIA_MULTIPART,
    )


def relates_to(body: bytes) -> str:
    """MessageID of a message that could not be read whole; empty when it is not found."""
    found = _MESSAGE_ID.search(body[:MAX_ENVELOPE].decode("utf-8", "replace"))
    return found.group() if found else ""


# Envelope


def _parse_envelope(data: bytes) -> etree._Element:
    if len(data) > MAX_ENVELOPE:
        raise SoapFault("the envelope is too large")
    try:
        envelope = parse(data)
    except XmlError as error:
        raise SoapFault(str(error)) from error
    if envelope.tag != q(soap.NS_SOAP, "Envelope"):
        raise SoapFault("SOAP 1.2 is expected", code=soap.FAULT_VERSION_MISMATCH)
    return envelope


def _header_and_body(envelope: etree._Element) -> tuple[etree._Element, etree._Element]:
    parts = children(envelope)
    if [part.tag for part in parts] != [q(soap.NS_SOAP, "Header"), q(soap.NS_SOAP, "Body")]:
        raise SoapFault("an envelope holds one Header, then one Body")
    header, body = parts
    for block in children(header):
        if block.get(q(soap.NS_SOAP, "mustUnderstand")) in _TRUE and block.tag not in _KNOWN_HEADERS:
            raise SoapFault(f"header {block.tag} is not understood", code=soap.FAULT_MUST_UNDERSTAND)
    payload = children(body)
    if len(payload) != 1:
        raise SoapFault("the Body holds one element")
    return header, payload[0]


def _check_addressing(header: etree._Element, path: str) -> tuple[str, str]:
    """Check the four headers of TD0.1. Returns action and message identifier."""
    blocks = {name: header.findall(q(soap.NS_WSA, name)) for name in ("MessageID", "To", "ReplyTo", "Action")}
    for name, found in blocks.items():
        if not found:
            raise SoapFault(f"{MISSING_HEADER_TEXT}: {name}", subcode=ADDRESSING_HEADER_REQUIRED)
        if len(found) > 1:
            raise SoapFault(f"header {name} is repeated", subcode=INVALID_ADDRESSING_HEADER)
    reply_to, action = blocks["ReplyTo"][0], blocks["Action"][0]
    if text_of(reply_to.find(q(soap.NS_WSA, "Address"))) != soap.WSA_ANONYMOUS:
        raise SoapFault("ReplyTo is not anonymous", subcode=INVALID_ADDRESSING_HEADER)
    for block in (reply_to, action):
        if not _must_be_understood(block):
            name = etree.QName(block).localname
            raise SoapFault(f"{name} is not mustUnderstand", subcode=INVALID_ADDRESSING_HEADER)
    to = urlsplit(text_of(blocks["To"][0]))
    if to.scheme != "https" or to.path != path:
        raise SoapFault("To is not the address of this service", subcode=INVALID_ADDRESSING_HEADER)
    message_id = text_of(blocks["MessageID"][0])
    if not _MESSAGE_ID.fullmatch(message_id):
        raise SoapFault("MessageID is not an urn:uuid", subcode=INVALID_ADDRESSING_HEADER)
    return text_of(action), message_id


def _must_be_understood(block: etree._Element) -> bool:
    # The official examples leave the attribute out of the namespace of the envelope.
    value = block.get(q(soap.NS_SOAP, "mustUnderstand")) or block.get("mustUnderstand")
    return value in _TRUE


def _assertion(header: etree._Element) -> etree._Element:
    """The assertion directly below the one security header."""
    security = header.findall(q(soap.NS_WSSE, "Security"))
    if len(security) != 1:
        raise SoapFault("one wsse:Security header is expected", subcode=SECURITY_UNAVAILABLE)
    tokens = children(security[0])
    if [token.tag for token in tokens] != [q(vihf.NS_SAML, "Assertion")]:
        raise SoapFault("wsse:Security holds one SAML 2.0 assertion", subcode=SECURITY_UNAVAILABLE)
    return tokens[0]


def check_action(message: Incoming, action: str) -> None:
    """The Action header must be that of the operation in the body."""
    if message.action != action:
        raise SoapFault(f"action {message.action} does not fit the body", subcode=ACTION_NOT_SUPPORTED)


# MTOM, in


@dataclass(frozen=True, slots=True)
class _ContentType:
    media: str
    parameters: dict[str, str]

    @classmethod
    def of(cls, value: str) -> "_ContentType":
        message = Message()
        message["Content-Type"] = value
        return cls(
            message.get_content_type() if value else "",
            {name.lower(): text for name, text in message.get_params(failobj=[])[1:]},
        )

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, "")


def split_multipart(content_type: _ContentType, body: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Envelope and attachments (by Content-ID without brackets) of an MTOM message. Strict about the form."""
    if content_type.parameter("type") != soap.MEDIA_XOP:
        raise SoapFault('the message is not of type="application/xop+xml"')
    if content_type.parameter("start-info") != soap.MEDIA_SOAP:
        raise SoapFault('the message is not of start-info="application/soap+xml"')
    boundary = content_type.parameter("boundary").encode("ascii", "replace")
    if not boundary:
        raise SoapFault("the boundary of the message is missing")
    parts: dict[str, bytes] = {}
    types: dict[str, _ContentType] = {}
    for part in _parts(body, boundary):
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            raise SoapFault("a part of the message has no end of headers")
        headers = _part_headers(head)
        name = headers.get("content-id", "").strip().removeprefix("<").removesuffix(">")
        if not name or name in parts:
            raise SoapFault("each part of the message needs a Content-ID of its own")
        if headers.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit"):
            raise SoapFault("parts of the message must be binary")
        parts[name] = content
        types[name] = _ContentType.of(headers.get("content-type", ""))
    start = content_type.parameter("start").removeprefix("<").removesuffix(">")
    if start not in parts:
        raise SoapFault("the start of the message names no part")
    root_type = types[start]
    if root_type.media != soap.MEDIA_XOP or root_type.parameter("type") != soap.MEDIA_SOAP:
        raise SoapFault("the root part is not an XOP envelope of SOAP 1.2")
    return parts.pop(start), parts


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    delimiter = b"\r\n--" + boundary
    chunks = (b"\r\n" + body).split(delimiter)
    if len(chunks) < 3 or not chunks[-1].startswith(b"--"):
        raise SoapFault("the message is not closed by its boundary")
    parts = []
    for chunk in chunks[1:-1]:
        if not chunk.startswith(b"\r\n"):
            raise SoapFault("a boundary is not alone on its line")
        parts.append(chunk[2:])
    return parts


def _part_headers(head: bytes) -> dict[str, str]:
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, separator, value = line.partition(":")
        if not separator:
            raise SoapFault("a part of the message has a broken header")
        headers[name.strip().lower()] = value.strip()
    return headers


def included(element: etree._Element, attachments: dict[str, bytes]) -> bytes:
    """Content of an element by its one `xop:Include`. SoapFault when it is inline or leads nowhere."""
    parts = children(element)
    if [part.tag for part in parts] != [q(soap.NS_XOP, "Include")]:
        raise SoapFault("a document is expected as one xop:Include")
    reference = parts[0].get("href", "")
    name = unquote(reference.removeprefix("cid:"))
    if not reference.startswith("cid:") or name not in attachments:
        raise SoapFault("an xop:Include leads to no part")
    return attachments[name]


# Out


def build_envelope(body: etree._Element, *, action: str, request_id: str) -> bytes:
    """Envelope of an answer."""
    envelope = etree.Element(q(soap.NS_SOAP, "Envelope"), nsmap={"soap": soap.NS_SOAP, "wsa": soap.NS_WSA})
    header = etree.SubElement(envelope, q(soap.NS_SOAP, "Header"))
    blocks = [("Action", action), ("MessageID", f"urn:uuid:{uuid.uuid4()}")]
    if request_id:
        blocks.append(("RelatesTo", request_id))
    for name, value in blocks:
        etree.SubElement(header, q(soap.NS_WSA, name)).text = value
    etree.SubElement(envelope, q(soap.NS_SOAP, "Body")).append(body)
    return bytes(etree.tostring(envelope, encoding="UTF-8", xml_declaration=True))


def build_fault(fault: SoapFault) -> etree._Element:
    """Body of a fault. The code and the standard subcodes are qualified names; those of the DMP are not."""
    element = etree.Element(
        q(soap.NS_SOAP, "Fault"), nsmap={"soap": soap.NS_SOAP, "wsa": soap.NS_WSA, "wsse": soap.NS_WSSE}
    )
    code = etree.SubElement(element, q(soap.NS_SOAP, "Code"))
    etree.SubElement(code, q(soap.NS_SOAP, "Value")).text = f"soap:{fault.code}"
    if fault.subcode:
        subcode = etree.SubElement(code, q(soap.NS_SOAP, "Subcode"))
        etree.SubElement(subcode, q(soap.NS_SOAP, "Value")).text = fault.subcode
    reason = etree.SubElement(element, q(soap.NS_SOAP, "Reason"))
    text = etree.SubElement(reason, q(soap.NS_SOAP, "Text"))
    text.set(q(soap.NS_XML, "lang"), "en")
    text.text = fault.reason
    return element


def soap_response(envelope: bytes, *, action: str, multipart: bool, status: int = 200) -> Response:
    """HTTP answer of an envelope, plain or as the only part of an MTOM message."""
    if not multipart:
        return Response(status, envelope, f'{soap.MEDIA_SOAP}; charset=UTF-8; action="{action}"')
    boundary, root = f"sandbox-{secrets.token_hex(12)}", f"root.{secrets.token_hex(8)}@sandbox"
    head = (
        f'--{boundary}\r\nContent-Type: {soap.MEDIA_XOP}; charset=UTF-8; type="{soap.MEDIA_SOAP}"\r\n'
        f"Content-Transfer-Encoding: binary\r\nContent-ID: <{root}>\r\n\r\n"
    )
    body = head.encode() + envelope + f"\r\n--{boundary}--\r\n".encode()
    return Response(
        status,
        body,
        f'{soap.MEDIA_MULTIPART}; type="{soap.MEDIA_XOP}"; start="<{root}>"; '
        f'start-info="{soap.MEDIA_SOAP}"; boundary="{boundary}"; action="{action}"',
    )
