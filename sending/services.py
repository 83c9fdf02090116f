"""Every write on orders: created with the validation, moved by people, rules and acknowledgements.

Source: spec workflows 3, README decisions 6 to 8. Each change locks the order, checks that the
move is allowed, writes the state and appends one `OrderEvent`, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from audit.context import Actor, system_actor
from audit.enums import Action
from audit.services import trace_write
from consent.enums import ChoiceValue, Subject
from consent.selectors import CurrentChoices, choices_current_for, choices_history
from documents.enums import VersionState
from documents.models import Version
from documents.services import stay_lock
from documents.wishes import SendingWishes
from exchange.enums import MessageState
from exchange.models import Message
from exchange.services import message_withdraw
from interop.hl7v2.codes import AckCode
from sending import rules
from sending.enums import Channel, OrderAction, OrderOrigin, OrderReason, OrderState
from sending.errors import OrderRefused
from sending.facts import facts_of, gate_now
from sending.models import Order, OrderEvent

RULES_ACTOR = system_actor("sending.rules")
FLAGGED_AT_ONCE = 1000

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


@transaction.atomic
def order_request(*, version: Version, actor: Actor) -> Order:
    """Send to the DMP a current version that was never sent: unticked at validation, or cancelled.

    The same rules decide; nothing is deferred. Raises OrderRefused for a version that is no longer
    current, or whose sending exists and goes on.
    """
    locked = Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if locked.state != VersionState.CURRENT:
        raise OrderRefused("Une version plus récente remplace ce document : envoyez celle-ci.")
    known = Order.objects.filter(version=locked, channel=Channel.DMP).exclude(action=OrderAction.DELETE)
    former = known.order_by("-id").first()
    if former is not None:
        return order_retry(order=former, actor=actor)
    stay_lock(locked)
    now = timezone.now()
    return orders_create(version=locked, wishes=SendingWishes(not_before=now), actor=actor, at=now)[0]


def order_key(version: Version, channel: Channel, action: OrderAction, recipient: str = "") -> str:
    """One act of sending has one key, so it cannot be ordered twice."""
    return f"{version.unique_id}|{channel}|{action}|{recipient}"


@transaction.atomic
def orders_supersede(*, version: Version, at: datetime) -> int:
    """A newer version took over: what never left is replaced by the newer version's orders.

    A message that still waits for a PFI out of reach has not left: it is taken back.
    """
    replaced = Order.objects.select_for_update(of=("self",)).filter(
        version=version, state__in=[*rules.WAITING_STATES, OrderState.FAILED, OrderState.SENDING]
    )
    count = 0
    for order in replaced.order_by("id"):
        if order.state == OrderState.SENDING and not _message_taken_back(order, "version remplacée"):
            continue
        _move(order, to=OrderState.SUPERSEDED, kind="superseded", actor=RULES_ACTOR, at=at)
        count += 1
    return count


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
def orders_take_over(*, version: Version, issued: Version, at: datetime) -> int:
    """The same content was reissued with today's identity: waiting orders send that (spec cda 2).

    Their state stays: a held order is still held. What they send now replaces a version that left.
    """
    waiting = list(
        Order.objects.select_for_update(of=("self",))
        .filter(version=version, state__in=[*rules.WAITING_STATES, OrderState.FAILED])
        .exclude(action=OrderAction.DELETE)
        .order_by("id")
    )
    for order in waiting:
        order.version, order.action = issued, OrderAction.REPLACE
        order.idempotency_key = order_key(
            issued, Channel(order.channel), OrderAction.REPLACE, order.recipient_address
        )
        order.save(update_fields=["version", "action", "idempotency_key"])
        _append(
            order,
            kind="reissued",
            from_state=order.state,
            actor=RULES_ACTOR,
            at=at,
            detail=f"version {issued.number}",
        )
    return len(waiting)


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
        if gate.is_open or not _message_taken_back(order, OrderReason(gate.reason).label):
            return None
        kind = "taken_back"
    elif (gate.state, gate.reason) == (order.state, order.reason):
        return None
    return order_change(order, to=gate.state, reason=gate.reason, kind=kind, actor=RULES_ACTOR, at=at)


def _message_taken_back(order: Order, reason: str) -> bool:
    """Whether the message of an order had not left, and now never will."""
    if order.message_id is None:
        return False
    taken_back = message_withdraw(message_id=order.message_id, reason=f"Retiré avant émission : {reason}")
    if taken_back:
        order.message = None
    return taken_back


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
        locked.is_uncertain = False
        _move(locked, to=OrderState.FAILED, kind=kind, actor=RULES_ACTOR, detail=f"{code} {text}".strip())
    else:
        # A late failure after success is appended, not overwritten (hl7v2 2.8).
        _append(locked, kind=f"late_{kind}", from_state=locked.state, actor=RULES_ACTOR, detail=code)
    return locked


@transaction.atomic
def order_opposed(*, order: Order) -> Order:
    """The PFI gave an order back unsent, for an opposition: blocked, released if it is withdrawn.

    An opposition that was withdrawn meanwhile sends the order again; one that only the PFI knows
    keeps it blocked, for sending it again would meet the same answer.
    """
    locked = _locked(order)
    if locked.state not in (OrderState.SENDING, OrderState.HANDED_OVER):
        return locked
    locked.message = None
    if locked.version.state != VersionState.CURRENT:
        _move(locked, to=OrderState.SUPERSEDED, kind="superseded", actor=RULES_ACTOR)
    elif gate_now(locked).is_open and not _was_ever_opposed(locked):
        _move(
            locked,
            to=OrderState.BLOCKED,
            reason=OrderReason.OPPOSITION,
            kind="given_back",
            actor=RULES_ACTOR,
            detail="opposition connue de la PFI seule",
        )
    else:
        _move_to_gate(locked, kind="given_back", actor=RULES_ACTOR)
    return locked


def _was_ever_opposed(order: Order) -> bool:
    episode = order.version.document.episode
    if episode is None:
        return False
    history = choices_history(episode)
    return history.filter(subject=Subject.ALIMENTATION, value=ChoiceValue.OPPOSED).exists()


@transaction.atomic
def message_orders_settle(*, message: Message) -> None:
    """Our message got its last technical answer: AA hands the orders over, anything else fails them.

    A refusal that today's rules explain (the patient opposed meanwhile) leaves the order waiting
    for them, not failed.
    """
    for order in Order.objects.filter(message=message):
        if message.state == MessageState.ACKED:
            order_accepted(order=order)
        elif not _gate_explains(order):
            kind = "refused_pfi" if message.ack_code == AckCode.AE else "no_answer"
            order_fail(order=order, code=message.ack_code or "HL7", text=message.error, kind=kind)


def _gate_explains(order: Order) -> bool:
    locked = _locked(order)
    gate = gate_now(locked)
    if gate.is_open or locked.state != OrderState.SENDING:
        return False
    locked.message = None
    _move(locked, to=gate.state, reason=gate.reason, kind="given_back", actor=RULES_ACTOR)
    return True


@transaction.atomic
def order_received_dmp(*, order: Order, at: datetime) -> Order:
    """ZAM^Z01 Y: the DMP has the document, whatever we believed; told twice, it is noted once."""
    locked = _locked(order)
    if locked.state in (OrderState.CANCELLED, OrderState.SUPERSEDED):
        _append(locked, kind="late_received_dmp", from_state=locked.state, actor=RULES_ACTOR, at=at)
    elif locked.state != OrderState.RECEIVED_DMP:
        locked.error_code = locked.error_text = ""
        locked.is_uncertain = False
        _move(locked, to=OrderState.RECEIVED_DMP, kind="received_dmp", actor=RULES_ACTOR, at=at)
    return locked


def orders_reconsider_waiting() -> int:
    """Ask the rules again for every order that waits: the net under the signals that wake them.

    What the PFI gave back, for an opposition that it alone knows, waits for a choice to change.
    """
    given_back = OrderEvent.objects.filter(order=OuterRef("pk"), kind="given_back")
    waiting = Order.objects.filter(
        ~Exists(given_back), state__in=[OrderState.WAITING_IDENTITY, OrderState.BLOCKED]
    )
    ids = list(waiting.order_by("id").values_list("pk", flat=True))
    batches = (ids[start : start + FLAGGED_AT_ONCE] for start in range(0, len(ids), FLAGGED_AT_ONCE))
    return sum(orders_reconsider(orders=Order.objects.filter(pk__in=batch)) for batch in batches)


@transaction.atomic
def orders_flag_silent(*, now: datetime) -> int:
    """Flag « accusé manquant »: accepted by the PFI, and no acknowledgement in time (hl7v2 2.8).

    Each order once; the acknowledgement that comes after all takes the flag away.
    """
    silent = list(
        Order.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(
            state=OrderState.HANDED_OVER,
            is_uncertain=False,
            changed_at__lt=now - timedelta(hours=settings.SENDING_ACK_HOURS),
        )
        .order_by("id")[:FLAGGED_AT_ONCE]
    )
    Order.objects.filter(pk__in=[order.pk for order in silent]).update(is_uncertain=True)
    OrderEvent.objects.bulk_create(
        _event(order, kind="ack_missing", from_state=order.state, actor=RULES_ACTOR, at=now, detail="")
        for order in silent
    )
    return len(silent)


@transaction.atomic
def order_note(*, order: Order, kind: str, detail: str = "") -> Order:
    """Append what happened to an order without moving it (a late answer to a former try)."""
    locked = _locked(order)
    _append(locked, kind=kind, from_state=locked.state, actor=RULES_ACTOR, detail=detail)
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
    order.claimed_by, order.claimed_until, order.attempts = "", None, 0
    return _event(order, kind=kind, from_state=from_state, actor=actor, at=at, detail=detail)


def orders_save(changes: Sequence[tuple[Order, OrderEvent]]) -> None:
    """Write many changed orders and their events in two statements."""
    Order.objects.bulk_update([order for order, _ in changes], CHANGED_FIELDS)
    OrderEvent.objects.bulk_create([event for _, event in changes])


def orders_wait(*, order_ids: Sequence[int], until: datetime) -> None:
    """Give claimed orders back as they were, to be looked at again after `until`: no event."""
    Order.objects.filter(pk__in=order_ids).update(
        not_before=until, claimed_by="", claimed_until=None, attempts=F("attempts") - 1
    )


def _locked(order: Order) -> Order:
    """The order under lock, and what it stands on as it is after the lock."""
    Order.objects.select_for_update(of=("self",)).only("pk").get(pk=order.pk)
    return Order.objects.select_related("version__document__patient", "version__document__episode").get(
        pk=order.pk
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
