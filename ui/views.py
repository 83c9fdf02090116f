"""Preferences of the reader, and the gallery of components for development."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from ui import gallery, preferences


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme chosen, then come back to the same page. Open to everybody: no data is touched."""
    chosen = request.POST.get("theme", "")
    if chosen not in preferences.Theme.values:
        return HttpResponseBadRequest("Thème inconnu.")
    response = _back(request)
    preferences.theme_keep(response, chosen)
    return response


@login_not_required
@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Switch the single-key shortcuts on or off, then come back to the same page."""
    response = _back(request)
    preferences.shortcuts_keep(response, on=request.POST.get("shortcuts") == "on")
    return response


@login_not_required
def guide(request: HttpRequest) -> HttpResponse:
    """Show every component in every state, with invented data; development only."""
    if not settings.DEBUG:
        raise Http404
    return render(request, "ui/guide.html", gallery.context())


def _back(request: HttpRequest) -> HttpResponse:
    """Return to the page given in `next` when it is ours, else answer without content."""
    target = request.POST.get("next", "")
    if target and url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    ):
        return redirect(target)
    return HttpResponse(status=204)
