"""From orders whose time has come to messages handed to the PFI (design 2, steps 4 and 5).

A batch is claimed with a lease, prepared outside any transaction (`sending.preparing`), then
decided in one transaction where the rules are asked again. The message rows and the state
`sending` are committed together: from there `exchange` carries the bytes, and a killed worker
loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from audit.context import Actor
from documents.enums import VersionState
from documents.models import Version
from exchange.enums import MessageState
from exchange.leases import LEASE
from exchange.models import Message
from exchange.selectors import partner_by_code
from exchange.services import Outgoing, message_hand_over, messages_queue
from patients.models import Patient
from sending import rules
from sending.enums import Channel, OrderAction, OrderReason, OrderState
from sending.facts import Known, facts_of, known_for
from sending.models import Order, OrderEvent
from sending.preparing import WORKER_ACTOR, Prepared, orders_prepare
from sending.selectors import PFI_CODE
from sending.services import RULES_ACTOR, order_change, orders_save, orders_wait

BATCH = 100
# Messages are held in memory until their batch is decided.
BATCH_BYTES = 16 * 1024 * 1024
# Claimed so often without an end, an order may be what kills its worker: alone, it harms no other.
SUSPECT = 3
# An older order of the same document is still on its way: look again soon.
LINEAGE_WAIT = timedelta(seconds=5)

# What the rules need of the locked rows, and nothing of the documents themselves.
_DECIDED = (
    *(field.attname for field in Order._meta.concrete_fields),
    "version__state",
    "version__is_invisible_patient",
    "version__document__episode_id",
    "version__document__patient_id",
    "version__document__patient__uid",
    "version__document__patient__is_ins_recovered",
    "version__document__patient__is_identity_controlled",
    "version__document__patient__identity_status",
    "version__document__patient__identity_attributes",
    "version__document__patient__is_identity_under_review",
    "version__document__patient__is_closed",
    "version__document__patient__identity_stamp",
)
_LEAVE = (
    f"UPDATE {Order._meta.db_table} AS waiting "  # noqa: S608 - constants only
    "SET state = %s, reason = '', changed_at = %s, claimed_by = '', claimed_until = NULL, attempts = 0, "
    "message_id = leaving.message, has_ins = version.has_ins "
    f"FROM {Version._meta.db_table} AS version, "
    "unnest(%s::bigint[], %s::bigint[]) AS leaving (id, message) "
    "WHERE waiting.id = leaving.id AND version.id = waiting.version_id"
)


def orders_drain(*, worker: str, limit: int = BATCH, lease: timedelta = LEASE) -> int:
    """Take the orders that are due, decide each, and hand the messages over.

    Returns how many orders were taken; 0 means that nothing waits.
    """
    due = Order.objects.filter(state=OrderState.SCHEDULED)
    claimed = due.filter(attempts__lt=SUSPECT).claim(worker=worker, limit=limit, lease=lease)
    if len(claimed) == limit:  # the end of a batch must not part the orders of one message
        versions = {order.version_id for order in claimed}
        claimed += due.filter(version__in=versions, attempts__lt=SUSPECT).claim(
            worker=worker, limit=limit, lease=lease
        )
    if not claimed:
        claimed = due.claim(worker=worker, limit=1, lease=lease)
    answers = True
    for batch in _by_weight(orders_prepare(claimed)):
        for message in orders_decide(prepared=batch, worker=worker):
            # A PFI that does not answer is not asked again and again: the sweep of `exchange` goes on.
            answers = answers and _hand_over(message, worker)
    return len(claimed)


def _hand_over(message: Message, worker: str) -> bool:
    """Whether the PFI answered."""
    return message_hand_over(message_id=message.pk, worker=worker).state != MessageState.DEFERRED


@transaction.atomic
def orders_decide(*, prepared: Sequence[Prepared], worker: str) -> list[Message]:
    """Ask the rules again for a claimed batch, write states, events and messages. 8 queries.

    Patients are locked before orders, as a change of identity does, and everything is read after
    the locks: a joined row of a locking statement may be older than what it waited for.

    An order whose lease was lost is left to who holds it; one whose document or identity moved
    since it was prepared waits for the next round. Returns the messages to hand over after the
    commit.
    """
    by_id = {order_id: ready for ready in prepared for order_id in ready.order_ids}
    claimed = Order.objects.filter(pk__in=by_id, state=OrderState.SCHEDULED, claimed_by=worker)
    patients = Patient.objects.filter(pk__in=claimed.values("version__document__patient"))
    list(patients.select_for_update(of=("self",), no_key=True).order_by("id").values_list("pk"))
    locked = claimed.select_for_update(of=("self",)).order_by("id").values_list("pk", flat=True)
    orders = list(
        Order.objects.filter(pk__in=list(locked))
        .select_related("version__document__patient")
        .only(*_DECIDED)
        .order_by("id")
    )
    known = known_for([order.version for order in orders], {order.channel for order in orders})
    busy = _busy_lineages(orders)
    at = timezone.now()
    changes: list[tuple[Order, OrderEvent]] = []
    waiting: dict[datetime, list[int]] = {}
    leaving: dict[tuple[int, ...], list[Order]] = {}
    for order in orders:
        ready = by_id[order.pk]
        match _verdict(order, ready, known, at):
            case OrderEvent() as event:
                changes.append((order, event))
            case datetime() as until:
                waiting.setdefault(until, []).append(order.pk)
            case None:
                leaving.setdefault(ready.order_ids, []).append(order)
    for order_ids, together in list(leaving.items()):
        wait = _group_waits(order_ids, together, busy, at)
        if wait is None:
            busy.add(together[0].lineage)
        else:
            waiting.setdefault(wait, []).extend(order.pk for order in leaving.pop(order_ids))
    if changes:
        orders_save(changes)
    for until, ids in waiting.items():
        orders_wait(order_ids=ids, until=until)
    return _leave(list(leaving.values()), by_id, at) if leaving else []


def _group_waits(
    order_ids: tuple[int, ...], together: Sequence[Order], busy: set[str], at: datetime
) -> datetime | None:
    """Until when the orders of one message wait; None: they leave.

    A message that carries an order which may no longer leave is written again at the next round.
    """
    if len(together) < len(order_ids):
        return at
    return at + LINEAGE_WAIT if together[0].lineage in busy else None


def _verdict(order: Order, ready: Prepared, known: Known, at: datetime) -> OrderEvent | datetime | None:
    """An event that moves the order elsewhere, a moment until which it waits, or None: it may leave."""
    document = order.version.document
    if order.version.state != VersionState.CURRENT and order.action != OrderAction.DELETE:
        return _changed(order, OrderState.SUPERSEDED, "superseded", at)
    gate = rules.gate_of(
        facts_of(
            order.version,
            channel=Channel(order.channel),
            action=OrderAction(order.action),
            known=known,
        )
    )
    if not gate.is_open:
        return _changed(order, gate.state, "stopped", at, gate.reason)
    is_same = (order.version_id, document.patient.identity_stamp) == (
        ready.version_id,
        ready.identity_stamp,
    )
    return None if ready.raw and is_same else at


def _changed(
    order: Order, to: OrderState, kind: str, at: datetime, reason: OrderReason = OrderReason.NONE
) -> OrderEvent:
    return order_change(order, to=to, kind=kind, reason=reason, at=at, actor=RULES_ACTOR)


def _leave(groups: Sequence[Sequence[Order]], by_id: Mapping[int, Prepared], at: datetime) -> list[Message]:
    """Messages, states and events of the orders that leave, in three statements.

    Each event quotes the MSH-10, by which a late acknowledgement finds its order.
    """
    messages = messages_queue(
        partner=partner_by_code(PFI_CODE),
        outgoing=[
            Outgoing(by_id[first.pk].raw, first.lineage, first.version.document.patient.uid)
            for first, *_ in groups
        ],
    )
    carried = [(order, message) for orders, message in zip(groups, messages, strict=True) for order in orders]
    with connection.cursor() as cursor:
        cursor.execute(
            _LEAVE,
            [
                OrderState.SENDING,
                at,
                [order.pk for order, _ in carried],
                [message.pk for _, message in carried],
            ],
        )
    OrderEvent.objects.bulk_create(
        _sending_event(order, message, WORKER_ACTOR, at) for order, message in carried
    )
    return messages


def _sending_event(order: Order, message: Message, actor: Actor, at: datetime) -> OrderEvent:
    return OrderEvent(
        order=order,
        at=at,
        kind="sending",
        from_state=OrderState.SCHEDULED,
        to_state=OrderState.SENDING,
        actor_login=actor.login,
        detail=message.control_id,
    )


def _busy_lineages(orders: Iterable[Order]) -> set[str]:
    """Lineages with a message not yet accepted: version n+1 waits for the answer to n (hl7v2 1.6)."""
    lineages = {order.lineage for order in orders}
    in_flight = Order.objects.filter(lineage__in=lineages, state=OrderState.SENDING)
    return set(in_flight.values_list("lineage", flat=True))


def _by_weight(prepared: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    """Batches that end as soon as they hold `BATCH_BYTES` of messages."""
    batch: list[Prepared] = []
    weight = 0
    for ready in prepared:
        batch.append(ready)
        weight += len(ready.raw)
        if weight >= BATCH_BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
