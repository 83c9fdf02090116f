"""The figures on screen: the overview, a page for each chapter, the stays counted (workflows 8; ui 6.19)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import requires
from accounts.http import SignedInRequest
from establishment.models import Site, Unit
from stats.definitions import BY_CODE
from stats.document_types import SEGUR_TYPES
from stats.enums import DocType, Volet
from stats.rules.figures import ALL, UNKNOWN_FINESS, Key
from stats.rules.months import month_read
from stats.selectors.drilldown import stays_counted
from stats.selectors.watching import waiting_now
from stats.services import board_trace, stays_trace
from stats.views import parts
from stats.views.rail import AGAIN, PAGES, RAIL_LABEL, Asked, asked_of, indicator_rail
from ui.components import Group
from ui.french import month_words

MOST_PAGES: Final = 200
SHOWN: Final = {"": (True, False), "oui": (True,), "non": (False,)}


@requires("stats.view")
@require_GET
def overview(request: SignedInRequest) -> HttpResponse:
    """Four figures, the feeding by type, who consulted, what came, alarms (reference picture 10)."""
    asked = asked_of(request.GET)
    board = asked.board
    board_trace(actor=request.actor, page="overview", month=board.month, finess=board.finess)
    finess = "" if board.finess in (ALL, UNKNOWN_FINESS) else board.finess
    waiting = waiting_now(finess=finess)
    failed = parts.Axes(doc_type=DocType.TOUS)
    context = _context(request, asked, current="") | {
        "cards": parts.cards(board),
        "feeding": parts.feeding_rows(board, may_list=_may_list(request)),
        "professions": parts.profession_rows(board),
        "received": parts.received_rows(board),
        "alarms": parts.alarms(board, timezone.now()),
        "todo": [
            ("Documents jamais validés", waiting.drafts),
            ("Envois en attente INS qualifiée", waiting.identities),
            ("Échecs définitifs du mois, DMP", board.count("ALI_DMP_FLUX_KO", failed)),
        ],
        "goal": settings.STATS_GOAL_PERCENT,
    }
    return render(request, "stats/overview.html", context)


@requires("stats.view")
@require_GET
def chapter(request: SignedInRequest, slug: str) -> HttpResponse:
    """Every indicator of a chapter, with its definition."""
    page = next((page for page in PAGES if page.slug == slug), None)
    if page is None:
        raise Http404
    asked = asked_of(request.GET)
    board_trace(actor=request.actor, page=slug, month=asked.board.month, finess=asked.board.finess)
    context = _context(request, asked, current=slug) | {
        "title": page.title,
        "sections": parts.sections(asked.board, page.chapter, may_list=_may_list(request)),
        "goal": settings.STATS_GOAL_PERCENT,
    }
    return render(request, "stats/chapter.html", context)


@requires("stats.view", "patients.identity_view")
@require_GET
def stays(request: SignedInRequest) -> HttpResponse:
    """The stays of one rate, counted or missing; their reading is traced (F-PV-32)."""
    key = _key(request.GET)
    if key is None:
        return render(request, "stats/stays.html", _context(request, asked_of(QueryDict()), current="stays"))
    which = request.GET.get("comptes", "")
    page = _page(request.GET)
    found = stays_counted(key, at=timezone.now(), reached=SHOWN.get(which, SHOWN[""]), page=page)
    stays_trace(actor=request.actor, key=key, episodes=[row.episode for row in found.rows])
    indicator = BY_CODE[key.indicator]
    context = _context(request, asked_of(request.GET), current="stays") | {
        "indicator": indicator,
        "title": indicator.label(key.doc_type),
        "place": _place(key),
        "month_words": month_words(key.month.first_day),
        "ratio": found.ratio,
        "rows": found.rows,
        "filters": [
            (words, f"?{_with(request.GET, comptes=value)}", value == which)
            for value, words in (("", "Tous"), ("oui", "Comptés"), ("non", "Manquants"))
        ],
        "more_url": f"?{_with(request.GET, page=str(page + 1))}" if found.has_more else "",
        "less_url": f"?{_with(request.GET, page=str(page - 1))}" if page > 1 else "",
    }
    return render(request, "stats/stays.html", context)


def _context(request: SignedInRequest, asked: Asked, *, current: str) -> dict[str, Any]:
    board = asked.board
    rail: list[Group] = indicator_rail(request.user, asked, current=current)
    again = f"{request.path}?{'&'.join(filter(None, (asked.query, f'{AGAIN}=1')))}"
    month = month_words(board.month.first_day)
    is_running = board.month == board.snapshot.period.last
    return {
        "views": rail,
        "views_label": RAIL_LABEL,
        "choices": asked.choices,
        "extracted_at": asked.at,
        "again_url": again,
        "month": f"Mois en cours\u202f: {month}" if is_running else f"Mois clôturé\u202f: {month}",
        "finess": "" if board.finess in (ALL, UNKNOWN_FINESS) else board.finess,
        "may_export": request.user.has_perm("stats.export"),
    }


def _may_list(request: SignedInRequest) -> bool:
    return request.user.has_perm("patients.identity_view")


def _key(data: QueryDict) -> Key | None:
    """The line asked for, of a rate whose members may be listed; Http404 for another one."""
    code = data.get("indicateur", "")
    if not code:
        return None
    month = month_read(data.get("mois", ""))
    doc_type, volet = data.get("type", ""), data.get("volet", "")
    is_known = code in parts.DRILLED and month is not None
    if not is_known or doc_type not in ("", *SEGUR_TYPES) or volet not in ("", *Volet.values):
        raise Http404
    return Key(
        data.get("finess", "")[:9] or ALL,
        month,  # type: ignore[arg-type]  # told by is_known
        code,
        doc_type=doc_type,
        volet=volet,
        service=data.get("service", "")[:20],
    )


def _place(key: Key) -> str:
    """Which site or service the line is about."""
    if key.service:
        unit = Unit.objects.filter(code=key.service).first()
        return str(unit or key.service)
    site = Site.objects.filter(finess=key.finess).first()
    return f"{site.name} ({site.finess})" if site else "Tous les sites"


def _with(data: QueryDict, **changes: str) -> str:
    values = {name: data.get(name, "") for name in data if name != "page"} | changes
    return urlencode({name: value for name, value in values.items() if value})


def _page(data: QueryDict) -> int:
    asked = data.get("page", "1")
    return (
        min(max(int(asked), 1), MOST_PAGES) if asked.isascii() and asked.isdecimal() and len(asked) < 4 else 1
    )
