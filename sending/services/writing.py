"""How a change of an order is written: the row under lock, its event, its trace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.context import Actor, system_actor
from audit.enums import Action
from audit.services import trace_write
from documents.enums import VersionState
from sending import rules
from sending.enums import OrderAction, OrderReason, OrderState
from sending.errors import OrderRefused
from sending.facts import gate_now
from sending.models import Order, OrderEvent

RULES_ACTOR = system_actor("sending.rules")

CHANGED_FIELDS = [
    "state",
    "reason",
    "not_before",
    "attempts",
    "changed_at",
    "claimed_by",
    "claimed_until",
    "message",
    "is_uncertain",
    "error_code",
    "error_text",
    "relaunch_at",
]


def order_change(
    order: Order,
    *,
    to: OrderState,
    kind: str,
    actor: Actor,
    reason: OrderReason = OrderReason.NONE,
    at: datetime | None = None,
    detail: str = "",
    relaunch_at: datetime | None = None,
) -> OrderEvent:
    """Set the new state on a locked order and give the event to append; the caller saves both."""
    at = at or timezone.now()
    from_state = order.state
    order.state, order.reason, order.changed_at = to, reason, at
    order.claimed_by, order.claimed_until, order.attempts = "", None, 0
    order.relaunch_at = relaunch_at
    return event_of(order, kind=kind, from_state=from_state, actor=actor, at=at, detail=detail)


def orders_save(changes: Sequence[tuple[Order, OrderEvent]]) -> None:
    """Write many changed orders and their events in two statements."""
    Order.objects.bulk_update([order for order, _ in changes], CHANGED_FIELDS)
    OrderEvent.objects.bulk_create([event for _, event in changes])


def orders_wait(*, order_ids: Sequence[int], until: datetime) -> None:
    """Give claimed orders back as they were, to be looked at again after `until`: no event."""
    Order.objects.filter(pk__in=order_ids).update(
        not_before=until, claimed_by="", claimed_until=None, attempts=F("attempts") - 1
    )


@transaction.atomic
def order_note(*, order: Order, kind: str, detail: str = "") -> Order:
    """Append what happened to an order without moving it (a late answer to a former try)."""
    locked = order_locked(order)
    append_event(locked, kind=kind, from_state=locked.state, actor=RULES_ACTOR, detail=detail)
    return locked


def order_locked(order: Order) -> Order:
    """The order under lock, and what it stands on as it is after the lock."""
    Order.objects.select_for_update(of=("self",)).only("pk").get(pk=order.pk)
    return Order.objects.select_related("version__document__patient", "version__document__episode").get(
        pk=order.pk
    )


def require(permission: rules.Permission) -> None:
    """Refuse, with the words of the rule, an act that its state does not allow."""
    if not permission.is_allowed:
        raise OrderRefused(permission.refusal)


def move_to_gate(order: Order, *, kind: str, actor: Actor) -> None:
    """Move a locked order to where today's rules put it; OrderRefused when its version was replaced."""
    if order.version.state != VersionState.CURRENT and order.action != OrderAction.DELETE:
        if order.version.state == VersionState.DELETED:
            raise OrderRefused("Ce document est supprimé : il ne part plus.")
        raise OrderRefused("Une version plus récente remplace ce document : cet envoi n’a plus d’objet.")
    gate = gate_now(order)
    move(order, to=gate.state, reason=gate.reason, kind=kind, actor=actor)


def move(
    order: Order,
    *,
    to: OrderState,
    kind: str,
    actor: Actor,
    reason: OrderReason = OrderReason.NONE,
    at: datetime | None = None,
    detail: str = "",
    relaunch_at: datetime | None = None,
) -> None:
    """Change a locked order, and write it with its event."""
    event = order_change(
        order, to=to, kind=kind, actor=actor, reason=reason, at=at, detail=detail, relaunch_at=relaunch_at
    )
    order.save(update_fields=CHANGED_FIELDS)
    event.save()


def append_event(
    order: Order, *, kind: str, from_state: str, actor: Actor, at: datetime | None = None, detail: str = ""
) -> None:
    """Write an event of an order that does not move."""
    event_of(
        order, kind=kind, from_state=from_state, actor=actor, at=at or timezone.now(), detail=detail
    ).save()


def event_of(
    order: Order, *, kind: str, from_state: str, actor: Actor, at: datetime, detail: str
) -> OrderEvent:
    """The event of an order that is in its new state already."""
    return OrderEvent(
        order=order,
        at=at,
        kind=kind,
        from_state=from_state,
        to_state=order.state,
        actor_login=actor.login,
        actor_uid=actor.uid,
        detail=detail[:500],
    )


def trace(order: Order, type: str, actor: Actor, detail: dict[str, Any] | None = None) -> None:
    """One trace row of what a person did with an order."""
    trace_write(
        type=type,
        action=Action.UPDATE,
        actor=actor,
        patient_uid=order.version.document.patient.uid,
        object_type="order",
        object_uid=order.uid,
        object_version=str(order.version.number),
        detail=detail or {"channel": order.channel, "action": order.action, "state": order.state},
    )
