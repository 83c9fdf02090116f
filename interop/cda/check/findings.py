"""What a check says: the rule, the place, a sentence that may be shown."""

from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from interop.cda.elements import CDA


class Rule(StrEnum):
    """The rules, by the section of cda.md that holds them."""

    XML = "xml"
    IDENTITY = "identity"  # 2: templates, id, setId, version, replaced document
    HEADER = "header"  # 2: type, title, time, confidentiality, language
    PATIENT = "patient"  # 3
    INS = "ins"  # 3 and ins.md 7.4
    PARTICIPANT = "participant"  # 4
    ACT = "act"  # 5
    VALUE = "value"  # 1, 3.1, 3.2: moments, identifiers, addresses, telecoms
    BODY = "body"  # 6, 7


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a document; `location` is a path of element names, `text` is French."""

    rule: Rule
    location: str
    text: str

    def __str__(self) -> str:
        return f"{self.location} : {self.text} [{self.rule}]"


def location_of(element: etree._Element) -> str:
    """Return the path of an element, with its rank among its namesakes where it has some."""
    steps: list[str] = []
    current: etree._Element | None = element
    while current is not None:
        name = etree.QName(current).localname
        parent = current.getparent()
        namesakes = [] if parent is None else parent.findall(current.tag)
        steps.append(f"{name}[{namesakes.index(current) + 1}]" if len(namesakes) > 1 else name)
        current = parent
    return "/" + "/".join(reversed(steps))


def finding(rule: Rule, element: etree._Element, text: str, child: str = "") -> Finding:
    """Return a finding at an element, or at a child that is not there."""
    path = location_of(element)
    return Finding(rule, f"{path}/{child}" if child else path, text)


def elements(root: etree._Element, name: str) -> list[etree._Element]:
    """Return all the CDA elements of a name, wherever they are."""
    return list(root.iter(f"{CDA}{name}"))
