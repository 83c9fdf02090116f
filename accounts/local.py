"""Local passwords: administrators' login, and proof of an account at a first national login (security 4.1).

django-axes counts failures by account and by address and locks after five; the delays from the third
failure are ours. Unknown account, wrong password and locked account take the same time and read the same.
"""

from __future__ import annotations

from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from axes.utils import reset as attempts_reset
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User
from accounts.rules import may_log_in_by_password, password_delay
from audit.context import Actor
from audit.enums import Action, Outcome
from audit.services import trace_write

BACKEND = "django.contrib.auth.backends.ModelBackend"
"""Checks the password; whether the account may open a session with it is for `opens_session`."""


class LockoutBackend(AxesStandaloneBackend):
    """Refuses a locked account or address before any password is looked at.

    Its arguments are those of a password: a federated login, which has none, is not its business.
    """

    def authenticate(self, request: HttpRequest | None, username: str, password: str) -> None:
        try:
            super().authenticate(request, username=username, password=password)
        except PermissionDenied:
            make_password(password)  # the time that a wrong password takes
            raise


def opens_session(user: User) -> bool:
    """Whether the account may log in by password: local administrators alone."""
    families = [row.family for row in user.assignments_now]
    return may_log_in_by_password(flag=user.may_use_password, kind=user.kind, families=families)


def password_check(request: HttpRequest, login: str, password: str) -> User | None:
    """The account whose password this is, with the counting of failures; None in every other case."""
    if _must_wait(login):
        make_password(password)
        return None
    user = authenticate(request, username=login, password=password)
    if not isinstance(user, User):
        return None
    attempts_reset(username=login)
    return user


def _must_wait(login: str) -> bool:
    known = AccessAttempt.objects.filter(username=login).aggregate(
        failures=Sum("failures_since_start"), last=Max("attempt_time")
    )
    if known["last"] is None:
        return False
    return bool(timezone.now() < known["last"] + password_delay(known["failures"] or 0))


def login_failure_trace(*, login: str, reason: str) -> None:
    """Trace a failed local login; the account, if it exists, is the object. Never the password."""
    user = User.objects.filter(login=login).first()
    trace_write(
        type="login.failure",
        action=Action.EXECUTE,
        outcome=Outcome.FAILURE,
        actor=Actor(login=login[:80]),
        object_type="user" if user else "",
        object_uid=user.uid if user else None,
        reason=reason,
    )


def same_answer(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any]) -> HttpResponse:
    """AXES_LOCKOUT_CALLABLE: a locked account reads the page of a wrong password."""
    return response
