"""Every write on orders: created with the validation, moved by people, rules and acknowledgements.

Source: spec workflows 3, README decisions 6 to 8. Each change locks the order, checks that the
move is allowed, writes the state and appends one `OrderEvent`, in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.context import Actor, system_actor
from audit.enums import Action
from audit.services import trace_write
from documents.enums import VersionState
from documents.models import Version
from documents.wishes import SendingWishes
from exchange.enums import MessageState
from exchange.models import Message
from sending import rules
from sending.enums import Channel, OrderAction, OrderOrigin, OrderReason, OrderState
from sending.errors import OrderRefused
from sending.facts import facts_of, gate_now
from sending.models import Order, OrderEvent

RULES_ACTOR = system_actor("sending.rules")

CHANGED_FIELDS = [
    "state",
    "reason",
    "not_before",
    "changed_at",
    "claimed_by",
    "claimed_until",
    "message",
    "is_uncertain",
    "error_code",
    "error_text",
]


@transaction.atomic
def orders_create(*, version: Version, wishes: SendingWishes, actor: Actor, at: datetime) -> list[Order]:
    """The orders of a version that was just validated, in the transaction of the validation.

    HOP: feeding is systematic and deferred (SC.DMP/ALI/PROG.02); `hold` keeps the order until a
    person releases it (SC.DMP/ALI/PROG.03). A version after the first replaces the one before.
    """
    if not wishes.to_dmp:
        return []
    action = OrderAction.REPLACE if version.number > 1 else OrderAction.INITIAL
    gate = rules.gate_of(facts_of(version, channel=Channel.DMP, action=action))
    state, reason = (OrderState.HELD, OrderReason.NONE) if wishes.hold else (gate.state, gate.reason)
    order = Order.objects.create(
        version=version,
        channel=Channel.DMP,
        action=action,
        origin=OrderOrigin.FLUX,
        state=state,
        reason=reason,
        lineage=version.document.set_id,
        idempotency_key=order_key(version, Channel.DMP, action),
        not_before=rules.departure(
            validated_at=at, delay_minutes=_delay_minutes(version), chosen=wishes.not_before
        ),
        created_at=at,
        changed_at=at,
    )
    _append(order, kind="created", from_state="", actor=actor, at=at)
    _trace(order, "order.create", actor)
    return [order]


def order_key(version: Version, channel: Channel, action: OrderAction, recipient: str = "") -> str:
    """One act of sending has one key, so it cannot be ordered twice."""
    return f"{version.unique_id}|{channel}|{action}|{recipient}"


@transaction.atomic
def orders_supersede(*, version: Version, at: datetime) -> int:
    """A newer version took over: what never left is replaced by the newer version's orders."""
    waiting = list(
        Order.objects.select_for_update(of=("self",)).filter(
            version=version, state__in=[*rules.WAITING_STATES, OrderState.FAILED]
        )
    )
    for order in waiting:
        _move(order, to=OrderState.SUPERSEDED, kind="superseded", actor=RULES_ACTOR, at=at)
    return len(waiting)


@transaction.atomic
def order_hold(*, order: Order, actor: Actor) -> Order:
    """Retenir: 1 click during the deferral (SC.ALI/PROG.05)."""
    locked = _locked(order)
    _require(rules.may_hold(OrderState(locked.state)))
    _move(locked, to=OrderState.HELD, kind="held", actor=actor)
    _trace(locked, "order.hold", actor)
    return locked


@transaction.atomic
def order_release(*, order: Order, actor: Actor) -> Order:
    """Libérer: back to the state that the rules give now; an elapsed deferral leaves at once."""
    locked = _locked(order)
    _require(rules.may_release(OrderState(locked.state)))
    _move_to_gate(locked, kind="released", actor=actor)
    _trace(locked, "order.release", actor)
    return locked


@transaction.atomic
def order_send_now(*, order: Order, actor: Actor) -> Order:
    """Envoyer maintenant: no more deferral; the rules still decide."""
    locked = _locked(order)
    _require(rules.may_send_now(OrderState(locked.state)))
    locked.not_before = timezone.now()
    _move_to_gate(locked, kind="advanced", actor=actor)
    _trace(locked, "order.send_now", actor)
    return locked


@transaction.atomic
def order_cancel(*, order: Order, actor: Actor) -> Order:
    """Annuler: the order will never leave; final."""
    locked = _locked(order)
    _require(rules.may_cancel(OrderState(locked.state)))
    _move(locked, to=OrderState.CANCELLED, kind="cancelled", actor=actor)
    _trace(locked, "order.cancel", actor)
    return locked


@transaction.atomic
def order_retry(*, order: Order, actor: Actor) -> Order:
    """Relancer a failed order: an event of the same order, with a new message (spec README)."""
    locked = _locked(order)
    _require(rules.may_retry(OrderState(locked.state)))
    locked.message = None
    locked.error_code = locked.error_text = ""
    locked.is_uncertain = False
    locked.not_before = timezone.now()
    _move_to_gate(locked, kind="retried", actor=actor)
    _trace(locked, "order.retry", actor)
    return locked


@transaction.atomic
def orders_reconsider(*, orders: QuerySet[Order], at: datetime | None = None) -> int:
    """Ask the rules again for orders that wait, after a choice or an identity changed.

    An opposition blocks at once, its withdrawal gives the order back (decision 7); a qualified
    INS frees what waited for it. Held orders stay held: a person decided.
    """
    changed = 0
    reconsidered = (
        orders.select_for_update(of=("self",))
        .filter(state__in=[OrderState.SCHEDULED, OrderState.WAITING_IDENTITY, OrderState.BLOCKED])
        .select_related("version__document__patient", "version__document__episode")
    )
    for order in reconsidered:
        gate = gate_now(order)
        if (gate.state, gate.reason) != (order.state, order.reason):
            kind = "freed" if gate.is_open else "stopped"
            _move(order, to=gate.state, reason=gate.reason, kind=kind, actor=RULES_ACTOR, at=at)
            changed += 1
    return changed


@transaction.atomic
def order_accepted(*, order: Order) -> Order:
    """The PFI took the message in charge (ACK AA)."""
    locked = _locked(order)
    if locked.state == OrderState.SENDING:
        _move(locked, to=OrderState.HANDED_OVER, kind="handed_over", actor=RULES_ACTOR)
    return locked


@transaction.atomic
def order_fail(*, order: Order, code: str, text: str, kind: str) -> Order:
    """The order failed: refused by the PFI (AE), out of retries, or a negative business answer."""
    locked = _locked(order)
    if locked.state in (OrderState.SCHEDULED, OrderState.SENDING, OrderState.HANDED_OVER):
        locked.error_code, locked.error_text = code[:60], text[:500]
        _move(locked, to=OrderState.FAILED, kind=kind, actor=RULES_ACTOR, detail=f"{code} {text}".strip())
    else:
        # A late failure after success is appended, not overwritten (hl7v2 2.8).
        _append(locked, kind=f"late_{kind}", from_state=locked.state, actor=RULES_ACTOR, detail=code)
    return locked


@transaction.atomic
def order_opposed(*, order: Order) -> Order:
    """The PFI gave an order back unsent, for an opposition: blocked, released if it is withdrawn."""
    locked = _locked(order)
    if locked.state in (OrderState.SENDING, OrderState.HANDED_OVER):
        locked.message = None
        _move_to_gate(locked, kind="given_back", actor=RULES_ACTOR)
    return locked


@transaction.atomic
def message_orders_settle(*, message: Message) -> None:
    """Our message got its last technical answer: AA hands the orders over, anything else fails them."""
    for order in Order.objects.filter(message=message):
        if message.state == MessageState.ACKED:
            order_accepted(order=order)
        else:
            order_fail(order=order, code=message.ack_code or "HL7", text=message.error, kind="refused_pfi")


@transaction.atomic
def order_received_dmp(*, order: Order, at: datetime) -> Order:
    """ZAM^Z01 Y: the DMP has the document; a success after a failure is a success."""
    locked = _locked(order)
    if locked.state in (OrderState.SENDING, OrderState.HANDED_OVER, OrderState.FAILED):
        locked.error_code = locked.error_text = ""
        locked.is_uncertain = False
        _move(locked, to=OrderState.RECEIVED_DMP, kind="received_dmp", actor=RULES_ACTOR, at=at)
    return locked


def order_change(
    order: Order,
    *,
    to: OrderState,
    kind: str,
    actor: Actor,
    reason: OrderReason = OrderReason.NONE,
    at: datetime | None = None,
    detail: str = "",
) -> OrderEvent:
    """Set the new state on a locked order and give the event to append; the caller saves both."""
    at = at or timezone.now()
    from_state = order.state
    order.state, order.reason, order.changed_at = to, reason, at
    order.claimed_by, order.claimed_until = "", None
    return _event(order, kind=kind, from_state=from_state, actor=actor, at=at, detail=detail)


def orders_save(changes: Sequence[tuple[Order, OrderEvent]]) -> None:
    """Write many changed orders and their events in four statements at most."""
    Order.objects.bulk_update([order for order, _ in changes], CHANGED_FIELDS)
    OrderEvent.objects.bulk_create([event for _, event in changes])


def _locked(order: Order) -> Order:
    return (
        Order.objects.select_for_update(of=("self",))
        .select_related("version__document__patient", "version__document__episode")
        .get(pk=order.pk)
    )


def _require(permission: rules.Permission) -> None:
    if not permission.is_allowed:
        raise OrderRefused(permission.refusal)


def _move_to_gate(order: Order, *, kind: str, actor: Actor) -> None:
    if order.version.state != VersionState.CURRENT and order.action != OrderAction.DELETE:
        raise OrderRefused("Une version plus récente remplace ce document : cet envoi n’a plus d’objet.")
    gate = gate_now(order)
    _move(order, to=gate.state, reason=gate.reason, kind=kind, actor=actor)


def _move(
    order: Order,
    *,
    to: OrderState,
    kind: str,
    actor: Actor,
    reason: OrderReason = OrderReason.NONE,
    at: datetime | None = None,
    detail: str = "",
) -> None:
    event = order_change(order, to=to, kind=kind, actor=actor, reason=reason, at=at, detail=detail)
    order.save(update_fields=CHANGED_FIELDS)
    event.save()


def _append(
    order: Order, *, kind: str, from_state: str, actor: Actor, at: datetime | None = None, detail: str = ""
) -> None:
    _event(
        order, kind=kind, from_state=from_state, actor=actor, at=at or timezone.now(), detail=detail
    ).save()


def _event(
    order: Order, *, kind: str, from_state: str, actor: Actor, at: datetime, detail: str
) -> OrderEvent:
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


def _trace(order: Order, type: str, actor: Actor, detail: dict[str, Any] | None = None) -> None:
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


def _delay_minutes(version: Version) -> int:
    unit = version.document.unit
    if unit is not None and unit.send_delay_minutes is not None:
        return unit.send_delay_minutes
    return int(settings.SENDING_DELAY_MINUTES)
