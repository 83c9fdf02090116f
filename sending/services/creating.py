"""Orders that a version brings, and what becomes of those of the version before (workflows 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from documents.enums import VersionState
from documents.models import Version
from documents.services import stay_lock
from documents.wishes import RecipientWish, SendingWishes
from mssante.rules import address_key
from patients.models import Patient
from sending import rules
from sending.enums import Channel, OrderAction, OrderOrigin, OrderReason, OrderState
from sending.errors import MailTooBig, OrderRefused
from sending.facts import facts_of, known_for
from sending.models import Order
from sending.selectors import MAIL_CHANNELS, former_recipients
from sending.services.people import order_retry
from sending.services.reconsidering import Withdrawals
from sending.services.writing import (
    RULES_ACTOR,
    append_event,
    move,
    trace,
)
from sending.sizes import mail_size_of, size_refusal


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One act of sending to order: the channel, who receives when it is a mail, and the key of the act."""

    channel: Channel
    recipient: RecipientWish | None = None

    @property
    def key(self) -> str:
        return address_key(self.recipient.address) if self.recipient else ""


@transaction.atomic
def orders_of_validation(
    *, version: Version, wishes: SendingWishes, actor: Actor, at: datetime
) -> list[Order]:
    """The orders of a version that a person just validated.

    Raises MailTooBig, so that nothing is written: a recipient by mail of a document too big for it.
    """
    _check_size(version, wishes)
    return orders_create(version=version, wishes=wishes, actor=actor, at=at)


def _check_size(version: Version, wishes: SendingWishes) -> None:
    size = mail_size_of(version)
    for one in _wanted(wishes):
        refusal = size_refusal(size, one.channel) if one.recipient is not None else ""
        if refusal:
            raise MailTooBig(refusal, size)


@transaction.atomic
def orders_create(*, version: Version, wishes: SendingWishes, actor: Actor, at: datetime) -> list[Order]:
    """The orders of a version that was just validated, in the transaction of the validation.

    HOP: feeding is systematic and deferred (SC.DMP/ALI/PROG.02); `hold` keeps the orders until a
    person releases them (SC.DMP/ALI/PROG.03). A version after the first replaces the one before in
    the DMP, and for who received one by mail (SC.MSS/UX.05.BIS); for anybody else it is the first.
    """
    wanted = _wanted(wishes)
    known = known_for([version], {one.channel for one in wanted})
    former = _reached_before(version)
    not_before = rules.departure(
        validated_at=at, delay_minutes=_delay_minutes(version), chosen=wishes.not_before
    )
    orders = []
    for one in wanted:
        replaces = version.number > 1 and (one.recipient is None or (one.channel, one.key) in former)
        action = OrderAction.REPLACE if replaces else OrderAction.INITIAL
        gate = rules.gate_of(facts_of(version, channel=one.channel, action=action, known=known))
        state, reason = (OrderState.HELD, OrderReason.NONE) if wishes.hold else (gate.state, gate.reason)
        order = Order.objects.create(
            version=version,
            action=action,
            origin=OrderOrigin.FLUX,
            state=state,
            reason=reason,
            lineage=version.document.set_id,
            finess=site_finess(version),
            has_ins=version.has_ins,
            idempotency_key=order_key(version, one.channel, action, one.key),
            not_before=not_before,
            created_at=at,
            changed_at=at,
            **_recipient_fields(one),
        )
        append_event(order, kind="created", from_state="", actor=actor, at=at)
        trace(order, "order.create", actor)
        orders.append(order)
    return orders


def _reached_before(version: Version) -> set[tuple[str, str]]:
    """Channel and address of who received an earlier version by mail. 1 query, none for a first version."""
    if version.number == 1:
        return set()
    return {
        (order.channel, address_key(order.recipient_address))
        for order in former_recipients(version.document.set_id)
    }


def _wanted(wishes: SendingWishes) -> list[_Wanted]:
    """What was ticked, each recipient once: two roles may share an address (F-PV-48)."""
    wanted = {("dmp", ""): _Wanted(Channel.DMP)} if wishes.to_dmp else {}
    for recipient in wishes.recipients:
        channel = Channel.MSSANTE_PATIENT if recipient.is_patient else Channel.MSSANTE_PRO
        one = _Wanted(channel, recipient)
        wanted.setdefault((channel.value, one.key), one)
    return list(wanted.values())


def _recipient_fields(one: _Wanted) -> dict[str, Any]:
    told = one.recipient
    if told is None:
        return {"channel": one.channel}
    return {
        "channel": one.channel,
        "recipient_address": told.address.strip(),
        "recipient_label": told.label[:200],
        "recipient_role": told.role[:60],
        "recipient_rpps": told.rpps,
        "recipient_finess": told.finess,
        "recipient_family": told.family_name[:100],
        "recipient_given": told.given_name[:100],
        "closes_reply": told.closes_reply,
    }


@transaction.atomic
def orders_add(
    *, version: Version, recipients: Sequence[RecipientWish], actor: Actor, hold: bool = False
) -> list[Order]:
    """Send a current version to recipients who were not among those of its validation, at once.

    A later sending needs no new version of the document (hl7v2 2.5). Raises OrderRefused for a
    version that was replaced, or a recipient who has this version already or waits for it; MailTooBig.
    """
    locked = Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    version_may_leave(locked)
    ordered = Order.objects.filter(version=locked, channel__in=MAIL_CHANNELS)
    known = {(order.channel, address_key(order.recipient_address)) for order in ordered}
    wishes = SendingWishes(to_dmp=False, recipients=tuple(recipients), hold=hold, not_before=timezone.now())
    _check_size(locked, wishes)
    for one in _wanted(wishes):
        if (one.channel, one.key) in known:
            who = one.recipient.label if one.recipient else ""
            raise OrderRefused(f"{who} : un envoi de cette version existe déjà, relancez-le.")
    Patient.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=locked.document.patient_id)
    stay_lock(locked)
    return orders_create(version=locked, wishes=wishes, actor=actor, at=timezone.now())


@transaction.atomic
def order_request(*, version: Version, actor: Actor) -> Order:
    """Send to the DMP a current version that was never sent: unticked at validation, or cancelled.

    The same rules decide; nothing is deferred. Raises OrderRefused for a version that is no longer
    current, or whose sending exists and goes on.
    """
    locked = Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    version_may_leave(locked)
    known = Order.objects.filter(version=locked, channel=Channel.DMP).exclude(action=OrderAction.DELETE)
    former = known.order_by("-id").first()
    if former is not None:
        return order_retry(order=former, actor=actor)
    stay_lock(locked)
    now = timezone.now()
    return orders_create(version=locked, wishes=SendingWishes(not_before=now), actor=actor, at=now)[0]


def version_may_leave(version: Version) -> None:
    """OrderRefused, with the words to say, for a version that nobody may be sent any more."""
    if version.state == VersionState.DELETED:
        raise OrderRefused("Ce document est supprimé : il ne part plus.")
    if version.state != VersionState.CURRENT:
        raise OrderRefused("Une version plus récente remplace ce document : envoyez celle-ci.")
    if version.snapshot is None:
        raise OrderRefused("Ce document a été reçu d’ailleurs : il ne part pas d’ici.")


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
    withdrawals = Withdrawals()
    for order in replaced.order_by("id"):
        if order.state == OrderState.SENDING and not withdrawals.take_back(order, "version remplacée"):
            continue
        move(order, to=OrderState.SUPERSEDED, kind="superseded", actor=RULES_ACTOR, at=at)
        count += 1
    return count


@transaction.atomic
def orders_take_over(*, version: Version, issued: Version, at: datetime) -> int:
    """The same content was reissued with today's identity: waiting orders send that (spec cda 2).

    Their state stays: a held order is still held. What they send now replaces a version that left;
    who received that one by mail receives this one as any replacement.
    """
    waiting = list(
        Order.objects.select_for_update(of=("self",))
        .filter(version=version, state__in=[*rules.WAITING_STATES, OrderState.FAILED])
        .exclude(action=OrderAction.DELETE)
        .order_by("id")
    )
    former = _reached_before(issued)
    for order in waiting:
        key = address_key(order.recipient_address)
        if order.channel == Channel.DMP or (order.channel, key) in former:
            order.action = OrderAction.REPLACE
        order.version = issued
        order.idempotency_key = order_key(issued, Channel(order.channel), OrderAction(order.action), key)
        order.save(update_fields=["version", "action", "idempotency_key"])
        append_event(
            order,
            kind="reissued",
            from_state=order.state,
            actor=RULES_ACTOR,
            at=at,
            detail=f"version {issued.number}",
        )
    _reach_former(issued, already=waiting, at=at)
    return len(waiting)


def _reach_former(issued: Version, *, already: Sequence[Order], at: datetime) -> None:
    """Order a reissued version for everybody who received one before and has no order for it."""
    known = {(order.channel, address_key(order.recipient_address)) for order in already}
    recipients = tuple(
        wish_of(order)
        for order in former_recipients(issued.document.set_id)
        if (order.channel, address_key(order.recipient_address)) not in known
    )
    wishes = SendingWishes(to_dmp=False, recipients=recipients, not_before=at)
    orders_create(version=issued, wishes=wishes, actor=RULES_ACTOR, at=at)


def wish_of(order: Order) -> RecipientWish:
    """The recipient of an order, to be written to again."""
    return RecipientWish(
        is_patient=order.channel == Channel.MSSANTE_PATIENT,
        address=order.recipient_address,
        label=order.recipient_label,
        role=order.recipient_role,
        rpps=order.recipient_rpps,
        finess=order.recipient_finess,
        family_name=order.recipient_family,
        given_name=order.recipient_given,
        closes_reply=order.closes_reply,
    )


def site_finess(version: Version) -> str:
    """FINESS géographique of the unit of a document today, frozen in its orders; empty without unit."""
    unit = version.document.unit
    return unit.site.finess if unit is not None else ""


def _delay_minutes(version: Version) -> int:
    unit = version.document.unit
    if unit is not None and unit.send_delay_minutes is not None:
        return unit.send_delay_minutes
    return int(settings.SENDING_DELAY_MINUTES)
