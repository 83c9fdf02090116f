"""What a document carries beside its text: annexes to open apart (cda.md 6.3, Documents ajoutés)."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from interop.cda.display.media import media_of
from interop.cda.parse import clinical_document
from interop.xml import DOCUMENT_LIMITS, parse_xml


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a document that its page does not show; `section` is the title of its heading."""

    media_type: str
    label: str
    section: str
    content: bytes = field(repr=False)


def attachments_of(data: bytes) -> tuple[Attachment, ...]:
    """The annexes of a document: neither its PDF copy nor the images that its text shows.

    Raises:
        XmlRefused, CdaRefused: as `interop.cda.parse.parse_cda`.
    """
    return attachments_in(clinical_document(parse_xml(data, limits=DOCUMENT_LIMITS)))


def attachments_in(document: etree._Element) -> tuple[Attachment, ...]:
    """The same, from a document already parsed."""
    return tuple(
        Attachment(media.media_type, media.label, media.section, media.content)
        for _, media in media_of(document)
        if not media.is_copy and not media.is_image
    )
