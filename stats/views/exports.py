"""Files of the indicators: at once when they are small, prepared otherwise (workflows 8, steps 3 and 4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import requires
from accounts.http import SignedInRequest
from establishment.models import LegalEntity, Site
from stats.enums import ExportState
from stats.errors import EstablishmentUnknown, PeriodRefused
from stats.models import Export
from stats.rules.months import Month, Period, month_read
from stats.selectors.exporting import Wanted, csv_lines, estimated_lines, file_name
from stats.selectors.tally import reading_at
from stats.services import export_open, export_request, export_trace
from stats.tasks import wake_after_commit
from stats.views.rail import RAIL_LABEL, asked_of, indicator_rail
from ui.french import month_words

LISTED = 50
LONGEST_MONTHS = 60
CSV = "text/csv; charset=utf-8"


@requires("stats.export")
@require_GET
def exports(request: SignedInRequest) -> HttpResponse:
    """Ask for a file, and take those that were prepared."""
    now = timezone.now()
    usual = reading_at(now).period
    months = [month for month in reversed(list(Period(Month(usual.first.year - 3, 1), usual.last)))]
    context: dict[str, Any] = {
        "views": indicator_rail(request.user, asked_of(QueryDict()), current="exports"),
        "views_label": RAIL_LABEL,
        "sites": Site.objects.order_by("finess"),
        "months": [(month.text, month_words(month.first_day)) for month in months],
        "first": usual.first.text,
        "last": usual.last.text,
        "rows_url": reverse("stats:export_rows"),
        "folder": settings.STATS_EXPORT_FOLDER,
        "day": settings.STATS_EXPORT_DAY,
        "hour": settings.STATS_EXPORT_HOUR,
        "last_monthly": Export.objects.filter(is_scheduled=True).defer("content").first(),
    }
    return render(request, "stats/exports.html", context | _rows())


@requires("stats.export", polling=True)
@require_GET
def export_rows(request: SignedInRequest) -> HttpResponse:
    """The prepared files alone, asked again while one is in preparation."""
    return render(request, "stats/_export_rows.html", _rows())


@requires("stats.export")
@require_POST
def export(request: SignedInRequest) -> HttpResponseBase:
    """« Exporter CSV »: the file, or a file in preparation when it is large."""
    now = timezone.now()
    if not LegalEntity.objects.exists():
        raise EstablishmentUnknown()
    wanted = _wanted(request.POST, now)
    if estimated_lines(wanted) > settings.STATS_DIRECT_LINES:
        export_request(wanted=wanted, user=request.user, actor=request.actor, now=now)
        wake_after_commit()
        messages.success(request, "Export en préparation. Il sera proposé sur cette page, pendant 24 heures.")
        return HttpResponseRedirect(reverse("stats:exports"))
    lines = csv_lines(wanted, now)
    first = next(lines)
    export_trace(wanted=wanted, actor=request.actor)
    return _download(StreamingHttpResponse(_encoded(chain([first], lines)), content_type=CSV), file_name(now))


@requires("stats.export")
@require_GET
def download(request: SignedInRequest, export_uid: UUID) -> HttpResponseBase:
    """A prepared file, for a day; its reading is traced."""
    found = Export.objects.filter(uid=export_uid).first()
    if found is None:
        raise Http404
    content = export_open(export=found, actor=request.actor, now=timezone.now())
    return _download(HttpResponse(content, content_type=CSV), found.file_name)


def _rows() -> dict[str, Any]:
    rows = list(
        Export.objects.filter(is_scheduled=False).defer("content").select_related("asked_by")[:LISTED]
    )
    return {
        "rows": [_row(row) for row in rows],
        "is_waiting": any(row.state == ExportState.PENDING for row in rows),
    }


def _row(row: Export) -> dict[str, Any]:
    is_ready = row.state == ExportState.READY and row.expires_at is not None
    is_open = is_ready and row.expires_at is not None and row.expires_at > timezone.now()
    return {
        "export": row,
        "first": month_words(row.first_month, short=True),
        "last": month_words(row.last_month, short=True),
        "url": reverse("stats:download", args=[row.uid]) if is_open else "",
        "state": ExportState.EXPIRED if is_ready and not is_open else ExportState(row.state),
    }


def _wanted(data: QueryDict, now: datetime) -> Wanted:
    """What the form asks for. Raises PeriodRefused; an unknown site is every site."""
    usual = reading_at(now).period
    first = month_read(data.get("du", "")) or usual.first
    last = month_read(data.get("au", "")) or usual.last
    if last < first or len(Period(first, last)) > LONGEST_MONTHS or last > usual.last:
        raise PeriodRefused(LONGEST_MONTHS)
    finess = data.get("finess", "")
    known = Site.objects.filter(finess=finess).exists() if finess else False
    return Wanted(Period(first, last), finess if known else "", bool(data.get("services")))


def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
    """The lines in blocks: a write for each line would cost more than the line."""
    block: list[str] = []
    for line in lines:
        block.append(line)
        if len(block) == 500:
            yield "".join(block).encode()
            block = []
    yield "".join(block).encode()


def _download(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
