"""The directory by its FHIR API: criteria to calls, pages to rows (spec mssante 3.1, query recipes; 3.4).

Only business identifiers are kept: technical ids changed between versions of the API and serve within one
search alone. What the API cannot combine (a person and the city of its structure) is filtered here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from audit.context import Actor
from establishment.enums import NationalService
from interop.annuaire import codes
from interop.annuaire.bundle import Bundle, Person, Situation, Structure
from national.annuaire.client import Deadline, DirectoryClient, Parameters
from national.annuaire.ports import DirectoryAnswer, DirectoryQuery
from national.annuaire.rows import rows_of
from national.calls import Call, Recorder, recorded

SEARCH, CHECK = "search", "check"
PAGE: Final = "50"
CHUNK: Final = 50
MAX_PEOPLE: Final = 200
"""Persons of a place that one search reads at most."""
_ROLES_OF_PERSON: Final = ("_revinclude", f"{codes.ROLE}:practitioner")
_ROLES_OF_PLACE: Final = ("_revinclude", f"{codes.ROLE}:organization")
_BOX: Final = "mailbox-mss"


@dataclass(slots=True)
class Found:
    """What the pages of one search hold; `places_asked` are the structures that were searched for."""

    persons: dict[str, Person] = field(default_factory=dict)
    situations: list[Situation] = field(default_factory=list)
    structures: dict[str, Structure] = field(default_factory=dict)
    places_asked: set[str] = field(default_factory=set)
    is_cut: bool = False

    def take(self, bundles: Iterable[Bundle], *, asks_places: bool = False) -> None:
        for bundle in bundles:
            self.persons |= {person.reference: person for person in bundle.persons}
            self.situations += [one for one in bundle.situations if one not in self.situations]
            self.structures |= {place.reference: place for place in bundle.structures}
            if asks_places:
                self.places_asked |= {place.reference for place in bundle.structures}


class DirectoryFhir:
    """The directory of an installation. Safe to share between threads."""

    def __init__(self, client: DirectoryClient, *, record: Recorder) -> None:
        self._client = client
        self._record = record

    def search(self, query: DirectoryQuery, actor: Actor) -> DirectoryAnswer:
        """Persons and structures that answer all the criteria; one row of Call for the whole search."""
        if query.is_empty:
            raise ValueError("a search of the directory names something")
        with recorded(_call(SEARCH, actor), record=self._record, started_at=datetime.now(UTC)):
            deadline = self._client.deadline()
            if query.address:
                found = self._by_address(query, deadline)
            elif query.names_a_person:
                found = self._by_person(query, deadline)
            else:
                found = self._by_place(query, deadline)
        rows, is_cut = rows_of(query, found.persons, found.situations, found.structures, found.places_asked)
        return DirectoryAnswer(rows, is_cut or found.is_cut)

    def knows(self, address: str, actor: Actor) -> bool:
        """Ask the three resources that may hold a mailbox (spec mssante 3.1, "check an address")."""
        with recorded(_call(CHECK, actor), record=self._record, started_at=datetime.now(UTC)):
            deadline = self._client.deadline()
            asked = ((f"{_BOX}:exact", address.strip().lower()), ("_count", "1"))
            for resource in (codes.PRACTITIONER, codes.ROLE, codes.ORGANIZATION):
                bundles, _ = self._client.pages(resource, asked, deadline, most=1)
                if any(one.persons or one.situations or one.structures for one in bundles):
                    return True
        return False

    def _by_person(self, query: DirectoryQuery, deadline: Deadline) -> Found:
        found = Found()
        parameters = [*_person_parameters(query), ("active", "true"), _ROLES_OF_PERSON, ("_count", PAGE)]
        bundles, found.is_cut = self._client.pages(codes.PRACTITIONER, parameters, deadline)
        found.take(bundles)
        self._name_places(found, deadline)
        return found

    def _by_place(self, query: DirectoryQuery, deadline: Deadline) -> Found:
        found = Found()
        parameters = [*_place_parameters(query), ("active", "true"), _ROLES_OF_PLACE, ("_count", PAGE)]
        if not query.names_a_place:  # a type of mailbox alone: whoever has one
            parameters.append((f"{_BOX}:contains", "@"))
        bundles, found.is_cut = self._client.pages(codes.ORGANIZATION, parameters, deadline)
        found.take(bundles, asks_places=True)
        self._name_people(found, deadline)
        return found

    def _by_address(self, query: DirectoryQuery, deadline: Deadline) -> Found:
        found = Found()
        asked = ((f"{_BOX}:contains", query.address.lower()), ("_count", PAGE))
        wanted: tuple[tuple[str, Parameters, bool], ...] = (
            (codes.PRACTITIONER, (*asked, _ROLES_OF_PERSON), False),
            (codes.ROLE, (*asked, ("_include", f"{codes.ROLE}:practitioner")), False),
            (codes.ORGANIZATION, asked, True),
        )
        for resource, parameters, asks_places in wanted:
            bundles, more = self._client.pages(resource, parameters, deadline, most=2)
            found.take(bundles, asks_places=asks_places)
            found.is_cut = found.is_cut or more
        self._name_people(found, deadline)
        self._name_places(found, deadline)
        return found

    def _name_places(self, found: Found, deadline: Deadline) -> None:
        """Read the structures that situations refer to."""
        wanted = {one.structure for one in found.situations if one.structure} - found.structures.keys()
        self._read_by_id(codes.ORGANIZATION, wanted, found, deadline)

    def _name_people(self, found: Found, deadline: Deadline) -> None:
        """Read the persons that situations refer to, so many at most."""
        wanted = {one.person for one in found.situations if one.person} - found.persons.keys()
        found.is_cut = found.is_cut or len(wanted) > MAX_PEOPLE
        self._read_by_id(codes.PRACTITIONER, sorted(wanted)[:MAX_PEOPLE], found, deadline)

    def _read_by_id(self, resource: str, references: Iterable[str], found: Found, deadline: Deadline) -> None:
        ids = sorted(reference.partition("/")[2] for reference in references)
        for start in range(0, len(ids), CHUNK):
            asked = (("_id", ",".join(ids[start : start + CHUNK])), ("_count", str(CHUNK)))
            bundles, _ = self._client.pages(resource, asked, deadline)
            found.take(bundles)


def _person_parameters(query: DirectoryQuery) -> list[tuple[str, str]]:
    parameters = [*_text("family", query.family), *_text("given", query.given)]
    if query.rpps:
        parameters.append(("identifier", query.rpps))
    if query.profession:
        parameters.append(("qualification-code", f"{codes.SYSTEM_PROFESSION}|{query.profession}"))
    if query.specialty:
        parameters.append(("qualification-code", query.specialty))
    return parameters


def _place_parameters(query: DirectoryQuery) -> list[tuple[str, str]]:
    parameters = [*_text("name", query.structure), *_text("address-city", query.city)]
    if query.finess:
        parameters.append(("identifier", f"{codes.SYSTEM_FINESS}|{query.finess}"))
    if query.postal_code:
        parameters.append(("address-postalcode", query.postal_code))
    return parameters


def _text(name: str, value: str) -> Sequence[tuple[str, str]]:
    """A criterion on a text: its beginning, or `*x` anywhere; each way of writing it is an alternative."""
    if not value:
        return ()
    is_anywhere = value.startswith("*")
    plain = value.strip("*").replace(",", " ").replace("\\", " ").strip()
    return ((f"{name}:contains" if is_anywhere else name, ",".join(spellings(plain))),) if plain else ()


def spellings(value: str) -> list[str]:
    """Spec mssante 3.4: hyphen, space and apostrophe are equivalent, the API tells them apart."""
    apostrophes = value.replace("’", "'")
    found = [apostrophes]
    for mark in ("-", " "):
        found.append("".join(mark if char in "- " else char for char in apostrophes))
    found.append(apostrophes.replace("'", " "))
    return list(dict.fromkeys(found))


def _call(transaction: str, actor: Actor) -> Call:
    return Call(
        service=NationalService.ANNUAIRE,
        transaction=transaction,
        message_id=f"urn:uuid:{uuid4()}",
        actor_uid=actor.uid,
        actor_label=actor.login,
        patient_uid=None,
        structure="",
    )
