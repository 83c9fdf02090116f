"""The files inside a structured document: `observationMedia` by their ID (cda.md 6.3, 10.6)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import Final

from lxml import etree

from interop.cda import codes
from interop.cda.reading import NS, one, text_of

IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/jpg", "image/pjpeg", "image/png", "image/gif"})
LABELS: Final = {
    codes.PDF_MEDIA_TYPE: "PDF",
    "application/xml": "fichier XML",
    "text/xml": "fichier XML",
    "text/plain": "texte",
    "text/rtf": "texte RTF",
    "image/tiff": "image TIFF",
    "application/dicom": "image DICOM",
}
_COPY: Final = f"./c:templateId[@root='{codes.TEMPLATE_PDF_COPY_SECTION.root}']"


@dataclass(frozen=True, slots=True)
class Media:
    """One file of a document; its bytes are decoded when they are asked for.

    `is_copy`: it is the PDF copy of the whole document, shown first and never as an attachment.
    """

    element: etree._Element
    media_type: str
    section_element: etree._Element | None
    is_copy: bool

    @property
    def section(self) -> str:
        """The title of its section."""
        return text_of(one(self.section_element, "c:title"))

    @property
    def is_image(self) -> bool:
        return self.media_type in IMAGE_TYPES

    @property
    def label(self) -> str:
        """What the file is, in French words."""
        if self.is_image:
            return "image"
        return LABELS.get(self.media_type, "fichier")

    @property
    def content(self) -> bytes:
        """The bytes; none when their base 64 is broken."""
        text = "".join(self.element.itertext())
        if self.element.get("representation") != codes.BASE64:
            return text.encode()
        try:
            return b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            return b""


def media_of(document: etree._Element) -> tuple[tuple[str, Media], ...]:
    """The files of a document in their order, each with its ID (or a name that no text can quote)."""
    found: list[tuple[str, Media]] = []
    for observation in document.iter(f"{{{codes.HL7_V3}}}observationMedia"):
        value = one(observation, "c:value")
        if value is None:
            continue
        section = next(observation.iterancestors(f"{{{codes.HL7_V3}}}section"), None)
        media_type = (value.get("mediaType") or "").strip().lower()
        is_copy = media_type == codes.PDF_MEDIA_TYPE and section is not None and is_copy_section(section)
        name = observation.get("ID") or f" {len(found)}"
        found.append((name, Media(value, media_type, section, is_copy)))
    return tuple(found)


def is_copy_section(section: etree._Element) -> bool:
    """Whether a section is FR-Document-PDF-copie."""
    return section.find(_COPY, NS) is not None
