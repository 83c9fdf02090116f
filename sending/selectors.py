"""Reads of the sending room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from accounts.selectors import serves_every_unit, units_of
from documents.enums import VersionState
from documents.models import Version
from patients.models import Patient
from sending.enums import Channel, OrderState
from sending.models import Order

PAGE = 50
# What a person must look at first.
TROUBLE = (OrderState.FAILED,)
TO_FOLLOW = (
    OrderState.HELD,
    OrderState.SCHEDULED,
    OrderState.WAITING_IDENTITY,
    OrderState.BLOCKED,
    OrderState.SENDING,
    OrderState.HANDED_OVER,
)


@dataclass(frozen=True, slots=True)
class WorkFilters:
    """What the work list is narrowed to; empty means everything."""

    states: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    text: str = ""
    patient: Patient | None = None
    ascending: bool = False


def work_list(user: User, filters: WorkFilters) -> QuerySet[Order]:
    """Orders that concern the user's units, or that the user wrote; newest validation first."""
    orders = _visible_to(user, filters.patient).select_related(
        "version__document__patient", "version__document__unit", "version__author"
    )
    if filters.states:
        orders = orders.filter(state__in=filters.states)
    if filters.channels:
        orders = orders.filter(channel__in=filters.channels)
    if filters.text:
        text = filters.text.strip()
        orders = orders.filter(
            Q(version__document__title__icontains=text)
            | Q(version__author_label__icontains=text)
            | Q(version__document__patient__search_birth_name__startswith=text.upper())
        )
    direction = "" if filters.ascending else "-"
    return orders.defer("version__body", "version__snapshot").order_by(
        f"{direction}version__validated_at", f"{direction}id"
    )


def orders_visible(user: User, uids: Collection[UUID]) -> list[Order]:
    """Those of the named orders that the user may act on."""
    return list(_visible_to(user, None).filter(uid__in=uids).select_related("version__document__patient"))


def failures_count(user: User) -> int:
    """How many orders failed in what concerns the user: the counter of the bar."""
    return _visible_to(user, None).filter(state__in=TROUBLE).count()


def counts_by_state(user: User) -> dict[str, int]:
    """Orders of each state, for the saved views. 1 query."""
    rows = _visible_to(user, None).values_list("state").annotate(count=Count("id"))
    return dict(rows.order_by())


def counts_for_patients(patient_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """For each patient, `drafts` left to validate and sendings in `failures`. 2 queries."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    drafts = (
        Version.objects.filter(document__patient__in=patient_ids, state=VersionState.DRAFT)
        .values_list("document__patient")
        .annotate(count=Count("id"))
        .order_by()
    )
    failures = (
        Order.objects.filter(version__document__patient__in=patient_ids, state__in=TROUBLE)
        .values_list("version__document__patient")
        .annotate(count=Count("id"))
        .order_by()
    )
    for name, rows in (("drafts", drafts), ("failures", failures)):
        for patient_id, count in rows:
            counts[patient_id][name] = count
    return counts


def orders_of_documents(document_ids: Sequence[int]) -> dict[int, list[Order]]:
    """Orders of documents, newest first, by document. 1 query."""
    found: dict[int, list[Order]] = defaultdict(list)
    orders = (
        Order.objects.filter(version__document_id__in=document_ids)
        .select_related("version")
        .defer("version__body", "version__snapshot")
        .order_by("-id")
    )
    for order in orders:
        found[order.version.document_id].append(order)
    return found


def latest_by_channel(orders: Sequence[Order]) -> dict[Channel, Order]:
    """The order to show for each channel: the newest that was not superseded, else the newest."""
    shown: dict[Channel, Order] = {}
    for order in orders:
        channel = Channel(order.channel)
        known = shown.get(channel)
        if known is None or (known.state == OrderState.SUPERSEDED and order.state != OrderState.SUPERSEDED):
            shown[channel] = order
    return shown


def _visible_to(user: User, patient: Patient | None) -> QuerySet[Order]:
    orders = Order.objects.all()
    if patient is not None:
        return orders.filter(version__document__patient=patient)
    if serves_every_unit(user):
        return orders
    return orders.filter(Q(version__document__unit__in=units_of(user)) | Q(version__author=user))
