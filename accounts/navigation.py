"""Where a person goes after login."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def home_url() -> str:
    """The page that opens after login."""
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def arrival_url(wanted: str) -> str:
    """Where a login leads: the page of arrival, which may have something to say before the one wanted."""
    return f"{home_url()}?{urlencode({'next': wanted}, safe='/')}" if wanted else home_url()


def safe_next(request: HttpRequest) -> str:
    """The address asked for before login, when it is one of ours; else an empty string."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else ""
