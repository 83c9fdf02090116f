"""Small readers of CDA elements, the mirror of `interop.cda.elements`.

A null or absent element gives None, an empty text or nothing in a tuple.
"""

from lxml import etree

from interop.cda.codes import HL7_V3
from interop.cda.datatypes import Code, Id, PersonName, Telecom
from interop.cda.parsed import ParsedActor, ParsedOrganization

NS = {"c": HL7_V3}


def one(parent: etree._Element | None, path: str) -> etree._Element | None:
    """Return the first element at a path of `c:` steps, or None."""
    return None if parent is None else parent.find(path, NS)


def many(parent: etree._Element | None, path: str) -> list[etree._Element]:
    """Return the elements at a path."""
    return [] if parent is None else parent.findall(path, NS)


def text_of(element: etree._Element | None) -> str:
    """Return the text of an element and of its children, blanks collapsed."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def value_of(parent: etree._Element | None, path: str, attribute: str = "value") -> str:
    """Return an attribute of the element at a path."""
    element = one(parent, path)
    return "" if element is None else (element.get(attribute) or "").strip()


def read_id(element: etree._Element | None) -> Id | None:
    """Read an identifier."""
    root = "" if element is None else (element.get("root") or "").strip()
    if element is None or not root:
        return None
    return Id(root, (element.get("extension") or "").strip())


def read_ids(parent: etree._Element | None, path: str = "c:id") -> tuple[Id, ...]:
    """Read the identifiers at a path."""
    return tuple(found for element in many(parent, path) if (found := read_id(element)) is not None)


def read_code(element: etree._Element | None) -> Code | None:
    """Read a coded value."""
    code = "" if element is None else (element.get("code") or "").strip()
    if element is None or not code:
        return None
    return Code(
        code,
        element.get("codeSystem") or "",
        element.get("displayName") or "",
        element.get("codeSystemName") or "",
    )


def read_telecoms(parent: etree._Element | None) -> tuple[Telecom, ...]:
    """Read the telecommunication addresses that have a value."""
    return tuple(
        Telecom(element.get("value") or "", element.get("use") or "")
        for element in many(parent, "c:telecom")
        if element.get("value")
    )


def read_person_name(person: etree._Element | None) -> PersonName | None:
    """Read the name of a person other than the patient; several given names make one."""
    name = one(person, "c:name")
    if name is None or name.get("nullFlavor"):
        return None
    given = " ".join(filter(None, (text_of(part) for part in many(name, "c:given"))))
    family = " ".join(filter(None, (text_of(part) for part in many(name, "c:family"))))
    if not family and not given:
        # An unstructured name.
        family = text_of(name)
    return PersonName(family, given, text_of(one(name, "c:prefix")), text_of(one(name, "c:suffix")))


def read_organization(element: etree._Element | None) -> ParsedOrganization | None:
    """Read a structure."""
    if element is None or element.get("nullFlavor"):
        return None
    return ParsedOrganization(
        id=read_id(one(element, "c:id")),
        name=text_of(one(element, "c:name")),
        telecoms=read_telecoms(element),
        practice_setting=read_code(one(element, "c:standardIndustryClassCode")),
    )


# Where each role keeps its entity, the person of the entity and the structure.
_ENTITIES = ("assignedAuthor", "assignedEntity", "intendedRecipient", "associatedEntity", "relatedEntity")
_PERSONS = ("assignedPerson", "informationRecipient", "associatedPerson", "relatedPerson")
_ORGANIZATIONS = ("representedOrganization", "receivedOrganization", "scopingOrganization")


def read_actor(role: etree._Element) -> ParsedActor:
    """Read an author, authenticator, recipient, participant, performer..."""
    entity = _first(role, _ENTITIES)
    device = one(entity, "c:assignedAuthoringDevice")
    return ParsedActor(
        ids=read_ids(entity),
        name=read_person_name(_first(entity, _PERSONS)),
        specialty=read_code(one(entity, "c:code")),
        function=read_code(one(role, "c:functionCode")),
        time=value_of(role, "c:time") or value_of(role, "c:time/c:low"),
        telecoms=read_telecoms(entity),
        organization=read_organization(_first(entity, _ORGANIZATIONS)),
        device_model=text_of(one(device, "c:manufacturerModelName")),
        device_software=text_of(one(device, "c:softwareName")),
        kind=role.get("typeCode") or "",
    )


def read_optional_actor(role: etree._Element | None) -> ParsedActor | None:
    """Read a role that may be absent."""
    return None if role is None or role.get("nullFlavor") else read_actor(role)


def _first(parent: etree._Element | None, names: tuple[str, ...]) -> etree._Element | None:
    return next((found for name in names if (found := one(parent, f"c:{name}")) is not None), None)
