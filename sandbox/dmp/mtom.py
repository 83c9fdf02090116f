"""The MTOM message around an envelope: read strictly, written well, or badly when told to.

Sources: W3C MTOM, XOP; RFC 2387; the anomalies of spec dmp 10.3 that a client must survive or refuse.
"""

import base64
import secrets
from collections.abc import Mapping, Set
from dataclasses import dataclass
from email.message import Message
from typing import Final
from urllib.parse import quote, unquote

from lxml import etree

from interop.soap import codes as soap
from sandbox.dmp.errors import SoapFault
from sandbox.serving import Response
from sandbox.xml import children, q

ANOMALIES: Final = frozenset({"truncate", "bad_boundary", "no_start", "base64_part", "lf_only"})
"""What an answer may have wrong, or merely unusual: the last three are to be read all the same."""


@dataclass(frozen=True, slots=True)
class ContentType:
    media: str
    parameters: dict[str, str]

    @classmethod
    def of(cls, value: str) -> "ContentType":
        message = Message()
        message["Content-Type"] = value
        return cls(
            message.get_content_type() if value else "",
            {name.lower(): text for name, text in message.get_params(failobj=[])[1:]},
        )

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, "")


def split_multipart(content_type: ContentType, body: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Envelope and attachments (by Content-ID without brackets) of an MTOM message. Strict about the form."""
    if content_type.parameter("type") != soap.MEDIA_XOP:
        raise SoapFault('the message is not of type="application/xop+xml"')
    if content_type.parameter("start-info") != soap.MEDIA_SOAP:
        raise SoapFault('the message is not of start-info="application/soap+xml"')
    boundary = content_type.parameter("boundary").encode("ascii", "replace")
    if not boundary:
        raise SoapFault("the boundary of the message is missing")
    parts: dict[str, bytes] = {}
    types: dict[str, ContentType] = {}
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
        types[name] = ContentType.of(headers.get("content-type", ""))
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


def include(content_id: str) -> etree._Element:
    """The `xop:Include` of a part; the reference is URL-encoded, as in the official example."""
    element = etree.Element(q(soap.NS_XOP, "Include"), nsmap={"xop": soap.NS_XOP})
    element.set("href", f"cid:{quote(content_id, safe='@')}")
    return element


def plain_response(envelope: bytes, *, action: str, status: int) -> Response:
    """HTTP answer of an envelope alone."""
    return Response(status, envelope, f'{soap.MEDIA_SOAP}; charset=UTF-8; action="{action}"')


def multipart_response(
    envelope: bytes,
    parts: Mapping[str, bytes],
    *,
    action: str,
    status: int,
    anomalies: Set[str] = frozenset(),
) -> Response:
    """HTTP answer of an envelope with its parts, in an MTOM message: always so in the repository."""
    boundary, root = f"sandbox-{secrets.token_hex(12)}", f"root.{secrets.token_hex(8)}@sandbox"
    end = b"\n" if "lf_only" in anomalies else b"\r\n"
    kind = f'{soap.MEDIA_XOP}; charset=UTF-8; type="{soap.MEDIA_SOAP}"'
    chunks = [_part(boundary, kind, root, envelope, end, encoded=False)]
    chunks += [
        _part(boundary, "text/xml", name, content, end, encoded="base64_part" in anomalies)
        for name, content in parts.items()
    ]
    body = b"".join((*chunks, b"--", boundary.encode(), b"--", end))
    if "truncate" in anomalies:
        body = body[: len(body) * 2 // 3]
    announced = f"{boundary}-other" if "bad_boundary" in anomalies else boundary
    start = "" if "no_start" in anomalies else f'start="<{root}>"; '
    content_type = (
        f'{soap.MEDIA_MULTIPART}; type="{soap.MEDIA_XOP}"; {start}start-info="{soap.MEDIA_SOAP}"; '
        f'boundary="{announced}"; action="{action}"'
    )
    return Response(status, body, content_type)


def _part(boundary: str, kind: str, name: str, content: bytes, end: bytes, *, encoded: bool) -> bytes:
    transfer = "base64" if encoded else "binary"
    held = base64.encodebytes(content).rstrip(b"\n").replace(b"\n", end) if encoded else content
    headers = (
        f"--{boundary}",
        f"Content-Type: {kind}",
        f"Content-Transfer-Encoding: {transfer}",
        f"Content-ID: <{name}>",
        "",
    )
    return end.join((*(line.encode() for line in headers), held, b""))
