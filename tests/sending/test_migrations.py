"""What the migrations of this room do to rows that were there before."""

from datetime import timedelta
from importlib import import_module

from django.db import connection
from django.utils import timezone

from sending.models import Order, OrderEvent

FROZEN = import_module("sending.migrations.0003_fill_frozen_columns")


def test_rows_of_before_take_the_site_the_ins_and_the_moment_that_are_known(ward):
    ward.write_letter()
    Order.objects.update(finess="", has_ins=False)
    past = timezone.now() - timedelta(days=40)
    OrderEvent.objects.update(at=past)
    for _ in range(2):
        FROZEN.fill(None, connection.schema_editor())
        order, event = Order.objects.get(), OrderEvent.objects.get()
        assert (order.finess, order.has_ins) == ("990000101", True)
        assert event.recorded_at == past
