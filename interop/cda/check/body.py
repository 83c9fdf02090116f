"""Checks of the body: the PDF, the sections of the model, the references (cda.md 6, 7.1)."""

import binascii
from base64 import b64decode
from collections.abc import Iterator

from lxml import etree

from interop.cda import codes
from interop.cda.check.findings import Finding, Rule, elements, finding
from interop.cda.datatypes import Code, Id
from interop.cda.ldl_ses import codes as ldl
from interop.cda.reading import many, one, read_ids

_PDF_START, _PDF_END = b"%PDF-", b"%%EOF"
_END_WINDOW = 1024  # a reader looks for the end marker in the last kilobyte

_MANDATORY_SECTIONS = (
    ldl.STATUS_SECTION,
    ldl.REASON_SECTION,
    ldl.EVENTS_SECTION,
    ldl.DISCHARGE_TREATMENTS_SECTION,
)
_MANDATORY_EVENTS = (
    ldl.ADMISSION_MODE,
    ldl.DISCHARGE_MODE,
    ldl.SUMMARY,
    ldl.GERM_SEARCH,
    ldl.TRANSFUSION,
    ldl.BLOOD_DERIVATIVES,
)
_CLOSED_VALUES = {
    ldl.ADMISSION_MODE[1].code: ldl.ADMISSION_MODES,
    ldl.DISCHARGE_MODE[1].code: ldl.DISCHARGE_MODES,
    ldl.STATUS[1].code: ldl.DOCUMENT_STATUSES,
}


def check_body(root: etree._Element) -> Iterator[Finding]:
    """Check the file of an N1, or the sections of an N3."""
    text = one(root, "c:component/c:nonXMLBody/c:text")
    structured = one(root, "c:component/c:structuredBody")
    if text is not None:
        if text.get("mediaType") not in codes.N1_MEDIA_TYPES:
            yield finding(Rule.BODY, text, "Ce format de corps n'est pas permis")
        yield from _check_content(text)
    elif structured is None:
        yield finding(Rule.BODY, root, "Le corps du document manque", "component")
    else:
        yield from _check_sections(root, structured)


def _check_content(element: etree._Element) -> Iterator[Finding]:
    if element.get("representation") != codes.BASE64:
        yield finding(Rule.BODY, element, "Le contenu est en base 64")
        return
    try:
        content = b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        yield finding(Rule.BODY, element, "Le contenu en base 64 est illisible")
        return
    is_pdf = content.startswith(_PDF_START) and _PDF_END in content[-_END_WINDOW:]
    if element.get("mediaType") == codes.PDF_MEDIA_TYPE and not is_pdf:
        yield finding(Rule.BODY, element, "Le contenu n'est pas un PDF entier")
    if not content:
        yield finding(Rule.BODY, element, "Le contenu est vide")


def _check_sections(root: etree._Element, structured: etree._Element) -> Iterator[Finding]:
    sections = many(structured, "c:component/c:section")
    if not sections:
        yield finding(Rule.BODY, structured, "Le corps structuré n'a pas de section", "component")
    copies = [section for section in sections if codes.TEMPLATE_PDF_COPY_SECTION in _templates(section)]
    for copy in copies:
        media = one(copy, ".//c:observationMedia/c:value")
        if media is None:
            yield finding(Rule.BODY, copy, "La copie en PDF manque", "observationMedia")
        else:
            yield from _check_content(media)
    if len(copies) > 1:
        yield finding(Rule.BODY, structured, "Une seule copie en PDF est permise")
    yield from _check_references(structured)
    if codes.TEMPLATE_LDL_SES in read_ids(root, "c:templateId"):
        yield from _check_discharge_letter(structured, sections)


def _templates(element: etree._Element) -> tuple[Id, ...]:
    return read_ids(element, "c:templateId")


def _check_references(structured: etree._Element) -> Iterator[Finding]:
    anchors: list[str] = structured.xpath(".//@ID")
    for anchor in sorted({anchor for anchor in anchors if anchors.count(anchor) > 1}):
        yield finding(Rule.BODY, structured, f"L'ancre {anchor} est donnée deux fois")
    for reference in elements(structured, "reference"):
        value = reference.get("value") or ""
        if not value.startswith("#") or value[1:] not in anchors:
            yield finding(Rule.BODY, reference, "La référence ne mène à aucun texte")
    for media in elements(structured, "renderMultiMedia"):
        if media.get("referencedObject") not in anchors:
            yield finding(Rule.BODY, media, "L'objet référencé n'est pas dans le document")


def _check_discharge_letter(structured: etree._Element, sections: list[etree._Element]) -> Iterator[Finding]:
    """Check what the national schematrons do not: entries and closed values (cda.md 7.1)."""
    for declared in _MANDATORY_SECTIONS:
        found = [section for section in sections if set(declared) <= set(_templates(section))]
        if len(found) != 1:
            yield finding(Rule.BODY, structured, f"La section {declared[-1].root} est obligatoire")
    observations = elements(structured, "observation")
    for templates, code in (ldl.STATUS, *_MANDATORY_EVENTS):
        count = sum(_is_observation(o, templates, code) for o in observations)
        if count != 1:
            yield finding(Rule.BODY, structured, f"L'entrée {code.code} {code.display} est obligatoire")
    for section in sections:
        is_treatments = set(ldl.DISCHARGE_TREATMENTS_SECTION) <= set(_templates(section))
        if is_treatments and one(section, "c:entry/c:substanceAdministration") is None:
            yield finding(Rule.BODY, section, "Une entrée de traitement au moins, même pour dire aucun")
    for observation in observations:
        yield from _check_closed_value(observation)


def _is_observation(observation: etree._Element, templates: tuple[Id, ...], code: Code) -> bool:
    found = one(observation, "c:code")
    return (
        found is not None
        and found.get("code") == code.code
        and set(templates) <= set(_templates(observation))
    )


def _check_closed_value(observation: etree._Element) -> Iterator[Finding]:
    code, value = one(observation, "c:code"), one(observation, "c:value")
    allowed = _CLOSED_VALUES.get("" if code is None else code.get("code") or "")
    if allowed is None:
        return
    given = ("", "") if value is None else (value.get("code"), value.get("codeSystem"))
    if given not in {(entry.code, entry.system) for entry in allowed}:
        yield finding(Rule.BODY, observation, "La valeur n'est pas dans son jeu de valeurs", "value")
