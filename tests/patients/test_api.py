"""Patients and stays by the API: who reads what, of whom, with which trace (ins 7.4, 9.1; security 3.3)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from audit.models import Trace
from establishment.models import Unit
from interop.ins.codes import INS_NIR_TEST_OID
from patients.enums import AlertKind, EpisodeState
from patients.models import Episode, Patient
from tests.calling import actor_is, caller, client_of, issue, post, problem_of
from tests.factories import (
    AlertFactory,
    AssignmentFactory,
    EpisodeFactory,
    IdentifierFactory,
    MovementFactory,
    PatientFactory,
    RoleFactory,
    UnitFactory,
)
from tests.factories import test_identity as official_identity
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db

READ = "patients:read"


@pytest.fixture
def unit() -> Unit:
    return UnitFactory(code="6268")


@pytest.fixture
def patient() -> Patient:
    return official_identity()


@pytest.fixture
def episode(patient: Patient, unit: Unit) -> Episode:
    return EpisodeFactory(patient=patient, unit=unit)


def search(client: Client, **criteria: Any) -> Any:
    return post(client, reverse("api:patients_search"), criteria)


def detail(client: Client, patient: Patient) -> Any:
    return client.get(reverse("api:patient", args=[patient.uid]))


class TestSearch:
    def test_it_is_that_of_the_pages_by_criteria(self, patient: Patient, episode: Episode):
        for criteria in (
            {"name": "pat trois dominique"},
            {"name": "pat", "birth_date": "1979-03-28"},
            {"identifier": episode.visit_number},
            {"matricule": "2 79 03 51 215 189 89"},
            {"name": "pate troy dominique", "extended": True},
        ):
            found = search(caller(READ), **criteria).json()
            assert [row["patient"]["uid"] for row in found["results"]] == [str(patient.uid)], criteria
        assert found["tier"] in ("phonetic", "extended")

    def test_a_row_shows_the_identity_and_no_ins(self, patient: Patient, episode: Episode):
        [row] = search(caller(READ, "ins:read"), identifier=episode.visit_number).json()["results"]

        assert row["patient"]["birth_name"] == "PAT-TROIS"
        assert row["patient"]["identity_status"] == "QUAL"
        assert row["has_care_relation"] is True
        assert row["last_episode"]["visit_number"] == episode.visit_number
        assert "279035121518989" not in str(row)

    def test_a_software_of_some_units_finds_their_patients_alone(self, patient: Patient, episode: Episode):
        ours, elsewhere = (
            issue(READ, units=[episode.unit]),
            caller(READ, units=[UnitFactory()], name="ailleurs"),
        )

        assert len(search(client_of(ours), name="pat trois").json()["results"]) == 1
        assert search(elsewhere, name="pat trois").json() == {
            "tier": "nothing",
            "is_truncated": False,
            "results": [],
        }

    def test_a_person_without_care_relation_sees_the_identity_and_no_stay(
        self, patient: Patient, episode: Episode, client: Client
    ):
        doctor = AssignmentFactory(role=RoleFactory(code=RoleCode.PRESCRIPTEUR)).user

        [row] = search(sign_in(client, doctor), name="pat trois").json()["results"]

        assert row["has_care_relation"] is False
        assert row["last_episode"] is None

    def test_it_is_traced_by_kinds_of_criteria_and_count(self, patient: Patient):
        issued = issue(READ)
        search(client_of(issued), name="pat trois", birth_date="1979-03-28")

        trace = Trace.objects.get(type="patient.search")
        assert actor_is(trace, issued.token)
        assert trace.detail == {"criteria": ["name", "birth_date"], "tier": "birth_date", "count": 1}

    @pytest.mark.parametrize(
        ("criteria", "status", "code"),
        [
            ({}, 422, "too_few_criteria"),
            ({"name": "pa"}, 422, "too_few_criteria"),
            ({"matricule": "27903512151"}, 422, "matricule_incomplete"),
            ({"birth_date": "28/03/1979"}, 400, "invalid"),
            ({"nom": "pat trois"}, 400, "invalid"),
            ({"name": "x" * 101}, 400, "invalid"),
            ({"name": ["pat"]}, 400, "invalid"),
            ({"name": "pat\u0000trois"}, 400, "invalid"),
        ],
    )
    def test_what_would_list_too_many_or_is_misspelt_is_refused(
        self, patient: Patient, criteria: dict[str, Any], status: int, code: str
    ):
        assert problem_of(search(caller(READ), **criteria), status)["code"] == code

    def test_searches_are_limited_apart(self, settings: Any):
        settings.API_SEARCHES_PER_MINUTE = 2
        client = caller(READ)
        assert [search(client, name="pat trois").status_code for _ in range(3)] == [200, 200, 429]


class TestDetail:
    def test_the_ins_is_shown_only_qualified_and_only_with_the_scope(self, patient: Patient):
        with_scope = detail(caller(READ, "ins:read"), patient).json()
        assert with_scope["ins"] == {
            "matricule": "279035121518989",
            "oid": INS_NIR_TEST_OID,
            "nature": "NIR",
        }
        assert detail(caller(READ), patient).json()["ins"] is None

        Patient.objects.filter(pk=patient.pk).update(is_identity_controlled=False)
        answer = detail(caller(READ, "ins:read"), patient)
        assert answer.json()["ins"] is None
        assert answer.json()["patient"]["identity_status"] == "RECUP"
        assert b"279035121518989" not in answer.content

    def test_reading_the_ins_has_its_own_trace(self, patient: Patient):
        issued = issue(READ, "ins:read")
        detail(client_of(issued), patient)
        detail(caller(READ, name="autre"), patient)

        trace = Trace.objects.get(type="identity.view")
        assert actor_is(trace, issued.token)
        assert (trace.patient_uid, trace.object_type) == (patient.uid, "ins")
        assert "279035121518989" not in str(list(Trace.objects.values()))

    def test_alerts_are_clinical_and_not_recorded_is_not_none(self, patient: Patient):
        AlertFactory(patient=patient, kind=AlertKind.ALLERGY, label="Pénicilline")

        assert detail(caller(READ), patient).json()["alerts"] is None
        alerts = detail(caller(READ, "documents:read"), patient).json()["alerts"]
        assert alerts[0] == {"kind": "allergy", "state": "known", "labels": ["Pénicilline"]}
        assert alerts[1] == {"kind": "infection_risk", "state": "not_recorded", "labels": []}

    def test_a_read_is_traced_with_who_whom_and_what(self, patient: Patient):
        issued = issue(READ)
        detail(client_of(issued), patient)

        trace = Trace.objects.get(type="patient.open")
        assert actor_is(trace, issued.token)
        assert (trace.patient_uid, trace.outcome, trace.action) == (patient.uid, "success", "R")
        assert trace.detail == {"relation": "service", "what": "identity"}

    def test_no_internal_key_goes_out(self, patient: Patient, episode: Episode):
        answer = detail(caller(), patient).json()
        assert answer["current_episode"] == str(episode.uid)
        assert not {"id", "pk"} & {*answer, *answer["patient"]}


class TestWhoMayOpen:
    @pytest.fixture
    def addresses(self, patient: Patient, episode: Episode) -> list[str]:
        return [
            reverse("api:patient", args=[patient.uid]),
            reverse("api:patient_episodes", args=[patient.uid]),
            reverse("api:episode", args=[episode.uid]),
        ]

    def test_a_software_of_other_units_is_refused_and_traced(self, addresses: list[str], patient: Patient):
        issued = issue(units=[UnitFactory(code="autre")])
        for address in addresses:
            assert problem_of(client_of(issued).get(address), 403)["code"] == "no_care_relation"
        refused = Trace.objects.filter(type="patient.open", outcome="refused")
        assert refused.count() == len(addresses)
        assert all(actor_is(one, issued.token) and one.patient_uid == patient.uid for one in refused)

    def test_a_software_of_the_unit_reads(self, addresses: list[str], unit: Unit):
        client = caller(units=[unit])
        assert [client.get(address).status_code for address in addresses] == [200, 200, 200]

    def test_a_software_of_the_unit_no_longer_reads_long_after_the_stay(
        self, addresses: list[str], unit: Unit, settings: Any
    ):
        long_ago = timezone.now() - timedelta(days=settings.CARE_RELATION_DAYS + 1)
        Episode.objects.update(state=EpisodeState.CLOSED, discharged_at=long_ago)

        assert [caller(units=[unit]).get(one).status_code for one in addresses] == [403, 403, 403]
        assert [caller(name="siege").get(one).status_code for one in addresses] == [200, 200, 200]

    def test_a_person_reads_with_a_care_relation_only(self, addresses: list[str], unit: Unit, client: Client):
        role = RoleFactory(code=RoleCode.PRESCRIPTEUR)
        inside = sign_in(Client(), AssignmentFactory(role=role, unit=unit).user)
        outside = sign_in(Client(), AssignmentFactory(role=role).user)

        assert [inside.get(address).status_code for address in addresses] == [200, 200, 200]
        assert [outside.get(address).status_code for address in addresses] == [403, 403, 403]
        assert Trace.objects.filter(type="patient.open", actor_role="prescripteur").count() == 6

    def test_an_account_that_lost_its_habilitation_reads_nothing(self, addresses: list[str]):
        issued = issue()
        issued.token.owner.assignments.update(until=timezone.now())
        assert [client_of(issued).get(address).status_code for address in addresses] == [403, 403, 403]

    def test_what_does_not_exist_is_404_without_a_trace_of_a_patient(self):
        client = caller()
        for name in ("patient", "patient_episodes", "episode"):
            address = reverse(f"api:{name}", args=[uuid.uuid4()])
            assert problem_of(client.get(address), 404)["code"] == "not_found"
        assert not Trace.objects.filter(patient_uid__isnull=False).exists()


class TestEpisodes:
    def test_pages_follow_each_other_whatever_is_added_meanwhile(self, patient: Patient, unit: Unit):
        known = [EpisodeFactory(patient=patient, unit=unit) for _ in range(5)]
        EpisodeFactory(unit=unit)
        client, address = caller(READ), reverse("api:patient_episodes", args=[patient.uid])

        seen, cursor = [], None
        for _ in range(3):
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = client.get(address, query).json()
            seen += [row["uid"] for row in page["results"]]
            cursor = page["next"]
            EpisodeFactory(patient=patient, unit=unit)

        assert seen == [str(one.uid) for one in reversed(known)]
        assert cursor is None

    def test_states_narrow_the_list(self, patient: Patient, episode: Episode, unit: Unit):
        closed = EpisodeFactory(patient=patient, unit=unit, state=EpisodeState.CLOSED)
        EpisodeFactory(patient=patient, unit=unit, state=EpisodeState.CANCELLED)
        address = reverse("api:patient_episodes", args=[patient.uid])

        found = caller(READ).get(address, {"state": ["open", "closed"]}).json()["results"]

        assert [row["uid"] for row in found] == [str(closed.uid), str(episode.uid)]

    @pytest.mark.parametrize(
        "query",
        [
            {"state": "ouvert"}, {"limit": 0}, {"limit": 101}, {"limit": "dix"}, {"cursor": "x"},
            {"cursor": "!" * 22}, {"cursor": "é"}, {"limit": ["1", "2"]}, {"etat": "open"}, {"page": 2},
        ],
        ids=str,
    )  # fmt: skip
    def test_a_parameter_that_does_not_suit_is_refused(self, patient: Patient, query: dict[str, Any]):
        address = reverse("api:patient_episodes", args=[patient.uid])
        found = problem_of(caller(READ).get(address, query), 400)
        assert [one["field"] for one in found["errors"]] == list(query)

    def test_the_cursor_of_another_patient_is_no_cursor(self, patient: Patient, episode: Episode):
        for _ in range(2):
            other = EpisodeFactory(unit=episode.unit, patient=patient)
        stranger = PatientFactory()
        EpisodeFactory(patient=stranger, unit=episode.unit)
        client = caller(READ)
        cursor = client.get(reverse("api:patient_episodes", args=[patient.uid]), {"limit": 1}).json()["next"]

        answer = client.get(reverse("api:patient_episodes", args=[stranger.uid]), {"cursor": cursor})

        assert other
        assert problem_of(answer, 404)["code"] == "cursor_unknown"

    def test_an_episode_comes_with_its_movements(self, episode: Episode):
        MovementFactory(episode=episode, event="A01")
        MovementFactory(
            episode=episode, event="A02", is_cancelled=True, start_at=timezone.now(), identifiers=["9^CHU-X"]
        )

        found = caller(READ).get(reverse("api:episode", args=[episode.uid])).json()

        assert found["patient"] == str(episode.patient.uid)
        assert found["unit"] == {"code": "6268", "name": "Unité 6268"}
        assert [(one["event"], one["is_cancelled"]) for one in found["movements"]] == [
            ("A01", False),
            ("A02", True),
        ]
        assert found["movements"][1]["identifiers"] == ["9^CHU-X"]


def test_an_identifier_that_ended_is_no_ipp(patient: Patient):
    IdentifierFactory(patient=patient, value="ANCIEN", is_active=False)
    assert detail(caller(READ), patient).json()["ipp"] != "ANCIEN"
