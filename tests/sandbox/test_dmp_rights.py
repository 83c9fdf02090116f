"""The functional matrices of the DMP, cell by cell, as the spec prints them."""

from __future__ import annotations

import pytest

from interop.ins import codes as ins_codes
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.demo import DmpState, Patient
from sandbox.dmp.rights import Action, Profile, cell, profile_of
from sandbox.dmp.vihf import Role, Vihf
from tests.sandbox.reading import as_person, find_documents
from tests.sandbox.wire import ACTOR, INS, DmpClient, Draft, Letter

NORMAL, CENTRE_15, BREAK_GLASS = (
    vihf.PURPOSE_NORMAL[0],
    vihf.PURPOSE_CENTRE_15[0],
    vihf.PURPOSE_BREAK_GLASS[0],
)
# Spec dmp 1.8: normal / régulation / bris de glace, as in the published table.
PUBLISHED = {
    Action.EXISTENCE: ("yes/yes/yes", "yes/yes/yes"),
    Action.AUTHORISE: ("yes/no/no", "yes/no/no"),
    Action.FORGET: ("yes/no/no", "yes/no/no"),
    Action.FEED: ("no/no/no", "no/no/no"),
    Action.SEARCH: ("yes/yes/yes", "yes/yes/yes"),
    Action.REFERENCE: ("yes/yes/yes", "yes/yes/yes"),
    Action.READ: ("yes/yes/yes", "yes/yes/yes"),
    Action.READ_MASKED: ("own/patient/patient", "own/patient/patient"),
    Action.MASK: ("yes/no/no", "yes/no/no"),
    Action.UNMASK: ("own/no/no", "own/no/no"),
    Action.MAKE_VISIBLE: ("yes/no/no", "yes/no/no"),
    Action.ARCHIVE: ("own/no/no", "yes/yes/yes"),
    Action.DELETE: ("own/own/own", "own/own/own"),
}


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_a_professional_and_a_physician_may_what_the_table_says(action: Action) -> None:
    for profile, row in zip((Profile.PROFESSIONAL, Profile.PHYSICIAN), PUBLISHED[action], strict=True):
        found = "/".join(cell(action, profile, purpose) for purpose in (NORMAL, CENTRE_15, BREAK_GLASS))
        assert found == row


def test_the_structure_feeds_and_deletes_its_documents_and_reads_nothing() -> None:
    allowed = {
        action: value for action in Action if (value := cell(action, Profile.STRUCTURE, NORMAL)) != "no"
    }
    assert allowed == {
        Action.EXISTENCE: "yes",
        Action.FEED: "yes",
        Action.REFERENCE: "yes",
        Action.DELETE: "structure",
    }


def test_one_who_is_no_professional_reads_no_document() -> None:
    denied = {action for action in Action if cell(action, Profile.ENTITY, NORMAL) == "no"}
    assert {Action.SEARCH, Action.READ, Action.MAKE_VISIBLE, Action.FEED} <= denied


def token(mode: str, role: Role, name_id: str = ACTOR) -> Vihf:
    return Vihf(
        "_1", mode, name_id, "Alice HODA", "1990000101", "SA01", (role,), NORMAL, *INS, False, "DPI 1"
    )


@pytest.mark.parametrize(
    ("asking", "profile"),
    [
        (token(vihf.MODE_INDIRECT, Role("10", vihf.OID_PROFESSION)), Profile.STRUCTURE),
        (token(vihf.MODE_INDIRECT_REINFORCED, Role("10", vihf.OID_PROFESSION)), Profile.PHYSICIAN),
        (token(vihf.MODE_INDIRECT_REINFORCED, Role("60", vihf.OID_PROFESSION)), Profile.PROFESSIONAL),
        (token(vihf.MODE_INDIRECT_REINFORCED, Role("354", vihf.OID_ROLE_NON_PS)), Profile.ENTITY),
        (
            token(vihf.MODE_INDIRECT_REINFORCED, Role("10", vihf.OID_PROFESSION), "899700900071"),
            Profile.TREATING,
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Profile) else "",
)
def test_the_column_is_told_by_the_certificate_and_the_role(asking: Vihf, profile: Profile) -> None:
    patient = Patient(
        INS[0], "PAT-TROIS", "DOMINIQUE", "1979-03-28", "F", DmpState.OPEN, treating="899700900071"
    )
    assert profile_of(asking, patient) is profile


def test_a_nurse_does_not_find_a_psychiatric_synthesis(box: object, hospital: DmpClient) -> None:
    """A line of the matrice d'habilitation: the server filters, the client sees a shorter list."""
    kind = ("68599-0", xds.OID_LOINC, "Synthèse psychiatrique")
    hospital.submit(Draft(Letter(type_code=kind)))
    for actor in (ACTOR, "899700900030"):
        box.dmp.registry.set_authorisation(INS, actor, "valid", box.dmp.now())  # type: ignore[attr-defined]
    nurse = as_person("899700900030", profession="60")
    assert len(find_documents(hospital).entries) == 1
    assert find_documents(hospital, change=nurse).entries == []


def test_metadata_of_a_closed_dmp_are_closed(hospital: DmpClient) -> None:
    closed = ("160012B02077713", ins_codes.INS_NIR_TEST_OID)
    assert find_documents(hospital, closed).errors[0][0] == xds.DMP_CLOSED
    absent = ("180032B02040123", ins_codes.INS_NIR_TEST_OID)
    assert find_documents(hospital, absent).errors[0][0] == xds.ERROR_UNKNOWN_PATIENT
