"""The one XML parser of the product, and the one way to write XML bytes.

Source: shared/spec/security.md 10.3 (parser), 10.4 (limits). Nothing else may call
`etree.fromstring`, `etree.parse` or another XML library.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

MEBIBYTE = 1024 * 1024
# Above this size one text node may pass the 10 MB of libxml2 (security.md 10.3).
_TEXT_NODE_LIMIT = 10_000_000
# Encodings whose ASCII characters are single ASCII bytes: the scans below read bytes.
_ASCII_ENCODINGS = frozenset(
    {
        "UTF-8",
        "UTF8",
        "US-ASCII",
        "ASCII",
        "ISO-8859-1",
        "ISO-8859-15",
        "LATIN1",
        "WINDOWS-1252",
        "CP1252",
    }
)
_WIDE_ENCODINGS = frozenset({"UTF-16", "UTF-16LE", "UTF-16BE"})
_DECLARED_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# What may stand before a DOCTYPE: spaces, processing instructions, comments. Possessive: linear time.
_BEFORE_DOCTYPE = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_SHOWN_PARSER_TEXT = 200
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class XmlRefusal(StrEnum):
    """Why bytes were refused as XML."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_ELEMENTS = "too_many_elements"
    TOO_DEEP = "too_deep"
    TEXT_TOO_LONG = "text_too_long"
    DOCTYPE = "doctype"
    ENTITY = "entity"
    ENCODING = "encoding"
    MALFORMED = "malformed"


class XmlRefused(ValueError):
    """The bytes are not XML that we accept.

    `code` is stable and for programs; `text` is French and may be shown; `line` is 1-based,
    0 where no line can be named.
    """

    def __init__(self, code: XmlRefusal, text: str, line: int = 0) -> None:
        super().__init__(f"{text} (ligne {line})" if line else text)
        self.code = code
        self.text = text
        self.line = line


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """Limits on one XML file (security.md 10.3 and 10.4).

    `max_tags` counts the `<` and `max_attributes` the `=` of the bytes: both bound the memory of
    the tree before any of it is allocated. `large_text` admits one text node above 10 MB, the
    encapsulated PDF of a CDA: set it for documents only, never for envelopes.
    """

    max_bytes: int = 45 * MEBIBYTE
    max_depth: int = 256
    max_tags: int = 400_000
    max_attributes: int = 1_000_000
    large_text: bool = False


XML_LIMITS = XmlLimits()
DOCUMENT_LIMITS = XmlLimits(large_text=True)


def parse_xml(data: bytes, *, limits: XmlLimits = XML_LIMITS) -> etree._Element:
    """Return the root element of untrusted XML bytes.

    No DTD, no entity, no network, no recovery; size, depth and number of elements are bounded
    (security.md 10.3, 10.4). Comments and processing instructions are kept.

    Raises:
        XmlRefused: with the reason and, where known, the line.
    """
    _check_size(data, limits)
    huge = limits.large_text and len(data) > _TEXT_NODE_LIMIT
    wide = _check_encoding(data, allow_wide=not huge)
    if not wide:
        _check_no_doctype(data, everywhere=huge)
    root = _parse(data, huge=huge)
    _check_tree(root, limits, depth_unchecked=huge or limits.max_depth < XML_LIMITS.max_depth)
    return root


def serialize_xml(root: etree._Element) -> bytes:
    """Return the bytes of a tree: UTF-8, XML declaration, no added white space."""
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def xml_text(text: str) -> str:
    """Return a text without the characters that XML cannot carry, control characters above all.

    Text pasted from office software holds some; they have no meaning and no shape.
    """
    return _NOT_XML.sub("", text)


def canonical_xml(root: etree._Element) -> bytes:
    """Return the canonical form (C14N 1.0, no comments): two equal documents have equal bytes."""
    return bytes(etree.tostring(root, method="c14n", with_comments=False))


def _check_size(data: bytes, limits: XmlLimits) -> None:
    if not data or data.isspace():
        raise XmlRefused(XmlRefusal.EMPTY, "Le fichier XML est vide")
    if len(data) > limits.max_bytes:
        raise XmlRefused(
            XmlRefusal.TOO_LARGE,
            f"Le fichier XML dépasse {limits.max_bytes} octets ({len(data)} octets reçus)",
        )
    if data.count(b"<") > limits.max_tags or data.count(b"=") > limits.max_attributes:
        raise XmlRefused(
            XmlRefusal.TOO_MANY_ELEMENTS,
            "Le fichier XML contient trop d'éléments ou d'attributs",
        )


def _check_encoding(data: bytes, *, allow_wide: bool) -> bool:
    """Tell whether the bytes are UTF-16; refuse encodings in which the byte scans would be blind."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")):
        encoding = "UTF-16"
    else:
        declared = _DECLARED_ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
        encoding = declared.group(1).decode("ascii").upper() if declared else "UTF-8"
    wide = encoding in _WIDE_ENCODINGS
    if encoding not in _ASCII_ENCODINGS and not (wide and allow_wide):
        raise XmlRefused(XmlRefusal.ENCODING, f"L'encodage {encoding} n'est pas accepté", 1)
    return wide


def _check_no_doctype(data: bytes, *, everywhere: bool) -> None:
    """Refuse a DOCTYPE before the parser sees it; everywhere when the parser's own limits are lifted."""
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    before = _BEFORE_DOCTYPE.match(data, start)
    at = before.end() if before else start
    if not data.startswith(b"<!DOCTYPE", at):
        at = -1
        if everywhere:
            at = max(data.find(b"<!DOCTYPE"), data.find(b"<!ENTITY"))
    if at >= 0:
        raise _doctype_refused(data.count(b"\n", 0, at) + 1)


def _doctype_refused(line: int) -> XmlRefused:
    return XmlRefused(XmlRefusal.DOCTYPE, "Une déclaration DOCTYPE ou ENTITY n'est pas acceptée", line)


def _parse(data: bytes, *, huge: bool) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=huge,
        remove_pis=False,
        recover=False,
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal_of(error) from None


_PARSER_CODES = {
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY: XmlRefusal.ENTITY,
    etree.ErrorTypes.ERR_UNPARSED_ENTITY: XmlRefusal.ENTITY,
    etree.ErrorTypes.ERR_ENTITY_LOOP: XmlRefusal.ENTITY,
    etree.ErrorTypes.ERR_UNKNOWN_ENCODING: XmlRefusal.ENCODING,
    etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING: XmlRefusal.ENCODING,
    etree.ErrorTypes.ERR_INVALID_ENCODING: XmlRefusal.ENCODING,
    etree.ErrorTypes.I18N_CONV_FAILED: XmlRefusal.ENCODING,
}


def _refusal_of(error: etree.XMLSyntaxError) -> XmlRefused:
    message = " ".join((error.msg or "").split())[:_SHOWN_PARSER_TEXT]
    line = error.lineno or 0
    if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        if "depth" in message:
            return XmlRefused(XmlRefusal.TOO_DEEP, "Les éléments sont trop imbriqués", line)
        if "amplification" in message:
            return XmlRefused(XmlRefusal.ENTITY, "Une expansion d'entités n'est pas acceptée", line)
        return XmlRefused(XmlRefusal.TEXT_TOO_LONG, "Un texte ou un attribut est trop long", line)
    code = _PARSER_CODES.get(error.code, XmlRefusal.MALFORMED)
    return XmlRefused(code, f"XML mal formé : {message}", line)


def _check_tree(root: etree._Element, limits: XmlLimits, *, depth_unchecked: bool) -> None:
    docinfo = root.getroottree().docinfo
    if docinfo.doctype or docinfo.internalDTD is not None:
        raise _doctype_refused(1)
    if not depth_unchecked:
        return  # libxml2 itself stops at depth 256
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limits.max_depth:
            raise XmlRefused(
                XmlRefusal.TOO_DEEP,
                "Les éléments sont trop imbriqués",
                element.sourceline or 0,
            )
