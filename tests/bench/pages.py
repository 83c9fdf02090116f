"""`patient_search` and `record_page`: pages of a doctor over 100,000 patients, as the server makes them.

Requests go through every middleware with a logged-in session, trace included; only the line to the browser
is missing. The number of queries must not depend on who is found nor on how long a record is.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.test import Client
from django.urls import reverse

from accounts.models import User
from establishment.models import Unit
from patients.enums import EpisodeState
from patients.models import Episode, Patient
from tests.bench.figures import Figure, rss_mb, timed
from tests.bench.hospital import build_hospital, doctor_of
from tests.bench.people import Person, person
from tests.bench.population import analyze, load_documents, load_patients, load_stays
from tests.budgets.baseline import baseline, statements
from tests.factories import UnitFactory
from tests.signing_in import sign_in

PATIENTS = 100_000
UNITS = 40
PRESENT = 30
LONG_RECORD = 25
OTHER_DOCUMENTS = 15_000
WARM_UP = 20
SEARCHES = 350
RECORDS = 300
COUNTED = 12


def measure() -> Iterator[Figure | str]:
    """Load the hospital, then ask for pages of different patients."""
    unit = build_hospital()
    doctor = doctor_of(unit)
    _load(unit, doctor)
    client = sign_in(Client(raise_request_exception=True), doctor)
    if (count := Patient.objects.count()) != PATIENTS:
        yield f"patient_search: {count} patients instead of {PATIENTS}"

    searches = list(_searches(SEARCHES + WARM_UP))
    seconds = [_get(client, reverse("dossier:search"), q=search.text) for search in searches]
    yield from _search_counts(client)
    yield timed("patient_search", seconds[WARM_UP:], rss_mb=rss_mb())

    addresses = _record_addresses(unit)
    order = random.Random(1)  # noqa: S311 - data, no secret
    seconds = [_get(client, order.choice(addresses)) for _ in range(RECORDS + WARM_UP)]
    yield from _record_counts(client, addresses)
    yield timed("record_page", seconds[WARM_UP:], rss_mb=rss_mb())


@dataclass(frozen=True, slots=True)
class Search:
    """What is typed, and which way of searching it takes."""

    kind: str
    text: str


def _searches(count: int) -> Iterator[Search]:
    """The ways of searching in turn, each time for another person."""
    chance = random.Random(2)  # noqa: S311 - data, no secret
    for place in range(count):
        someone = person(chance.randrange(PATIENTS))
        yield _WAYS[place % len(_WAYS)](someone)


def _by_date(one: Person) -> Search:
    return Search("birth date", f"{one.birth_date:%d/%m/%Y} {one.birth_name[:3]}")


def _by_date_alone(one: Person) -> Search:
    return Search("birth date alone", f"{one.birth_date:%d/%m/%Y}")


def _by_name(one: Person) -> Search:
    return Search("names", f"{one.birth_name} {one.first_given_name}")


def _by_prefix(one: Person) -> Search:
    return Search("names", f"{one.birth_name[:5]} {one.first_given_name[:3]}")


def _by_number(one: Person) -> Search:
    return Search("IPP", one.ipp)


def _by_matricule(one: Person) -> Search:
    return Search("matricule", one.ins.matricule)


def _with_a_slip(one: Person) -> Search:
    """The birth date is right, the second letter of the name is missing."""
    name = one.birth_name
    return Search("resembling", f"{one.birth_date:%d/%m/%Y} {name[0]}{name[2:]}")


_WAYS: Sequence[Callable[[Person], Search]] = (
    _by_date,
    _by_date_alone,
    _by_name,
    _by_prefix,
    _by_number,
    _by_matricule,
    _with_a_slip,
)


def _load(unit: Unit, doctor: User) -> None:
    units = [unit, *(UnitFactory(code=f"B{number:03d}", site=unit.site) for number in range(1, UNITS))]
    patients = load_patients(PATIENTS)
    load_stays(patients, units, present=PRESENT)
    past = Episode.objects.filter(state=EpisodeState.CLOSED).order_by("id")
    load_documents(list(past.values_list("patient_id", "id", "unit_id")[:OTHER_DOCUMENTS]), doctor)
    here = Episode.objects.filter(state=EpisodeState.OPEN, unit=unit).order_by("id")
    stays = list(here.values_list("patient_id", "id", "unit_id"))
    load_documents([stay for stay in stays[: len(stays) // 2] for _ in range(LONG_RECORD)], doctor)
    analyze(os.environ["DATABASE_OWNER_URL"])


def _record_addresses(unit: Unit) -> list[str]:
    here = Episode.objects.filter(state=EpisodeState.OPEN, unit=unit)
    return [reverse("dossier:patient", args=[uid]) for uid in here.values_list("patient__uid", flat=True)]


def _get(client: Client, address: str, **query: str) -> float:
    started = time.perf_counter()
    answer = client.get(address, query)
    seconds = time.perf_counter() - started
    if answer.status_code != 200:
        raise ValueError(f"{address}: {answer.status_code}")
    return seconds


def _search_counts(client: Client) -> Iterator[str]:
    """Who is found may spare a statement or two; nobody costs more than what tests/budgets notes."""
    budget = max(count for page, count in baseline().items() if page.startswith("dossier:search,"))
    counts: dict[str, int] = {}
    for search in list(_searches(WARM_UP + COUNTED * len(_WAYS)))[WARM_UP:]:
        with statements() as sent:
            _get(client, reverse("dossier:search"), q=search.text)
        counts[search.kind] = max(len(sent), counts.get(search.kind, 0))
    for kind, count in counts.items():
        if count > budget:
            yield f"patient_search: {count} statements by {kind} instead of {budget}"


def _record_counts(client: Client, addresses: Sequence[str]) -> Iterator[str]:
    """Long records and short ones ask the same."""
    found = set()
    for address in addresses:
        with statements() as sent:
            _get(client, address)
        found.add(len(sent))
    if found != {baseline()["dossier:patient"]}:
        yield f"record_page: {sorted(found)} statements instead of {baseline()['dossier:patient']}"
