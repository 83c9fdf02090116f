"""The notice to professionals on the consultation of the DMP (SC.DMP/CONF.11)."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import requires
from accounts.models import User
from accounts.navigation import safe_next
from dmp.selectors import notice_due
from dmp.services import notice_accept
from dossier.access import reader
from dossier.context_processors import first_page


@requires("dmp.consult")
@require_http_methods(["GET", "POST"])
def notice(request: HttpRequest) -> HttpResponse:
    """At the first login, then every 180 days: at the level of the person, never of a patient."""
    user, actor = reader(request)
    wanted = safe_next(request)
    if request.method == "POST":
        notice_accept(user=user, actor=actor)
        messages.success(request, "Lecture de l’information enregistrée.")
        return HttpResponseRedirect(wanted or first_page(user))
    context = {
        "text": settings.DMP_NOTICE_TEXT,
        "warning": settings.DMP_NOTICE_WARNING,
        "days": settings.DMP_NOTICE_DAYS,
        "is_due": must_read(user),
        "next": wanted,
        "later_url": wanted or first_page(user),
    }
    return render(request, "dossier/notice.html", context)


def must_read(user: User) -> bool:
    """Whether this person may consult, and has not read the notice lately."""
    return bool(user.rpps) and user.has_perm("dmp.consult") and notice_due(user, now=timezone.now())


def notice_url(wanted: str) -> str:
    """The notice, which then leads to `wanted`."""
    url = reverse("dossier:notice")
    return f"{url}?{urlencode({'next': wanted}, safe='/')}" if wanted else url
