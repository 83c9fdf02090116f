"""A search by traits: body, headers, envelope (WS_INS2; shared/spec/ins.md 11.2, 11.4; XSD of INSi 1.5.0)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from lxml import etree

from interop.ins.traits import (
    LexicalError,
    Sex,
    Trait,
    is_cog,
    normalize_birth_name,
    normalize_given_names,
)
from interop.insi import codes
from interop.soap import codes as soap
from interop.xml import serialize_xml

_SEXES: Final = frozenset({Sex.MALE, Sex.FEMALE})


class SearchRefused(ValueError):
    """Traits that INSi would refuse; `trait` is the one at fault."""

    def __init__(self, trait: Trait, text: str) -> None:
        super().__init__(f"{trait.value}: {text}")
        self.trait = trait


@dataclass(frozen=True, slots=True)
class Search:
    """Traits to search, each in the lexical profile (ins.md 4.1): name, given names, sex and date at least.

    `given_names` are the repetitions of `Prenom`; one may hold several words. `birth_place_cog` is added
    only to tell several persons apart.

    Raises:
        SearchRefused: a trait is missing, or out of its profile.
    """

    birth_name: str
    given_names: tuple[str, ...]
    sex: str
    birth_date: date
    birth_place_cog: str = ""

    def __post_init__(self) -> None:
        _check(Trait.BIRTH_NAME, self.birth_name, normalize_birth_name)
        if not self.given_names:
            raise SearchRefused(Trait.BIRTH_GIVEN_NAMES, "one given name is needed")
        for name in self.given_names:
            _check(Trait.BIRTH_GIVEN_NAMES, name, normalize_given_names)
        if self.sex not in _SEXES:
            raise SearchRefused(Trait.SEX, "INSi knows M and F only")
        if self.birth_place_cog and not is_cog(self.birth_place_cog):
            raise SearchRefused(Trait.BIRTH_PLACE_COG, "not a code of the COG")


def search_of(
    *, birth_name: str, given_names: tuple[str, ...], sex: str, birth_date: date, birth_place_cog: str = ""
) -> Search:
    """Return a search from traits as they are held: transliterated, nothing dropped (ins.md 4.1).

    Raises:
        SearchRefused: a trait is missing, or holds what has no place in the profile.
    """
    name = _normalized(Trait.BIRTH_NAME, birth_name, normalize_birth_name)
    names = tuple(_normalized(Trait.BIRTH_GIVEN_NAMES, one, normalize_given_names) for one in given_names)
    return Search(name, names, sex, birth_date, birth_place_cog)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as both contexts say it (ins.md 11.4).

    `emitter` is the OU of the certificate of the line; `authorisation` the number that the CNDA gave to the
    software; `installation` identifies this installation of it.
    """

    emitter: str
    authorisation: str
    software_name: str
    software_version: str
    installation: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What is new in each call: identifiers of the contexts and of the message, and the hour."""

    bam_id: str
    lps_id: str
    message_id: str
    at: datetime


def build_search(search: Search) -> etree._Element:
    """Return `RECSANSVITALE`, children in the order of the schema."""
    root = etree.Element(_in(codes.NS_SEARCH, codes.TAG_SEARCH), nsmap={None: codes.NS_SEARCH})
    values = {
        "NomNaissance": (search.birth_name,),
        "Prenom": search.given_names,
        "Sexe": (search.sex,),
        "DateNaissance": (search.birth_date.isoformat(),),
        "LieuNaissance": (search.birth_place_cog,) if search.birth_place_cog else (),
    }
    for name in codes.SEARCH_FIELDS:
        for value in values[name]:
            _add(root, codes.NS_SEARCH, name, value)
    return root


def build_request(body: etree._Element, *, action: str, caller: Caller, marks: Marks) -> bytes:
    """Return the bytes of a request in mutual TLS: both contexts, action, MessageID; no `wsse:Security`."""
    envelope = etree.Element(_in(soap.NS_SOAP, "Envelope"), nsmap={"soap": soap.NS_SOAP})
    header = etree.SubElement(envelope, _in(soap.NS_SOAP, "Header"))
    header.append(_bam(caller, marks))
    header.append(_lps(caller, marks))
    for name, value in (("Action", action), ("MessageID", marks.message_id)):
        _add(header, soap.NS_WSA, name, value, prefix="wsa")
    etree.SubElement(envelope, _in(soap.NS_SOAP, "Body")).append(body)
    return serialize_xml(envelope)


def _bam(caller: Caller, marks: Marks) -> etree._Element:
    """ContexteBAM; its coverage is mandatory, and empty without a Vitale card."""
    ns = codes.NS_BAM
    root = etree.Element(_in(ns, "ContexteBAM"), nsmap={"ctxbam": ns})
    root.set("Version", codes.BAM_VERSION)
    root.set("Nature", codes.BAM_NATURE)
    _identify(root, ns, marks.bam_id, marks, caller)
    etree.SubElement(root, _in(ns, "COUVERTURE"))
    return root


def _lps(caller: Caller, marks: Marks) -> etree._Element:
    ns = codes.NS_LPS
    root = etree.Element(_in(ns, "ContexteLPS"), nsmap={"ctxlps": ns})
    root.set("Nature", codes.LPS_NATURE)
    root.set("Version", codes.LPS_VERSION)
    _identify(root, ns, marks.lps_id, marks, caller)
    software = etree.SubElement(root, _in(ns, "LPS"))
    _add(software, ns, "IDAM", caller.authorisation).set("R", codes.IDAM_KIND)
    _add(software, ns, "Version", caller.software_version)
    _add(software, ns, "Instance", caller.installation)
    _add(software, ns, "Nom", f"urn:lps:{caller.software_name}:{caller.software_version}")
    return root


def _identify(root: etree._Element, namespace: str, identifier: str, marks: Marks, caller: Caller) -> None:
    _add(root, namespace, "Id", identifier)
    _add(root, namespace, "Temps", _instant(marks.at))
    _add(root, namespace, "Emetteur", caller.emitter)


def _instant(at: datetime) -> str:
    """UTC, milliseconds, Z: `2026-01-01T00:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check(trait: Trait, given: str, normalize: Callable[[str], str]) -> None:
    if _normalized(trait, given, normalize) != given:
        raise SearchRefused(trait, "out of the lexical profile")


def _normalized(trait: Trait, given: str, normalize: Callable[[str], str]) -> str:
    try:
        return normalize(given)
    except LexicalError as error:
        raise SearchRefused(trait, str(error)) from error


def _add(
    parent: etree._Element, namespace: str, name: str, text: str, *, prefix: str | None = None
) -> etree._Element:
    element = etree.SubElement(
        parent, _in(namespace, name), nsmap={prefix: namespace} if prefix is not None else None
    )
    element.text = text
    return element


def _in(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"
