"""What may be asked of the directory (spec mssante 3.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mssante.criteria import FIELDS, criteria_of, professions, queries_of, specialties
from national.annuaire.ports import DirectoryQuery


def test_every_criterion_of_the_requirement_is_offered() -> None:
    who = {"rpps", "family", "given", "profession", "specialty"}
    assert who | {"structure", "postal_code", "city", "address"} <= set(FIELDS.values())
    assert professions()["10"] == "Médecin"
    assert specialties()["SM26"].startswith("Qualifié en Médecine Générale")


def test_what_is_typed_becomes_a_query() -> None:
    criteria = criteria_of(
        {"nom": " lambert  noel* ", "rpps": "99 700 901 244", "cp": "99", "adresse": "Claire@X", "bal": "ORG"}
    )
    assert criteria.can_search
    assert criteria.query == DirectoryQuery(
        family="lambert noel", rpps="99700901244", postal_code="99", address="claire@x", kind="ORG"
    )


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"nom": "du"}, {"nom"}),
        ({"nom": "du", "ville": "li"}, set()),
        ({"nom": "*du", "ville": "lille"}, {"nom"}),
        ({"nom": "*dup"}, set()),
        ({"nom": "*"}, {"nom"}),
        ({"rpps": "9970090124"}, {"rpps"}),
        ({"finess": "2A0000123"}, set()),
        ({"finess": "99000091"}, {"finess"}),
        ({"cp": "9"}, {"cp"}),
        ({"cp": "2A"}, {"cp"}),
        ({"adresse": "@m"}, {"adresse"}),
        ({"profession": "99"}, {"profession"}),
        ({"specialite": "SM26", "bal": "XXX"}, {"bal"}),
    ],
)
def test_too_little_or_ill_formed_is_said_by_control(typed: dict[str, str], wrong: set[str]) -> None:
    criteria = criteria_of(typed)
    assert set(criteria.errors) == wrong
    assert criteria.can_search is not wrong or not wrong


def test_nothing_typed_asks_nothing() -> None:
    assert not criteria_of({}).can_search
    assert not criteria_of({"nom": "\x00 "}).can_search


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("99700901244", DirectoryQuery(rpps="99700901244")),
        ("Claire.Bernard@m.test", DirectoryQuery(address="claire.bernard@m.test")),
        ("bernard", DirectoryQuery(family="bernard")),
        ("de la tour", DirectoryQuery(family="de la tour")),
    ],
)
def test_one_field_is_read_the_likeliest_way_first(text: str, first: DirectoryQuery) -> None:
    assert queries_of(text)[0] == first


def test_a_first_name_may_stand_on_either_side() -> None:
    queries = queries_of("claire bernard")
    assert DirectoryQuery(family="bernard", given="claire") in queries
    assert DirectoryQuery(family="claire", given="bernard") in queries
    assert queries[-1] == DirectoryQuery(structure="claire bernard")
    assert queries_of("ab") == queries_of(" * ") == []


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(max_size=150)))
def test_whatever_is_typed_is_asked_or_refused(typed: dict[str, str]) -> None:
    criteria = criteria_of(typed)
    assert criteria.can_search or criteria.errors or criteria.query.is_empty
    queries_of(typed.get("nom", ""))
