"""What stands beside the figures: the last success of each channel, what waits for somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max, Min, Q

from documents.enums import ReceiptOutcome, VersionState
from documents.models import Reception, Version
from sending.enums import Channel, OrderState
from sending.models import Order
from stats.rules.alarms import Flow

LOOKED_BACK: Final = timedelta(days=90)
ARRIVED: Final = (OrderState.RECEIVED_DMP, OrderState.DELIVERED, OrderState.READ)
WAITING: Final = (OrderState.SENDING, OrderState.HANDED_OVER, OrderState.FAILED)
NAMES: Final[Mapping[str, str]] = {
    Channel.DMP: "Flux DMP",
    Channel.MSSANTE_PRO: "MSSanté aux professionnels",
    Channel.MSSANTE_PATIENT: "MSSanté aux patients",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a person may still do something about."""

    drafts: int
    identities: int


def flows(*, finess: str, now: datetime) -> list[Flow]:
    """Each channel that was used these last three months, with its last success. 2 queries.

    X_ALI_DERNIER_SUCCES is the first of them (stats 3 G); `finess` empty: every site.
    """
    orders = Order.objects.filter(changed_at__gte=now - LOOKED_BACK, changed_at__lte=now)
    if finess:
        orders = orders.filter(finess=finess)
    successes = dict(
        orders.filter(state__in=ARRIVED).values_list("channel").annotate(last=Max("changed_at")).order_by()
    )
    waiting = Q()
    for channel in Channel:
        since = successes.get(channel.value)
        waiting |= Q(channel=channel, changed_at__gt=since) if since else Q(channel=channel)
    oldest = dict(
        orders.filter(waiting, state__in=WAITING)
        .values_list("channel")
        .annotate(first=Min("changed_at"))
        .order_by()
    )
    used = [channel for channel in Channel if channel.value in successes or channel.value in oldest]
    return [Flow(NAMES[channel], successes.get(channel.value), oldest.get(channel.value)) for channel in used]


def last_reception(now: datetime) -> datetime | None:
    """When a document of MSSanté was last filed. 1 query."""
    filed = Reception.objects.filter(
        origin="mssante",
        at__gte=now - LOOKED_BACK,
        outcome__in=[ReceiptOutcome.INTEGRATED, ReceiptOutcome.REPLACED],
    )
    return filed.order_by("-at").values_list("at", flat=True).first()


def waiting_now(*, finess: str) -> Waiting:
    """Drafts that nobody validated, sendings that wait for a qualified INS. 2 queries."""
    drafts = Version.objects.filter(state=VersionState.DRAFT)
    identities = Order.objects.filter(state=OrderState.WAITING_IDENTITY)
    if finess:
        drafts = drafts.filter(document__unit__site__finess=finess)
        identities = identities.filter(finess=finess)
    return Waiting(drafts.count(), identities.count())
