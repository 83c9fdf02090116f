"""SOAP 1.2 envelopes with WS-Addressing and a WS-Security header.

Sources: SOAP 1.2 part 1, WS-Addressing 1.0 SOAP binding, DMP TD0.1 (spec dmp 1.2). The official example
messages write `mustUnderstand` without a namespace on the addressing headers: so do we.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from interop.soap import codes
from interop.soap.errors import SoapError, SoapFault
from interop.xml import MEBIBYTE, XmlLimits, XmlRefused, parse_xml, serialize_xml

ENVELOPE_LIMITS = XmlLimits(max_bytes=10 * MEBIBYTE)
"""An envelope without its attachments: 10 MiB (spec dmp 9, rule 1)."""

_PLACEHOLDER = "security-token"
_SPLICE_MARK = etree.tostring(etree.ProcessingInstruction(_PLACEHOLDER))
_MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Addressing:
    """WS-Addressing headers. `to` is the address of the service, `message_id` a `urn:uuid:`."""

    to: str
    action: str
    message_id: str
    relates_to: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message that was read. `body` is the only child of the SOAP body."""

    action: str
    message_id: str
    relates_to: str
    body: etree._Element


def build_envelope(addressing: Addressing, body: etree._Element, *, token: bytes | None = None) -> bytes:
    """Return the bytes of a request.

    `token` is a signed assertion, written into `wsse:Security` byte for byte: a signature does not
    survive a second serialisation under other namespaces.
    """
    envelope, header, soap_body = _skeleton()
    _add_text(header, codes.NS_WSA, "MessageID", addressing.message_id)
    _add_text(header, codes.NS_WSA, "To", addressing.to)
    reply_to = _add(header, codes.NS_WSA, "ReplyTo")
    reply_to.set("mustUnderstand", "true")
    _add_text(reply_to, codes.NS_WSA, "Address", codes.WSA_ANONYMOUS)
    _add_text(header, codes.NS_WSA, "Action", addressing.action).set("mustUnderstand", "true")
    if token is not None:
        security = _add(header, codes.NS_WSSE, "Security", prefix="wsse")
        security.append(etree.ProcessingInstruction(_PLACEHOLDER))
    soap_body.append(body)
    data = serialize_xml(envelope)
    return data if token is None else _spliced(data, token)


def build_answer(addressing: Addressing, body: etree._Element) -> bytes:
    """Return the bytes of an answer: `relates_to` is the MessageID of the request."""
    envelope, header, soap_body = _skeleton()
    _add_text(header, codes.NS_WSA, "Action", addressing.action)
    _add_text(header, codes.NS_WSA, "MessageID", addressing.message_id)
    _add_text(header, codes.NS_WSA, "To", addressing.to)
    _add_text(header, codes.NS_WSA, "RelatesTo", addressing.relates_to)
    soap_body.append(body)
    return serialize_xml(envelope)


def build_fault(fault: SoapFault) -> etree._Element:
    """Return the `Fault` element, a child for the body. The subcode is written without a namespace."""
    element = etree.Element(_soap("Fault"), nsmap={"soap": codes.NS_SOAP})
    code = etree.SubElement(element, _soap("Code"))
    etree.SubElement(code, _soap("Value")).text = f"soap:{fault.code}"
    if fault.subcode:
        subcode = etree.SubElement(code, _soap("Subcode"))
        etree.SubElement(subcode, _soap("Value")).text = fault.subcode
    text = etree.SubElement(etree.SubElement(element, _soap("Reason")), _soap("Text"))
    text.set(f"{{{codes.NS_XML}}}lang", "fr")
    text.text = fault.reason or fault.subcode or fault.code
    if fault.detail:
        etree.SubElement(element, _soap("Detail")).text = fault.detail
    return element


def parse_envelope(data: bytes, *, limits: XmlLimits = ENVELOPE_LIMITS) -> Envelope:
    """Read an answer or a request.

    Raises:
        SoapFault: the body is a fault, of SOAP 1.2 or of SOAP 1.1.
        SoapError: the bytes are no SOAP message.
    """
    try:
        root = parse_xml(data, limits=limits)
    except XmlRefused as error:
        raise SoapError(str(error)) from None
    if root.tag not in (_soap("Envelope"), f"{{{codes.NS_SOAP_11}}}Envelope"):
        raise SoapError(f"root element {root.tag} is no SOAP envelope")
    namespace = etree.QName(root).namespace
    body = _only_body(root, namespace)
    if etree.QName(body).localname == "Fault" and etree.QName(body).namespace == namespace:
        raise _read_fault(body, namespace)
    header = root.find(f"{{{namespace}}}Header")
    return Envelope(
        action=_header_text(header, "Action"),
        message_id=_header_text(header, "MessageID"),
        relates_to=_header_text(header, "RelatesTo"),
        body=body,
    )


def _skeleton() -> tuple[etree._Element, etree._Element, etree._Element]:
    envelope = etree.Element(_soap("Envelope"), nsmap={"soap": codes.NS_SOAP})
    header = etree.SubElement(envelope, _soap("Header"))
    return envelope, header, etree.SubElement(envelope, _soap("Body"))


def _spliced(data: bytes, token: bytes) -> bytes:
    before, mark, after = data.partition(_SPLICE_MARK)
    if not mark or _SPLICE_MARK in after:
        raise SoapError("the place of the security token is not unique in the envelope")
    return b"".join((before, token, after))


def _only_body(root: etree._Element, namespace: str | None) -> etree._Element:
    bodies = root.findall(f"{{{namespace}}}Body")
    if len(bodies) != 1:
        raise SoapError(f"{len(bodies)} SOAP bodies instead of one")
    children = [child for child in bodies[0] if isinstance(child.tag, str)]
    if len(children) != 1:
        raise SoapError(f"{len(children)} elements in the SOAP body instead of one")
    return children[0]


def _read_fault(fault: etree._Element, namespace: str | None) -> SoapFault:
    if namespace == codes.NS_SOAP_11:
        return SoapFault(
            _local(_text(fault.find("faultcode"))),
            reason=_text(fault.find("faultstring")),
            detail=_all_text(fault.find("detail")),
        )
    code = fault.find(_soap("Code"))
    if code is None:
        raise SoapError("a SOAP fault without a code")
    subcode = ""
    step = code.find(_soap("Subcode"))
    while step is not None:
        subcode = _local(_text(step.find(_soap("Value"))))
        step = step.find(_soap("Subcode"))
    detail = fault.find(_soap("Detail"))
    return SoapFault(
        _local(_text(code.find(_soap("Value")))),
        subcode=subcode,
        reason=_text(fault.find(f"{_soap('Reason')}/{_soap('Text')}")),
        detail=_all_text(detail),
        detail_element=detail,
    )


def _header_text(header: etree._Element | None, name: str) -> str:
    return "" if header is None else _text(header.find(f"{{{codes.NS_WSA}}}{name}"))


def _text(element: etree._Element | None) -> str:
    return "" if element is None else (element.text or "").strip()[:_MAX_TEXT]


def _all_text(element: etree._Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())[:_MAX_TEXT]


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _soap(name: str) -> str:
    return f"{{{codes.NS_SOAP}}}{name}"


def _add(parent: etree._Element, namespace: str, name: str, *, prefix: str | None = None) -> etree._Element:
    return etree.SubElement(parent, f"{{{namespace}}}{name}", nsmap={prefix: namespace})


def _add_text(parent: etree._Element, namespace: str, name: str, text: str) -> etree._Element:
    element = _add(parent, namespace, name)
    element.text = text
    return element
