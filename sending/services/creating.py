"""Orders that a version brings, and what becomes of those of the version before (workflows 3)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from documents.enums import VersionState
from documents.models import Version
from documents.services import stay_lock
from documents.wishes import SendingWishes
from sending import rules
from sending.enums import Channel, OrderAction, OrderOrigin, OrderReason, OrderState
from sending.errors import OrderRefused
from sending.facts import facts_of
from sending.models import Order
from sending.services.people import order_retry
from sending.services.reconsidering import message_taken_back
from sending.services.writing import (
    RULES_ACTOR,
    append_event,
    move,
    trace,
)


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
        finess=site_finess(version),
        has_ins=version.has_ins,
        idempotency_key=order_key(version, Channel.DMP, action),
        not_before=rules.departure(
            validated_at=at, delay_minutes=_delay_minutes(version), chosen=wishes.not_before
        ),
        created_at=at,
        changed_at=at,
    )
    append_event(order, kind="created", from_state="", actor=actor, at=at)
    trace(order, "order.create", actor)
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
        if order.state == OrderState.SENDING and not message_taken_back(order, "version remplacée"):
            continue
        move(order, to=OrderState.SUPERSEDED, kind="superseded", actor=RULES_ACTOR, at=at)
        count += 1
    return count


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
        append_event(
            order,
            kind="reissued",
            from_state=order.state,
            actor=RULES_ACTOR,
            at=at,
            detail=f"version {issued.number}",
        )
    return len(waiting)


def site_finess(version: Version) -> str:
    """FINESS géographique of the unit of a document today, frozen in its orders; empty without unit."""
    unit = version.document.unit
    return unit.site.finess if unit is not None else ""


def _delay_minutes(version: Version) -> int:
    unit = version.document.unit
    if unit is not None and unit.send_delay_minutes is not None:
        return unit.send_delay_minutes
    return int(settings.SENDING_DELAY_MINUTES)
