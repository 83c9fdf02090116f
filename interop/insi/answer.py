"""What INSi answers: `RESULTAT`, and the functional error of a fault (shared/spec/ins.md 11.3, 11.6).

Recorded answers vary: prefixes, order inside INSHISTO, `Prenom`, `Cle` or `LieuNaissance` left out, the
active matricule repeated in the history. Values are kept as they came (EXI REC 07, 08).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml import etree

from interop.ins.key import Ins
from interop.insi import codes
from interop.insi.codes import ResultCode
from interop.soap.errors import SoapError, SoapFault

_NUMBER: Final = re.compile(r"\d{6}[A-Za-z0-9]\d{6}")
_KEY: Final = re.compile(r"\d{2}")
_MAX_TEXT: Final = 200
_MAX_HISTORY: Final = 50


@dataclass(frozen=True, slots=True)
class HeldIns:
    """A matricule with its period, as INSi wrote it. `since` and `until` may be empty, or in disorder."""

    number: str
    key: str
    oid: str
    since: str = ""
    until: str = ""

    @property
    def ins(self) -> Ins | None:
        """The matricule of 15 characters with its OID; None when a part is missing (ins.md 11.3)."""
        if not (self.number and self.key and self.oid):
            return None
        return Ins(self.number.upper() + self.key, self.oid)


@dataclass(frozen=True, slots=True)
class Person:
    """Official traits, as INSi wrote them; empty when it left one out.

    `history` holds each former matricule once, without the active one.
    """

    active: HeldIns
    birth_name: str = ""
    first_given_name: str = ""
    given_names: str = ""
    sex: str = ""
    birth_date: str = ""
    birth_place_cog: str = ""
    history: tuple[HeldIns, ...] = ()

    @property
    def born_on(self) -> date | None:
        """The date, or None when it is missing, incomplete or lunar."""
        try:
            return date.fromisoformat(self.birth_date)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Result:
    """An answer. `person` comes with FOUND, and with nothing else."""

    code: ResultCode
    label: str
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class InsiError:
    """`siram:Erreur` of a fault: a code, how bad it is, a text for the user."""

    code: str
    severity: str
    text: str
    message_id: str = ""


def parse_result(element: etree._Element) -> Result:
    """Read `RESULTAT`, by namespace and never by prefix.

    Raises:
        SoapError: another element, an unknown code, a person that is missing or one too many.
    """
    if element.tag != _r(codes.TAG_RESULT):
        raise SoapError(f"{element.tag} instead of {codes.TAG_RESULT}")
    text = _text(element, "CR", "CodeCR")
    try:
        code = ResultCode(text)
    except ValueError:
        raise SoapError(f"CodeCR {text[:20]!r} is not known") from None
    found = element.findall(_r("INDIVIDU"))
    if len(found) != (1 if code is ResultCode.FOUND else 0):
        raise SoapError(f"{len(found)} persons under the code {code}")
    return Result(code, _text(element, "CR", "LibelleCR"), _person(found[0]) if found else None)


def parse_error(fault: SoapFault) -> InsiError:
    """The functional error of a fault; its subcode or code where there is no `siram:Erreur`."""
    found = None if fault.detail_element is None else fault.detail_element.find(f"{{{codes.NS_SIRAM}}}Erreur")
    if found is None:
        return InsiError(fault.subcode or fault.code, "", fault.reason)
    return InsiError(
        code=str(found.get("code", ""))[:_MAX_TEXT] or fault.subcode or fault.code,
        severity=str(found.get("severite", ""))[:_MAX_TEXT],
        text=fault.reason or _own_text(found),
        message_id=str(found.get("messageID", ""))[:_MAX_TEXT],
    )


def _person(individual: etree._Element) -> Person:
    active = individual.find(_r("INSACTIF"))
    if active is None:
        raise SoapError("a person without INSACTIF")
    held = _held(active)
    former: dict[tuple[str, str], HeldIns] = {}
    for one in individual.findall(_r("INSHISTO"))[:_MAX_HISTORY]:
        past = _held(one)
        if (past.number, past.oid) != (held.number, held.oid):
            former.setdefault((past.number, past.oid), past)
    return Person(
        active=held,
        birth_name=_text(individual, "TIQ", "NomNaissance"),
        first_given_name=_text(individual, "TIQ", "Prenom"),
        given_names=_text(individual, "TIQ", "ListePrenom"),
        sex=_text(individual, "TIQ", "Sexe"),
        birth_date=_text(individual, "TIQ", "DateNaissance"),
        birth_place_cog=_text(individual, "TIQ", "LieuNaissance"),
        history=tuple(former.values()),
    )


def _held(element: etree._Element) -> HeldIns:
    number, key = _text(element, "IdIndividu", "NumIdentifiant"), _text(element, "IdIndividu", "Cle")
    if not _NUMBER.fullmatch(number) or (key and not _KEY.fullmatch(key)):
        raise SoapError("a matricule out of its form")
    return HeldIns(
        number, key, _text(element, "OID"), since=_text(element, "DateDeb"), until=_text(element, "DateFin")
    )


def _text(element: etree._Element, *path: str) -> str:
    found = element.find("/".join(_r(step) for step in path))
    return "" if found is None else _own_text(found)


def _own_text(element: etree._Element) -> str:
    text = (element.text or "").strip()
    if len(text) > _MAX_TEXT:
        raise SoapError(f"{etree.QName(element).localname} is too long")
    return text


def _r(name: str) -> str:
    return f"{{{codes.NS_RESULT}}}{name}"
