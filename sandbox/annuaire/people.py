"""Who stands in the directory: the professionals of the demonstration, and invented ones around the hospital.

Nobody here exists: RPPS of the test range with a right key, FINESS of department 99, addresses under `.test`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from sandbox.demo import LEGAL_ENTITY, PROFESSIONALS, SITE_ELSEWHERE

PROFESSIONS: Final = {
    "10": "Médecin",
    "21": "Pharmacien",
    "40": "Chirurgien-Dentiste",
    "50": "Sage-Femme",
    "60": "Infirmier",
    "70": "Masseur-Kinésithérapeute",
}
SPECIALTIES: Final = {
    "SM02": "Anesthésie-réanimation (SM)",
    "SM04": "Cardiologie et maladies vasculaires (SM)",
    "SM05": "Chirurgie générale (SM)",
    "SM15": "Dermatologie et Vénéréologie (SM)",
    "SM24": "Gastro-entérologie et hépatologie (SM)",
    "SM26": "Qualifié en Médecine Générale (SM)",
    "SM32": "Neurologie (SM)",
    "SM38": "Ophtalmologie (SM)",
    "SM40": "Pédiatrie (SM)",
    "SM42": "Psychiatrie (SM)",
    "SM44": "Radio-diagnostic (SM)",
    "SM54": "Médecine Générale (SM)",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A published mailbox; `dematerialised` is None when the directory does not say."""

    address: str
    kind: str
    label: str = ""
    dematerialised: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A structure."""

    finess: str
    name: str
    street: str
    postal_code: str
    city: str
    boxes: tuple[Box, ...] = ()

    @property
    def key(self) -> str:
        return f"org-{self.finess}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A professional, working in one structure. `on_role` puts the mailbox on the situation d'exercice."""

    rpps: str
    family: str
    given: str
    civility: str
    title: str
    profession: str
    specialty: str
    finess: str
    boxes: tuple[Box, ...] = ()
    on_role: bool = False

    @property
    def key(self) -> str:
        return f"ps-{self.rpps}"

    @property
    def role_key(self) -> str:
        return f"role-{self.rpps}"


def _rows(name: str) -> Iterator[dict[str, str]]:
    with files("sandbox").joinpath(f"data/{name}.tsv").open(encoding="utf-8") as stream:
        yield from csv.DictReader(stream, delimiter="\t")


@cache
def places() -> tuple[Place, ...]:
    """Structures: the hospital and its sites, then those in town."""
    own = [
        Place(LEGAL_ENTITY.finess, LEGAL_ENTITY.name, "1 avenue de la Confluence", "99100", "TROIS-RIVIERES"),
        *(
            Place(site.finess, site.name, "1 avenue de la Confluence", site.postal_code, site.city)
            for site in LEGAL_ENTITY.sites
        ),
        Place(SITE_ELSEWHERE.finess, SITE_ELSEWHERE.name, "2 rue de l'Abbaye", "99900", SITE_ELSEWHERE.city),
    ]
    in_town = [
        Place(
            row["finess"],
            row["name"],
            row["street"],
            row["postal_code"],
            row["city"],
            (Box(row["mailbox"], "ORG", "Secrétariat"),) if row["mailbox"] else (),
        )
        for row in _rows("structures")
    ]
    known = {place.finess for place in own}
    return tuple(own + [place for place in in_town if place.finess not in known])


@cache
def listed() -> tuple[Listed, ...]:
    """Professionals: those of the demonstration who have an RPPS, then those in town."""
    own = [
        Listed(
            person.rpps,
            person.family,
            person.given,
            person.civility,
            person.exercise_civility,
            person.profession,
            person.know_how,
            person.site.finess,
            (Box(person.mailbox, "PER"),) if person.mailbox else (),
        )
        for person in PROFESSIONALS
        if person.rpps
    ]
    return tuple(own + [_in_town(number, row) for number, row in enumerate(_rows("professionals"))])


def _in_town(number: int, row: dict[str, str]) -> Listed:
    flag = {"1": True, "0": False}.get(row["dematerialised"])
    return Listed(
        row["rpps"],
        row["family"],
        row["given"],
        "MME" if row["sex"] == "F" else "M",
        "DR" if row["profession"] in ("10", "40") else "",
        row["profession"],
        row["specialty"],
        row["finess"],
        (Box(row["mailbox"], "PER", "", flag),) if row["mailbox"] else (),
        on_role=number % 2 == 0,
    )


def town_addresses() -> dict[str, str]:
    """Addresses of the people in town with their names: the operator must have them all."""
    found = {box.address: f"{one.given} {one.family}" for one in listed() for box in one.boxes}
    return found | {box.address: place.name for place in places() for box in place.boxes}
