"""Criteria of a search of the directory: from what was typed to what is asked (mssante 3.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from interop.cda.codes import PROFESSION_PREFIX
from interop.cda.value_sets import author_specialties
from mssante.enums import MailboxKind
from national.annuaire.ports import DirectoryQuery

MAX_LENGTH: Final = 100
ANYWHERE: Final = "*"
_RPPS = re.compile(r"\d{11}")
_FINESS = re.compile(r"\d[0-9AB]\d{7}")
_POSTAL_CODE = re.compile(r"\d{2,5}")

# Name of the control, field of the query.
FIELDS: Final = {
    "nom": "family",
    "prenom": "given",
    "rpps": "rpps",
    "profession": "profession",
    "specialite": "specialty",
    "structure": "structure",
    "finess": "finess",
    "cp": "postal_code",
    "ville": "city",
    "bal": "kind",
    "adresse": "address",
}
_TEXTS: Final = ("nom", "prenom", "structure", "ville")
_SHAPES: Final = {
    "rpps": (_RPPS, "Le RPPS a 11 chiffres."),
    "finess": (_FINESS, "Le FINESS a 9 caractères."),
    "cp": (_POSTAL_CODE, "Un code postal a 5 chiffres, un département 2 ou 3."),
}


@dataclass(frozen=True, slots=True)
class Criteria:
    """What was typed, by control; the query, and what is wrong with it, by control."""

    typed: Mapping[str, str]
    query: DirectoryQuery
    errors: Mapping[str, str]

    @property
    def can_search(self) -> bool:
        return not self.errors and not self.query.is_empty


def criteria_of(data: Mapping[str, str]) -> Criteria:
    """Read a form. Names and city take 2 characters, 3 when alone or looked for anywhere (`*x`)."""
    typed = {name: _typed(data.get(name, "")) for name in FIELDS}
    filled = {name: value for name, value in typed.items() if value}
    errors = {name: text for name, value in filled.items() if (text := _fault(name, value, len(filled) == 1))}
    values = {FIELDS[name]: _asked(name, value) for name, value in filled.items() if name not in errors}
    return Criteria(typed, DirectoryQuery(**values), errors)


def queries_of(text: str) -> list[DirectoryQuery]:
    """Searches to try one after the other for a text typed in one field: RPPS, address, name, structure."""
    plain = _typed(text)
    if _RPPS.fullmatch(plain):
        return [DirectoryQuery(rpps=plain)]
    if "@" in plain:
        return [DirectoryQuery(address=plain.lower())]
    words = plain.strip(ANYWHERE).split()
    if sum(len(word) for word in words) < 3:
        return []
    found = [DirectoryQuery(family=" ".join(words))]
    if len(words) > 1:
        found += [
            DirectoryQuery(family=words[0], given=" ".join(words[1:])),
            DirectoryQuery(family=" ".join(words[1:]), given=words[0]),
        ]
    return [*found, DirectoryQuery(structure=" ".join(words))]


@cache
def professions() -> dict[str, str]:
    """Professions by code of TRE_G15, in alphabetical order."""
    found = {
        code.removeprefix(PROFESSION_PREFIX): entry.display
        for code, entry in author_specialties().items()
        if code.startswith(PROFESSION_PREFIX) and "/" not in code
    }
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


@cache
def specialties() -> dict[str, str]:
    """Specialties of doctors, dentists and pharmacists by code of TRE_R38, in alphabetical order."""
    found = {}
    for code, entry in author_specialties().items():
        profession, _, specialty = code.partition("/")
        if profession.startswith(PROFESSION_PREFIX) and specialty.startswith("S"):
            found[specialty] = entry.display.partition(" - ")[2] or entry.display
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def _typed(value: str) -> str:
    plain = "".join(char for char in value if char.isprintable())
    return " ".join(plain.split())[:MAX_LENGTH]


def _asked(name: str, value: str) -> str:
    if name in _TEXTS:
        return value.rstrip(ANYWHERE).rstrip()
    return value.replace(" ", "").lower() if name == "adresse" else _packed(name, value)


def _packed(name: str, value: str) -> str:
    return value.replace(" ", "").upper() if name in _SHAPES else value


def _fault(name: str, value: str, is_alone: bool) -> str:
    """What is wrong with a criterion, in words; empty when it can be asked."""
    if name in _SHAPES:
        shape, words = _SHAPES[name]
        return "" if shape.fullmatch(_packed(name, value)) else words
    if name in _TEXTS:
        letters = value.strip(ANYWHERE + " ")
        least = 3 if is_alone or value.startswith(ANYWHERE) else 2
        return "" if len(letters) >= least else f"Tapez au moins {least} lettres."
    if name == "adresse":
        return "" if len(value) >= 3 else "Tapez au moins 3 caractères de l’adresse."
    known = {"profession": professions(), "specialite": specialties(), "bal": MailboxKind.values}[name]
    return "" if value in known else "Choisissez dans la liste."
