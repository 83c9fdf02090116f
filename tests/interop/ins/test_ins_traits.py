"""Strict traits: lexical profile, list of given names, dates, comparisons (ins.md 4, 5, 6; hl7v2.md 3.3)."""

from dataclasses import replace
from datetime import date

import pytest

from interop.ins.codes import INS_NIR_OID, INS_NIR_TEST_OID
from interop.ins.key import Ins
from interop.ins.traits import (
    LexicalError,
    LexicalFault,
    ReceivedTraits,
    Sex,
    StrictTraits,
    Trait,
    comparable,
    complete_birth_date,
    date_of_hl7,
    differing_traits,
    exact,
    given_name_heads_list,
    is_cog,
    missing_traits,
    normalize_birth_name,
    normalize_given_names,
    received_traits,
)

INS = Ins("279035121518989", INS_NIR_TEST_OID)
TRAITS = StrictTraits(
    "PAT-TROIS", "DOMINIQUE MARIE-LOUISE", "DOMINIQUE", date(1979, 3, 28), Sex.FEMALE, "51215"
)


@pytest.mark.requirement("INS/va1.01")
@pytest.mark.parametrize(
    ("entered", "stored"),
    [
        ("Müller", "MULLER"),
        ("O'BRIEN", "O'BRIEN"),
        ("o’brien", "O'BRIEN"),
        ("d'Artagnan–Dupré", "D'ARTAGNAN-DUPRE"),
        ("Garçon Nuñez", "GARCON NUNEZ"),
        ("œuvré", "OEUVRE"),
        ("Cæsar", "CAESAR"),
        ("Strauß", "STRAUSS"),
        ("Þórđur Ðøe Łuk", "THORDUR DOE LUK"),
        ("e\u0301tienne", "ETIENNE"),
        ("A--B", "A--B"),
        ("'T HOOFT", "'T HOOFT"),
        ("  DE VINCI ", "DE VINCI"),
        ("De\u00a0Vinci", "DE VINCI"),
    ],
)
def test_a_birth_name_is_put_in_the_profile(entered: str, stored: str) -> None:
    assert normalize_birth_name(entered) == stored
    assert normalize_birth_name(stored) == stored


@pytest.mark.parametrize(
    ("entered", "fault", "position"),
    [
        ("", LexicalFault.EMPTY, 0),
        ("   ", LexicalFault.EMPTY, 0),
        (" -X", LexicalFault.START, 0),
        ("Jean2", LexicalFault.CHARACTER, 4),
        ("DUPONT_X", LexicalFault.CHARACTER, 6),
        ("DUPONT/X", LexicalFault.CHARACTER, 6),
        ("M. DUPONT", LexicalFault.CHARACTER, 1),
        ("Иванов", LexicalFault.CHARACTER, 0),
        ("A  B", LexicalFault.SEPARATORS, 1),
        ("A''B", LexicalFault.SEPARATORS, 1),
        ("A 'B", LexicalFault.SEPARATORS, 1),
        ("A' B", LexicalFault.SEPARATORS, 1),
        ("A---B", LexicalFault.DOUBLE_HYPHEN, 1),
        ("A" * 101, LexicalFault.TOO_LONG, 100),
    ],
)
def test_what_cannot_be_a_birth_name_is_refused_where_it_fails(
    entered: str, fault: LexicalFault, position: int
) -> None:
    with pytest.raises(LexicalError) as refused:
        normalize_birth_name(entered)
    assert (refused.value.fault, refused.value.position) == (fault, position)


@pytest.mark.parametrize(
    ("entered", "fault"),
    [("A--B", LexicalFault.DOUBLE_HYPHEN), ("JEAN-", LexicalFault.END), ("JEAN'", LexicalFault.END)],
)
def test_given_names_are_stricter(entered: str, fault: LexicalFault) -> None:
    with pytest.raises(LexicalError) as refused:
        normalize_given_names(entered)
    assert refused.value.fault is fault
    assert normalize_given_names("Zoé Marie-Louise") == "ZOE MARIE-LOUISE"


def test_a_name_of_100_characters_is_kept() -> None:
    assert normalize_birth_name("A" * 100) == "A" * 100


@pytest.mark.parametrize(
    "first",
    ["JEAN", "JEAN CHRISTOPHE", "JEAN-CHRISTOPHE", "JEAN-CHRISTOPHE-PIERRE", "JEAN CHRISTOPHE-PIERRE"],
)
def test_a_head_of_the_list_is_a_first_given_name(first: str) -> None:
    assert given_name_heads_list(first, "JEAN CHRISTOPHE PIERRE")


@pytest.mark.parametrize("first", ["CHRISTOPHE", "PIERRE", "JEA", "", "JEAN CHRISTOPHE PIERRE PAUL"])
def test_anything_else_is_not(first: str) -> None:
    assert not given_name_heads_list(first, "JEAN CHRISTOPHE PIERRE")


def test_search_ignores_accents_and_separators() -> None:
    assert comparable("  d’Artagnan--Dupré ") == "D ARTAGNAN DUPRE" == comparable("D'ARTAGNAN-DUPRE")


def test_exactness_keeps_accents_and_separators() -> None:
    assert exact(" pat-trois \n") == "PAT-TROIS"
    assert exact("e\u0301") == "É"
    assert exact("PAT TROIS") != exact("PAT-TROIS")
    assert exact("MULLER") != exact("MÜLLER")


def test_a_document_of_the_same_person_has_no_difference() -> None:
    assert differing_traits(TRAITS, INS, received_traits(TRAITS), INS) == ()
    spaced = replace(
        received_traits(TRAITS), birth_given_names=" Dominique   marie-louise", birth_date="197903281200"
    )
    assert missing_traits(spaced) == ()
    assert differing_traits(TRAITS, INS, replace(spaced, birth_date="19790328"), INS) == ()


@pytest.mark.parametrize(
    ("change", "trait"),
    [
        ({"birth_name": "PAT TROIS"}, Trait.BIRTH_NAME),
        ({"birth_name": "PATTROIS"}, Trait.BIRTH_NAME),
        ({"birth_given_names": "DOMINIQUE"}, Trait.BIRTH_GIVEN_NAMES),
        ({"birth_given_names": "DOMINIQUE MARIE LOUISE"}, Trait.BIRTH_GIVEN_NAMES),
        ({"birth_date": "19790329"}, Trait.BIRTH_DATE),
        ({"birth_date": "1979"}, Trait.BIRTH_DATE),
        ({"sex": "M"}, Trait.SEX),
        ({"birth_place_cog": "63220"}, Trait.BIRTH_PLACE_COG),
        ({"birth_place_cog": ""}, Trait.BIRTH_PLACE_COG),
    ],
)
def test_one_different_trait_is_named(change: dict[str, str], trait: Trait) -> None:
    received = replace(received_traits(TRAITS), **change)
    assert differing_traits(TRAITS, INS, received, INS) == (trait,)


def test_another_matricule_or_authority_is_named() -> None:
    received = received_traits(TRAITS)
    assert differing_traits(TRAITS, INS, received, replace(INS, oid=INS_NIR_OID)) == (Trait.INS_OID,)
    other = replace(INS, matricule="277076322082910")
    assert differing_traits(TRAITS, INS, received, other) == (Trait.INS_MATRICULE,)


def test_the_first_given_name_is_not_compared() -> None:
    received = replace(received_traits(TRAITS), first_birth_given_name="MARIE")
    assert differing_traits(TRAITS, INS, received, INS) == ()


def test_a_place_unknown_on_both_sides_is_no_equality() -> None:
    unknown = replace(TRAITS, birth_place_cog="")
    assert differing_traits(unknown, INS, received_traits(unknown), INS) == (Trait.BIRTH_PLACE_COG,)


def test_missing_traits_are_listed() -> None:
    assert missing_traits(ReceivedTraits()) == (
        Trait.BIRTH_NAME,
        Trait.BIRTH_GIVEN_NAMES,
        Trait.BIRTH_DATE,
        Trait.SEX,
        Trait.BIRTH_PLACE_COG,
    )
    assert missing_traits(replace(received_traits(TRAITS), first_birth_given_name="")) == ()


@pytest.mark.requirement("INS/va1.01")
@pytest.mark.parametrize(
    ("known", "day", "estimated"),
    [
        ({"year": 1979, "month": 3, "day": 28}, date(1979, 3, 28), False),
        ({"year": 1979, "month": 3}, date(1979, 3, 1), True),
        ({"year": 1979, "day": 28}, date(1979, 1, 28), True),
        ({"year": 1979}, date(1979, 12, 31), True),
        ({"year": 1980, "year_is_uncertain": True}, date(1980, 12, 31), True),
        ({"year": 1980, "month": 5, "day": 2, "year_is_uncertain": True}, date(1980, 12, 31), True),
    ],
)
def test_a_birth_date_is_always_complete(known: dict, day: date, estimated: bool) -> None:
    completed = complete_birth_date(**known)
    assert (completed.day, completed.estimated) == (day, estimated)


def test_a_lunar_birth_date_is_an_error() -> None:
    with pytest.raises(ValueError, match="month"):
        complete_birth_date(1979, 13, 1)
    with pytest.raises(ValueError, match="day"):
        complete_birth_date(1979, 2, 30)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("19790328", date(1979, 3, 28)),
        ("19790328120000+0100", date(1979, 3, 28)),
        ("197903", None),
        ("1979", None),
        ("19790230", None),
        ("19790000", None),
        ("", None),
        ("1979-03-28", None),
    ],
)
def test_a_date_of_hl7_is_read_only_when_complete(text: str, day: date | None) -> None:
    assert date_of_hl7(text) == day


@pytest.mark.parametrize("code", ["51215", "2A020", "2B020", "97411", "99100", "99999"])
def test_a_birth_place_is_a_commune_or_a_country(code: str) -> None:
    assert is_cog(code)


@pytest.mark.parametrize("code", ["", "5121", "512150", "2C020", "A2020", "5121A"])
def test_a_postal_or_other_code_is_not(code: str) -> None:
    assert not is_cog(code)
