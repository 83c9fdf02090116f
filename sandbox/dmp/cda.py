"""Header of a CDA document, as far as the registry compares it with the metadata.

Source: CI-SIS, structuration minimale des documents; spec of the metadata (each value comes from the header).
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from lxml import etree

from interop.vihf.codes import NS_HL7_V3
from sandbox.xml import XmlError, parse, q, text_of

_TIME = re.compile(r"(\d{4,14})(?:([+-])(\d{2})(\d{2}))?")


class CdaError(ValueError):
    """The bytes are not a CDA document that can be registered; the text says why."""


@dataclass(frozen=True, slots=True)
class CdaHeader:
    """Values of the header. Times are HL7 times in UTC, as the metadata writes them."""

    unique_id: str
    set_id: str
    version_number: int
    title: str
    type_code: str
    type_system: str
    effective_time: str
    language: str
    confidentiality: str
    patient_ids: frozenset[tuple[str, str]]
    service_start: str
    service_stop: str
    practice_setting: str
    facility_type: str
    legal_authenticator: str
    author_ids: frozenset[str]
    replaces: str
    body_media_type: str


def read_header(content: bytes) -> CdaHeader:
    """Read the header of a document. CdaError when an element that the registry needs is missing."""
    try:
        root = parse(content, large=True)
    except XmlError as error:
        raise CdaError(str(error)) from error
    if root.tag != _h("ClinicalDocument"):
        raise CdaError("the document is not a ClinicalDocument")
    version = _attribute(root, "versionNumber", "value")
    if not version.isdigit() or int(version) < 1:
        raise CdaError("versionNumber is not a positive number")
    event = root.find(_path("documentationOf", "serviceEvent"))
    return CdaHeader(
        unique_id=_identifier(_one(root, "id")),
        set_id=_identifier(_one(root, "setId")),
        version_number=int(version),
        title=text_of(_one(root, "title")),
        type_code=_attribute(root, "code", "code"),
        type_system=_attribute(root, "code", "codeSystem"),
        effective_time=utc(_attribute(root, "effectiveTime", "value")),
        language=_attribute(root, "languageCode", "code"),
        confidentiality=_attribute(root, "confidentialityCode", "code"),
        patient_ids=_patient_ids(root),
        service_start=_event_time(event, "low"),
        service_stop=_event_time(event, "high"),
        practice_setting=_code_at(
            event, "performer", "assignedEntity", "representedOrganization", "standardIndustryClassCode"
        ),
        facility_type=_code_at(
            root, "componentOf", "encompassingEncounter", "location", "healthCareFacility", "code"
        ),
        legal_authenticator=_extension_at(root, "legalAuthenticator", "assignedEntity", "id"),
        author_ids=frozenset(
            element.get("extension", "") for element in root.findall(_path("author", "assignedAuthor", "id"))
        ),
        replaces=_replaced(root),
        body_media_type=_body_media_type(root),
    )


def read_pdf(content: bytes) -> bytes | None:
    """The PDF inside a document: its body, or the copy that a structured document carries."""
    for element in parse(content, large=True).iter():
        if element.get("mediaType") == "application/pdf" and element.get("representation") == "B64":
            try:
                return base64.b64decode("".join((element.text or "").split()), validate=True)
            except binascii.Error:
                return None
    return None


def utc(value: str) -> str:
    """A CDA time as the metadata writes it: UTC without offset; a date stays a date."""
    found = _TIME.fullmatch(value)
    if found is None:
        raise CdaError(f"time {value!r} is not an HL7 time")
    digits, sign, hours, minutes = found.groups()
    if sign is None:
        return digits
    form = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(digits))
    if form is None:
        raise CdaError(f"time {value!r} has an offset and no minutes, or an unusual precision")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    local = datetime.strptime(digits, form).replace(tzinfo=timezone(offset))
    return local.astimezone(UTC).strftime(form)


def _h(name: str) -> str:
    return q(NS_HL7_V3, name)


def _path(*names: str) -> str:
    return "/".join(_h(name) for name in names)


def _one(root: etree._Element, name: str) -> etree._Element:
    found = root.findall(_h(name))
    if len(found) != 1:
        raise CdaError(f"one {name} is expected")
    return found[0]


def _attribute(root: etree._Element, name: str, attribute: str) -> str:
    value = _one(root, name).get(attribute, "")
    if not value:
        raise CdaError(f"{name}/@{attribute} is missing")
    return str(value)


def _identifier(element: etree._Element) -> str:
    extension = element.get("extension", "")
    return f"{element.get('root', '')}^{extension}" if extension else str(element.get("root", ""))


def _patient_ids(root: etree._Element) -> frozenset[tuple[str, str]]:
    found = root.findall(_path("recordTarget", "patientRole", "id"))
    return frozenset((element.get("extension", ""), element.get("root", "")) for element in found)


def _event_time(event: etree._Element | None, bound: str) -> str:
    element = event.find(_path("effectiveTime", bound)) if event is not None else None
    value = element.get("value", "") if element is not None else ""
    return utc(value) if value else ""


def _code_at(root: etree._Element | None, *names: str) -> str:
    element = root.find(_path(*names)) if root is not None else None
    return str(element.get("code", "")) if element is not None else ""


def _extension_at(root: etree._Element, *names: str) -> str:
    element = root.find(_path(*names))
    return str(element.get("extension", "")) if element is not None else ""


def _replaced(root: etree._Element) -> str:
    """Identifier of the document that this one replaces; empty when it replaces none."""
    related = root.findall(_h("relatedDocument"))
    if not related:
        return ""
    if len(related) > 1 or related[0].get("typeCode") != "RPLC":
        raise CdaError("one relatedDocument of type RPLC at most is expected")
    parent = related[0].find(_path("parentDocument", "id"))
    if parent is None:
        raise CdaError("relatedDocument names no document")
    return _identifier(parent)


def _body_media_type(root: etree._Element) -> str:
    """Media type of an unstructured body; empty when the body is structured."""
    if root.find(_path("component", "structuredBody")) is not None:
        return ""
    text = root.find(_path("component", "nonXMLBody", "text"))
    if text is None:
        raise CdaError("the document has no body")
    return str(text.get("mediaType", ""))
