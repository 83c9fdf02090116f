"""Reading a searchset of the directory: bytes to persons, situations and structures.

Strict about what a bundle is, tolerant about what its resources hold: every extension is optional, unknown
ones are ignored, and what has an odd type reads as absent (spec mssante 3.1). Bytes received are hostile:
sizes are bounded here, the depth by the parser of the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from interop.annuaire import codes

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_ENTRIES: Final = 10_000
MAX_TEXT: Final = 300


class DirectoryFormatError(ValueError):
    """The answer is no bundle of FHIR resources."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A MSSanté address. `kind` is PER, ORG, APP or CAB, empty when not said; so is `dematerialised` None."""

    address: str
    kind: str = ""
    label: str = ""
    dematerialised: bool | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An exercice professionnel (Practitioner). `reference` is technical, good for this answer alone."""

    reference: str
    rpps: str
    title: str
    family: str
    given: str
    profession: str
    profession_code: str
    specialty: str
    specialty_code: str
    mailboxes: tuple[Mailbox, ...] = ()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Situation:
    """A situation d'exercice (PractitionerRole): a person in a structure, with the mailboxes held there."""

    person: str
    structure: str
    mailboxes: tuple[Mailbox, ...] = ()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure (Organization)."""

    reference: str
    finess: str
    name: str
    street: str
    postal_code: str
    city: str
    mailboxes: tuple[Mailbox, ...] = ()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Bundle:
    """One page of a search; `next_url` is empty on the last one."""

    persons: tuple[Person, ...] = ()
    situations: tuple[Situation, ...] = ()
    structures: tuple[Structure, ...] = ()
    next_url: str = ""


@dataclass(slots=True)
class _Read:
    persons: list[Person] = field(default_factory=list)
    situations: list[Situation] = field(default_factory=list)
    structures: list[Structure] = field(default_factory=list)


def parse_bundle(raw: bytes) -> Bundle:
    """Read one page.

    Raises:
        DirectoryFormatError: it is not JSON, not a Bundle, or beyond the limits.
    """
    if len(raw) > MAX_BYTES:
        raise DirectoryFormatError("the answer exceeds the limit of size")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DirectoryFormatError("the answer is not JSON") from error
    if not isinstance(document, dict) or document.get("resourceType") != "Bundle":
        raise DirectoryFormatError("the answer is not a Bundle")
    entries = _list(document.get("entry"))
    if len(entries) > MAX_ENTRIES:
        raise DirectoryFormatError("too many entries")
    read = _Read()
    for entry in entries:
        _keep(_map(_map(entry).get("resource")), read)
    return Bundle(tuple(read.persons), tuple(read.situations), tuple(read.structures), _next(document))


def _keep(resource: Mapping[str, Any], read: _Read) -> None:
    match resource.get("resourceType"):
        case codes.PRACTITIONER:
            read.persons.append(_person(resource))
        case codes.ROLE:
            read.situations.append(_situation(resource))
        case codes.ORGANIZATION:
            read.structures.append(_structure(resource))


def _person(resource: Mapping[str, Any]) -> Person:
    name = _map(next(iter(_list(resource.get("name"))), None))
    profession = _qualification(resource, codes.MARK_PROFESSION)
    specialty = _qualification(resource, codes.MARK_SPECIALTY)
    return Person(
        reference=f"{codes.PRACTITIONER}/{_text(resource.get('id'))}",
        rpps=_rpps(resource),
        title=_first(name.get("suffix")) or _first(name.get("prefix")),
        family=_text(name.get("family")),
        given=" ".join(_text(part) for part in _list(name.get("given"))).strip(),
        profession=profession[1],
        profession_code=profession[0],
        specialty=specialty[1],
        specialty_code=specialty[0],
        mailboxes=_mailboxes(resource),
        is_active=resource.get("active") is not False,
    )


def _situation(resource: Mapping[str, Any]) -> Situation:
    return Situation(
        person=_reference(resource.get("practitioner")),
        structure=_reference(resource.get("organization")),
        mailboxes=_mailboxes(resource),
        is_active=resource.get("active") is not False,
    )


def _structure(resource: Mapping[str, Any]) -> Structure:
    address = _map(next(iter(_list(resource.get("address"))), None))
    return Structure(
        reference=f"{codes.ORGANIZATION}/{_text(resource.get('id'))}",
        finess=_finess(resource),
        name=_text(resource.get("name")),
        street=", ".join(filter(None, (_text(line) for line in _list(address.get("line"))))),
        postal_code=_text(address.get("postalCode")),
        city=_text(address.get("city")),
        mailboxes=_mailboxes(resource),
        is_active=resource.get("active") is not False,
    )


def _rpps(resource: Mapping[str, Any]) -> str:
    """11 digits: the RPPS itself, or the national identifier `8` + RPPS."""
    found = {system: value for system, _, value in _identifiers(resource)}
    number = found.get(codes.SYSTEM_RPPS, "")
    if len(number) == 11 and number.isdigit():
        return number
    national = found.get(codes.SYSTEM_IDNPS, "")
    return national[1:] if len(national) == 12 and national.startswith("8") and national.isdigit() else ""


def _finess(resource: Mapping[str, Any]) -> str:
    """9 characters: the FINESS itself, or the national identifier `1` + FINESS."""
    for system, kind, value in _identifiers(resource):
        if len(value) == 9 and (system == codes.SYSTEM_FINESS or kind in codes.IDENTIFIER_FINESS):
            return value
    for system, _, value in _identifiers(resource):
        if system == codes.SYSTEM_STRUCTURE and len(value) == 10 and value.startswith("1"):
            return value[1:]
    return ""


def _identifiers(resource: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """System, code of the type, value."""
    for identifier in _list(resource.get("identifier")):
        one = _map(identifier)
        coding = _map(next(iter(_list(_map(one.get("type")).get("coding"))), None))
        yield _text(one.get("system")), _text(coding.get("code")), _text(one.get("value"))


def _qualification(resource: Mapping[str, Any], mark: str) -> tuple[str, str]:
    """Code and label of the first qualification of a nomenclature."""
    for qualification in _list(resource.get("qualification")):
        for coding in _list(_map(_map(qualification).get("code")).get("coding")):
            one = _map(coding)
            if mark in _text(one.get("system")):
                return _text(one.get("code")), _text(one.get("display"))
    return "", ""


def _mailboxes(resource: Mapping[str, Any]) -> tuple[Mailbox, ...]:
    """MSSanté addresses, best rank first; ordinary mail and phones are left out."""
    found = [
        (_rank(one.get("rank")), _mailbox(one))
        for one in (_map(item) for item in _list(resource.get("telecom")))
        if one.get("system") == "email" and _is_mssante(one) and "@" in _text(one.get("value"))
    ]
    return tuple(mailbox for _, mailbox in sorted(found, key=lambda pair: pair[0]))


def _rank(value: object) -> int:
    return value if isinstance(value, int) else 99


def _is_mssante(telecom: Mapping[str, Any]) -> bool:
    return any(
        _map(extension.get("valueCoding")).get("code") == codes.MAIL_MSSANTE
        for extension in _extensions(telecom, codes.EXTENSION_MAIL_TYPE)
    )


def _mailbox(telecom: Mapping[str, Any]) -> Mailbox:
    facts: dict[str, Mapping[str, Any]] = {}
    for extension in _extensions(telecom, codes.EXTENSION_MAILBOX):
        facts |= {_text(_map(part).get("url")): _map(part) for part in _list(extension.get("extension"))}
    concept = _map(facts.get("type", {}).get("valueCodeableConcept"))
    coding = _map(next(iter(_list(concept.get("coding"))), None))
    flag = facts.get("digitization", {}).get("valueBoolean")
    labels = (_text(facts.get(name, {}).get("valueString")) for name in ("service", "description"))
    return Mailbox(
        address=_text(telecom.get("value")).lower(),
        kind=_text(coding.get("code"))[:3],
        label=next(filter(None, labels), ""),
        dematerialised=flag if isinstance(flag, bool) else None,
    )


def _extensions(element: Mapping[str, Any], url: str) -> Iterator[Mapping[str, Any]]:
    for extension in _list(element.get("extension")):
        one = _map(extension)
        if one.get("url") == url:
            yield one


def _next(document: Mapping[str, Any]) -> str:
    for link in _list(document.get("link")):
        one = _map(link)
        if one.get("relation") == "next":
            found = one.get("url")
            return found if isinstance(found, str) and len(found) < 4096 else ""
    return ""


def _reference(value: object) -> str:
    """`Practitioner/x`, whatever the address before it."""
    parts = _text(_map(value).get("reference")).split("/")
    return "/".join(parts[-2:])


def _first(value: object) -> str:
    return _text(next(iter(_list(value)), ""))


def _text(value: object) -> str:
    """A text without control characters, cut to what any table here holds."""
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable()).strip()[:MAX_TEXT]


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
