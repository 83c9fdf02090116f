"""What the PFI answers, and what its silence means (spec hl7v2 1.5, 2.8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from consent.enums import ChoiceValue, MessageChoiceValue, Subject
from consent.selectors import choices_history, message_choices_history
from documents.enums import VersionState
from exchange.enums import MessageState
from exchange.models import Message
from interop.hl7v2.codes import AckCode
from sending import rules
from sending.enums import Channel, OrderReason, OrderState
from sending.facts import gate_now
from sending.models import LATE_RECEPTION, RELAUNCHED, Order, OrderEvent
from sending.services.deleting import deletion_follow
from sending.services.writing import (
    RULES_ACTOR,
    append_event,
    event_of,
    move,
    move_to_gate,
    order_locked,
)

FLAGGED_AT_ONCE = 1000


@transaction.atomic
def order_accepted(*, order: Order) -> Order:
    """The PFI took the message in charge (ACK AA)."""
    locked = order_locked(order)
    if locked.state == OrderState.SENDING:
        move(locked, to=OrderState.HANDED_OVER, kind="handed_over", actor=RULES_ACTOR)
    return locked


@transaction.atomic
def order_fail(*, order: Order, code: str, text: str, kind: str) -> Order:
    """The order failed: refused by the PFI (AE), out of retries, or a negative business answer."""
    locked = order_locked(order)
    if locked.state in (OrderState.SCHEDULED, OrderState.SENDING, OrderState.HANDED_OVER):
        locked.error_code, locked.error_text = code[:60], text[:500]
        locked.is_uncertain = False
        move(
            locked,
            to=OrderState.FAILED,
            kind=kind,
            actor=RULES_ACTOR,
            detail=f"{code} {text}".strip(),
            relaunch_at=_relaunch_at(locked),
        )
    else:
        # A late failure after success is appended, not overwritten (hl7v2 2.8). Its words stay beside
        # the state: a mail that was held for delivered reached nobody, and somebody must see it.
        if locked.state in (OrderState.DELIVERED, OrderState.READ):
            locked.error_code, locked.error_text = code[:60], text[:500]
            locked.save(update_fields=["error_code", "error_text"])
        append_event(locked, kind=f"late_{kind}", from_state=locked.state, actor=RULES_ACTOR, detail=code)
    return locked


def _relaunch_at(order: Order) -> datetime | None:
    """When a failed order leaves again by itself. 1 query, none when it never does."""
    if not rules.lacks_open_dmp(order.channel, order.error_code):
        return None
    return rules.relaunch_at(
        channel=order.channel,
        action=order.action,
        code=order.error_code,
        failed_at=timezone.now(),
        days=settings.DMP_RELAUNCH_DAYS,
        was_relaunched=order.events.filter(kind=RELAUNCHED).exists(),
    )


@transaction.atomic
def order_opposed(*, order: Order) -> Order:
    """The PFI gave an order back unsent, for an opposition: blocked, released if it is withdrawn.

    An opposition that was withdrawn meanwhile sends the order again; one that only the PFI knows
    keeps it blocked, for sending it again would meet the same answer.
    """
    locked = order_locked(order)
    if locked.state not in (OrderState.SENDING, OrderState.HANDED_OVER):
        return locked
    locked.message = None
    if locked.version.state != VersionState.CURRENT:
        move(locked, to=OrderState.SUPERSEDED, kind="superseded", actor=RULES_ACTOR)
    elif gate_now(locked).is_open and not _was_ever_opposed(locked):
        move(
            locked,
            to=OrderState.BLOCKED,
            reason=_reason_of_opposition(locked),
            kind="given_back",
            actor=RULES_ACTOR,
            detail="opposition connue de la PFI seule",
        )
    else:
        move_to_gate(locked, kind="given_back", actor=RULES_ACTOR)
    return locked


def _reason_of_opposition(order: Order) -> OrderReason:
    is_mail = order.channel == Channel.MSSANTE_PATIENT
    return OrderReason.OPPOSITION_MES if is_mail else OrderReason.OPPOSITION


def _was_ever_opposed(order: Order) -> bool:
    if order.channel == Channel.MSSANTE_PATIENT:
        said = message_choices_history(order.version.document.patient)
        return said.filter(value=MessageChoiceValue.OPPOSED).exists()
    episode = order.version.document.episode
    if episode is None:
        return False
    history = choices_history(episode)
    return history.filter(subject=Subject.ALIMENTATION, value=ChoiceValue.OPPOSED).exists()


@transaction.atomic(savepoint=False)
def message_orders_settle(*, message: Message) -> None:
    """Our message got its last technical answer: AA hands the orders over, anything else fails them.

    A refusal that today's rules explain (the patient opposed meanwhile) leaves the order waiting
    for them, not failed. A message refused whole may have been right for some of its orders: each
    of them then leaves alone, so that one which is refused holds back no other.
    """
    orders = list(Order.objects.filter(message=message).order_by("id"))
    if message.state == MessageState.ACKED:
        for order in orders:
            order_accepted(order=order)
        return
    is_refusal = message.ack_code == AckCode.AE
    for order in orders:
        if _gate_explains(order) or (is_refusal and len(orders) > 1 and _leaves_alone(order, message)):
            continue
        kind = "refused_pfi" if is_refusal else "no_answer"
        order_fail(order=order, code=message.ack_code or "HL7", text=message.error, kind=kind)


def _gate_explains(order: Order) -> bool:
    locked = order_locked(order)
    gate = gate_now(locked)
    if gate.is_open or locked.state != OrderState.SENDING:
        return False
    locked.message = None
    move(locked, to=gate.state, reason=gate.reason, kind="given_back", actor=RULES_ACTOR)
    return True


def _leaves_alone(order: Order, message: Message) -> bool:
    """Send an order again in a message of its own, once; whether it was still to be sent."""
    locked = order_locked(order)
    if locked.state != OrderState.SENDING or locked.is_alone:
        return False
    locked.message = None
    locked.is_alone = True
    locked.not_before = timezone.now()
    locked.save(update_fields=["is_alone"])
    move(locked, to=OrderState.SCHEDULED, kind="parted", actor=RULES_ACTOR, detail=message.error[:500])
    return True


@transaction.atomic
def order_received_dmp(*, order: Order, at: datetime) -> Order:
    """ZAM^Z01 Y: the DMP has the document, whatever we believed; told twice, it is noted once."""
    locked = order_locked(order)
    if locked.state in (OrderState.CANCELLED, OrderState.SUPERSEDED):
        append_event(locked, kind=LATE_RECEPTION, from_state=locked.state, actor=RULES_ACTOR, at=at)
        deletion_follow(order=locked, at=at)
    elif locked.state != OrderState.RECEIVED_DMP:
        locked.error_code = locked.error_text = ""
        locked.is_uncertain = False
        move(locked, to=OrderState.RECEIVED_DMP, kind="received_dmp", actor=RULES_ACTOR, at=at)
    return locked


@transaction.atomic
def order_delivered(*, order: Order, at: datetime) -> Order:
    """ZAM^Z02 Y: the mail reached the recipient's mailbox; told twice, or after a reading, it is known."""
    return _arrived(order, to=OrderState.DELIVERED, kind="delivered", at=at)


@transaction.atomic
def order_read(*, order: Order, at: datetime) -> Order:
    """ZAM^Z03 Y: the recipient read the mail, or the recipient's software took the document in."""
    return _arrived(order, to=OrderState.READ, kind="read", at=at)


@transaction.atomic
def order_not_treated(*, order: Order, at: datetime, code: str, text: str) -> Order:
    """ZAM^Z03 N: the mail arrived, and the recipient's software could not integrate the document.

    README: what fails an order is Z01 or Z02 N. The document is in the mailbox, where a person
    reads it: delivered, with the code.
    """
    locked = _arrived(order, to=OrderState.DELIVERED, kind="delivered", at=at)
    if locked.state in (OrderState.DELIVERED, OrderState.READ):
        locked.error_code, locked.error_text = code[:60], text[:500]
        locked.save(update_fields=["error_code", "error_text"])
    append_event(
        locked, kind="not_treated", from_state=locked.state, actor=RULES_ACTOR, at=at, detail=f"{code} {text}"
    )
    return locked


# What an arrival does not take back.
_ARRIVED = {
    OrderState.DELIVERED: (OrderState.DELIVERED, OrderState.READ),
    OrderState.READ: (OrderState.READ,),
}


def _arrived(order: Order, *, to: OrderState, kind: str, at: datetime) -> Order:
    """Move an order whose mail arrived, whatever we believed; one that was given up only notes it."""
    locked = order_locked(order)
    if locked.state in rules.UNSENT_STATES:
        append_event(locked, kind=f"late_{kind}", from_state=locked.state, actor=RULES_ACTOR, at=at)
        deletion_follow(order=locked, at=at)
    elif locked.state not in _ARRIVED[to]:
        locked.error_code = locked.error_text = ""
        locked.is_uncertain = False
        move(locked, to=to, kind=kind, actor=RULES_ACTOR, at=at)
    return locked


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
        event_of(order, kind="ack_missing", from_state=order.state, actor=RULES_ACTOR, at=now, detail="")
        for order in silent
    )
    return len(silent)
