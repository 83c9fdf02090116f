"""From orders whose time has come to messages handed to the PFI (design 2, steps 4 and 5).

A batch is claimed with a lease, prepared outside any transaction (the version may have to be
rebuilt, the message is built), then decided in one transaction where the rules are asked again.
The message row and the state `sending` are committed together: from there `exchange` carries the
bytes, and a killed worker loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit.context import system_actor
from audit.errors import ApplicationError
from consent.selectors import CurrentChoices, choices_current_for
from documents.enums import VersionState
from documents.errors import IdentityChanged
from documents.models import Version
from documents.services import version_rebuild, version_reissue
from documents.snapshot import patient_content
from exchange.models import Message
from exchange.selectors import partner_by_code
from exchange.services import message_hand_over, message_queue
from sending import rules
from sending.enums import Channel, OrderAction, OrderState
from sending.facts import facts_of
from sending.messages import message_of
from sending.models import Order, OrderEvent
from sending.services import RULES_ACTOR, order_change, order_fail, order_key, orders_save

WORKER_ACTOR = system_actor("sending.worker")
BATCH = 50
# An older order of the same document is still on its way: look again soon.
LINEAGE_WAIT = timedelta(seconds=5)

IN_FLIGHT = (OrderState.SENDING,)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order ready to be decided, with the bytes to send."""

    order_id: int
    version_id: int
    identity_stamp: int
    raw: bytes


def orders_drain(*, worker: str, limit: int = BATCH) -> int:
    """Take the orders that are due, decide each, and hand the messages over.

    Returns how many orders were taken; 0 means that nothing waits.
    """
    claimed = Order.objects.filter(state=OrderState.SCHEDULED).claim(worker=worker, limit=limit)
    if not claimed:
        return 0
    prepared = [ready for order in claimed if (ready := _prepare(order)) is not None]
    for message in orders_decide(prepared=prepared, worker=worker):
        message_hand_over(message_id=message.pk, worker=worker)
    return len(claimed)


@transaction.atomic
def orders_decide(*, prepared: Sequence[Prepared], worker: str) -> list[Message]:
    """Ask the rules again for a claimed batch, write states, events and messages.

    An order whose lease was lost, or whose document or identity moved since it was prepared, is
    left for the next round. Returns the messages to hand over after the commit.
    """
    by_id = {ready.order_id: ready for ready in prepared}
    orders = list(
        Order.objects.select_for_update(of=("self",))
        .filter(pk__in=by_id, state=OrderState.SCHEDULED, claimed_by=worker)
        .select_related("version__document__patient", "version__document__episode")
        .defer("version__body", "version__snapshot")
        .order_by("id")
    )
    choices = choices_current_for(
        {order.version.document.episode_id for order in orders if order.version.document.episode_id}
    )
    busy = _busy_lineages(orders)
    changes: list[tuple[Order, OrderEvent]] = []
    messages: list[Message] = []
    for order in orders:
        change = _decide(order, by_id[order.pk], choices, busy, messages)
        if change is not None:
            changes.append((order, change))
    orders_save(changes)
    return messages


def _decide(
    order: Order,
    ready: Prepared,
    choices: Mapping[int, CurrentChoices],
    busy: frozenset[str],
    messages: list[Message],
) -> OrderEvent | None:
    version = order.version
    patient = version.document.patient
    if version.state != VersionState.CURRENT and order.action != OrderAction.DELETE:
        return order_change(order, to=OrderState.SUPERSEDED, kind="superseded", actor=RULES_ACTOR)
    gate = rules.gate_of(
        facts_of(
            version,
            channel=Channel(order.channel),
            action=OrderAction(order.action),
            choices=choices.get(version.document.episode_id or 0),
        )
    )
    if not gate.is_open:
        return order_change(order, to=gate.state, reason=gate.reason, kind="stopped", actor=RULES_ACTOR)
    moved = version.pk != ready.version_id or patient.identity_stamp != ready.identity_stamp
    if moved or order.lineage in busy:
        order.not_before = timezone.now() + (timedelta() if moved else LINEAGE_WAIT)
        return order_change(order, to=OrderState.SCHEDULED, kind="postponed", actor=RULES_ACTOR)
    message = message_queue(
        partner=partner_by_code("pfi"), raw=ready.raw, lineage=order.lineage, patient_uid=patient.uid
    )
    order.message = message
    messages.append(message)
    return order_change(order, to=OrderState.SENDING, kind="sending", actor=WORKER_ACTOR)


def _busy_lineages(orders: Sequence[Order]) -> frozenset[str]:
    """Lineages with a message not yet accepted: version n+1 waits for the answer to n (hl7v2 1.6)."""
    return frozenset(
        Order.objects.filter(
            lineage__in={order.lineage for order in orders}, state__in=IN_FLIGHT
        ).values_list("lineage", flat=True)
    )


def _prepare(order: Order) -> Prepared | None:
    """Bring the version up to the identity of today and build the message; None when it cannot."""
    try:
        version = _up_to_date(order)
        return Prepared(
            order_id=order.pk,
            version_id=version.pk,
            identity_stamp=version.document.patient.identity_stamp,
            raw=message_of(version=version, orders=[order]),
        )
    except IdentityChanged:
        Order.objects.filter(pk=order.pk).update(claimed_by="", claimed_until=None)
    except ApplicationError as error:
        with transaction.atomic():
            order_fail(order=order, code=error.code, text=error.message, kind="not_built")
    return None


def _up_to_date(order: Order) -> Version:
    """The version to send, rebuilt when the identity of its bytes is no longer that of the patient.

    Never left: rebuilt under the same id. Already out: reissued as a new version, which this order
    takes over (spec cda 2). A deletion or a version that is no longer current stays as it is.
    """
    version = Version.objects.select_related(
        "document__patient", "document__episode", "document__unit__site", "author"
    ).get(pk=order.version_id)
    if order.action == OrderAction.DELETE or version.state != VersionState.CURRENT:
        return version
    if not version.document.patient.is_qualified and order.channel == Channel.DMP:
        return version  # the gate will stop it: nothing to rebuild
    if _same_identity(version):
        return version
    if not _has_left(version):
        return version_rebuild(version=version, actor=WORKER_ACTOR)
    with transaction.atomic():
        issued = version_reissue(version=version, actor=WORKER_ACTOR)
        action = OrderAction.REPLACE
        Order.objects.filter(pk=order.pk).update(
            version=issued,
            action=action,
            state=OrderState.SCHEDULED,
            idempotency_key=order_key(issued, Channel(order.channel), action, order.recipient_address),
        )
    return issued


def _same_identity(version: Version) -> bool:
    if version.snapshot is None:
        return True
    then = {key: value for key, value in version.snapshot["patient"].items() if key != "stamp"}
    now = {key: value for key, value in patient_content(version.document.patient).items() if key != "stamp"}
    return then == now


def _has_left(version: Version) -> bool:
    return Order.objects.filter(version=version, state__in=rules.LEFT_STATES).exists()
