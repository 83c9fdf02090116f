"""Who calls the API: a person with an open session, or a software with a token (security 10.6).

A session proves a person, so its writes ask for the CSRF token; a bearer token is never sent by a
browser on its own. Whoever sends an `Authorization` header is judged on it alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.api.limits import refusal_count, refusals_check
from accounts.errors import TokenRefused
from accounts.middleware import must_change_password
from accounts.models import ApiToken, User
from accounts.rules import Phase
from accounts.scopes import permissions_of
from accounts.selectors import actor_of, serves_every_unit
from accounts.services import api_token_authenticate, token_actor
from audit.context import Actor
from audit.middleware import client_ip

CHALLENGE = 'Bearer realm="dpi"'


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever calls, with what the call may do. `key` names the caller for the limits."""

    user: User
    permissions: frozenset[str]
    key: str
    token: ApiToken | None = None
    assurance: str = ""

    def has_perm(self, name: str) -> bool:
        return name in self.permissions

    @property
    def serves_establishment(self) -> bool:
        """Whether the call may be about the whole hospital: a person's right is not cut by units."""
        return self.token is None or serves_every_unit(self.user)

    def actor(self, permissions: Iterable[str]) -> Actor:
        """The actor of the traces: the service account with its token, or the person in one role."""
        if self.token is not None:
            return token_actor(self.token)
        return actor_of(self.user, assurance=self.assurance, permissions=permissions)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer dpi_…`, an application token in force."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed(
                "Seul un jeton est accepté dans l’en-tête Authorization.", code="scheme_unknown"
            )
        ip = client_ip(request._request)
        refusals_check(ip)
        try:
            token = api_token_authenticate(text.strip())
        except TokenRefused as error:
            refusal_count(ip)
            raise AuthenticationFailed(error.message, code=error.code) from error
        caller = Caller(
            user=token.owner,
            permissions=permissions_of(token.scopes),
            key=f"token:{token.prefix}",
            token=token,
        )
        return token.owner, caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SessionAuthentication(BaseAuthentication):
    """The session of a person, still open; a locked one gives nothing (security 5).

    A call is no activity of the person: it never keeps the session open.
    """

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        page: Any = request._request
        user, state = getattr(page, "user", None), page.session_state
        if not isinstance(user, User) or state is None:
            return None
        if page.phase is not Phase.OPEN:
            raise AuthenticationFailed("La session est verrouillée.", code="session_locked")
        if must_change_password(user, state):
            raise PermissionDenied("Le mot de passe doit d’abord être changé.", code="password_expired")
        if state.must_choose_activity:
            raise PermissionDenied("L’exercice doit d’abord être choisi.", code="activity")
        _check_csrf(page)
        caller = Caller(
            user=user,
            permissions=user.granted_permissions,
            key=f"user:{user.uid}",
            assurance=state.assurance.level,
        )
        return user, caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _check_csrf(request: HttpRequest) -> None:
    check = CSRFCheck(HttpResponse)
    check.process_request(request)
    if check.process_view(request, HttpResponse, (), {}):
        raise PermissionDenied("Le jeton CSRF de la session manque ou ne convient pas.", code="csrf")
