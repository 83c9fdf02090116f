"""Calls to the national services: who asked what of which service, how long, with which outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import requires
from accounts.http import SignedInRequest
from establishment.enums import NationalService
from exchange.selectors import PAGE
from exchange.views.journal import MOST_PAGES, PERIODS, counted
from exchange.views.kept import CLEAR, VIEW, kept_query, page_number, typed_text
from exchange.views.rail import RAIL_LABEL, exchange_rail, service_view
from exchange.visibility import without_matricules
from national.enums import CallOutcome
from national.selectors import CallFilters, calls_count
from national.selectors import calls as calls_of
from ui.components import Filter, Option
from ui.pills import label

FILTERS: Final = ("service", "issue", "periode")


@requires("exchange.journal")
@require_GET
def calls(request: SignedInRequest) -> HttpResponse:
    """Calls, newest first. A patient is a public identifier that opens nothing here."""
    query = kept_query(request, "calls", FILTERS)
    periods = [key for key in query.getlist("periode") if key in PERIODS]
    period = periods[-1] if periods else "2"
    length = PERIODS[period][0]
    filters = CallFilters(
        since=timezone.now() - length if length else None,
        services=_known(query.getlist("service"), NationalService.values),
        outcomes=_known(query.getlist("issue"), CallOutcome.values),
        text=typed_text(query),
    )
    page = page_number(query, most=MOST_PAGES)
    found = list(calls_of(filters)[: page * PAGE + 1])
    url = reverse("exchange:calls")
    context: dict[str, Any] = {
        "views": exchange_rail(request.user, current=_current(request)),
        "views_label": RAIL_LABEL,
        "subtitle": f"{PERIODS[period][1]} · {counted(calls_count(filters))}",
        "refresh_url": request.get_full_path(),
        "filters": _menus(filters, query),
        "text": filters.text,
        "filter_action": url,
        "clear_url": f"{url}?{CLEAR}=1" if filters.is_narrowed or period != "2" else "",
        "rows": [(call, without_matricules(call.text)) for call in found[: page * PAGE]],
        "more_url": f"{url}?{_more(query, page + 1)}" if len(found) > page * PAGE else "",
    }
    return render(request, "exchange/calls.html", context)


def _menus(filters: CallFilters, query: QueryDict) -> list[Filter]:
    outcomes = [(outcome.value, label("call_outcome", outcome)) for outcome in CallOutcome]
    periods = [(key, words) for key, (_, words) in PERIODS.items()]
    return [
        Filter("service", "Service", _options(NationalService.choices, filters.services)),
        Filter("issue", "Issue", _options(outcomes, filters.outcomes)),
        Filter("periode", "Période", _options(periods, query.getlist("periode"))),
    ]


def _options(choices: Iterable[tuple[str, Any]], chosen: Sequence[str]) -> list[Option]:
    return [Option(value, str(words), value in chosen) for value, words in choices]


def _known(asked: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in asked if value in values)


def _more(query: QueryDict, page: int) -> str:
    whole = query.copy()
    whole[VIEW] = whole.get(VIEW, "lignes")
    whole["page"] = str(page)
    return whole.urlencode()


def _current(request: SignedInRequest) -> str:
    """The entry of the rail that is shown: one service, or all."""
    named = request.GET.getlist("service")
    if VIEW in request.GET and len(named) == 1:
        return service_view(named[0])
    return reverse("exchange:calls")
