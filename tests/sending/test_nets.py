"""No order is forgotten: nets under the signals, and a way back from a wrong click."""

import pytest

from consent.enums import ChoiceValue, Subject
from consent.services import choice_record
from sending import services
from sending.enums import OrderReason, OrderState
from sending.errors import OrderRefused
from sending.models import Order


def order_of(version):
    return Order.objects.get(version=version)


def test_an_order_blocked_by_a_choice_that_no_longer_counts_is_freed_by_the_net(ward):
    version = ward.write_letter()
    Order.objects.update(state=OrderState.BLOCKED, reason=OrderReason.OPPOSITION)  # a signal was missed
    assert services.orders_reconsider_waiting() == 1
    assert order_of(version).state == OrderState.SCHEDULED


@pytest.mark.requirement("SC.DMP/CONF.06.BIS")
def test_the_net_frees_nothing_that_the_rules_still_stop(ward):
    choice_record(
        episode=ward.episode,
        subject=Subject.ALIMENTATION,
        value=ChoiceValue.OPPOSED,
        actor=ward.actor,
    )
    version = ward.write_letter()
    assert services.orders_reconsider_waiting() == 0
    assert order_of(version).state == OrderState.BLOCKED


@pytest.mark.requirement("SC.DMP/HISTO.01")
def test_a_letter_left_out_of_the_dmp_at_validation_can_be_sent_later(ward):
    version = ward.write_letter(to_dmp=False)
    order = services.order_request(version=version, actor=ward.actor)
    assert order.state == OrderState.SCHEDULED


def test_a_cancellation_by_mistake_can_be_undone(ward):
    version = ward.write_letter()
    services.order_cancel(order=order_of(version), actor=ward.actor)
    assert services.order_request(version=version, actor=ward.actor).state == OrderState.SCHEDULED
    assert Order.objects.count() == 1


def test_what_is_on_its_way_is_not_sent_twice(ward):
    version = ward.write_letter()
    with pytest.raises(OrderRefused):
        services.order_request(version=version, actor=ward.actor)
