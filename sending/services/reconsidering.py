"""Orders that have not left, when a choice or an identity changed (README decision 7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from consent.selectors import CurrentChoices, choices_current_for
from exchange.services import message_withdraw
from sending import rules
from sending.enums import Channel, OrderAction, OrderReason, OrderState
from sending.facts import facts_of
from sending.models import Order, OrderEvent
from sending.services.writing import (
    RULES_ACTOR,
    order_change,
    orders_save,
)

RECONSIDERED_AT_ONCE = 1000


@transaction.atomic
def orders_reconsider(*, orders: QuerySet[Order], at: datetime | None = None) -> int:
    """Ask the rules again for orders that have not left, after a choice or an identity changed.

    An opposition blocks at once, its withdrawal gives the order back (decision 7); a qualified
    INS frees what waited for it. A message that still waits for a PFI out of reach is taken back.
    Held orders stay held: a person decided. 3 queries when nothing changes, 1 when nothing waits.
    """
    ids = list(
        orders.select_for_update(of=("self",))
        .filter(state__in=rules.RECONSIDERED_STATES)
        .order_by("id")
        .values_list("pk", flat=True)
    )
    if not ids:
        return 0
    # Read after the locks: a joined row of the locking statement may be older than what it waited for.
    reconsidered = list(
        Order.objects.filter(pk__in=ids)
        .select_related("version__document__patient")
        .defer("version__body", "version__snapshot")
        .order_by("id")
    )
    episodes = {order.version.document.episode_id for order in reconsidered}
    choices = choices_current_for({episode for episode in episodes if episode is not None})
    moves = [_reconsidered(order, choices, at) for order in reconsidered]
    changes = [(order, event) for order, event in zip(reconsidered, moves, strict=True) if event]
    if changes:
        orders_save(changes)
    return len(changes)


def orders_reconsider_waiting() -> int:
    """Ask the rules again for every order that waits: the net under the signals that wake them.

    What the PFI gave back, for an opposition that it alone knows, waits for a choice to change.
    """
    given_back = OrderEvent.objects.filter(order=OuterRef("pk"), kind="given_back")
    waiting = Order.objects.filter(
        ~Exists(given_back), state__in=[OrderState.WAITING_IDENTITY, OrderState.BLOCKED]
    )
    ids = list(waiting.order_by("id").values_list("pk", flat=True))
    batches = (
        ids[start : start + RECONSIDERED_AT_ONCE] for start in range(0, len(ids), RECONSIDERED_AT_ONCE)
    )
    return sum(orders_reconsider(orders=Order.objects.filter(pk__in=batch)) for batch in batches)


def _reconsidered(
    order: Order, choices: Mapping[int, CurrentChoices], at: datetime | None
) -> OrderEvent | None:
    """The event of an order that the rules move, or None."""
    gate = rules.gate_of(
        facts_of(
            order.version,
            channel=Channel(order.channel),
            action=OrderAction(order.action),
            choices=choices.get(order.version.document.episode_id or 0),
        )
    )
    kind = "freed" if gate.is_open else "stopped"
    if order.state == OrderState.SENDING:
        if gate.is_open or not message_taken_back(order, OrderReason(gate.reason).label):
            return None
        kind = "taken_back"
    elif (gate.state, gate.reason) == (order.state, order.reason):
        return None
    return order_change(order, to=gate.state, reason=gate.reason, kind=kind, actor=RULES_ACTOR, at=at)


def message_taken_back(order: Order, reason: str) -> bool:
    """Whether the message of an order had not left, and now never will."""
    if order.message_id is None:
        return False
    taken_back = message_withdraw(message_id=order.message_id, reason=f"Retiré avant émission : {reason}")
    if taken_back:
        order.message = None
    return taken_back
