"""The unit list and the head of a record: what they show, with how many queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from patients.enums import AlertKind, AlertState, EpisodeState
from patients.models import Movement
from patients.selectors import AlertLine, RelationKind, care_relation, record, relations_for, unit_list
from tests.factories import (
    AlertFactory,
    AssignmentFactory,
    EpisodeFactory,
    IdentifierFactory,
    MovementFactory,
    PatientFactory,
    TeamMemberFactory,
    UnitFactory,
    UserFactory,
    test_identity,
)

pytestmark = pytest.mark.django_db


# --- Unit list -----------------------------------------------------------------------------------
def test_patients_present_or_planned_in_my_units_are_listed_by_bed() -> None:
    unit = UnitFactory(code="6268")
    later = EpisodeFactory(unit=unit, room="14", bed="P", patient__birth_name="AAA")
    first = EpisodeFactory(unit=unit, room="12", bed="F", patient__birth_name="ZZZ")
    planned = EpisodeFactory(unit=unit, room="99", state=EpisodeState.PLANNED)
    housed = EpisodeFactory(housing_unit=unit, room="98")
    nursed = EpisodeFactory(nursing_unit=unit, room="97")
    for hidden in (
        {"state": EpisodeState.CLOSED, "unit": unit},
        {"state": EpisodeState.CANCELLED, "unit": unit},
        {"unit": UnitFactory()},
        {"unit": unit, "patient__is_closed": True},
    ):
        EpisodeFactory(**hidden)
    user = AssignmentFactory(unit=unit).user

    rows = unit_list(user)

    assert [row.episode for row in rows if row.episode.unit == unit] == [first, later, planned]
    assert {row.episode for row in rows} == {first, later, planned, housed, nursed}
    assert all(row.ipp for row in rows)


def test_a_habilitation_without_unit_lists_the_whole_establishment_by_unit_chosen() -> None:
    one, other = EpisodeFactory(), EpisodeFactory()
    user = AssignmentFactory(unit=None).user
    assert {row.episode for row in unit_list(user)} == {one, other}
    assert [row.episode for row in unit_list(user, unit_codes=[one.unit.code])] == [one]


def test_somebody_without_habilitation_sees_nobody() -> None:
    EpisodeFactory()
    assert unit_list(UserFactory()) == []


def test_the_list_costs_the_same_whatever_its_length() -> None:
    unit = UnitFactory()
    user = AssignmentFactory(unit=unit).user
    EpisodeFactory(unit=unit)
    user.assignments_now  # noqa: B018 - read once a request
    with CaptureQueriesContext(connection) as few:
        unit_list(user)
    for _ in range(15):
        AlertFactory(patient=EpisodeFactory(unit=unit).patient)
    with CaptureQueriesContext(connection) as many:
        assert len(unit_list(user)) == 16
    assert len(few) == len(many) == 3


# --- Alerts --------------------------------------------------------------------------------------
def test_an_alert_never_recorded_reads_unknown_and_never_none() -> None:
    patient = PatientFactory()
    assert record(patient).alerts == tuple(AlertLine(kind, AlertState.NOT_RECORDED) for kind in AlertKind)
    AlertFactory(patient=patient, state=AlertState.NONE_KNOWN)
    AlertFactory(patient=patient, kind=AlertKind.INFECTION_RISK, label="BMR")
    AlertFactory(patient=patient, kind=AlertKind.INFECTION_RISK, label="Ancien", is_active=False)
    lines = {line.kind: line for line in record(patient).alerts}
    assert lines[AlertKind.ALLERGY].state == AlertState.NONE_KNOWN
    assert lines[AlertKind.INFECTION_RISK].labels == ("BMR",)
    assert lines[AlertKind.OTHER].state == AlertState.NOT_RECORDED


# --- Record --------------------------------------------------------------------------------------
@pytest.mark.requirement("INS/va1.36", "INS/va1.56")
def test_the_matricule_is_shown_for_a_qualified_identity_alone() -> None:
    patient = test_identity(1)
    shown = record(patient)
    assert shown.ins is not None and shown.ins.matricule == "275126322074974"
    assert shown.ipp == patient.identifiers.get(kind="IPP").value
    patient.is_identity_controlled = False
    patient.save()
    assert record(patient).ins is None


def test_the_stay_shown_is_the_open_one_then_the_planned_then_the_last() -> None:
    patient = PatientFactory()
    now = timezone.now()
    old = EpisodeFactory(
        patient=patient, state="closed", admitted_at=now - timedelta(90), discharged_at=now - timedelta(80)
    )
    recent = EpisodeFactory(
        patient=patient, state="closed", admitted_at=now - timedelta(30), discharged_at=now - timedelta(20)
    )
    EpisodeFactory(patient=patient, state="cancelled", admitted_at=None)
    assert record(patient).episode == recent
    planned = EpisodeFactory(patient=patient, state="planned", admitted_at=None)
    assert record(patient).episode == planned
    open_one = EpisodeFactory(patient=patient, admitted_at=now - timedelta(60))
    assert record(patient).episode == open_one
    assert set(record(patient).episodes) >= {old, recent, planned, open_one}


@pytest.mark.requirement("F-DPI-08")
def test_the_team_of_the_stay_shown() -> None:
    episode = EpisodeFactory()
    member = TeamMemberFactory(episode=episode)
    TeamMemberFactory(episode=episode, until=timezone.now() - timedelta(minutes=1))
    TeamMemberFactory(episode=EpisodeFactory(patient=episode.patient, state="closed"))
    assert [line.user for line in record(episode.patient).team] == [member.user]


def test_a_record_costs_the_same_whatever_it_holds() -> None:
    full, empty = PatientFactory(), PatientFactory()
    for _ in range(5):
        TeamMemberFactory(episode=EpisodeFactory(patient=full))
        AlertFactory(patient=full)
        IdentifierFactory(patient=full)
    for patient in (empty, full):
        with CaptureQueriesContext(connection) as head:
            found = record(patient)
        with CaptureQueriesContext(connection) as shown:
            assert [found.alerts, found.team] == [found.alerts, found.team]
        assert (len(head), len(shown)) == (2, 2)


# --- Care relation -------------------------------------------------------------------------------
@pytest.mark.requirement("F-DPI-08", "F-PV-10")
@pytest.mark.parametrize("responsibility", ["unit", "nursing_unit", "housing_unit"])
def test_any_responsibility_of_my_unit_is_a_relation(responsibility: str) -> None:
    unit = UnitFactory()
    episode = EpisodeFactory(**{responsibility: unit})
    user = AssignmentFactory(unit=unit).user
    assert care_relation(user, episode.patient).kind == RelationKind.UNIT


def test_the_unit_that_the_patient_left_keeps_its_relation() -> None:
    left = UnitFactory()
    episode = EpisodeFactory()
    MovementFactory(episode=episode, medical_unit_code=left.code)
    user = AssignmentFactory(unit=left).user
    assert care_relation(user, episode.patient)
    Movement.objects.update(is_cancelled=True)
    assert not care_relation(user, episode.patient)


def test_a_member_of_the_team_has_a_relation_without_any_unit() -> None:
    member = TeamMemberFactory()
    assert care_relation(member.user, member.episode.patient).kind == RelationKind.TEAM


@pytest.mark.parametrize("state", [EpisodeState.CANCELLED, EpisodeState.CLOSED])
def test_a_stay_cancelled_or_long_closed_founds_none(state: EpisodeState) -> None:
    ended = timezone.now() - timedelta(days=400)
    episode = EpisodeFactory(state=state, discharged_at=ended)
    TeamMemberFactory(episode=episode, user=AssignmentFactory(unit=episode.unit).user)
    user = episode.team.get().user
    assert not care_relation(user, episode.patient)
    assert relations_for(user, [episode.patient_id]) == frozenset()


def test_a_habilitation_that_ended_founds_none() -> None:
    episode = EpisodeFactory()
    assignment = AssignmentFactory(unit=episode.unit, until=timezone.now() - timedelta(minutes=1))
    assert not care_relation(assignment.user, episode.patient)


def test_a_relation_with_several_stays_is_the_longest() -> None:
    unit = UnitFactory()
    patient = PatientFactory()
    EpisodeFactory(
        patient=patient,
        unit=unit,
        state=EpisodeState.CLOSED,
        discharged_at=timezone.now() - timedelta(days=3),
    )
    user = AssignmentFactory(unit=unit).user
    assert care_relation(user, patient).until is not None
    EpisodeFactory(patient=patient, unit=unit)
    assert care_relation(user, patient).until is None
