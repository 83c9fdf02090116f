"""Orders that have not left, when a choice or an identity changed (README decision 7)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from exchange.services import message_withdraw
from sending import rules
from sending.enums import Channel, OrderAction, OrderReason, OrderState
from sending.facts import Known, facts_of, known_for
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
    known = known_for([order.version for order in reconsidered], {order.channel for order in reconsidered})
    withdrawals = Withdrawals()
    moves = [_reconsidered(order, known, withdrawals, at) for order in reconsidered]
    changes = [(order, event) for order, event in zip(reconsidered, moves, strict=True) if event]
    changes += _left_behind(withdrawals, {order.pk for order, _ in changes}, at)
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
    order: Order, known: Known, withdrawals: Withdrawals, at: datetime | None
) -> OrderEvent | None:
    """The event of an order that the rules move, or None."""
    gate = rules.gate_of(
        facts_of(
            order.version,
            channel=Channel(order.channel),
            action=OrderAction(order.action),
            known=known,
        )
    )
    kind = "freed" if gate.is_open else "stopped"
    if order.state == OrderState.SENDING:
        if gate.is_open or not withdrawals.take_back(order, OrderReason(gate.reason).label):
            return None
        kind = "taken_back"
    elif (gate.state, gate.reason) == (order.state, order.reason):
        return None
    return order_change(order, to=gate.state, reason=gate.reason, kind=kind, actor=RULES_ACTOR, at=at)


def _left_behind(
    withdrawals: Withdrawals, moved: Collection[int], at: datetime | None
) -> list[tuple[Order, OrderEvent]]:
    """The other orders of the messages that were taken back: they leave again, in a message of theirs."""
    if not withdrawals.message_ids:
        return []
    others = Order.objects.select_for_update(of=("self",)).filter(
        message__in=withdrawals.message_ids, state=OrderState.SENDING
    )
    changes = []
    for order in others.exclude(pk__in=moved).order_by("id"):
        order.message = None
        event = order_change(order, to=OrderState.SCHEDULED, kind="taken_back", actor=RULES_ACTOR, at=at)
        changes.append((order, event))
    return changes


class Withdrawals:
    """The messages taken back during one change: each carries several orders and is withdrawn once."""

    def __init__(self) -> None:
        self.message_ids: set[int] = set()

    def take_back(self, order: Order, reason: str) -> bool:
        """Whether the message of an order had not left, and now never will; the order lets go of it."""
        message_id = order.message_id
        if message_id is None:
            return False
        if message_id not in self.message_ids:
            told = f"Retiré avant émission : {reason}"
            if not message_withdraw(message_id=message_id, reason=told):
                return False
            self.message_ids.add(message_id)
        order.message = None
        return True
