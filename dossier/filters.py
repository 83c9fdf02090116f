"""Filters of the document list and of the work list, read from the query string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import QueryDict

from documents.enums import Origin, VersionState
from documents.selectors import DocumentRow
from establishment.models import Unit
from interop.ins.traits import comparable
from sending.enums import Channel, OrderState
from sending.models import Order
from sending.rules import was_never_sent
from sending.selectors import WorkFilters, WorkSort, latest_by_channel
from ui.components import Filter, Option
from ui.pills import label

NOT_SENT = "not_sent"
TO_VALIDATE = "to_validate"
DOCUMENT_FILTERS = ("type", "origine", "envoi", "unite")
WORK_FILTERS = ("unite", "etat", "canal", "periode")
PERIODS = {str(days): timedelta(days=days) for days in (7, 30)}
TEXT_LENGTH = 100
WORK_SORTS = {sort.value: sort for sort in WorkSort}

SHOWN_STATES = (
    OrderState.HELD,
    OrderState.SCHEDULED,
    OrderState.WAITING_IDENTITY,
    OrderState.BLOCKED,
    OrderState.SENDING,
    OrderState.HANDED_OVER,
    OrderState.RECEIVED_DMP,
    OrderState.FAILED,
)


@dataclass(frozen=True, slots=True)
class DocumentFilters:
    """What the document list is narrowed to (SC.DMP/HISTO.01: « non envoyés » is one)."""

    types: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    sendings: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.types or self.origins or self.sendings or self.units or self.text)


def document_filters(data: QueryDict) -> DocumentFilters:
    """What is asked for; a value that no document has finds nothing, an unknown state is ignored."""
    return DocumentFilters(
        types=tuple(data.getlist("type")),
        origins=_known(data.getlist("origine"), Origin.values),
        sendings=_known(data.getlist("envoi"), [NOT_SENT, TO_VALIDATE, *OrderState.values]),
        units=tuple(data.getlist("unite")),
        text=_text(data),
    )


def document_menus(filters: DocumentFilters, rows: Sequence[DocumentRow]) -> list[Filter]:
    """The menus above the list: types and units are those of this record."""
    types = {row.document.type_code: row.type_label for row in rows}
    units = {row.document.unit.code: row.document.unit.name for row in rows if row.document.unit}
    sendings = [
        (state, label("sending", state))
        for state in (NOT_SENT, TO_VALIDATE, *(shown.value for shown in SHOWN_STATES))
    ]
    origins = [(origin.value, label("document_origin", origin)) for origin in Origin]
    return [
        Filter("type", "Type", _options(_by_label(types), filters.types)),
        Filter("origine", "Origine", _options(origins, filters.origins)),
        Filter("envoi", "État d’envoi", _options(sendings, filters.sendings)),
        Filter("unite", "Unité", _options(_by_label(units), filters.units)),
    ]


def keep_documents(
    rows: Sequence[DocumentRow], orders: Mapping[int, Sequence[Order]], filters: DocumentFilters
) -> list[DocumentRow]:
    """The rows that the filters keep, in their order."""
    return [row for row in rows if _keeps(row, orders.get(row.document.pk, ()), filters)]


def work_filters(data: QueryDict, *, now: datetime) -> WorkFilters:
    """Filters and sort of the work list of sendings (F-PV-18); unknown values are ignored."""
    periods = [PERIODS[key] for key in data.getlist("periode") if key in PERIODS]
    return WorkFilters(
        states=_known(data.getlist("etat"), OrderState.values),
        channels=_known(data.getlist("canal"), Channel.values),
        units=tuple(data.getlist("unite")),
        since=now - max(periods) if periods else None,
        text=_text(data),
        sort=WORK_SORTS.get(data.get("tri", ""), WorkSort.TO_TREAT),
    )


def work_menus(filters: WorkFilters, data: QueryDict, units: Iterable[Unit]) -> list[Filter]:
    """The menus above the work list; `units` are those that the reader may choose from."""
    periods = [(key, f"{period.days} derniers jours") for key, period in PERIODS.items()]
    names = {unit.code: unit.name for unit in units}
    menus = [
        Filter("unite", "Unité", _options(_by_label(names), filters.units)),
        Filter("etat", "État", _options(_words("order_state", OrderState.values), filters.states)),
        Filter("canal", "Canal", _options(_words("order_channel", Channel.values), filters.channels)),
        Filter("periode", "Période", _options(periods, data.getlist("periode"))),
    ]
    return [menu for menu in menus if len(menu.options) > 1]


def _words(family: str, states: Iterable[str]) -> list[tuple[str, str]]:
    return [(state, label(family, state)) for state in states]


def sending_states(row: DocumentRow, orders: Sequence[Order]) -> set[str]:
    """In which states of the filter a document is; a cancelled sending is no sending (SC.DMP/HISTO.01)."""
    if row.shown.state == VersionState.DRAFT:
        return {TO_VALIDATE}
    own = [order for order in orders if order.version_id == row.shown.pk]
    states = {str(order.state) for order in latest_by_channel(own).values()}
    if Origin.PRODUCED in row.document.origins and was_never_sent(OrderState(one.state) for one in own):
        states.add(NOT_SENT)
    return states


def _keeps(row: DocumentRow, orders: Sequence[Order], filters: DocumentFilters) -> bool:
    document, shown = row.document, row.shown
    if filters.types and document.type_code not in filters.types:
        return False
    if filters.origins and not set(filters.origins) & set(document.origins):
        return False
    if filters.units and (document.unit is None or document.unit.code not in filters.units):
        return False
    if filters.sendings and not sending_states(row, orders) & set(filters.sendings):
        return False
    words = comparable(f"{document.title} {row.type_label} {shown.author_label}")
    return comparable(filters.text) in words


def _text(data: QueryDict) -> str:
    """What was typed; a NUL, which no name holds and PostgreSQL refuses, is dropped."""
    return data.get("texte", "").replace("\x00", "").strip()[:TEXT_LENGTH]


def _by_label(words: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(words.items(), key=lambda pair: pair[1].casefold())


def _options(choices: Iterable[tuple[str, str]], chosen: Sequence[str]) -> list[Option]:
    return [Option(value, str(label), value in chosen) for value, label in choices]


def _known(asked: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in asked if value in values)
