"""Who asks, whether the session still stands, and whether the view is open to them (security 3, 5, 9).

Default deny: a view without declared rule is refused to everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.access import AccessRule, access_rule_of, is_api
from accounts.assurance import LOCAL_PROVIDER
from accounts.enums import SessionEnd
from accounts.models import User
from accounts.rules import Phase, password_has_expired
from accounts.selectors import actor_of
from accounts.sessions import SessionState, session_end, session_read, session_touch
from audit.enums import Action, Outcome
from audit.services import trace_write

log = structlog.get_logger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]


class AccessMiddleware:
    """After authentication: the session's clock, then the rule of the view."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _attach(request, None, None)
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        rule = access_rule_of(view)
        if rule is None:
            log.error("access.undeclared", view=f"{view.__module__}.{getattr(view, '__qualname__', view)}")
            return _forbidden(request)
        state = self._standing(request)
        if rule.anonymous or is_api(view):
            # An endpoint asks the same rule of whoever calls it, person or token (accounts.api.views).
            return None
        if state is None or not isinstance(request.user, User):
            return _ask_login(request)
        if request.phase is Phase.LOCKED and not rule.while_locked:  # type: ignore[attr-defined]  # _attach
            return _ask_unlock(request)
        return self._authorize(request, request.user, state, rule)

    def _standing(self, request: HttpRequest) -> SessionState | None:
        """The state of a session that still stands; one past its limits is ended here."""
        user = request.user
        if not isinstance(user, User):
            return None
        state = session_read(request.session)
        if state is None:
            request.session.flush()
            request.user = AnonymousUser()
            return None
        verdict = state.verdict(timezone.now())
        if verdict.phase is Phase.ENDED:
            session_end(request, user, verdict.end or SessionEnd.EXPIRED, event="session.expired")
            return None
        _attach(request, state, verdict.phase)
        user.activity = state.activity
        return state

    def _authorize(
        self, request: HttpRequest, user: User, state: SessionState, rule: AccessRule
    ) -> HttpResponseBase | None:
        if not rule.while_expired and must_change_password(user, state):
            return _elsewhere(request, "accounts:password", "password_expired")
        if state.must_choose_activity and not rule.while_choosing:
            return _elsewhere(request, "accounts:activity", "activity")
        actor = actor_of(user, assurance=state.assurance.level, permissions=rule.permissions)
        request.actor = actor  # type: ignore[attr-defined]  # declared in accounts.http
        missing = [name for name in rule.permissions if not user.has_perm(name)]
        if missing:
            trace_write(
                type="access.refused",
                action=Action.EXECUTE,
                outcome=Outcome.REFUSED,
                actor=actor,
                reason="permission",
                detail={"permissions": missing, "view": _view_name(request)},
            )
            return _forbidden(request)
        if not rule.polling and not rule.while_locked:
            session_touch(request.session, state, timezone.now())
        return None


def must_change_password(user: User, state: SessionState) -> bool:
    """Whether a session opened by password may only change it (security 4.1)."""
    return state.assurance.provider == LOCAL_PROVIDER and password_has_expired(
        user.password_changed_at, timezone.now(), settings.PASSWORD_MONTHS
    )


def _attach(request: HttpRequest, state: SessionState | None, phase: Phase | None) -> None:
    """Give the request the attributes declared in accounts.http."""
    attributes: dict[str, object] = {
        "actor": None,
        "assurance": state.assurance if state else None,
        "session_state": state,
        "phase": phase,
    }
    for name, value in attributes.items():
        setattr(request, name, value)


def _view_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def is_page(request: HttpRequest) -> bool:
    """Whether the answer fills the window: a redirection makes sense there, not in a fragment or a call."""
    if request.method not in ("GET", "HEAD"):
        return False
    headers = request.headers
    if headers.get("HX-Request") == "true" or headers.get("X-Requested-With") == "XMLHttpRequest":
        return False
    return "application/json" not in headers.get("Accept", "") or "text/html" in headers.get("Accept", "")


def _ask_login(request: HttpRequest) -> HttpResponse:
    return _elsewhere(request, "accounts:login", "anonymous")


def _ask_unlock(request: HttpRequest) -> HttpResponse:
    return _elsewhere(request, "accounts:locked", "locked")


def _elsewhere(request: HttpRequest, name: str, code: str) -> HttpResponse:
    target = reverse(name)
    if is_page(request):
        path = request.get_full_path()
        return redirect(target if path == "/" else f"{target}?{urlencode({'next': path}, safe='/')}")
    response = JsonResponse({"code": code}, status=401)
    if request.headers.get("HX-Request") == "true":
        response["HX-Redirect"] = target
    return response


def _forbidden(request: HttpRequest) -> HttpResponse:
    if is_page(request) or request.method not in ("GET", "HEAD"):
        raise PermissionDenied
    return JsonResponse({"code": "forbidden"}, status=403)
