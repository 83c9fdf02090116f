"""The journal of the exchanges: the list of HL7 v2 messages (ui reference 6.20)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import requires
from accounts.http import SignedInRequest
from audit.enums import Action
from audit.services import trace_write
from exchange.enums import Direction, MessageState
from exchange.models import Message
from exchange.selectors import (
    COUNTED,
    PAGE,
    JournalFilters,
    journal_count,
    message_by_uid,
    partners_of_journal,
)
from exchange.selectors import journal as journal_messages
from exchange.views.kept import CLEAR, VIEW, kept_query, page_number, typed_text
from exchange.views.pane import code_of, family_of, kind_of, pane_of
from exchange.views.rail import RAIL_LABEL, RECENT, exchange_rail, saved_view
from interop.hl7v2.names import event_name
from ui.components import Filter, Option
from ui.french import whole
from ui.pills import label

FILTERS: Final = ("sens", "type", "partenaire", "etat", "periode")
PERIODS: Final = {
    "2": (RECENT, "2 derniers jours"),
    "7": (timedelta(days=7), "7 derniers jours"),
    "30": (timedelta(days=30), "30 derniers jours"),
    "tout": (None, "tout le journal"),
}
KINDS: Final = (
    ("ADT", "ADT, admissions"),
    ("MDM", "MDM, documents"),
    ("ORU", "ORU, résultats"),
    ("OUL", "OUL, résultats (vague 1)"),
    ("ZAM", "ZAM, accusés de la PFI"),
)
MOST_PAGES: Final = 40
SEARCHED: Final = "exchange_searched"
"""Entry of the session: the last text searched, which is traced once."""


@dataclass(frozen=True, slots=True)
class Row:
    """Inputs of exchange/_journal_row.html."""

    message: Message
    event: str
    family: str
    detail: str
    url: str
    pane_url: str
    current: bool

    @property
    def kind(self) -> str:
        """`MDM^T02`."""
        return kind_of(self.message)

    @property
    def is_out(self) -> bool:
        return bool(self.message.direction == Direction.OUTGOING)


@requires("exchange.journal")
@require_GET
def journal(request: SignedInRequest) -> HttpResponse:
    """Messages, newest first, and the one chosen in the pane."""
    return journal_page(request)


def journal_page(request: SignedInRequest, *, status: int = 200, reason_error: str = "") -> HttpResponse:
    query = kept_query(request, "journal", FILTERS)
    context = _list_context(request, query)
    wanted = request.GET.get("message", "")
    chosen = _message_or_none(wanted)
    if wanted and chosen is None:
        raise Http404
    context |= {"pane": pane_of(request, chosen, reason_error) if chosen else None, "pane_open": bool(chosen)}
    context |= {"views": exchange_rail(request.user, current=_current(request)), "views_label": RAIL_LABEL}
    return render(request, "exchange/journal.html", context, status=status)


@requires("exchange.journal", polling=True)
@require_GET
def journal_rows(request: SignedInRequest) -> HttpResponse:
    """The rows alone, asked every 30 s by the page, which names its filters whole."""
    return render(request, "exchange/_journal_rows.html", _list_context(request, request.GET))


# --- List -------------------------------------------------------------------------------------


def _list_context(request: SignedInRequest, query: QueryDict) -> dict[str, Any]:
    user = request.user
    filters, period = _filters(query)
    page = page_number(query, most=MOST_PAGES)
    sees_all = user.has_perm("exchange.raw")
    found = list(journal_messages(filters, searches_patients=sees_all)[: page * PAGE + 1])
    shown = found[: page * PAGE]
    total = journal_count(filters, searches_patients=sees_all)
    if sees_all:
        _trace_search(request, filters.text, total)
    url = reverse("exchange:journal")
    more = _whole(query, page=page + 1)
    return {
        "subtitle": f"{PERIODS[period][1]} · {counted(total)}",
        "refreshed_at": timezone.now(),
        "refresh_url": request.get_full_path(),
        "filters": _menus(query, filters, period),
        "text": filters.text,
        "text_label": "MSH-10, IPP" if sees_all else "MSH-10",
        "filter_action": url,
        "clear_url": f"{url}?{CLEAR}=1" if filters.is_narrowed or period != "2" else "",
        "rows": [_row(message, query, request.GET.get("message", "")) for message in shown],
        "rows_url": f"{reverse('exchange:journal_rows')}?{_whole(query, page=page)}",
        "more_url": f"{url}?{more}" if len(found) > len(shown) and page < MOST_PAGES else "",
    }


def _trace_search(request: SignedInRequest, text: str, total: int) -> None:
    """What was typed may be an IPP: searching it is a search of a patient, told once for each new text.

    The refresh of the page, each 30 s, is no other search (security 8.3 `patient.search`).
    """
    if request.session.get(SEARCHED, "") == text:
        return
    request.session[SEARCHED] = text
    if text:
        trace_write(
            type="patient.search",
            action=Action.READ,
            actor=request.actor,
            object_type="exchange.journal",
            detail={"criteria": ["ipp_or_control_id"], "count": total},
        )


def counted(total: int) -> str:
    """`1 842`, or `plus de 10 000` beyond what is counted."""
    return f"plus de {whole(COUNTED)}" if total > COUNTED else whole(total)


def _filters(query: QueryDict) -> tuple[JournalFilters, str]:
    periods = [key for key in query.getlist("periode") if key in PERIODS]
    period = periods[-1] if periods else "2"
    length = PERIODS[period][0]
    return (
        JournalFilters(
            since=timezone.now() - length if length else None,
            directions=_known(query.getlist("sens"), Direction.values),
            types=_known(query.getlist("type"), [kind for kind, _ in KINDS]),
            partners=tuple(query.getlist("partenaire"))[:50],
            states=_known(query.getlist("etat"), MessageState.values),
            text=typed_text(query),
        ),
        period,
    )


def _menus(query: QueryDict, filters: JournalFilters, period: str) -> list[Filter]:
    directions = [("out", "Émis"), ("in", "Reçus")]
    partners = [(partner.code, partner.name) for partner in partners_of_journal()]
    states = [(state.value, label(family_of(state), state)) for state in MessageState]
    periods = [(key, words) for key, (_, words) in PERIODS.items()]
    chosen = [period] if query.getlist("periode") else []
    return [
        Filter("sens", "Sens", _options(directions, filters.directions)),
        Filter("type", "Type", _options(KINDS, filters.types)),
        Filter("partenaire", "Partenaire", _options(partners, filters.partners)),
        Filter("etat", "Issue", _options(states, filters.states)),
        Filter("periode", "Période", _options(periods, chosen)),
    ]


def _options(choices: Iterable[tuple[str, str]], chosen: Sequence[str]) -> list[Option]:
    return [Option(value, words, value in chosen) for value, words in choices]


def _known(asked: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in asked if value in values)


def _row(message: Message, query: QueryDict, chosen: str) -> Row:
    uid = str(message.uid)
    kept = query.copy()
    kept["message"] = uid
    return Row(
        message=message,
        event=event_name(message.type, message.profile),
        family=family_of(message.state),
        detail=code_of(message),
        url=f"{reverse('exchange:journal')}?{kept.urlencode()}",
        pane_url=reverse("exchange:message", args=[uid]),
        current=uid == chosen,
    )


def _whole(query: QueryDict, *, page: int) -> str:
    """The whole query of the rows shown, as a saved view: asking for it changes no kept filter."""
    whole_query = query.copy()
    whole_query[VIEW] = whole_query.get(VIEW, "lignes")
    whole_query["page"] = str(page)
    whole_query.pop("message", None)
    return whole_query.urlencode()


def _current(request: SignedInRequest) -> str:
    """The entry of the rail that is shown: its saved view, or the whole list."""
    if VIEW not in request.GET:
        return reverse("exchange:journal")
    names = [name for name in ("etat", "partenaire") if name in request.GET]
    values: dict[str, str | list[str]] = {name: request.GET.getlist(name) for name in names}
    return saved_view(**values)


def _message_or_none(text: str) -> Message | None:
    try:
        return message_by_uid(UUID(text))
    except ValueError:
        return None
