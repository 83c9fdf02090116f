"""MTOM: a SOAP envelope and binary attachments in one `multipart/related` message.

Sources: W3C XOP 1.0 and MTOM, RFC 2387; tolerances of spec dmp 9, rule 6. Written by hand because what
must be exact is small (bytes in, same bytes out) and what must be bounded is not (parts, headers, sizes).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from urllib.parse import quote, unquote

from lxml import etree

from interop.soap import codes
from interop.soap.errors import SoapError
from interop.xml import MEBIBYTE

XOP_INCLUDE = f"{{{codes.NS_XOP}}}Include"
_HEADER_END = re.compile(rb"(?:\A|\r?\n)\r?\n")
_DELIMITER_END = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One binary part. `content_id` is bare: no angle brackets, no `cid:`."""

    content_id: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Multipart:
    """A message ready to be sent: value of the Content-Type header, and body."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class MtomLimits:
    """Limits on a message received (bytes, counts)."""

    max_parts: int = 64
    max_part_bytes: int = 50 * MEBIBYTE
    max_header_bytes: int = 8 * 1024


MTOM_LIMITS = MtomLimits()


@dataclass(frozen=True, slots=True)
class ParsedMultipart:
    """A message received: the envelope, and the other parts by bare Content-ID."""

    root: bytes
    attachments: Mapping[str, bytes]


def build_multipart(
    root: bytes, attachments: Sequence[Attachment], *, action: str, boundary: str, root_id: str
) -> Multipart:
    """Return the message that carries `root` (an envelope) and its attachments.

    `boundary` and `root_id` are chosen by the caller, at random: they must not be found in a part.

    Raises:
        SoapError: the boundary is not usable, or stands in one of the parts.
    """
    delimiter = b"--" + boundary.encode("ascii")
    if not _BOUNDARY.fullmatch(boundary) or boundary.endswith(" "):
        raise SoapError("not a MIME boundary")
    if any(delimiter in content for content in (root, *(part.content for part in attachments))):
        raise SoapError("the boundary stands in a part")
    chunks = [
        delimiter,
        b"\r\n",
        _part_headers(f'{codes.MEDIA_XOP}; charset=UTF-8; type="{codes.MEDIA_SOAP}"', root_id),
        root,
    ]
    for part in attachments:
        headers = _part_headers(part.media_type, part.content_id)
        chunks += [b"\r\n", delimiter, b"\r\n", headers, part.content]
    chunks += [b"\r\n", delimiter, b"--\r\n"]
    content_type = (
        f'{codes.MEDIA_MULTIPART}; type="{codes.MEDIA_XOP}"; start="<{root_id}>"; '
        f'start-info="{codes.MEDIA_SOAP}"; boundary="{boundary}"; action="{action}"'
    )
    return Multipart(content_type, b"".join(chunks))


def soap_content_type(action: str) -> str:
    """Content-Type of a SOAP 1.2 message without attachment."""
    return f'{codes.MEDIA_SOAP}; charset=UTF-8; action="{action}"'


def is_multipart(content_type: str) -> bool:
    """Tell whether a Content-Type announces a multipart message."""
    return content_type.split(";", 1)[0].strip().lower() == codes.MEDIA_MULTIPART


def parse_multipart(content_type: str, body: bytes, *, limits: MtomLimits = MTOM_LIMITS) -> ParsedMultipart:
    """Split a `multipart/related` message.

    Strict about the frame (closing boundary, unique Content-ID, limits); tolerant about what servers do
    differently: boundary quoted or not, `start` absent (the first part is the root), Content-ID with or
    without angle brackets, binary, 8bit or base64 transfer, line ends of LF alone.

    Raises:
        SoapError: with the reason.
    """
    parameters = _parameters(content_type)
    boundary = parameters.get("boundary", "")
    if not is_multipart(content_type) or not _BOUNDARY.fullmatch(boundary):
        raise SoapError("not a multipart/related message with a boundary")
    parts: dict[str, bytes] = {}
    order: list[str] = []
    for number, raw in enumerate(_split(body, boundary.encode("ascii"), limits)):
        headers, content = _headers_and_content(raw, limits)
        content_id = _bare(headers.get("Content-ID", "")) or f"part-{number}"
        if content_id in parts:
            raise SoapError(f"two parts named {content_id}")
        parts[content_id] = _decoded(headers, content)
        order.append(content_id)
    start = _bare(parameters.get("start", "")) or order[0]
    if start not in parts:
        raise SoapError("the root part is missing")
    return ParsedMultipart(parts.pop(start), parts)


def include_reference(content_id: str) -> etree._Element:
    """Return the `xop:Include` that stands for an attachment; the id is URL-encoded in the reference."""
    element = etree.Element(XOP_INCLUDE, nsmap={"xop": codes.NS_XOP})
    element.set("href", "cid:" + quote(content_id, safe="@"))
    return element


def included_content(element: etree._Element, attachments: Mapping[str, bytes]) -> bytes:
    """Return the bytes of an element of type base64Binary, inline or by reference.

    Raises:
        SoapError: the reference leads nowhere, or the text is not base64.
    """
    include = element.find(XOP_INCLUDE)
    if include is None:
        try:
            return base64.b64decode("".join((element.text or "").split()), validate=True)
        except binascii.Error:
            raise SoapError("the inline content is not base64") from None
    reference = include.get("href", "")
    name = reference.removeprefix("cid:")
    # The reference is URL-encoded and the Content-ID is not; some servers encode both.
    content = attachments.get(unquote(name), attachments.get(name))
    if not reference.startswith("cid:") or content is None:
        raise SoapError(f"no attachment for {reference[:100]}")
    return content


def _part_headers(media_type: str, content_id: str) -> bytes:
    return (
        f"Content-Type: {media_type}\r\n"
        "Content-Transfer-Encoding: binary\r\n"
        f"Content-ID: <{content_id}>\r\n\r\n"
    ).encode("ascii")


def _parameters(content_type: str) -> dict[str, str]:
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    return {name.lower(): collapse_rfc2231_value(value) for name, value in message.get_params(failobj=[])}


def _split(body: bytes, boundary: bytes, limits: MtomLimits) -> list[bytes]:
    """Cut the body at its delimiter lines; what stands before the first and after the last is ignored."""
    delimiter = b"--" + boundary
    parts: list[bytes] = []
    start = None
    position = 0
    while (at := body.find(delimiter, position)) >= 0:
        position = at + len(delimiter)
        end = _DELIMITER_END.match(body, position)
        if end is None or (at > 0 and body[at - 1 : at] != b"\n"):
            continue  # these bytes belong to a part
        if start is not None:
            parts.append(body[start:at].removesuffix(b"\n").removesuffix(b"\r"))
        if len(parts) > limits.max_parts:
            raise SoapError(f"more than {limits.max_parts} parts")
        if end.group(1):
            break
        position = start = end.end()
    else:
        raise SoapError("the closing boundary is missing")
    if not parts:
        raise SoapError("a multipart message without parts")
    return parts


def _headers_and_content(raw: bytes, limits: MtomLimits) -> tuple[Message, bytes]:
    end = _HEADER_END.search(raw, 0, limits.max_header_bytes)
    if end is None:
        raise SoapError("the headers of a part do not end")
    if len(raw) - end.end() > limits.max_part_bytes:
        raise SoapError(f"a part exceeds {limits.max_part_bytes} bytes")
    message = Message()
    for line in re.sub(rb"\r?\n[ \t]+", b" ", raw[: end.start()]).splitlines():
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise SoapError("a malformed header of a part")
        message[name.strip()] = value.strip()
    return message, raw[end.end() :]


def _decoded(headers: Message, content: bytes) -> bytes:
    encoding = str(headers.get("Content-Transfer-Encoding", "binary")).strip().lower()
    if encoding in ("binary", "8bit", "7bit"):
        return content
    if encoding != "base64":
        raise SoapError(f"transfer encoding {encoding[:40]} is not supported")
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        raise SoapError("a part is not base64") from None


def _bare(content_id: object) -> str:
    return str(content_id).strip().removeprefix("<").removesuffix(">")
