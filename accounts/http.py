"""What the middlewares add to a request, for the types of the views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

from accounts.assurance import Assurance
from accounts.models import User
from audit.context import Actor

if TYPE_CHECKING:
    from accounts.rules import Phase


class PublicRequest(HttpRequest):
    """A request whose person may be unknown."""

    correlation: str
    actor: Actor | None
    assurance: Assurance | None
    phase: Phase | None


class SignedInRequest(HttpRequest):
    """The request of a view that declared `requires(...)` or `signed_in()`."""

    user: User
    correlation: str
    actor: Actor
    assurance: Assurance
