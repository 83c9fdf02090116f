"""Walking through a login: our page, the provider's picker, the callback."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.test import Client

from sandbox.psc.provider import Provider


def authorization_address(browser: Client, slug: str = "psc", **query: str) -> str:
    """Where our page sends the browser."""
    answer = browser.get(f"/oidc/{slug}/login", query)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def come_back(browser: Client, address: str) -> HttpResponse:
    """Open the callback address that the provider gave."""
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}", headers={"host": parts.netloc})


def log_in(
    browser: Client, provider: Provider, key: str, *, slug: str = "psc", means: str = "", **query: Any
) -> HttpResponse:
    """The whole walk; the answer to the callback."""
    address = authorization_address(browser, slug, **query)
    return come_back(browser, provider.sign_in(address, key, means or None))
