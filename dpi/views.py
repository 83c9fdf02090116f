"""Health pages, read by a balancer or a supervisor: no account, no detail that helps an attacker."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.access import public
from dpi import health


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
