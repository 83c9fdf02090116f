"""SOAP 1.2 with WS-Addressing, in and out.

Sources: W3C SOAP 1.2, WS-Addressing 1.0 (core and SOAP binding); DMP integration guide TD0.1: which headers
the service asks for.
"""

import re
import uuid
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

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
from sandbox.dmp.mtom import ContentType, split_multipart
from sandbox.serving import Request
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


def read_message(request: Request) -> Incoming:
    """Read and check the envelope of a request. SoapFault names the first rule that is broken."""
    content_type = ContentType.of(request.headers.get("content-type", ""))
    if content_type.media == soap.MEDIA_MULTIPART:
        root, attachments = split_multipart(content_type, request.body)
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
