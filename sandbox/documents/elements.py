"""Small pieces of a CDA document."""

import uuid
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from lxml import etree

from interop.cda import codes as cda
from sandbox.documents.model import Coded, Organisation, Writer

PARIS: Final = ZoneInfo("Europe/Paris")
_V3: Final = f"{{{cda.HL7_V3}}}"
_XSI_TYPE: Final = f"{{{cda.XSI}}}type"


def add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    """A child in the namespace of CDA."""
    element = etree.SubElement(parent, _V3 + name)
    if text:
        element.text = text
    for key, value in attributes.items():
        element.set(key, value)
    return element


def add_id(parent: etree._Element, identifier: cda.Id, name: str = "id") -> etree._Element:
    element = add(parent, name, root=identifier.root)
    if identifier.extension:
        element.set("extension", identifier.extension)
    return element


def add_templates(parent: etree._Element, *templates: cda.Id) -> None:
    for template in templates:
        add_id(parent, template, "templateId")


def add_code(parent: etree._Element, code: cda.Code | Coded, name: str = "code") -> etree._Element:
    label = code.label if isinstance(code, Coded) else code.display
    return add(parent, name, code=code.code, codeSystem=code.system, displayName=label)


def add_value(parent: etree._Element, kind: str, **attributes: str) -> etree._Element:
    value = add(parent, "value", **attributes)
    value.set(_XSI_TYPE, kind)
    return value


def moment(instant: datetime) -> str:
    """Local time of the producer, with its offset."""
    return instant.astimezone(PARIS).strftime("%Y%m%d%H%M%S%z")


def add_fresh_id(parent: etree._Element, seed: str) -> None:
    """An identifier made from what it identifies: a document built twice is the same."""
    add(parent, "id", root=str(uuid.uuid5(uuid.NAMESPACE_OID, seed)).upper())


def add_organisation(parent: etree._Element, organisation: Organisation, name: str) -> etree._Element:
    element = add(parent, name)
    add_id(element, cda.Id(cda.STRUCTURE_ID, organisation.idnat))
    add(element, "name", organisation.name)
    add(element, "telecom", value=f"tel:{organisation.phone}", use="WP")
    add_address(element, organisation)
    add_code(element, organisation.setting, "standardIndustryClassCode")
    return element


def add_address(parent: etree._Element, organisation: Organisation) -> None:
    address = add(parent, "addr")
    add(address, "streetAddressLine", organisation.street)
    add(address, "streetAddressLine", f"{organisation.postal_code} {organisation.city}")


def add_writer(parent: etree._Element, writer: Writer, name: str) -> etree._Element:
    """The person with profession and structure (assignedAuthor, assignedEntity)."""
    element = add(parent, name)
    add_id(element, cda.Id(cda.PROFESSIONAL_ID, writer.idnat))
    add_code(element, writer.specialty)
    add_address(element, writer.organisation)
    add(element, "telecom", value=f"tel:{writer.organisation.phone}", use="WP")
    names = add(add(element, "assignedPerson"), "name")
    add(names, "prefix", writer.civility)
    add(names, "given", writer.given)
    add(names, "family", writer.family)
    if writer.title:
        add(names, "suffix", writer.title)
    add_organisation(element, writer.organisation, "representedOrganization")
    return element
