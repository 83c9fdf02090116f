"""Composed values of the metadata: CX, XCN and XON as CI-SIS writes them.

Source: spec cda 8.3. Reading keeps the components that the product uses and ignores the others, because
registries return what other producers wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

from interop.xds import codes

_ESCAPES = {"\\": "\\E\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "|": "\\F\\"}
_UNESCAPES = {escape: char for char, escape in _ESCAPES.items()}


@dataclass(frozen=True, slots=True)
class Cx:
    """Identifier of a patient: `value^^^&authority&ISO^type`."""

    value: str
    authority: str
    type_code: str = codes.CX_INTERNAL

    def __str__(self) -> str:
        return f"{escaped(self.value)}^^^&{self.authority}&ISO^{self.type_code}"

    @classmethod
    def parse(cls, text: str) -> Cx:
        parts = _components(text, 5)
        return cls(_unescaped(parts[0]), _authority(parts[3]), parts[4])


@dataclass(frozen=True, slots=True)
class Xcn:
    """Person or system: `id^family^given^^^^^^&authority&ISO^name type^^^id type`."""

    identifier: str
    family: str
    given: str = ""
    authority: str = codes.OID_PERSON
    name_type: str = codes.XCN_PERSON
    id_type: str = codes.XCN_NATIONAL

    def __str__(self) -> str:
        names = "^".join(escaped(part) for part in (self.identifier, self.family, self.given))
        authority = f"&{self.authority}&ISO" if self.authority else ""
        return f"{names}^^^^^^{authority}^{self.name_type}^^^{self.id_type}"

    @classmethod
    def parse(cls, text: str) -> Xcn:
        parts = _components(text, 13)
        identifier, family, given = (_unescaped(part) for part in parts[:3])
        return cls(identifier, family, given, _authority(parts[8]), parts[9], parts[12])


@dataclass(frozen=True, slots=True)
class Xon:
    """Structure: `name^^^^^&authority&ISO^IDNST^^^id`. The name may be empty."""

    identifier: str
    name: str = ""
    authority: str = codes.OID_STRUCTURE

    def __str__(self) -> str:
        if not self.identifier:
            return escaped(self.name)
        return (
            f"{escaped(self.name)}^^^^^&{self.authority}&ISO^{codes.XON_STRUCTURE}^^^"
            f"{escaped(self.identifier)}"
        )

    @classmethod
    def parse(cls, text: str) -> Xon:
        parts = _components(text, 10)
        return cls(_unescaped(parts[9]), _unescaped(parts[0]), _authority(parts[5]) or codes.OID_STRUCTURE)


def _components(text: str, count: int) -> list[str]:
    parts = text.split("^")
    return parts + [""] * (count - len(parts))


def _authority(component: str) -> str:
    """The OID of an HD component `&oid&ISO`."""
    parts = component.split("&")
    return parts[1] if len(parts) > 1 else ""


def escaped(text: str) -> str:
    """Escape the separators of HL7 v2 inside a component."""
    return "".join(_ESCAPES.get(char, char) for char in text)


def _unescaped(text: str) -> str:
    for escape in ("\\S\\", "\\T\\", "\\R\\", "\\F\\", "\\E\\"):
        text = text.replace(escape, _UNESCAPES[escape])
    return text
