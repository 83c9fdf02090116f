"""Where a web request comes from: set once, written into every trace of the request (security 8.1)."""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from audit.context import Origin, origin_set


def client_ip(request: HttpRequest) -> str | None:
    """Address of the person's machine.

    Behind DPI_TRUSTED_PROXIES balancers of ours, the address is read that many places from the right
    of X-Forwarded-For: what stands further left was written by the caller and proves nothing.
    """
    hops = int(getattr(settings, "DPI_TRUSTED_PROXIES", 0))
    candidate = request.META.get("REMOTE_ADDR", "")
    if hops:
        forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if len(forwarded) >= hops:
            candidate = forwarded[-hops]
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return None


def session_digest(session_key: str | None) -> str:
    """SHA-256 of a session key: links the traces of one session without opening it."""
    return hashlib.sha256(session_key.encode()).hexdigest() if session_key else ""


class OriginMiddleware:
    """Attach the origin to the request's traces; the correlation id goes back in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        correlation = uuid.uuid4().hex
        request.correlation = correlation  # type: ignore[attr-defined]  # declared for views in accounts.http
        origin = Origin(
            ip=client_ip(request),
            session=session_digest(request.session.session_key),
            correlation=correlation,
        )
        with origin_set(origin):
            response = self.get_response(request)
        response["X-Correlation-ID"] = correlation
        return response
