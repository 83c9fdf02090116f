"""From what the directory says of persons, situations and structures to the rows that a person chooses from.

Pure functions. One row for each person or structure and address; a person without address is one row without
(spec mssante 3.1, "merge, dedup on lower-case address"; 3.4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from interop.annuaire.bundle import Mailbox, Person, Situation, Structure
from interop.ins.traits import comparable
from national.annuaire.ports import MAX_ROWS, DirectoryQuery, DirectoryRow

_NOWHERE = Structure("", "", "", "", "", "")


def rows_of(
    query: DirectoryQuery,
    persons: Mapping[str, Person],
    situations: Iterable[Situation],
    structures: Mapping[str, Structure],
    places_asked: Collection[str],
) -> tuple[list[DirectoryRow], bool]:
    """Rows that answer all the criteria, those with an address first; and whether some were left out.

    `places_asked` are the structures that the search was about: their own mailboxes are rows too.
    """
    by_person: dict[str, list[Situation]] = defaultdict(list)
    for situation in situations:
        if situation.is_active:
            by_person[situation.person].append(situation)
    rows: list[DirectoryRow] = []
    for reference, person in persons.items():
        if person.is_active and person.family and _is_person(query, person):
            rows += _of_person(person, by_person[reference], structures)
    if not query.names_a_person:
        for reference in places_asked:
            if structures[reference].is_active:
                rows += _of_structure(structures[reference])
    kept = [row for row in rows if keeps(query, row)]
    kept.sort(
        key=lambda row: (not row.address, comparable(row.family or row.structure), comparable(row.given))
    )
    return kept[:MAX_ROWS], len(kept) > MAX_ROWS


def _of_person(
    person: Person, situations: Sequence[Situation], structures: Mapping[str, Structure]
) -> Iterator[DirectoryRow]:
    places = [structures.get(one.structure, _NOWHERE) for one in situations]
    alone = places[0] if len(places) == 1 else _NOWHERE
    seen: set[str] = set()
    for situation, place in zip(situations, places, strict=True):
        for mailbox in situation.mailboxes:
            if mailbox.address not in seen:
                seen.add(mailbox.address)
                yield _row(person, place, mailbox)
    for mailbox in person.mailboxes:
        if mailbox.address not in seen:
            seen.add(mailbox.address)
            yield _row(person, alone, mailbox)
    if not seen:
        yield _row(person, places[0] if places else _NOWHERE, Mailbox(""))


def _of_structure(structure: Structure) -> Iterator[DirectoryRow]:
    for mailbox in structure.mailboxes or (Mailbox(""),):
        yield _row(None, structure, mailbox)


def _row(person: Person | None, place: Structure, mailbox: Mailbox) -> DirectoryRow:
    return DirectoryRow(
        rpps=person.rpps if person else "",
        title=person.title if person else "",
        family=person.family if person else "",
        given=person.given if person else "",
        profession=person.profession if person else "",
        profession_code=person.profession_code if person else "",
        specialty=person.specialty if person else "",
        specialty_code=person.specialty_code if person else "",
        structure=place.name,
        finess=place.finess,
        street=place.street,
        postal_code=place.postal_code,
        city=place.city,
        address=mailbox.address,
        kind=mailbox.kind,
        label=mailbox.label,
        dematerialised=mailbox.dematerialised,
    )


def _is_person(query: DirectoryQuery, person: Person) -> bool:
    """The criteria on the person, which the API was not asked when the search began elsewhere."""
    return (
        begins(person.family, query.family)
        and begins(person.given, query.given)
        and query.rpps in ("", person.rpps)
        and query.profession in ("", person.profession_code)
        and query.specialty in ("", person.specialty_code)
    )


def answers(query: DirectoryQuery, row: DirectoryRow) -> bool:
    """Whether a row answers all the criteria; a structure is no answer to a criterion on a person."""
    return (
        begins(row.family, query.family)
        and begins(row.given, query.given)
        and query.rpps in ("", row.rpps)
        and query.profession in ("", row.profession_code)
        and query.specialty in ("", row.specialty_code)
        and keeps(query, row)
    )


def keeps(query: DirectoryQuery, row: DirectoryRow) -> bool:
    """Whether a row answers the criteria on the place and the address."""
    return (
        begins(row.structure, query.structure)
        and query.finess in ("", row.finess)
        and row.postal_code.startswith(query.postal_code)
        and begins(row.city, query.city)
        and query.kind in ("", row.kind)
        and query.address.lower() in row.address
    )


def begins(value: str, wanted: str) -> bool:
    """Whether a text begins so, accents, hyphens and case aside; `*x` is looked for anywhere."""
    plain = comparable(wanted.strip("*"))
    if not plain:
        return True
    return plain in comparable(value) if wanted.startswith("*") else comparable(value).startswith(plain)
