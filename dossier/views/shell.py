"""Where a person arrives, and what every page asks again by itself: the counters of the application bar."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_GET

from accounts.access import requires, signed_in
from accounts.navigation import safe_next
from dossier.access import reader
from dossier.context_processors import entries_of, first_page
from dossier.views.notice import must_read, notice_url


@signed_in()
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Right after login: what the person must read first, then the page asked for (`next`), else the
    first page that the roles open: each profession has its own."""
    user, _ = reader(request)
    wanted = safe_next(request)
    if must_read(user):
        return redirect(notice_url(wanted))
    return redirect(wanted or first_page(user))


@requires("sending.list", polling=True)
@require_GET
def counters(request: HttpRequest) -> HttpResponse:
    """The entries of the bar with their counters, asked every minute (ui reference 6.1)."""
    user, _ = reader(request)
    return render(request, "ui/_bar_entries.html", {"entries": entries_of(user, _page_shown(request))})


def _page_shown(request: HttpRequest) -> str:
    """The name of the page that asks, so that its entry stays the current one."""
    try:
        return resolve(urlsplit(request.headers.get("HX-Current-URL", "")).path).view_name
    except (Resolver404, ValueError):
        return ""
