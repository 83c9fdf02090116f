"""The search of identities: tiers, refusals, what is shown without a care relation (ins 9.1)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Trace
from patients.errors import SearchRefused
from patients.models import Patient
from patients.rules import phonetic_key, search_keys
from patients.selectors import SearchCriteria, Tier, criteria_of, search
from patients.services import patient_search
from tests.factories import (
    AssignmentFactory,
    EpisodeFactory,
    PatientFactory,
    TeamMemberFactory,
    UserFactory,
    test_identity,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(db: None) -> User:
    return AssignmentFactory().user


@pytest.fixture
def people(db: None) -> dict[str, Patient]:
    return {
        "pat": test_identity(0),
        "vinci": PatientFactory(
            birth_name="DE VINCI", first_birth_given_name="LEONARDO", birth_date=date(2014, 2, 1)
        ),
        "legoff": PatientFactory(
            birth_name="LE GOFF", used_name="DUPUIS", first_birth_given_name="Françoise",
            birth_given_names="FRANCOISE", birth_date=date(1950, 6, 15),
        ),
        "estimated": PatientFactory(
            birth_name="ABDALLAH", first_birth_given_name="YOUSSEF", birth_date=date(1990, 12, 31),
            is_birth_date_estimated=True,
        ),
    }  # fmt: skip


def found(user: User, people: dict[str, Patient], text: str, **more: bool) -> tuple[set[str], Tier]:
    result = search(user, criteria_of(text, **more))
    names = {patient.pk: name for name, patient in people.items()}
    return {names[row.patient.pk] for row in result.rows}, result.tier


@pytest.mark.parametrize(
    ("text", "name", "tier"),
    [
        ("28/03/1979 PAT", "pat", Tier.BIRTH_DATE),
        ("PAT-TROIS 28/03/1979", "pat", Tier.BIRTH_DATE),
        ("28.3.1979", "pat", Tier.BIRTH_DATE),
        ("28031979 dom", "pat", Tier.BIRTH_DATE),
        ("1979-03-28", "pat", Tier.BIRTH_DATE),
        ("pat trois", "pat", Tier.NAME),
        ("dominique PAT-TROIS", "pat", Tier.NAME),
        ("De Vinci Leonardo", "vinci", Tier.NAME),
        ("leonardo de vinci", "vinci", Tier.NAME),
        ("DUPUIS", "legoff", Tier.NAME),
        ("dupuis françoise", "legoff", Tier.NAME),
        ("le goff", "legoff", Tier.NAME),
        ("Legauf Françoize", "legoff", Tier.PHONETIC),
        ("Dupuit françoise", "legoff", Tier.PHONETIC),
        ("PAT-TROYS 28/03/1979", "pat", Tier.ALIKE),
        ("abdalah 12/05/1990", "estimated", Tier.ALIKE),
        ("279035121518989", "pat", Tier.IDENTIFIER),
        ("2 79 03 51 215 189 89", "pat", Tier.IDENTIFIER),
    ],
)
def test_each_way_to_look_for_somebody(
    user: User, people: dict[str, Patient], text: str, name: str, tier: Tier
) -> None:
    assert found(user, people, text) == ({name}, tier)


def test_by_ipp_visit_and_account_numbers(user: User, people: dict[str, Patient]) -> None:
    episode = EpisodeFactory(patient=people["vinci"], visit_number="V42", account_number="24001")
    ipp = people["pat"].identifiers.get(kind="IPP").value
    assert found(user, people, ipp) == ({"pat"}, Tier.IDENTIFIER)
    assert found(user, people, "V42") == ({"vinci"}, Tier.IDENTIFIER)
    assert found(user, people, "24001") == ({"vinci"}, Tier.IDENTIFIER)
    assert episode.pk


def test_a_name_that_hardly_resembles_needs_the_extended_search(
    user: User, people: dict[str, Patient]
) -> None:
    assert found(user, people, "Abdoulah Youssef") == (set(), Tier.NOTHING)
    assert found(user, people, "Abdoulah Youssef", extended=True) == ({"estimated"}, Tier.EXTENDED)


def test_nobody_is_nobody(user: User, people: dict[str, Patient]) -> None:
    assert found(user, people, "INCONNU 01/01/2001") == (set(), Tier.NOTHING)
    assert found(user, people, "01/01/1901") == (set(), Tier.NOTHING)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "too_few_criteria"),
        ("PAT", "too_few_criteria"),
        ("DU PA", "too_few_criteria"),
        ("2790351215189", "matricule_incomplete"),
        ("279035121518988", "matricule_incomplete"),
        ("2 79 03 51 215 1", "matricule_incomplete"),
    ],
)
def test_too_little_or_a_partial_matricule_is_refused(user: User, text: str, code: str) -> None:
    with pytest.raises(SearchRefused) as refused:
        search(user, criteria_of(text))
    assert refused.value.code == code


def test_a_matricule_of_the_history_finds_nobody(user: User, people: dict[str, Patient]) -> None:
    people["pat"].identifiers.filter(kind="INS").update(is_active=False)
    assert found(user, people, "279035121518989") == (set(), Tier.NOTHING)


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("PAT-TROIS 28/03/1979", SearchCriteria(name="PAT-TROIS", birth_date=date(1979, 3, 28))),
        ("31/02/1979 PAT", SearchCriteria(name="PAT", identifier="31/02/1979")),
        ("000003", SearchCriteria(identifier="000003")),
        ("Martin 000003", SearchCriteria(name="Martin", identifier="000003")),
        ("  ", SearchCriteria()),
    ],
)
def test_the_one_field_is_read(text: str, criteria: SearchCriteria) -> None:
    assert criteria_of(text) == criteria


@given(st.text(max_size=60))
def test_any_text_can_be_typed(text: str) -> None:
    criteria = criteria_of(text)
    assert isinstance(criteria.kinds, list)


# --- Security 3.3 --------------------------------------------------------------------------------
def test_without_a_care_relation_a_row_shows_the_identity_only(people: dict[str, Patient]) -> None:
    mine = EpisodeFactory(patient=people["pat"])
    EpisodeFactory(patient=people["vinci"])
    user = AssignmentFactory(unit=mine.unit).user
    rows = {row.patient.pk: row for row in search(user, criteria_of("28/03/1979")).rows}
    row = rows[people["pat"].pk]
    assert row.has_care_relation and row.last_episode is not None
    assert row.last_episode.visit_number == mine.visit_number
    [other] = search(user, criteria_of("de vinci leonardo")).rows
    assert (other.has_care_relation, other.last_episode) == (False, None)


def test_a_team_member_has_the_relation_without_the_unit(people: dict[str, Patient]) -> None:
    episode = EpisodeFactory(patient=people["pat"])
    user = UserFactory()
    TeamMemberFactory(episode=episode, user=user)
    [row] = search(user, criteria_of("pat trois")).rows
    assert row.has_care_relation
    episode.team.update(until=timezone.now() - timedelta(minutes=1))
    [row] = search(user, criteria_of("pat trois")).rows
    assert not row.has_care_relation


def test_the_search_is_traced_without_what_was_typed(user: User, people: dict[str, Patient]) -> None:
    patient_search(user=user, criteria=criteria_of("PAT-TROIS 28/03/1979"), actor=user.as_actor())
    trace = Trace.objects.get()
    assert trace.type == "patient.search"
    assert trace.detail == {"criteria": ["name", "birth_date"], "tier": "birth_date", "count": 1}


def test_the_number_of_queries_is_that_of_one_row(user: User) -> None:
    unit = user.assignments_now[0].unit
    EpisodeFactory(patient=PatientFactory(birth_date=date(1970, 1, 1)), unit=unit)
    with CaptureQueriesContext(connection) as few:
        search(user, criteria_of("01/01/1970"))
    for _ in range(60):
        EpisodeFactory(patient=PatientFactory(birth_date=date(1970, 1, 1)), unit=unit)
    with CaptureQueriesContext(connection) as many:
        result = search(user, criteria_of("01/01/1970"))
    assert len(few) == len(many) == 4
    assert (len(result.rows), result.is_truncated) == (50, True)


# --- Normal form ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", ["D'ÉTANG", "Müller-Weiß", "LŒVENBRUCK", "SÃO  JOÃO", "Ægir", "ŁUKASZ", "DE LA TOUR", "Ñandú"]
)
def test_the_normal_form_is_that_of_unaccent(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT regexp_replace(upper(unaccent(%s)), '[^A-Z]+', ' ', 'g')", [name])
        (expected,) = cursor.fetchone()
    keys = search_keys(birth_name=name, used_name="", given_names="", first_given_name="", used_given_name="")
    assert keys.birth_name == expected.strip()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LE GOFF", "LEGOFF"),
        ("PHILIPPE", "FILIP"),
        ("DUPOND", "DUPONT"),
        ("GAUTHIER", "GOTIER"),
        ("RENAUD", "RENAULT"),
        ("AUDREY", "ODREY"),
        ("MARTIN", "MARTAIN"),
        ("FRANÇOISE", "FRANCOISE"),
        ("CATHERINE", "KATERINE"),
        ("LEMAIRE", "LEMERE"),
        ("SCHNEIDER", "CHNEIDER"),
        ("ANDRÉ", "ENDRE"),
    ],
)
def test_spellings_heard_alike_share_their_key(one: str, other: str) -> None:
    assert phonetic_key(one) == phonetic_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("MARTIN", "MORIN"), ("DURAND", "DUPONT"), ("BERNARD", "BERTRAND")]
)
def test_spellings_heard_otherwise_do_not(one: str, other: str) -> None:
    assert phonetic_key(one) != phonetic_key(other)


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ '-", max_size=80))
def test_a_phonetic_key_is_short_and_stable(name: str) -> None:
    key = phonetic_key(name)
    assert len(key) <= 50
    assert key == phonetic_key(name.lower())
