"""Health pages, read by a balancer or a supervisor without account, and the page « À propos »."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from accounts.access import public, signed_in
from dpi import health
from national.dmp.opening import software_claim


@public
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"state": health.State.OK})


@public
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when every part may work, 503 with the parts that may not otherwise."""
    findings = health.readiness()
    ok = health.is_ready(findings)
    parts = {
        name: {"state": finding.state, "text": finding.text}
        | ({} if finding.days_left is None else {"days_left": finding.days_left})
        for name, finding in findings.items()
    }
    state = health.State.OK if ok else health.State.FAILED
    return JsonResponse(
        {"state": state, "parts": parts},
        status=200 if ok else 503,
        json_dumps_params={"ensure_ascii": False},
    )


@signed_in()
@require_GET
def about(request: HttpRequest) -> HttpResponse:
    """« À propos »: the very name and version that the DMP reads in each assertion (EX_GEN-1180, dmp 2.2).

    The homologation number is secret (EX_GEN-1490): the page says only whether there is one.
    """
    software = software_claim()
    context = {
        "name": software.name,
        "version": software.version,
        "installation": software.installation,
        "is_homologated": settings.DMP_HOMOLOGATION != settings.DMP_NO_HOMOLOGATION,
        "licence": settings.DPI_LICENCE,
        "environment": "Environnement de démonstration, patients fictifs" if settings.DPI_SANDBOX else "",
    }
    return render(request, "ui/about.html", context)
