"""The work list: who sees what, filters, order, cost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.services import assignment_give
from audit.context import system_actor
from sending import selectors
from sending.enums import Channel, OrderState
from sending.models import Order
from sending.selectors import (
    WorkFilters,
    WorkSort,
    latest_by_channel,
    orders_of_documents,
    orders_visible,
    work_list,
)
from tests.factories import RoleFactory, UnitFactory, UserFactory

ACTOR = system_actor("test")


def member_of(unit):
    RoleFactory(code=RoleCode.PRESCRIPTEUR)
    user = UserFactory()
    assignment_give(user=user, role=RoleCode.PRESCRIPTEUR, giver=None, actor=ACTOR, unit=unit)
    return user


@pytest.fixture
def orders(ward, many_orders):
    return many_orders(4)


def test_orders_are_seen_by_the_unit_and_by_their_author_and_by_nobody_else(ward, orders):
    neighbour, stranger = member_of(ward.unit), member_of(UnitFactory())
    assert set(work_list(neighbour, WorkFilters())) == set(orders)
    assert set(work_list(ward.doctor, WorkFilters())) == set(orders)
    assert not work_list(stranger, WorkFilters()).exists()
    uids = [order.uid for order in orders]
    assert orders_visible(stranger, uids) == []
    assert len(orders_visible(neighbour, uids)) == 4


@pytest.mark.requirement("SC.DMP/HISTO.01")
def test_the_list_is_narrowed_by_state_channel_and_text(ward, orders):
    Order.objects.filter(pk=orders[0].pk).update(state=OrderState.FAILED)
    Order.objects.filter(pk=orders[1].pk).update(channel=Channel.MSSANTE_PRO)

    def found(**filters):
        return [order.pk for order in work_list(ward.doctor, WorkFilters(**filters, sort=WorkSort.DATE_ASC))]

    assert found(states=("failed",)) == [orders[0].pk]
    assert found(channels=("mssante_pro",)) == [orders[1].pk]
    assert found(text="lettre 2") == [orders[2].pk]
    assert len(found(text="  ")) == 4
    assert found(text="%") == []


def test_the_list_goes_by_date_of_validation_both_ways(ward, orders):
    version = orders[0].version
    version.validated_at = timezone.now() + timedelta(hours=1)
    version.save()
    assert work_list(ward.doctor, WorkFilters(sort=WorkSort.DATE_DESC)).first() == orders[0]
    assert work_list(ward.doctor, WorkFilters(sort=WorkSort.DATE_ASC)).last() == orders[0]


def test_what_a_person_must_treat_comes_first(ward, orders):
    for order, state in zip(orders, ["received_dmp", "held", "failed", "waiting_identity"], strict=True):
        Order.objects.filter(pk=order.pk).update(state=state)
    listed = [order.state for order in work_list(ward.doctor, WorkFilters())]
    assert listed == ["failed", "held", "waiting_identity", "received_dmp"]


def test_a_page_of_the_list_costs_the_same_however_long_it_is(ward, orders, django_assert_num_queries):
    list(selectors.units_of(ward.doctor))
    with django_assert_num_queries(1):
        rows = list(work_list(ward.doctor, WorkFilters(patient=ward.patient))[: selectors.PAGE])
        assert all(row.version.document.patient.birth_name and row.version.author.login for row in rows)
        assert all(row.version.document.unit.name for row in rows)


def test_failures_and_states_are_counted_for_what_concerns_the_user(ward, orders):
    Order.objects.filter(pk__in=[orders[0].pk, orders[1].pk]).update(state=OrderState.FAILED)
    assert selectors.failures_count(ward.doctor) == 2
    assert selectors.failures_count(member_of(UnitFactory())) == 0
    assert selectors.counts_by_state(ward.doctor) == {"failed": 2, "scheduled": 2}
    ward.draft()
    counts = selectors.counts_for_patients([ward.patient.pk, 0])
    assert counts[ward.patient.pk] == {"drafts": 1, "failures": 2}


@pytest.mark.requirement("SC.DMP/HISTO.01")
def test_the_orders_of_the_document_list_come_newest_first_in_one_query(
    ward, orders, django_assert_num_queries
):
    first = orders[0].version
    second = ward.revise(first)
    ids = [order.version.document_id for order in orders]
    with django_assert_num_queries(1):
        found = orders_of_documents(ids)
        assert [order.version.number for order in found[first.document_id]] == [2, 1]
    shown = latest_by_channel(found[first.document_id])
    assert shown == {Channel.DMP: Order.objects.get(version=second)}
