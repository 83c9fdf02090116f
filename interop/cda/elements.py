"""Small builders of CDA elements: identifiers, codes, addresses, names, moments (cda.md 1, 3.1, 3.2)."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import tzinfo

from lxml import etree

from interop.cda.codes import BASE64, HL7_V3, XSI
from interop.cda.datatypes import Address, Code, Id, Moment, PersonName, Telecom, hl7_moment
from interop.xml import xml_text

CDA = f"{{{HL7_V3}}}"
XSI_TYPE = f"{{{XSI}}}type"


def add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    """Append an element of the CDA namespace; an empty attribute is left out."""
    child = etree.SubElement(parent, CDA + name)
    for key, value in attributes.items():
        if value:
            child.set(key, xml_text(value))
    return child


def add_text(parent: etree._Element, name: str, text: str, **attributes: str) -> etree._Element:
    """Append an element that holds a text."""
    child = add(parent, name, **attributes)
    child.text = xml_text(text)
    return child


def add_file(parent: etree._Element, name: str, content: bytes, media_type: str) -> etree._Element:
    """Append an element that holds a file in base 64."""
    child = add(parent, name, mediaType=media_type, representation=BASE64)
    child.text = b64encode(content).decode("ascii")
    return child


def add_id(parent: etree._Element, identifier: Id, name: str = "id") -> etree._Element:
    """Append an identifier."""
    return add(parent, name, root=identifier.root, extension=identifier.extension)


def add_templates(parent: etree._Element, templates: Iterable[Id]) -> None:
    """Append the templateIds of a document, a section or an entry."""
    for template in templates:
        add_id(parent, template, "templateId")


def add_code(parent: etree._Element, code: Code, name: str = "code", xsi_type: str = "") -> etree._Element:
    """Append a coded value."""
    child = add(parent, name)
    if xsi_type:
        child.set(XSI_TYPE, xsi_type)
    child.set("code", code.code)
    child.set("displayName", xml_text(code.display))
    child.set("codeSystem", code.system)
    if code.system_name:
        child.set("codeSystemName", code.system_name)
    return child


def add_null(parent: etree._Element, name: str, flavor: str) -> etree._Element:
    """Append an element whose value is not known, with the reason."""
    return add(parent, name, nullFlavor=flavor)


def add_moment(parent: etree._Element, name: str, moment: Moment, zone: tzinfo) -> etree._Element:
    """Append a point in time."""
    return add(parent, name, value=hl7_moment(moment, zone))


def add_period(
    parent: etree._Element,
    name: str,
    start: Moment | None,
    end: Moment | None,
    zone: tzinfo,
) -> etree._Element:
    """Append an interval; without any bound it is said not to be known."""
    period = add(parent, name)
    if start is None and end is None:
        period.set("nullFlavor", "UNK")
    if start is not None:
        add_moment(period, "low", start, zone)
    if end is not None:
        add_moment(period, "high", end, zone)
    return period


def add_address(parent: etree._Element, address: Address) -> etree._Element:
    """Append a postal address, in lines or in parts."""
    element = add(parent, "addr", use=address.use)
    for line in address.lines:
        add_text(element, "streetAddressLine", line)
    for name, text in address.parts():
        if text:
            add_text(element, name, text)
    return element


def add_contacts(parent: etree._Element, address: Address | None, telecoms: Iterable[Telecom]) -> None:
    """Append an address, where known, then the telecoms, in the order of the schema."""
    if address is not None:
        add_address(parent, address)
    add_telecoms(parent, telecoms)


def add_telecoms(parent: etree._Element, telecoms: Iterable[Telecom]) -> None:
    """Append telecommunication addresses."""
    for telecom in telecoms:
        add(parent, "telecom", value=telecom.value, use=telecom.use)


def add_person_name(parent: etree._Element, person: PersonName) -> etree._Element:
    """Append the name of a person other than the patient."""
    name = add(parent, "name")
    for part in ("prefix", "suffix", "given", "family"):
        text = getattr(person, part)
        if text:
            add_text(name, part, text)
    return name
