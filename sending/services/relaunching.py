"""The one automatic relaunch of what failed for want of an open DMP (spec dmp 8)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from sending.enums import OrderState
from sending.errors import OrderRefused
from sending.models import RELAUNCHED, Order
from sending.services.writing import RULES_ACTOR, move_to_gate, order_locked, trace

logger = logging.getLogger(__name__)

RELAUNCHED_AT_ONCE: Final = 500


def orders_relaunch(*, now: datetime) -> int:
    """Send again, once, the orders whose patient may have opened a DMP since; returns how many were.

    The rules decide as for a relaunch by hand, and the DMP is asked anew. Nothing when the setting is 0.
    """
    if not settings.DMP_RELAUNCH_DAYS:
        return 0
    due = Order.objects.filter(state=OrderState.FAILED, relaunch_at__lte=now)
    ids = list(due.order_by("relaunch_at", "id").values_list("pk", flat=True)[:RELAUNCHED_AT_ONCE])
    return sum(_relaunch(Order(pk=pk), now) for pk in ids)


@transaction.atomic
def _relaunch(order: Order, now: datetime) -> bool:
    locked = order_locked(order)
    is_due = locked.relaunch_at is not None and locked.relaunch_at <= now
    if locked.state != OrderState.FAILED or not is_due:
        return False  # a person was quicker
    locked.message = None
    locked.error_code = locked.error_text = ""
    locked.is_uncertain = False
    locked.not_before = now
    try:
        move_to_gate(locked, kind=RELAUNCHED, actor=RULES_ACTOR)
    except OrderRefused:  # its version was replaced or deleted: nothing is left to send
        Order.objects.filter(pk=locked.pk).update(relaunch_at=None)
        logger.info("sending.relaunch.moot", extra={"order": str(locked.uid)})
        return False
    trace(locked, "order.relaunch", RULES_ACTOR)
    return True
