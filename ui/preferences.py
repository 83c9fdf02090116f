"""Preferences of the interface, kept in cookies of this browser: they concern no patient."""

from django.conf import settings
from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse

_ONE_YEAR = 365 * 24 * 3600


class Theme(TextChoices):
    """Value of `data-theme` on the page."""

    AUTO = "auto", "Comme le poste"
    CLAIR = "clair", "Clair"
    SOMBRE = "sombre", "Sombre"


def _cookie(name: str) -> str:
    """The name of a cookie of this instance: built as that of the session, port included."""
    return settings.SESSION_COOKIE_NAME.replace("sessionid", name)


def theme_of(request: HttpRequest) -> str:
    """The theme chosen in this browser, `auto` by default; a foreign value counts as none."""
    value = request.COOKIES.get(_cookie("theme"), "")
    return value if value in Theme.values else Theme.AUTO.value


def shortcuts_of(request: HttpRequest) -> bool:
    """Whether single-key shortcuts are on (WCAG 2.1.4 asks that they can be off)."""
    return request.COOKIES.get(_cookie("shortcuts")) != "off"


def theme_keep(response: HttpResponse, theme: str) -> None:
    """Keep the theme in the browser."""
    _keep(response, "theme", theme)


def shortcuts_keep(response: HttpResponse, *, on: bool) -> None:
    """Keep the choice about shortcuts in the browser."""
    _keep(response, "shortcuts", "on" if on else "off")


def provider_last(request: HttpRequest) -> str:
    """The provider by which this browser last logged in; empty when it never did."""
    return request.COOKIES.get(_cookie("provider"), "")


def provider_keep(response: HttpResponse, slug: str) -> None:
    """Keep the provider of a login in the browser: its name, nothing of the person."""
    _keep(response, "provider", slug)


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        _cookie(name),
        value,
        max_age=_ONE_YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
