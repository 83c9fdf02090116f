"""Our codes carry the labels of the national value sets (cda.md 11, 13.5)."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from interop.cda import codes
from interop.cda.datatypes import Code
from interop.cda.ldl_ses import codes as ldl
from interop.cda.value_sets import (
    author_specialties,
    dmp_document_types,
    document_types,
    healthcare_facility_types,
    practice_settings,
)
from interop.xml import parse_xml
from tests.interop.cda.official import VALUE_SETS, needs_official_data

pytestmark = needs_official_data

DOCUMENT_TYPES = [
    codes.LETTRE_DE_LIAISON_SORTIE,
    codes.LETTRE_DE_LIAISON_ENTREE,
    codes.CR_OPERATOIRE,
    codes.CR_CONSULTATION,
    codes.CR_HOSPITALIER,
    codes.CR_URGENCES,
    codes.CR_ACCOUCHEMENT,
    codes.CR_ANESTHESIE,
    codes.PRESCRIPTION_PRODUITS,
    codes.PRESCRIPTION_SOINS,
    codes.PRESCRIPTION_AUTRE,
    codes.DEMANDE_IMAGERIE,
    codes.LETTRE_ADRESSAGE,
    codes.CERTIFICAT_MEDICAL,
    codes.CR_IMAGERIE,
    codes.CR_BIOLOGIE,
]


def official(name: str) -> set[tuple[str, str, str]]:
    (path,) = VALUE_SETS.glob(f"{name}*.xml")
    return {
        (concept.get("code"), concept.get("codeSystem"), concept.get("displayName"))
        for concept in parse_xml(path.read_bytes()).iter("{*}Concept")
    }


def triples(values: list[Code] | tuple[Code, ...]) -> set[tuple[str, str, str]]:
    return {(value.code, value.system, value.display) for value in values}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("JDV_J01_", author_specialties()),
        ("JDV_J02_", healthcare_facility_types()),
        ("JDV_J04_", practice_settings()),
    ],
)
def test_a_table_is_the_whole_value_set(name: str, values: dict[str, Code]) -> None:
    assert triples(tuple(values.values())) == official(name)


def test_the_types_of_documents_are_the_value_set_and_the_codes_added_since() -> None:
    ours, theirs = triples(tuple(document_types().values())), official("JDV_J07_")
    assert {code for code, _, _ in theirs - ours} == {"E1762"}  # a test value of the value set
    assert {code for code, _, _ in ours - theirs} == {
        "34876-3",
        "68814-3",
        "83963-9",
        "84067-8",
        "96163-1",
        "97694-4",
        "100967-9",
    }
    assert triples(DOCUMENT_TYPES) <= ours


def test_the_types_that_the_dmp_admits_are_official_types_with_their_label() -> None:
    """JDV_J66 is not among the files of the CI-SIS package: what it holds is checked against JDV_J07."""
    admitted = dmp_document_types()
    assert triples(tuple(admitted.values())) <= official("JDV_J07_")
    assert len(admitted) == 107  # as published, without its test value E1762
    assert set(document_types()) - set(admitted) >= {"PIECE-IDENTITE", "EXPORT_DUI", "51851-4", "56446-8"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("JDV_J08_", [codes.NORMAL]),
        (
            "JDV_J142_",
            [
                codes.INPATIENT,
                codes.EMERGENCY,
                codes.OUTPATIENT,
                codes.SESSION,
                codes.AMBULATORY,
                codes.HOME_CARE,
            ],
        ),
        (
            "JDV_J47_",
            [codes.GENERAL_PRACTITIONER, codes.ATTENDING, codes.ADMITTING, codes.DISCHARGING],
        ),
        ("JDV_ModaliteEntree", ldl.ADMISSION_MODES),
        ("JDV_ModaliteSortie", ldl.DISCHARGE_MODES),
        ("JDV_StatutDoc_", ldl.DOCUMENT_STATUSES),
        ("JDV_TypeEvenementIndesirablePrevisible", ldl.ALLERGY_KINDS),
        ("JDV_AbsentOrUnknownAllergy", [ldl.NO_ALLERGY, ldl.UNKNOWN_ALLERGY]),
        ("JDV_AbsentOrUnknownMedication", [ldl.NO_MEDICATION, ldl.UNKNOWN_MEDICATION]),
    ],
)
def test_our_codes_are_in_their_value_set_with_its_label(name: str, values: list[Code]) -> None:
    assert triples(values) <= official(name)


def test_the_closed_lists_are_complete() -> None:
    assert triples(tuple(codes.GENDERS.values())) == official("JDV_J143_")
    assert triples(ldl.ADMISSION_MODES) == official("JDV_ModaliteEntree")
    assert triples(ldl.DISCHARGE_MODES) == official("JDV_ModaliteSortie")
    assert {kind.value for kind in codes.ParticipationType} == {c for c, _, _ in official("JDV_J144_")}
    assert {kind.value for kind in codes.EncounterParticipation} == {c for c, _, _ in official("JDV_J140_")}
    assert {c for c, _, _ in official("JDV_J245_")} == codes.PREFIXES
    assert {c for c, _, _ in official("JDV_J246_")} == codes.SUFFIXES


@pytest.mark.parametrize("module", [codes, ldl])
def test_every_code_has_a_system_and_a_label(module: ModuleType) -> None:
    def found() -> Iterator[Code]:
        for value in vars(module).values():
            if isinstance(value, Code):
                yield value

    assert all(value.code and value.system and value.display for value in found())
