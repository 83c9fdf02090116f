"""The second value of the role: its nomenclature by profession, and what is said when it lacks (dmp 2.3)."""

from __future__ import annotations

import pytest

from dmp.enums import AccessState
from dmp.rules.roles import profile_gap, roles_for
from interop.vihf import codes
from tests.dmp.conftest import Room
from ui.pills import mark

R01, G05, G15 = codes.OID_SPECIALTY_RPPS, codes.OID_PHARMACIST_SECTION, codes.OID_PROFESSION


@pytest.mark.requirement("SC.DMP/AIRS.06")
@pytest.mark.parametrize(
    ("profession", "specialty", "expected"),
    [
        (
            "10",
            "SM26",
            [("10", G15, "Médecin"), ("SM26", R01, "Qualifié en Médecine Générale (SM)")],
        ),
        (
            "21",
            "H",
            [("21", G15, "Pharmacien"), ("H", G05, "Pharmacien d'établissement de santé")],
        ),
        ("21", "DA", [("21", G15, "Pharmacien"), ("DA", G05, "Pharmacien adjoint")]),
        (
            "21",
            "B",
            [("21", G15, "Pharmacien"), ("B", G05, "Pharmacien d'entreprise - industrie")],
        ),
        ("60", "", [("60", G15, "Infirmier")]),
    ],
)
def test_each_profession_says_its_second_role_in_its_own_nomenclature(profession, specialty, expected):
    roles = roles_for(profession, specialty, section_system=G05)
    assert [(role.code, role.system, role.label) for role in roles] == expected


def test_the_oid_of_the_section_is_a_setting():
    assert roles_for("21", "H", section_system="1.2.3")[1].system == "1.2.3"


PROFILES = [
    ("", "", AccessState.NO_PROFESSION, "Profession absente de votre compte"),
    ("10", "", AccessState.NO_SPECIALTY, "Spécialité absente de votre compte"),
    ("21", "", AccessState.NO_SECTION, "Section du tableau absente de votre compte"),
    ("21", "SM26", AccessState.NO_SECTION, "Section du tableau absente de votre compte"),
    ("21", "FQ01", AccessState.NO_SECTION, "Section du tableau absente de votre compte"),
]


@pytest.mark.parametrize(("profession", "specialty", "state", "words"), PROFILES)
def test_a_profile_that_the_dmp_would_refuse_is_said_before_any_call(
    room: Room, profession: str, specialty: str, state: AccessState, words: str
) -> None:
    room.doctor.profession, room.doctor.specialty = profession, specialty
    room.doctor.save()
    access = room.access()
    assert (access.gate.state, access.consultation) == (state, None)
    assert words in mark("dmp_access", state).label
    assert "administrateur des comptes" in mark("dmp_access", state).explanation
    assert room.dmp.calls == []


@pytest.mark.parametrize(("profession", "specialty"), [("10", "SM26"), ("21", "H"), ("60", ""), ("40", "")])
def test_a_complete_profile_lacks_nothing(profession: str, specialty: str) -> None:
    assert profile_gap(profession, specialty) is None
