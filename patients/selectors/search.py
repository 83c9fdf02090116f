"""The search of identities, in tiers from the surest to the widest (ins 9.1; dependencies 11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from accounts.models import User
from interop.ins.key import MATRICULE_LENGTH, matricule_fault, normalize_matricule
from interop.ins.traits import comparable
from patients.enums import EpisodeState, IdentifierKind
from patients.errors import SearchRefused
from patients.models import Episode, Identifier, Patient
from patients.rules import phonetic_key
from patients.selectors.access import patients_searchable, relations_for
from patients.selectors.record import ipps_of

RESULT_SIZE: Final = 50
_SHORTEST_PREFIX: Final = 3
_ALONE_PREFIX: Final = 4
_LIKENESS: Final = 0.3
_EXTENDED_LIKENESS: Final = 0.5
_LONGEST_WORDS: Final = 5
_DATE = re.compile(
    r"(?<!\d)(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?!\d)|(?<!\d)(\d{2})(\d{2})((?:19|20)\d{2})(?!\d)"
)
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MATRICULE = re.compile(r"(?<!\w)[1-478](?:[ .]?[0-9AB]){10,}(?!\w)", re.IGNORECASE)


class Tier(StrEnum):
    """Which search found the rows: the page says when they are only alike."""

    IDENTIFIER = "identifier"
    BIRTH_DATE = "birth_date"
    NAME = "name"
    PHONETIC = "phonetic"
    ALIKE = "alike"
    EXTENDED = "extended"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """What a person looks for. `name` holds names and given names in any order.

    `identifier` is an IPP, a venue or an account number; `matricule` a whole INS, typed or scanned.
    """

    name: str = ""
    birth_date: date | None = None
    identifier: str = ""
    matricule: str = ""
    extended: bool = False

    @property
    def kinds(self) -> list[str]:
        """The kinds of criteria used, for the trace."""
        given = {
            "name": self.name,
            "birth_date": self.birth_date,
            "identifier": self.identifier,
            "matricule": self.matricule,
            "extended": self.extended,
        }
        return [kind for kind, value in given.items() if value]


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """The last stay of a patient, shown only to whom has a care relation."""

    visit_number: str
    state: EpisodeState
    unit_name: str
    begins_at: datetime | None


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One identity. Without a care relation it shows the identity and nothing else (security 3.3)."""

    patient: Patient
    ipp: str
    has_care_relation: bool
    last_episode: EpisodeSummary | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Rows of the first tier that found some; `is_truncated` when more than `RESULT_SIZE` exist."""

    rows: tuple[SearchRow, ...]
    tier: Tier
    is_truncated: bool = False


def criteria_of(text: str, *, extended: bool = False) -> SearchCriteria:
    """Read the one search field: a birth date, a matricule or a number anywhere, names for the rest."""
    criteria = SearchCriteria(extended=extended)
    found = _ISO_DATE.search(text)
    day = _date(found.group(3), found.group(2), found.group(1)) if found else None
    if day is None and (found := _DATE.search(text)):
        parts = [part for part in found.groups() if part]
        day = _date(*parts)
    if day is not None and found is not None:
        criteria = replace(criteria, birth_date=day)
        text = text[: found.start()] + " " + text[found.end() :]
    if matricule := _MATRICULE.search(text):
        criteria = replace(criteria, matricule=matricule.group())
        text = text[: matricule.start()] + " " + text[matricule.end() :]
    words = text.split()
    numbers = [word for word in words if any(letter.isdigit() for letter in word)]
    names = [word for word in words if word not in numbers]
    return replace(criteria, identifier=numbers[0] if numbers else "", name=" ".join(names))


def search(user: User, criteria: SearchCriteria) -> SearchResult:
    """Return identities by the first tier that finds some, with what the user may see of each.

    Raises:
        SearchRefused: a partial or false matricule, or too few criteria (ins 9.1).
    """
    _check(criteria)
    for tier, patients in _tiers(patients_searchable(user), criteria):
        found = _fetch(tier, patients)
        if found:
            rows = _rows(user, found[:RESULT_SIZE])
            return SearchResult(rows, tier, is_truncated=len(found) > RESULT_SIZE)
    return SearchResult((), Tier.NOTHING)


def _check(criteria: SearchCriteria) -> None:
    if criteria.matricule:
        _check_matricule(criteria.matricule)
        return
    if criteria.identifier or criteria.birth_date:
        return
    words = comparable(criteria.name).split()
    longest = max(map(len, words), default=0)
    if longest < _SHORTEST_PREFIX or (len(words) == 1 and longest < _ALONE_PREFIX):
        raise SearchRefused(
            "Précisez la recherche : date de naissance, ou nom d'au moins 4 lettres, ou nom et prénom.",
            code="too_few_criteria",
        )


def _check_matricule(text: str) -> None:
    matricule = normalize_matricule(text)
    if len(matricule) != MATRICULE_LENGTH or matricule_fault(matricule):
        raise SearchRefused(
            "Un matricule INS se recherche entier : 15 caractères avec une clé exacte.",
            code="matricule_incomplete",
        )


def _tiers(patients: QuerySet[Patient], criteria: SearchCriteria) -> Iterator[tuple[Tier, QuerySet[Patient]]]:
    if criteria.matricule or criteria.identifier:
        yield Tier.IDENTIFIER, _by_identifier(patients, criteria)
        if not criteria.name and not criteria.birth_date:
            return
    if criteria.birth_date:
        dated = patients.filter(birth_date=criteria.birth_date)
        yield Tier.BIRTH_DATE, dated.filter(_begins(criteria.name)).order_by(*_BY_NAME)
        if criteria.name:
            yield Tier.ALIKE, _alike(patients, criteria)
    elif criteria.name:
        yield Tier.NAME, patients.filter(_named(criteria.name)).order_by(*_BY_NAME)
        yield Tier.PHONETIC, patients.filter(_sounding(criteria.name)).order_by(*_BY_NAME)
    if criteria.extended and criteria.name:
        yield Tier.EXTENDED, _resembling(patients, criteria)


_BY_NAME: Final = ("search_birth_name", "search_given_names", "id")


def _by_identifier(patients: QuerySet[Patient], criteria: SearchCriteria) -> QuerySet[Patient]:
    if criteria.matricule:
        matricule = normalize_matricule(criteria.matricule)
        return patients.filter(
            identifiers__kind=IdentifierKind.INS,
            identifiers__value=matricule,
            identifiers__is_active=True,
        ).order_by("id")
    # A union, not alternatives: each part has its index, an OR of two lists reads every patient.
    number = criteria.identifier
    by_ipp = Identifier.objects.filter(kind=IdentifierKind.IPP, value=number).values("patient_id")
    by_visit = Episode.objects.filter(visit_number=number).values("patient_id")
    by_account = Episode.objects.filter(account_number=number).values("patient_id")
    return patients.filter(id__in=by_ipp.union(by_visit, by_account)).order_by("id")


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Every way to read words as a name and given names, in both orders."""
    words = comparable(name).split()[:_LONGEST_WORDS]
    for cut in range(1, len(words)):
        head, tail = " ".join(words[:cut]), " ".join(words[cut:])
        yield head, tail
        yield tail, head
    if words:
        yield " ".join(words), ""


def _named(name: str) -> Q:
    """Birth name or name in use beginning so, and a given name beginning so when one is said."""
    wanted = Q()
    for family, given in _splits(name):
        families = Q(search_birth_name__startswith=family) | Q(search_used_name__startswith=family)
        if given:
            families &= Q(search_given_names__startswith=given) | Q(search_used_given_name__startswith=given)
        wanted |= families
    return wanted


def _begins(name: str) -> Q:
    """With a birth date, the first letters of a name in use, of birth or given are enough (ins 9.1)."""
    words = comparable(name)
    wanted = _named(name)
    if words:
        wanted |= Q(search_given_names__startswith=words) | Q(search_used_given_name__startswith=words)
    return wanted


def _sounding(name: str) -> Q:
    wanted = Q()
    for family, given in _splits(name):
        key = f"{phonetic_key(family)} {phonetic_key(given)}"
        if key.strip():
            wanted |= Q(search_phonetic__startswith=key) | Q(search_used_phonetic__startswith=key)
    return wanted if wanted else Q(pk__in=[])


def _alike(patients: QuerySet[Patient], criteria: SearchCriteria) -> QuerySet[Patient]:
    """Same birth date and a name that resembles; an estimated date is sought in its whole year."""
    day = criteria.birth_date
    if day is None:
        return patients.none()
    estimated = Q(
        is_birth_date_estimated=True,
        birth_date__range=(date(day.year, 1, 1), date(day.year, 12, 31)),
    )
    likeness = _likeness(criteria.name)
    return (
        patients.filter(Q(birth_date=day) | estimated)
        .annotate(likeness=likeness)
        .filter(likeness__gte=_LIKENESS)
        .order_by("-likeness", "id")
    )


def _likeness(name: str) -> Greatest:
    words = comparable(name)
    return Greatest(
        TrigramSimilarity("search_full_name", words), TrigramSimilarity("search_birth_name", words)
    )


def _resembling(patients: QuerySet[Patient], criteria: SearchCriteria) -> QuerySet[Patient]:
    """The widest search, only when asked for: names that share half of their trigrams."""
    words = comparable(criteria.name)
    if criteria.birth_date:
        patients = patients.filter(birth_date__year=criteria.birth_date.year)
    return (
        patients.filter(search_full_name__trigram_similar=words)
        .annotate(likeness=_likeness(criteria.name))
        .order_by("-likeness", "id")
    )


def _fetch(tier: Tier, patients: QuerySet[Patient]) -> list[Patient]:
    if tier != Tier.EXTENDED:
        return list(patients[: RESULT_SIZE + 1])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pg_trgm.similarity_threshold', %s, true)", [str(_EXTENDED_LIKENESS)]
        )
        return list(patients[: RESULT_SIZE + 1])


def _rows(user: User, patients: list[Patient]) -> tuple[SearchRow, ...]:
    """What the user may see of each patient. 3 queries."""
    ids = [patient.pk for patient in patients]
    ipps = ipps_of(ids)
    related = relations_for(user, ids)
    episodes = _last_episodes(related)
    return tuple(
        SearchRow(patient, ipps.get(patient.pk, ""), patient.pk in related, episodes.get(patient.pk))
        for patient in patients
    )


def _last_episodes(patient_ids: frozenset[int]) -> dict[int, EpisodeSummary]:
    begins = Coalesce(F("admitted_at"), F("planned_at"), F("created_at"))
    rows = (
        Episode.objects.filter(patient_id__in=patient_ids)
        .exclude(state=EpisodeState.CANCELLED)
        .annotate(begins=begins)
        .order_by("patient_id", "-begins", "-id")
        .distinct("patient_id")
        .select_related("unit")
    )
    return {
        row.patient_id: EpisodeSummary(
            visit_number=row.visit_number,
            state=EpisodeState(row.state),
            unit_name=row.unit.name if row.unit else "",
            begins_at=row.admitted_at or row.planned_at,
        )
        for row in rows
    }


def _date(day: str, month: str, year: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
