"""The page of a document: its header in short, then its body, in bytes of HTML (cda.md 10)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from typing import Final

from lxml import etree

from interop.cda.codes import PDF_MEDIA_TYPE
from interop.cda.display.attachments import Attachment, attachments_in
from interop.cda.display.facts import Fact, facts_of
from interop.cda.display.images import ImageRefused, data_url
from interop.cda.display.media import is_copy_section, media_of
from interop.cda.display.narrative import Narrative
from interop.cda.display.rtf import rtf_text
from interop.cda.parse import clinical_document, parse_cda, read_cda
from interop.cda.parsed import BodyKind, ParsedBody, ParsedCda
from interop.cda.reading import many, one, text_of, value_of
from interop.xml import DOCUMENT_LIMITS, parse_xml, xml_text

STYLE: Final = files(__package__).joinpath("page.css").read_text("utf-8")
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode("ascii")
DISPLAY_POLICY: Final = (
    f"sandbox; default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
"""Content-Security-Policy of the page: its own style, its own images, nothing else whatever it holds."""

NO_TEXT: Final = "Cette rubrique n’a pas de texte : elle ne contient que des données codées."
UNREADABLE_BODY: Final = "Le contenu de ce document ({kind}) ne peut pas être affiché ici."
UNREADABLE_MARK: Final = UNREADABLE_BODY.rpartition(")")[2].strip()
"""How a page that could not show everything is recognised."""
_HEADINGS: Final = ("h2", "h3", "h4", "h5", "h6")
_SHORT: Final = frozenset(
    {
        "Type", "Date de l’acte", "Document établi le", "Auteur", "Structure", "Patient", "Né(e) le", "Sexe",
        "Version",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DisplayedCda:
    """Everything that is shown of a document, from one reading.

    `pdf` is shown first when there is one; `html` is the page, absent when the body is that PDF alone.
    """

    document: ParsedCda
    pdf: bytes | None = field(repr=False)
    html: bytes | None = field(repr=False)
    facts: tuple[Fact, ...]
    attachments: tuple[Attachment, ...]


def display_cda(data: bytes) -> DisplayedCda:
    """Read a document and everything that is shown of it.

    Raises:
        XmlRefused, CdaRefused: as `interop.cda.parse.parse_cda`.
    """
    element = clinical_document(parse_xml(data, limits=DOCUMENT_LIMITS))
    document = read_cda(element)
    is_pdf_alone = document.body.kind is BodyKind.N1 and bool(document.body.pdf)
    return DisplayedCda(
        document=document,
        pdf=document.body.pdf or None,
        html=None if is_pdf_alone else _page(element, document),
        facts=facts_of(document),
        attachments=attachments_in(element),
    )


def html_of_cda(data: bytes) -> bytes:
    """The page of a document, whatever its body; served under `DISPLAY_POLICY`.

    Raises:
        XmlRefused, CdaRefused: as `interop.cda.parse.parse_cda`.
    """
    element = clinical_document(parse_xml(data, limits=DOCUMENT_LIMITS))
    return _page(element, read_cda(element))


def pdf_of_cda(data: bytes) -> bytes | None:
    """The PDF to show first: the body of an N1, or the copy inside an N3; None when there is none.

    Raises:
        XmlRefused, CdaRefused: as `interop.cda.parse.parse_cda`.
    """
    return parse_cda(data).body.pdf or None


def _page(element: etree._Element, document: ParsedCda) -> bytes:
    html = etree.Element("html", lang="fr")
    head = etree.SubElement(html, "head")
    etree.SubElement(head, "meta", charset="utf-8")
    etree.SubElement(head, "title").text = document.title or "Document"
    etree.SubElement(head, "style").text = STYLE
    body = etree.SubElement(html, "body")
    _add_header(body, document)
    main = etree.SubElement(body, "main")
    if document.body.kind is BodyKind.N3:
        _add_sections(main, element)
    else:
        _add_file(main, document.body)
    return bytes(etree.tostring(html, method="html", encoding="utf-8", doctype="<!DOCTYPE html>"))


def _add_header(body: etree._Element, document: ParsedCda) -> None:
    header = etree.SubElement(body, "header")
    etree.SubElement(header, "h1").text = document.title or document.type.display or "Document"
    listing = etree.SubElement(header, "dl")
    for fact in facts_of(document):
        if fact.label in _SHORT:
            row = etree.SubElement(listing, "div")
            etree.SubElement(row, "dt").text = fact.label
            etree.SubElement(row, "dd").text = fact.value


def _add_sections(main: etree._Element, document: etree._Element) -> None:
    narrative = Narrative(dict(media_of(document)))
    for section in many(document, "c:component/c:structuredBody/c:component/c:section"):
        _add_section(main, section, narrative, 0)


def _add_section(parent: etree._Element, section: etree._Element, narrative: Narrative, level: int) -> None:
    """A heading, its text, the sections inside; the PDF copy is shown apart and first (VISU.03)."""
    if is_copy_section(section):
        return
    made = etree.SubElement(parent, "section")
    title = text_of(one(section, "c:title")) or value_of(section, "c:code", "displayName")
    if title:
        etree.SubElement(made, _HEADINGS[min(level, len(_HEADINGS) - 1)]).text = title
    inside = many(section, "c:component/c:section")
    text = one(section, "c:text")
    if text is not None:
        made.append(narrative.block(text))
    elif not inside:
        etree.SubElement(made, "p", {"class": "note"}).text = NO_TEXT
    left = narrative.images_left(section)
    if left is not None:
        made.append(left)
    for child in inside:
        _add_section(made, child, narrative, level + 1)


def _add_file(main: etree._Element, body: ParsedBody) -> None:
    """An unstructured body: text as it is written, image, or a word that it is shown elsewhere."""
    media_type = body.media_type.partition(";")[0].strip().lower()
    if media_type in ("text/plain", "text/rtf", "application/rtf"):
        text = rtf_text(body.content) if media_type.endswith("rtf") else _decoded(body.content)
        etree.SubElement(main, "div", {"class": "plain"}).text = xml_text(text)
        return
    if media_type.startswith("image/"):
        try:
            etree.SubElement(main, "img", src=data_url(body.content), alt="Document")
            return
        except ImageRefused:
            main.clear()
    kind = "PDF" if media_type == PDF_MEDIA_TYPE else media_type
    etree.SubElement(main, "p", {"class": "note"}).text = UNREADABLE_BODY.format(kind=kind)


def _decoded(content: bytes) -> str:
    """Text of a charset that nobody wrote down."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
