"""Orders by the API: followed and acted on in the state that was read (workflows 3.6; SC.ALI/PROG.05)."""

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
from documents.models import Version
from sending.enums import Channel, OrderAction, OrderState
from sending.models import Order, OrderEvent
from tests.calling import actor_is, caller, client_of, issue, post, problem_of
from tests.factories import (
    AssignmentFactory,
    DocumentFactory,
    EpisodeFactory,
    RoleFactory,
    UnitFactory,
    ValidatedVersionFactory,
)
from tests.hospital import Ward
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db

READ, WRITE = "orders:read", "orders:write"


@pytest.fixture
def order(ward: Ward, settings: Any) -> Order:
    """The order of a letter that waits its deferral."""
    settings.SENDING_DELAY_MINUTES = 60
    return Order.objects.get(version=ward.write_letter())


def listed(client: Client, **query: Any) -> Any:
    return client.get(reverse("api:orders"), query)


def shown(client: Client, order: Order) -> Any:
    return client.get(reverse("api:order", args=[order.uid]))


def act(client: Client, order: Order, name: str, *, etag: str | None = None) -> Any:
    seen = etag if etag is not None else shown(client, order)["ETag"]
    return post(client, reverse(f"api:order_{name}", args=[order.uid]), headers={"if-match": seen})


def other_order(**values: Any) -> Order:
    """An order of another patient, in a unit of its own or the one given."""
    unit = values.pop("unit", None) or UnitFactory()
    episode = EpisodeFactory(unit=unit)
    document = DocumentFactory(patient=episode.patient, episode=episode, unit=unit)
    version = ValidatedVersionFactory(document=document)
    return order_of(version, **values)


def order_of(version: Version, **values: Any) -> Order:
    key = uuid.uuid4().hex
    given = {"channel": Channel.DMP, "action": OrderAction.INITIAL, "state": OrderState.FAILED} | values
    return Order.objects.create(version=version, lineage=key, idempotency_key=key, **given)


class TestList:
    def test_a_row_names_what_it_is_about(self, order: Order, ward: Ward):
        [row] = listed(caller(READ)).json()["results"]

        assert row["uid"] == str(order.uid)
        assert row["patient"] == str(ward.patient.uid)
        assert row["version"] == str(order.version.uid)
        assert (row["channel"], row["action"], row["state"]) == ("dmp", "initial", "scheduled")
        assert (row["reason"], row["motive"]) == (None, None)
        assert ward.patient.birth_name not in str(row)

    def test_a_software_of_some_units_sees_their_orders_alone(self, order: Order, ward: Ward):
        other = other_order()
        ours = listed(caller(READ, units=[ward.unit])).json()["results"]
        every = listed(caller(READ, name="siege")).json()["results"]

        assert [row["uid"] for row in ours] == [str(order.uid)]
        assert [row["uid"] for row in every] == [str(other.uid), str(order.uid)]

    def test_filters(self, order: Order, ward: Ward):
        failed = order_of(order.version, state=OrderState.FAILED, channel=Channel.MSSANTE_PRO)
        other_order()
        client = caller(READ)

        def uids(**query: Any) -> list[str]:
            return [row["uid"] for row in listed(client, **query).json()["results"]]

        assert uids(patient=str(ward.patient.uid)) == [str(failed.uid), str(order.uid)]
        assert uids(patient=str(ward.patient.uid), state="failed") == [str(failed.uid)]
        assert uids(channel="mssante_pro") == [str(failed.uid)]
        assert uids(unit=ward.unit.code, state=["scheduled", "held"]) == [str(order.uid)]
        assert uids(validated_since=(timezone.now() + timedelta(hours=1)).isoformat()) == []

    def test_a_list_is_one_trace_with_its_patients(self, order: Order, ward: Ward):
        other = other_order()
        issued = issue(READ)
        listed(client_of(issued))

        trace = Trace.objects.get(type="list.view")
        assert actor_is(trace, issued.token)
        patients = sorted([str(ward.patient.uid), str(other.version.document.patient.uid)])
        assert trace.detail == {"list": "orders", "count": 2, "patients": patients}

    def test_the_orders_of_one_patient_ask_the_relation(self, order: Order, ward: Ward):
        issued = issue(READ, units=[UnitFactory()])
        answer = listed(client_of(issued), patient=str(ward.patient.uid))

        assert problem_of(answer, 403)["code"] == "no_care_relation"
        assert Trace.objects.get(type="patient.open").detail == {"relation": "none", "what": "orders"}
        assert problem_of(listed(client_of(issued), patient=str(uuid.uuid4())), 404)

    def test_pages_are_stable_while_orders_arrive_and_move(self, ward: Ward):
        known = [other_order() for _ in range(5)]
        client, cursor, seen = caller(READ), None, []
        for _ in range(3):
            page = listed(client, limit=2, **({"cursor": cursor} if cursor else {})).json()
            seen += [row["uid"] for row in page["results"]]
            cursor = page["next"]
            other_order()
            Order.objects.filter(pk=known[0].pk).update(changed_at=timezone.now())
        assert seen == [str(one.uid) for one in reversed(known)]

    def test_the_cursor_of_somebody_else_s_order_is_no_cursor(self, order: Order, ward: Ward):
        for _ in range(2):
            other_order()
        cursor = listed(caller(READ, name="siege"), limit=1).json()["next"]
        answer = listed(caller(READ, units=[ward.unit]), cursor=cursor)
        assert problem_of(answer, 404)["code"] == "cursor_unknown"


class TestDetail:
    def test_an_order_comes_with_its_history(self, order: Order):
        found = shown(caller(READ), order).json()
        assert [event["to_state"] for event in found["events"]] == ["scheduled"]
        assert found["events"][0]["from_state"] is None

    def test_a_reading_is_traced(self, order: Order, ward: Ward):
        issued = issue(READ)
        shown(client_of(issued), order)
        trace = Trace.objects.get(type="order.view")
        assert actor_is(trace, issued.token)
        assert (trace.patient_uid, trace.object_uid) == (ward.patient.uid, order.uid)

    def test_another_s_order_is_refused_and_traced(self, order: Order, ward: Ward):
        issued = issue(READ, WRITE, units=[UnitFactory()])
        client = client_of(issued)

        assert problem_of(shown(client, order), 403)["code"] == "no_care_relation"
        assert problem_of(act(client, order, "hold", etag='"x"'), 403)["code"] == "no_care_relation"

        refused = Trace.objects.filter(type="order.view", outcome="refused")
        assert [one.patient_uid for one in refused] == [ward.patient.uid] * 2
        assert Order.objects.get(pk=order.pk).state == OrderState.SCHEDULED

    def test_what_does_not_exist_is_404(self):
        answer = caller(READ).get(reverse("api:order", args=[uuid.uuid4()]))
        assert problem_of(answer, 404)


class TestActions:
    def test_hold_release_cancel_retry(self, order: Order):
        issued = issue(WRITE)
        client = client_of(issued)

        states = [act(client, order, name).json()["state"] for name in ("hold", "release", "cancel", "retry")]

        assert states == ["held", "scheduled", "cancelled", "scheduled"]
        events = OrderEvent.objects.filter(order=order, actor_login="logiciel")
        assert [event.kind for event in events] == ["held", "released", "cancelled", "retried"]
        assert {event.actor_uid for event in events} == {issued.token.owner.uid}
        for name in ("order.hold", "order.release", "order.cancel", "order.retry"):
            assert actor_is(Trace.objects.get(type=name), issued.token)

    def test_send_now_leaves_the_deferral(self, order: Order):
        found = act(caller(WRITE), order, "send_now").json()
        assert found["state"] == "scheduled"
        assert Order.objects.get(pk=order.pk).not_before <= timezone.now()

    def test_the_answer_names_the_new_state(self, order: Order):
        client = caller(WRITE)
        held = act(client, order, "hold")
        assert held["ETag"] == shown(client, order)["ETag"]
        assert act(client, order, "release", etag=held["ETag"]).status_code == 200

    def test_what_somebody_did_meanwhile_is_not_undone_unseen(self, order: Order, ward: Ward):
        Order.objects.filter(pk=order.pk).update(state=OrderState.FAILED)
        client = caller(WRITE)
        seen = shown(client, order)["ETag"]
        act(caller(WRITE, name="autre"), order, "cancel")

        answer = act(client, order, "retry", etag=seen)

        assert problem_of(answer, 412)["code"] == "precondition_failed"
        assert Order.objects.get(pk=order.pk).state == OrderState.CANCELLED

    def test_who_does_not_say_what_was_read_changes_nothing(self, order: Order):
        for etag in ("", "*"):
            assert problem_of(act(caller(WRITE), order, "hold", etag=etag), 428)
        assert Order.objects.get(pk=order.pk).state == OrderState.SCHEDULED

    def test_an_action_that_the_state_does_not_allow_is_refused(self, order: Order):
        answer = act(caller(WRITE), order, "release")
        found = problem_of(answer, 409)
        assert (found["code"], found["detail"]) == ("order_refused", "Cet envoi n’est pas retenu.")

    def test_reading_is_not_enough_to_act(self, order: Order):
        assert problem_of(act(caller(READ), order, "hold"), 403)["code"] == "permission"

    def test_an_action_is_a_post(self, order: Order):
        address = reverse("api:order_hold", args=[order.uid])
        assert problem_of(caller(WRITE).get(address), 405)

    def test_people_act_with_the_right_on_what_they_follow(self, order: Order, ward: Ward):
        def person(code: RoleCode, unit: Any) -> Client:
            return sign_in(Client(), AssignmentFactory(role=RoleFactory(code=code), unit=unit).user)

        seen = shown(caller(READ), order)["ETag"]
        assert act(person(RoleCode.SOIGNANT, ward.unit), order, "hold", etag=seen).status_code == 403
        assert act(person(RoleCode.SECRETAIRE, UnitFactory()), order, "hold", etag=seen).status_code == 403
        assert act(person(RoleCode.SECRETAIRE, ward.unit), order, "hold", etag=seen).status_code == 200
