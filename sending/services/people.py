"""What a person does with an order (workflows 3.6; SC.DMP/ALI/PROG.03, SC.ALI/PROG.05)."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from sending import rules
from sending.enums import OrderState
from sending.models import Order
from sending.services.writing import (
    move,
    move_to_gate,
    order_locked,
    require,
    trace,
)


@transaction.atomic
def order_hold(*, order: Order, actor: Actor) -> Order:
    """Retenir: 1 click during the deferral (SC.ALI/PROG.05)."""
    locked = order_locked(order)
    require(rules.may_hold(OrderState(locked.state)))
    move(locked, to=OrderState.HELD, kind="held", actor=actor)
    trace(locked, "order.hold", actor)
    return locked


@transaction.atomic
def order_release(*, order: Order, actor: Actor) -> Order:
    """Libérer: back to the state that the rules give now; an elapsed deferral leaves at once."""
    locked = order_locked(order)
    require(rules.may_release(OrderState(locked.state)))
    move_to_gate(locked, kind="released", actor=actor)
    trace(locked, "order.release", actor)
    return locked


@transaction.atomic
def order_send_now(*, order: Order, actor: Actor) -> Order:
    """Envoyer maintenant: no more deferral; the rules still decide."""
    locked = order_locked(order)
    require(rules.may_send_now(OrderState(locked.state)))
    locked.not_before = timezone.now()
    move_to_gate(locked, kind="advanced", actor=actor)
    trace(locked, "order.send_now", actor)
    return locked


@transaction.atomic
def order_cancel(*, order: Order, actor: Actor) -> Order:
    """Annuler: the order will never leave; final."""
    locked = order_locked(order)
    require(rules.may_cancel(OrderState(locked.state)))
    move(locked, to=OrderState.CANCELLED, kind="cancelled", actor=actor)
    trace(locked, "order.cancel", actor)
    return locked


@transaction.atomic
def order_retry(*, order: Order, actor: Actor) -> Order:
    """Relancer a failed order: an event of the same order, with a new message (spec README)."""
    locked = order_locked(order)
    require(rules.may_retry(OrderState(locked.state)))
    locked.message = None
    locked.error_code = locked.error_text = ""
    locked.is_uncertain = False
    locked.not_before = timezone.now()
    move_to_gate(locked, kind="retried", actor=actor)
    trace(locked, "order.retry", actor)
    return locked
