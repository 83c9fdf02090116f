"""The key of a matricule: official vectors, Corsica, test identities (ins.md 2.2, 2.3, 15)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.ins.codes import (
    DEMO_INS_OIDS,
    INS_NIA_OID,
    INS_NIR_DEMO_OID,
    INS_NIR_OID,
    INS_NIR_TEST_OID,
    PRODUCTION_INS_OIDS,
    TEST_INS_OIDS,
    InsNature,
    ins_nature,
)
from interop.ins.key import (
    Ins,
    MatriculeFault,
    format_matricule,
    matricule_fault,
    nir_key,
    normalize_matricule,
)

# Keys of recorded INSi answers.
KEYS = {
    "297022A020778": "78",
    "160012B020777": "13",
    "180032B020401": "23",
    "1090763220834": "89",
    "2090763220834": "39",
    "2360663220836": "56",
    "2751263220749": "74",
    "1100863220830": "60",
    "1090763220888": "35",
    "2790351215189": "89",
    "1810363220456": "76",
}

# Matricules of the national test identities; the ANS and the CNDA publish some with a false key.
TRUE_KEYS = [
    "275126322074974",
    "297022A02077878",
    "160012B02077713",
    "180032B02040123",
    "109076322083489",
    "209076322083439",
    "110086322083060",
    "236066322083656",
    "109076322088835",
    "279035121518989",
    "277076322082910",
    "274075176079430",
]
FALSE_KEYS = ["181036322045660", "221042545611404", "224027511583555", "276037510669380"]


@pytest.mark.parametrize(("number", "key"), KEYS.items())
def test_the_key_is_that_of_the_national_service(number: str, key: str) -> None:
    assert nir_key(number) == key
    assert nir_key(number.lower()) == key


@pytest.mark.parametrize("matricule", TRUE_KEYS)
def test_a_test_identity_with_a_true_key_has_no_fault(matricule: str) -> None:
    assert matricule_fault(matricule) is None


@pytest.mark.parametrize("matricule", FALSE_KEYS)
def test_a_test_identity_with_a_false_key_is_told_apart(matricule: str) -> None:
    assert matricule_fault(matricule) is MatriculeFault.KEY


@pytest.mark.parametrize(
    "matricule",
    [
        "",
        "27903512151898",
        "2790351215189890",
        "579035121518989",
        "279135121518989",
        "279005121518989",
        "2790351215189AB",
        "297022C02077878",
        "279035121518 89",
        "２79035121518989",
    ],
)
def test_what_has_not_the_form_of_a_matricule_is_refused(matricule: str) -> None:
    assert matricule_fault(matricule) is MatriculeFault.FORM


@pytest.mark.parametrize("number", ["", "123", "27903512151898", "2790351215x89", "２790351215189"])
def test_the_key_of_anything_else_is_an_error(number: str) -> None:
    with pytest.raises(ValueError, match="13 digits"):
        nir_key(number)


@given(st.integers(10**12, 10**13 - 1), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(number: int, position: int, shift: int) -> None:
    digits = str(number)
    wrong = digits[:position] + str((int(digits[position]) + shift) % 10) + digits[position + 1 :]
    assert nir_key(wrong) != nir_key(digits)


def test_a_pasted_matricule_loses_its_separators() -> None:
    assert normalize_matricule(" 2 97 02 2a 020\u00a0778 78 ") == "297022A02077878"


def test_a_matricule_is_shown_in_groups_with_its_nature() -> None:
    assert format_matricule(Ins("279035121518989", INS_NIR_TEST_OID)) == "2 79 03 51 215 189 89 (NIR)"
    assert format_matricule(Ins("109076322088835", INS_NIA_OID)) == "1 09 07 63 220 888 35 (NIA)"


def test_the_nature_comes_from_the_oid() -> None:
    assert {oid: ins_nature(oid) for oid in (INS_NIR_OID, INS_NIR_TEST_OID, INS_NIR_DEMO_OID)} == {
        INS_NIR_OID: InsNature.NIR,
        INS_NIR_TEST_OID: InsNature.NIR,
        INS_NIR_DEMO_OID: InsNature.NIR,
    }
    with pytest.raises(ValueError, match="not the OID"):
        ins_nature("1.2.250.1.213.1.4.2")


def test_no_test_authority_is_allowed_in_production() -> None:
    assert {INS_NIR_OID, INS_NIA_OID} == PRODUCTION_INS_OIDS
    assert TEST_INS_OIDS - PRODUCTION_INS_OIDS == {INS_NIR_TEST_OID}
    assert not DEMO_INS_OIDS & PRODUCTION_INS_OIDS
