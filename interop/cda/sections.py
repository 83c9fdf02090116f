"""Sections of a structured body, and the copy of the document in PDF (cda.md 6.2, 6.3)."""

from lxml import etree

from interop.cda import codes
from interop.cda.context import BodyContext
from interop.cda.datatypes import Code, Id, Moment
from interop.cda.elements import (
    XSI_TYPE,
    add,
    add_code,
    add_file,
    add_id,
    add_moment,
    add_null,
    add_templates,
    add_text,
)

_PDF_MEDIA_ID = "doc-1"
_PDF_TITLE = "Copie du document"  # tested word for word by the schematrons


def add_section(
    body: etree._Element, context: BodyContext, templates: tuple[Id, ...], code: Code, title: str
) -> tuple[etree._Element, etree._Element]:
    """Append a section; return it with its narrative, still empty."""
    section = add(add(body, "component"), "section")
    add_templates(section, templates)
    add_id(section, context.part_id(code.code))
    add_code(section, code)
    add_text(section, "title", title)
    return section, add(section, "text")


def add_reference(entry: etree._Element, anchor: str) -> None:
    """Point from an entry to the narrative."""
    add(add(entry, "text"), "reference", value=f"#{anchor}")


def add_observation(
    parent: etree._Element,
    context: BodyContext,
    kind: tuple[tuple[Id, ...], Code],
    anchor: str,
    value: Code | str | bool,
    *,
    on: Moment | None = None,
    value_type: str = "CE",
) -> etree._Element:
    """Append a simple observation: its templates and code, its anchor in the narrative, its value.

    `value_type` is the xsi:type of a coded value; a text is ST, a boolean BL.
    """
    templates, code = kind
    observation = add(parent, "observation", classCode="OBS", moodCode="EVN")
    add_templates(observation, templates)
    add_id(observation, context.part_id(f"{code.code}/{anchor}"))
    add_code(observation, code)
    add_reference(observation, anchor)
    add(observation, "statusCode", code="completed")
    if on is None:
        add_null(observation, "effectiveTime", "NA")
    else:
        add_moment(observation, "effectiveTime", on, context.zone)
    if isinstance(value, Code):
        add_code(observation, value, "value", value_type)
    elif isinstance(value, bool):
        add(observation, "value", value="true" if value else "false").set(XSI_TYPE, "BL")
    else:
        add_text(observation, "value", value).set(XSI_TYPE, "ST")
    return observation


def add_pdf_copy(body: etree._Element, context: BodyContext, pdf: bytes) -> None:
    """Append the section FR-Document-PDF-copie, which a reader shows first (6.3)."""
    section, text = add_section(body, context, (codes.TEMPLATE_PDF_COPY_SECTION,), codes.PDF_COPY, _PDF_TITLE)
    row = add(add(add(text, "table", border="0"), "tbody"), "tr")
    add(add(row, "td", ID="doc1"), "renderMultiMedia", referencedObject=_PDF_MEDIA_ID)
    organizer = add(add(section, "entry"), "organizer", classCode="CLUSTER", moodCode="EVN")
    add_templates(organizer, (codes.TEMPLATE_ATTACHED_DOCUMENT,))
    add_id(organizer, context.part_id("pdf"))
    add_code(organizer, codes.ATTACHED_DOCUMENT)
    add(organizer, "statusCode", code="completed")
    kind = (
        (
            codes.TEMPLATE_SIMPLE_OBSERVATION_IHE,
            codes.TEMPLATE_SIMPLE_OBSERVATION,
            codes.TEMPLATE_ATTACHED_DOCUMENT_TYPE,
        ),
        codes.ATTACHED_DOCUMENT_TYPE,
    )
    add_observation(add(organizer, "component"), context, kind, "doc1", codes.PDF_COPY, value_type="CD")
    media = add(
        add(organizer, "component"), "observationMedia", classCode="OBS", moodCode="EVN", ID=_PDF_MEDIA_ID
    )
    add_file(media, "value", pdf, codes.PDF_MEDIA_TYPE)
