"""Choices by the API: read, recorded with their source, never overwritten unseen (SC.DMP/CONF.06, .13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import RoleCode
from audit.models import Trace
from consent.enums import ChoiceSource, ChoiceValue, Subject
from consent.models import Choice
from patients.enums import EpisodeState
from patients.models import Episode
from sending.enums import OrderState
from sending.models import Order
from tests.calling import actor_is, caller, client_of, issue, post, problem_of
from tests.factories import AssignmentFactory, ChoiceFactory, EpisodeFactory, RoleFactory, UnitFactory
from tests.hospital import Ward
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db

WRITE = "choices:write"


@pytest.fixture
def episode() -> Episode:
    return EpisodeFactory()


def address(episode: Episode) -> str:
    return reverse("api:episode_choices", args=[episode.uid])


def record(client: Client, episode: Episode, body: Any = None, *, etag: str | None = None) -> Any:
    """Record after having read, or with the state that `etag` names."""
    seen = etag if etag is not None else client.get(address(episode))["ETag"]
    return post(client, address(episode), body or {"alimentation": "opposed"}, headers={"if-match": seen})


def test_nothing_recorded_reads_as_not_collected_with_what_the_rules_make_of_it(episode: Episode):
    found = caller("choices:read").get(address(episode)).json()

    assert found["alimentation"] == {"value": "not_collected", "is_allowed": True, "choice": None}
    assert found["consultation"] == {"value": "not_collected", "is_allowed": False, "choice": None}
    assert (found["results"], found["next"]) == ([], None)


def test_the_history_is_read_by_pages_last_recorded_first(episode: Episode):
    choices = [ChoiceFactory(episode=episode) for _ in range(3)]
    client = caller("choices:read")

    first = client.get(address(episode), {"limit": 2}).json()
    second = client.get(address(episode), {"limit": 2, "cursor": first["next"]}).json()

    uids = [row["uid"] for row in first["results"] + second["results"]]
    assert uids == [str(one.uid) for one in reversed(choices)]
    assert second["next"] is None


class TestRecording:
    def test_a_choice_is_recorded_with_its_source_and_its_software(self, episode: Episode):
        issued = issue(WRITE)

        answer = record(
            client_of(issued),
            episode,
            {"alimentation": "opposed", "consultation": "not_opposed", "by_representative": True},
        )

        assert answer.status_code == 201
        assert answer.json()["alimentation"]["value"] == "opposed"
        assert answer.json()["alimentation"]["is_allowed"] is False
        rows = {row.subject: row for row in Choice.objects.all()}
        assert set(rows) == set(Subject)
        for row in rows.values():
            assert (row.source, row.author_login) == (ChoiceSource.API, "logiciel")
            assert row.author_uid == issued.token.owner.uid
            assert row.by_representative
        trace = Trace.objects.get(type="consent.record")
        assert actor_is(trace, issued.token)
        assert trace.patient_uid == episode.patient.uid
        assert trace.detail["alimentation"]["source"] == "api"

    def test_the_answer_names_the_new_state(self, episode: Episode):
        client = caller(WRITE)
        first = record(client, episode)
        assert first["ETag"] == client.get(address(episode))["ETag"]

        second = record(client, episode, {"consultation": "opposed"}, etag=first["ETag"])

        assert second.status_code == 201

    def test_an_opposition_stops_what_waits(self, ward: Ward):
        letter = ward.write_letter()
        record(caller(WRITE), ward.episode)

        assert Order.objects.get(version=letter).state == OrderState.BLOCKED

    def test_a_state_that_was_not_read_is_not_overwritten(self, episode: Episode):
        client = caller(WRITE)
        seen = client.get(address(episode))["ETag"]
        ChoiceFactory(episode=episode, value=ChoiceValue.OPPOSED)

        answer = record(client, episode, {"alimentation": "not_opposed"}, etag=seen)

        assert problem_of(answer, 412)["code"] == "precondition_failed"
        assert Choice.objects.get().value == ChoiceValue.OPPOSED

    @pytest.mark.parametrize("etag", ["", "*"])
    def test_who_does_not_say_what_was_read_writes_nothing(self, episode: Episode, etag: str):
        answer = record(caller(WRITE), episode, etag=etag)

        assert problem_of(answer, 428)["code"] == "precondition_required"
        assert not Choice.objects.exists()

    @pytest.mark.parametrize(
        "body",
        [
            {"by_representative": True},
            {"alimentation": "oui"},
            {"alimentation": "opposed", "reason": "parce que"},
            {"alimentation": "opposed", "source": "pam"},
            {"alimentation": "opposed", "author": "dupont"},
            {"alimentation": "opposed", "collected_at": "hier"},
        ],
        ids=str,
    )
    def test_what_is_not_asked_is_refused(self, episode: Episode, body: dict[str, Any]):
        """No reason is taken (SC.DMP/CONF.06); the source and the author are not the caller's to say."""
        assert problem_of(record(caller(WRITE), episode, body), 400)["code"] == "invalid"
        assert not Choice.objects.exists()

    def test_a_date_in_the_future_or_a_cancelled_stay_is_refused(self, episode: Episode):
        future = (timezone.now() + timedelta(days=1)).isoformat()
        body = {"alimentation": "opposed", "collected_at": future}
        assert problem_of(record(caller(WRITE), episode, body), 409)["code"] == "choice_refused"

        Episode.objects.update(state=EpisodeState.CANCELLED)
        assert problem_of(record(caller(WRITE), episode), 409)["code"] == "choice_refused"
        assert not Choice.objects.exists()

    def test_reading_is_not_enough_to_record(self, episode: Episode):
        client = caller("choices:read")
        assert problem_of(record(client, episode), 403)["code"] == "permission"

    def test_a_person_records_with_the_right_and_the_relation(self, episode: Episode):
        def person(code: RoleCode, unit: Any) -> Client:
            return sign_in(Client(), AssignmentFactory(role=RoleFactory(code=code), unit=unit).user)

        assert record(person(RoleCode.SOIGNANT, episode.unit), episode).status_code == 201
        assert record(person(RoleCode.SOCIAL, episode.unit), episode).status_code == 403
        seen = caller("choices:read").get(address(episode))["ETag"]
        answer = record(person(RoleCode.SOIGNANT, UnitFactory()), episode, etag=seen)
        assert problem_of(answer, 403)["code"] == "no_care_relation"
        assert Choice.objects.count() == 1


def test_a_software_of_other_units_reads_and_records_nothing(episode: Episode):
    issued = issue(WRITE, units=[UnitFactory()])
    seen = caller("choices:read", name="siege").get(address(episode))["ETag"]

    assert problem_of(client_of(issued).get(address(episode)), 403)["code"] == "no_care_relation"
    assert record(client_of(issued), episode, etag=seen).status_code == 403
    assert Trace.objects.filter(type="patient.open", outcome="refused").count() == 2
    assert not Choice.objects.exists()
