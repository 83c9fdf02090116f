"""The body of a lettre de liaison de sortie in sections (LDL-SES_2022.01), with or without its PDF.

Source: spec cda 6.3 and 7.1: the four sections that the model asks for, and the copy of the document.
"""

import base64
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from interop.cda import codes as cda
from interop.cda.ldl_ses import codes as ldl
from sandbox.documents.elements import (
    add,
    add_code,
    add_fresh_id,
    add_templates,
    add_value,
    moment,
)
from sandbox.documents.model import Draft

_NOT_APPLICABLE = "NA"


@dataclass(frozen=True, slots=True)
class _Fact:
    """A row of the narrative with the entry that says the same."""

    model: tuple[tuple[cda.Id, ...], cda.Code]
    anchor: str
    text: str
    kind: str
    value: cda.Code | str | bool
    at: datetime | None = None


def add_letter(body: etree._Element, draft: Draft, pdf: bytes) -> None:
    """Write the sections; `pdf` empty for a letter that is in sections only."""
    status = _Fact(ldl.STATUS, "statut", "Validé", "CD", ldl.APPROVED)
    _add_section(body, draft, ldl.STATUS_SECTION, ldl.STATUS_SECTION_CODE, "Statut du document", [status])
    reason = _section(body, draft, ldl.REASON_SECTION, ldl.REASON_SECTION_CODE, "Motif de l'hospitalisation")
    _narrative(reason, [("", draft.lines[0], "")])
    facts = [
        _Fact(
            ldl.ADMISSION_MODE, "entree", "hospitalisation programmée", "CE",
            ldl.PLANNED_ADMISSION, draft.act_start,
        ),
        _Fact(ldl.DISCHARGE_MODE, "sortie", "retour au domicile", "CE", ldl.HOME_DISCHARGE, draft.act_stop),
        _Fact(ldl.SUMMARY, "synthese", " ".join(draft.lines[1:]), "ST", " ".join(draft.lines[1:])),
        _Fact(ldl.GERM_SEARCH, "germes", "Non", "BL", False),
        _Fact(ldl.TRANSFUSION, "transfusion", "Non", "BL", False),
        _Fact(ldl.BLOOD_DERIVATIVES, "derives", "Non", "BL", False),
    ]  # fmt: skip
    _add_section(
        body, draft, ldl.EVENTS_SECTION, ldl.EVENTS_SECTION_CODE, "Synthèse médicale du séjour", facts
    )
    _add_treatments(body, draft)
    if pdf:
        _add_copy(body, draft, pdf)


def _section(
    body: etree._Element, draft: Draft, templates: tuple[cda.Id, ...], code: cda.Code, title: str
) -> etree._Element:
    section = add(add(body, "component"), "section")
    add_templates(section, *templates)
    add_fresh_id(section, f"{draft.unique_id} {code.code}")
    add_code(section, code)
    add(section, "title", title)
    return section


def _narrative(section: etree._Element, rows: list[tuple[str, str, str]]) -> None:
    """A table of label and text; an anchor names what an entry refers to."""
    body = add(add(add(section, "text"), "table", border="0"), "tbody")
    for label, text, anchor in rows:
        row = add(body, "tr")
        if label:
            add(row, "td", label)
        cell = add(row, "td", "" if anchor else text)
        if anchor:
            add(cell, "content", text, ID=anchor)


def _add_section(
    body: etree._Element,
    draft: Draft,
    templates: tuple[cda.Id, ...],
    code: cda.Code,
    title: str,
    facts: list[_Fact],
) -> None:
    section = _section(body, draft, templates, code, title)
    _narrative(section, [(fact.model[1].display, fact.text, fact.anchor) for fact in facts])
    for fact in facts:
        _add_fact(section, draft, fact)


def _add_fact(section: etree._Element, draft: Draft, fact: _Fact) -> None:
    observation = add(add(section, "entry"), "observation", classCode="OBS", moodCode="EVN")
    add_templates(observation, *fact.model[0])
    add_fresh_id(observation, f"{draft.unique_id} {fact.model[1].code}")
    add_code(observation, fact.model[1])
    add(add(observation, "text"), "reference", value=f"#{fact.anchor}")
    add(observation, "statusCode", code="completed")
    if fact.at is not None:
        add(observation, "effectiveTime", value=moment(fact.at))
    else:
        add(observation, "effectiveTime", nullFlavor=_NOT_APPLICABLE)
    match fact.value:
        case bool():
            add_value(observation, fact.kind, value=str(fact.value).lower())
        case str():
            add_value(observation, fact.kind).text = fact.value
        case _:
            value = fact.value
            add_value(
                observation, fact.kind, code=value.code, codeSystem=value.system, displayName=value.display
            )


def _add_treatments(body: etree._Element, draft: Draft) -> None:
    """No medication at discharge: an entry says so."""
    section = _section(
        body,
        draft,
        ldl.DISCHARGE_TREATMENTS_SECTION,
        ldl.DISCHARGE_TREATMENTS_SECTION_CODE,
        "Traitements à la sortie",
    )
    none = ldl.NO_MEDICATION
    _narrative(section, [("", none.display, "traitement")])
    drug = add(add(section, "entry"), "substanceAdministration", classCode="SBADM", moodCode="EVN")
    add_templates(drug, *ldl.TREATMENT)
    add_fresh_id(drug, f"{draft.unique_id} {none.code}")
    code = add_code(drug, none)
    add(add(code, "originalText"), "reference", value="#traitement")
    add(add(drug, "text"), "reference", value="#traitement")
    add(drug, "statusCode", code="completed")
    period = add(drug, "effectiveTime")
    period.set(f"{{{cda.XSI}}}type", "IVL_TS")
    add(period, "low", nullFlavor=_NOT_APPLICABLE)
    add(period, "high", nullFlavor=_NOT_APPLICABLE)
    product = add(add(drug, "consumable"), "manufacturedProduct")
    add_templates(product, *ldl.PRODUCT)
    material = add(product, "manufacturedMaterial")
    add(material, "code", nullFlavor=_NOT_APPLICABLE)
    add(material, "name", nullFlavor=_NOT_APPLICABLE)


def _add_copy(body: etree._Element, draft: Draft, pdf: bytes) -> None:
    """FR-Document-PDF-copie: the PDF that readers show first."""
    section = _section(body, draft, (cda.TEMPLATE_PDF_COPY_SECTION,), cda.PDF_COPY, cda.PDF_COPY.display)
    rows = add(add(add(section, "text"), "table", border="0"), "tbody")
    add(add(add(rows, "tr"), "td"), "renderMultiMedia", referencedObject="copie")
    organizer = add(add(section, "entry"), "organizer", classCode="CLUSTER", moodCode="EVN")
    add_templates(organizer, cda.TEMPLATE_ATTACHED_DOCUMENT)
    add_fresh_id(organizer, f"{draft.unique_id} copie")
    add_code(organizer, cda.ATTACHED_DOCUMENT)
    add(organizer, "statusCode", code="completed")
    kind = add(add(organizer, "component"), "observation", classCode="OBS", moodCode="EVN")
    add_templates(
        kind,
        cda.TEMPLATE_SIMPLE_OBSERVATION_IHE,
        cda.TEMPLATE_SIMPLE_OBSERVATION,
        cda.TEMPLATE_ATTACHED_DOCUMENT_TYPE,
    )
    add_fresh_id(kind, f"{draft.unique_id} type de la copie")
    add_code(kind, cda.ATTACHED_DOCUMENT_TYPE)
    add(add(kind, "text"), "reference", value="#copie")
    add(kind, "statusCode", code="completed")
    add(kind, "effectiveTime", nullFlavor=_NOT_APPLICABLE)
    copy = cda.PDF_COPY
    add_value(kind, "CD", code=copy.code, codeSystem=copy.system, displayName=copy.display)
    media = add(add(organizer, "component"), "observationMedia", classCode="OBS", moodCode="EVN", ID="copie")
    value = add(media, "value", base64.b64encode(pdf).decode("ascii"))
    value.set("mediaType", cda.PDF_MEDIA_TYPE)
    value.set("representation", "B64")
