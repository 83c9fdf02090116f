"""Filters of the document list and of the work list, read from the query string."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from documents.enums import Origin, VersionState
from documents.selectors import DocumentRow
from interop.ins.traits import comparable
from sending.enums import Channel, OrderState
from sending.models import Order
from sending.selectors import WorkFilters, latest_by_channel
from ui.components import Filter, Option

NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class DocumentFilters:
    """What the document list is narrowed to (SC.DMP/HISTO.01: « non envoyés » is one)."""

    origins: tuple[str, ...]
    sendings: tuple[str, ...]
    text: str

    @property
    def is_narrowed(self) -> bool:
        return bool(self.origins or self.sendings or self.text)

    @property
    def menus(self) -> list[Filter]:
        sendings = [(NOT_SENT, "Non envoyé"), *((state.value, state.label) for state in SHOWN_STATES)]
        return [
            Filter("origine", "Origine", _options(Origin.choices, self.origins)),
            Filter("envoi", "État d’envoi", _options(sendings, self.sendings)),
        ]


SHOWN_STATES = (
    OrderState.HELD,
    OrderState.SCHEDULED,
    OrderState.WAITING_IDENTITY,
    OrderState.BLOCKED,
    OrderState.RECEIVED_DMP,
    OrderState.FAILED,
)


def document_filters(data: QueryDict) -> DocumentFilters:
    """Unknown values are ignored."""
    return DocumentFilters(
        origins=_known(data.getlist("origine"), Origin.values),
        sendings=_known(data.getlist("envoi"), [NOT_SENT, *OrderState.values]),
        text=data.get("texte", "").strip()[:100],
    )


def keep_documents(
    rows: Sequence[DocumentRow], orders: Mapping[int, Sequence[Order]], filters: DocumentFilters
) -> list[DocumentRow]:
    """The rows that the filters keep, in their order."""
    return [row for row in rows if _keeps(row, orders.get(row.document.pk, ()), filters)]


def work_filters(data: QueryDict) -> WorkFilters:
    """Filters of the work list of sendings."""
    return WorkFilters(
        states=_known(data.getlist("etat"), OrderState.values),
        channels=_known(data.getlist("canal"), Channel.values),
        text=data.get("texte", "").strip()[:100],
        ascending=data.get("tri") == "date",
    )


def work_menus(filters: WorkFilters) -> list[Filter]:
    return [
        Filter("etat", "État", _options(OrderState.choices, filters.states)),
        Filter("canal", "Canal", _options(Channel.choices, filters.channels)),
    ]


def _keeps(row: DocumentRow, orders: Sequence[Order], filters: DocumentFilters) -> bool:
    document, shown = row.document, row.shown
    if filters.origins and not set(filters.origins) & set(document.origins):
        return False
    if filters.sendings:
        states = {order.state for order in latest_by_channel(orders).values()}
        if not states and shown.state != VersionState.DRAFT:
            states = {NOT_SENT}
        if not states & set(filters.sendings):
            return False
    words = comparable(f"{document.title} {shown.author_label}")
    return comparable(filters.text) in words


def _options(choices: Sequence[tuple[str, str]], chosen: Sequence[str]) -> list[Option]:
    return [Option(value, str(label), value in chosen) for value, label in choices]


def _known(asked: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in asked if value in values)
