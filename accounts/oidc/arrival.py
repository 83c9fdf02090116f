"""What a person reads and chooses between a login and the first page (psc 6.4, 7.2; workflows 9.3)."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse

from accounts.models import ExternalIdentity, User

LINK = "new_link"


def new_link_keep(session: SessionBase, link: ExternalIdentity) -> None:
    """Note that the identity has just opened this account for the first time: said once, on the next page."""
    session[LINK] = link.pk


def new_link_take(session: SessionBase, user: User) -> ExternalIdentity | None:
    """The link to tell the person of, given once; None when there is none, or it was withdrawn meanwhile."""
    number = session.pop(LINK, None)
    if number is None:
        return None
    return ExternalIdentity.objects.filter(pk=number, user=user, revoked_at__isnull=True).first()


def linked_url(wanted: str) -> str:
    """The page that tells it, which then leads to `wanted`."""
    return _leading("accounts:linked", wanted)


def activity_url(wanted: str) -> str:
    """The choice of an activity, which then leads to `wanted`."""
    return _leading("accounts:activity", wanted)


def _leading(name: str, wanted: str) -> str:
    return f"{reverse(name)}?{urlencode({'next': wanted}, safe='/')}"
