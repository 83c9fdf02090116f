"""What the deletion of a document brings: what waits is cancelled, who holds it is asked to delete it.

Sources: SC.DMP/CONF.03, SC.MSS/UX.05.BIS, F-PFI-17; hl7v2 2.1 (T04 of the latest version sent);
mssante 1.9 (all who received a version, from the ledger of the sendings).
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from audit.context import Actor
from documents.models import Version
from documents.wishes import DeletionWishes
from sending import rules
from sending.enums import Channel, OrderAction, OrderOrigin, OrderState
from sending.models import Order
from sending.selectors import reached, recipient_name
from sending.services.creating import order_key, site_finess
from sending.services.reconsidering import Withdrawals
from sending.services.writing import RULES_ACTOR, append_event, move, trace

CANCELLED_WORDS = "document supprimé"


@transaction.atomic
def orders_delete(*, version: Version, wishes: DeletionWishes, actor: Actor, at: datetime) -> list[Order]:
    """Cancel what never left of a document, and order its deletion wherever it went; at once.

    Each recipient is asked to delete the last version that it received. Whoever is spared is left out.
    """
    set_id = version.document.set_id
    _cancel_what_waits(set_id, actor, at)
    asked = [order for order in reached(set_id) if recipient_name(order) not in wishes.spared]
    return [_deletion_order(order, version, actor, at) for order in asked]


@transaction.atomic
def deletion_follow(*, order: Order, at: datetime) -> None:
    """Something arrived that had been cancelled with its document: it is asked back too."""
    version = Version.objects.select_related("document__patient", "document__unit__site").get(
        pk=order.version_id
    )
    deleted = version.document.versions.exclude(deletion_motive="").first()
    key = _key(order)
    if deleted is not None and not Order.objects.filter(idempotency_key=key).exists():
        deleted.document = version.document
        _deletion_order(order, deleted, RULES_ACTOR, at)


def _cancel_what_waits(set_id: str, actor: Actor, at: datetime) -> None:
    waiting = Order.objects.select_for_update(of=("self",)).filter(
        lineage=set_id, state__in=[*rules.WAITING_STATES, OrderState.FAILED, OrderState.SENDING]
    )
    withdrawals = Withdrawals()
    for order in waiting.order_by("id"):
        if order.state == OrderState.SENDING and not withdrawals.take_back(order, CANCELLED_WORDS):
            continue
        move(order, to=OrderState.CANCELLED, kind="cancelled", actor=actor, at=at, detail=CANCELLED_WORDS)


def _deletion_order(former: Order, deleted: Version, actor: Actor, at: datetime) -> Order:
    """`former` is the order by which the recipient got what must be deleted, unchanged (hl7v2 2.1)."""
    order = Order.objects.create(
        version=former.version,
        channel=former.channel,
        action=OrderAction.DELETE,
        origin=OrderOrigin.FLUX,
        recipient_address=former.recipient_address,
        recipient_label=former.recipient_label,
        recipient_rpps=former.recipient_rpps,
        recipient_finess=former.recipient_finess,
        recipient_family=former.recipient_family,
        recipient_given=former.recipient_given,
        recipient_role=former.recipient_role,
        closes_reply=former.closes_reply,
        state=OrderState.SCHEDULED,
        motive=deleted.deletion_motive,
        lineage=former.lineage,
        finess=site_finess(deleted),
        has_ins=former.version.has_ins,
        idempotency_key=_key(former),
        not_before=at,
        created_at=at,
        changed_at=at,
    )
    append_event(
        order, kind="created", from_state="", actor=actor, at=at, detail=str(deleted.deletion_motive)
    )
    trace(order, "order.create", actor)
    return order


def _key(former: Order) -> str:
    name = recipient_name(former).partition(":")[2]
    return order_key(former.version, Channel(former.channel), OrderAction.DELETE, name)
