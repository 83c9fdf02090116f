"""A CI-SIS document: its header (structuration minimale), then a body of level 1 or of level 3.

Sources: spec cda 2 to 6 (CI-SIS volets "structuration minimale" and "lettre de liaison"). Written apart from
the builders of the product, so that a document that comes from elsewhere is really another one's.
"""

import base64
from datetime import date

from lxml import etree

from interop.cda import codes as cda
from sandbox.documents.codes import PATIENT_SECTOR, PATIENT_SETTING
from sandbox.documents.discharge import add_letter
from sandbox.documents.elements import (
    add,
    add_code,
    add_id,
    add_templates,
    add_writer,
    moment,
)
from sandbox.documents.model import Draft, Level
from sandbox.documents.pdf import build_pdf

_NAMESPACES = {None: cda.HL7_V3, "xsi": cda.XSI}
_GENDERS = cda.GENDERS


def build_cda(draft: Draft) -> bytes:
    """Return the bytes of the document; the same for the same draft."""
    root = etree.Element(f"{{{cda.HL7_V3}}}ClinicalDocument", nsmap=_NAMESPACES)
    _add_identity(root, draft)
    _add_patient(root, draft)
    _add_author(root, draft)
    _add_custodian(root, draft)
    _add_authenticator(root, draft)
    _add_act(root, draft)
    if draft.replaced_id:
        related = add(root, "relatedDocument", typeCode=cda.REPLACES)
        add_id(add(related, "parentDocument"), cda.Id(draft.replaced_id))
    _add_encounter(root, draft)
    _add_body(root, draft)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def text_of(draft: Draft) -> tuple[str, ...]:
    """The lines of the document, below who and when."""
    person, writer = draft.patient, draft.writer
    born = date.fromisoformat(person.birth_date)
    called = (writer.title or writer.civility).capitalize() if writer else ""
    author = f"{called} {writer.given} {writer.family}" if writer else "Le patient"
    place = f", {writer.organisation.name}, {writer.organisation.city}" if writer else ""
    return (
        f"Patient : {person.family} {person.given}, né(e) le {born:%d/%m/%Y}",
        f"Auteur : {author}{place}",
        f"Date : {draft.written_at:%d/%m/%Y}",
        "",
        *draft.lines,
        "",
        "Document de démonstration : aucune donnée réelle.",
    )


def _add_identity(root: etree._Element, draft: Draft) -> None:
    add(root, "realmCode", code=cda.REALM)
    add_id(root, cda.TYPE_ID, "typeId")
    is_letter = draft.level in (Level.LETTER, Level.LETTER_WITH_PDF)
    model = cda.TEMPLATE_LDL_SES if is_letter else cda.TEMPLATE_N1
    add_templates(root, cda.TEMPLATE_HL7_FRANCE, cda.TEMPLATE_CISIS, model)
    add_id(root, cda.Id(draft.unique_id))
    add_code(root, draft.kind)
    add(root, "title", draft.title)
    add(root, "effectiveTime", value=moment(draft.written_at))
    add_code(root, cda.NORMAL, "confidentialityCode")
    add(root, "languageCode", code=cda.LANGUAGE)
    add_id(root, cda.Id(draft.set_id), "setId")
    add(root, "versionNumber", value=str(draft.version))


def _add_patient(root: etree._Element, draft: Draft) -> None:
    person = draft.patient
    role = add(add(root, "recordTarget"), "patientRole")
    add_id(role, cda.Id(person.oid, person.matricule))
    add_id(role, cda.Id(f"{draft.root}.9", person.matricule[-8:]))
    add(role, "addr", nullFlavor="UNK")
    add(role, "telecom", nullFlavor="UNK")
    patient = add(role, "patient")
    name = add(patient, "name")
    add(name, "family", person.family, qualifier="BR")
    add(name, "given", person.given)
    add(name, "given", person.given.split(" ")[0], qualifier="BR")
    add_code(patient, _GENDERS[person.sex], "administrativeGenderCode")
    add(patient, "birthTime", value=person.birth_date.replace("-", ""))
    place = add(add(patient, "birthplace"), "place")
    add(add(place, "addr"), "county", person.birth_place)


def _add_author(root: etree._Element, draft: Draft) -> None:
    author = add(root, "author")
    add(author, "time", value=moment(draft.written_at))
    if draft.writer is not None:
        add_writer(author, draft.writer, "assignedAuthor")
    else:
        _add_patient_as(author, draft, "assignedAuthor")


def _add_patient_as(parent: etree._Element, draft: Draft, name: str) -> etree._Element:
    """The patient where a professional stands in other documents."""
    element = add(parent, name)
    add_id(element, cda.Id(draft.patient.oid, draft.patient.matricule))
    add(element, "addr", nullFlavor="UNK")
    add(element, "telecom", nullFlavor="UNK")
    names = add(add(element, "assignedPerson"), "name")
    add(names, "given", draft.patient.given)
    add(names, "family", draft.patient.family)
    return element


def _add_custodian(root: etree._Element, draft: Draft) -> None:
    custodian = add(add(root, "custodian"), "assignedCustodian")
    organisation = add(custodian, "representedCustodianOrganization")
    if draft.writer is None:
        add_id(organisation, cda.Id(cda.PATIENT_DOCUMENT_HOST))
        return
    add_id(organisation, cda.Id(cda.STRUCTURE_ID, draft.writer.organisation.idnat))
    add(organisation, "name", draft.writer.organisation.name)


def _add_authenticator(root: etree._Element, draft: Draft) -> None:
    authenticator = add(root, "legalAuthenticator")
    add(authenticator, "time", value=moment(draft.written_at))
    add(authenticator, "signatureCode", code="S")
    if draft.writer is not None:
        add_writer(authenticator, draft.writer, "assignedEntity")
    else:
        _add_patient_as(authenticator, draft, "assignedEntity")


def _add_act(root: etree._Element, draft: Draft) -> None:
    event = add(add(root, "documentationOf"), "serviceEvent")
    if draft.act is not None:
        add_code(event, draft.act)
    period = add(event, "effectiveTime")
    add(period, "low", value=moment(draft.act_start))
    add(period, "high", value=moment(draft.act_stop))
    performer = add(event, "performer", typeCode="PRF")
    if draft.writer is not None:
        add_writer(performer, draft.writer, "assignedEntity")
        return
    entity = _add_patient_as(performer, draft, "assignedEntity")
    organisation = add(entity, "representedOrganization")
    add_code(organisation, PATIENT_SETTING, "standardIndustryClassCode")


def _add_encounter(root: etree._Element, draft: Draft) -> None:
    encounter = add(add(root, "componentOf"), "encompassingEncounter")
    if draft.encounter is not None:
        add_code(encounter, draft.encounter)
    period = add(encounter, "effectiveTime")
    add(period, "low", value=moment(draft.act_start))
    add(period, "high", value=moment(draft.act_stop))
    facility = add(add(encounter, "location"), "healthCareFacility")
    add_code(facility, draft.writer.organisation.sector if draft.writer else PATIENT_SECTOR)


def _add_body(root: etree._Element, draft: Draft) -> None:
    component = add(root, "component")
    if draft.level in (Level.LETTER, Level.LETTER_WITH_PDF):
        pdf = build_pdf(draft.title, text_of(draft)) if draft.level is Level.LETTER_WITH_PDF else b""
        add_letter(add(component, "structuredBody"), draft, pdf)
        return
    body = add(component, "nonXMLBody")
    is_text = draft.level is Level.TEXT
    content = "\n".join(text_of(draft)).encode() if is_text else build_pdf(draft.title, text_of(draft))
    text = add(body, "text", base64.b64encode(content).decode("ascii"))
    text.set("mediaType", "text/plain" if is_text else cda.PDF_MEDIA_TYPE)
    text.set("representation", "B64")
