"""What failed for want of an open DMP leaves again by itself, once (spec dmp 8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.utils import timezone

from audit.models import Trace
from consent.enums import ChoiceValue
from sending import services, tasks
from sending.enums import Channel, OrderAction, OrderReason, OrderState
from sending.models import RELAUNCHED, Order
from sending.rules import lacks_open_dmp, relaunch_at
from tests.hospital import Ward

FAILED_AT = datetime(2026, 11, 28, 15, tzinfo=UTC)
WEEK = timedelta(days=7)


def now(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def refuse(order: Order, code: str = "NF") -> Order:
    """The PFI took the order in charge, and its Z01 is negative."""
    Order.objects.filter(pk=order.pk).update(state=OrderState.HANDED_OVER)
    services.order_fail(order=order, code=code, text="Pas de DMP ouvert.", kind="refused_dmp")
    return now(order)


@pytest.fixture
def order(ward: Ward) -> Order:
    return Order.objects.get(version=ward.write_letter())


# --- the rule ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "lacks"),
    [
        ("NF", True),
        ("DMPClosed", True),
        ("XDSUnknownPatientId", True),
        ("urn:oasis:names:tc:ebxml-regrep:ErrorCode:XDSUnknownPatientId", True),
        ("XDSRegistryMetadataError", False),
        ("", False),
    ],
)
def test_the_codes_that_say_that_no_dmp_is_open(code: str, lacks: bool) -> None:
    assert lacks_open_dmp(Channel.DMP, code) is lacks
    assert not lacks_open_dmp(Channel.MSSANTE_PRO, code)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, FAILED_AT + WEEK),
        ({"days": 1}, FAILED_AT + timedelta(days=1)),
        ({"days": 0}, None),
        ({"was_relaunched": True}, None),
        ({"action": OrderAction.REPLACE}, FAILED_AT + WEEK),
        ({"action": OrderAction.DELETE}, None),
        ({"code": "DMPInvalidCertificate"}, None),
        ({"channel": Channel.MSSANTE_PATIENT}, None),
    ],
)
def test_when_an_order_leaves_again_by_itself(changes, expected) -> None:
    facts = {
        "channel": Channel.DMP,
        "action": OrderAction.INITIAL,
        "code": "NF",
        "failed_at": FAILED_AT,
        "days": 7,
        "was_relaunched": False,
    }
    assert relaunch_at(**facts | changes) == expected


# --- its effect --------------------------------------------------------------------------------
def test_it_leaves_again_after_the_delay_and_never_a_second_time(order: Order) -> None:
    with time_machine.travel(FAILED_AT, tick=False) as clock:
        assert refuse(order).relaunch_at == FAILED_AT + WEEK
        clock.shift(WEEK - timedelta(seconds=1))
        assert services.orders_relaunch(now=timezone.now()) == 0
        clock.shift(timedelta(seconds=1))
        assert services.orders_relaunch(now=timezone.now()) == 1
        again = now(order)
        assert (again.state, again.error_code, again.message) == (OrderState.SCHEDULED, "", None)
        assert again.not_before == timezone.now()
        assert services.orders_relaunch(now=timezone.now()) == 0

        assert refuse(order).relaunch_at is None
        clock.shift(WEEK * 10)
        assert services.orders_relaunch(now=timezone.now()) == 0
    assert now(order).state == OrderState.FAILED
    assert list(order.events.filter(kind=RELAUNCHED).values_list("actor_login", flat=True)) == [
        services.RULES_ACTOR.login
    ]
    assert Trace.objects.filter(type="order.relaunch").count() == 1


def test_a_person_who_tries_again_before_does_not_spend_the_relaunch(ward: Ward, order: Order) -> None:
    refuse(order)
    services.order_retry(order=now(order), actor=ward.actor)
    assert now(order).relaunch_at is None
    assert services.orders_relaunch(now=timezone.now() + WEEK * 2) == 0
    assert refuse(order).relaunch_at is not None


def test_an_order_that_a_person_gave_up_stays_given_up(ward: Ward, order: Order) -> None:
    refuse(order)
    services.order_cancel(order=now(order), actor=ward.actor)
    assert services.orders_relaunch(now=timezone.now() + WEEK * 2) == 0
    assert now(order).state == OrderState.CANCELLED


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_a_patient_who_opposed_meanwhile_is_heard(ward: Ward, order: Order) -> None:
    refuse(order)
    ward.choose(ChoiceValue.OPPOSED)
    assert services.orders_relaunch(now=timezone.now() + WEEK) == 1
    assert (now(order).state, now(order).reason) == (OrderState.BLOCKED, OrderReason.OPPOSITION)


def test_a_version_replaced_meanwhile_is_left_where_it_is(ward: Ward, order: Order) -> None:
    refuse(order)
    ward.revise(order.version)
    Order.objects.filter(pk=order.pk).update(state=OrderState.FAILED, relaunch_at=timezone.now())
    assert services.orders_relaunch(now=timezone.now()) == 0
    assert (now(order).state, now(order).relaunch_at) == (OrderState.FAILED, None)


def test_the_hospital_may_want_none(order: Order, settings: LazySettings) -> None:
    refuse(order)
    settings.DMP_RELAUNCH_DAYS = 0
    assert services.orders_relaunch(now=timezone.now() + WEEK) == 0
    assert refuse(order).relaunch_at is None


def test_another_failure_waits_for_a_person(order: Order) -> None:
    assert refuse(order, "XDSRegistryMetadataError").relaunch_at is None


def test_the_task_wakes_the_drain(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[dict[str, object]] = []
    monkeypatch.setattr(tasks.drain, "apply_async", lambda **named: woken.append(named))
    refuse(order)
    assert (tasks.relaunch(), woken) == (0, [])
    Order.objects.update(relaunch_at=timezone.now())
    assert (tasks.relaunch(), woken) == (1, [{"retry": False}])
