"""A software that calls the API: a client with a token, as `manage.py api_token` gives it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken
from accounts.scopes import SCOPES
from accounts.services import IssuedToken, api_token_create, roles_install, service_account_open
from audit.context import system_actor
from establishment.models import Unit

ACTOR = system_actor("tests")
API = "/api/v1"


def issue(
    *scopes: str, units: Iterable[Unit] = (), name: str = "logiciel", days: int = 30, **values: Any
) -> IssuedToken:
    """A token of the service account `name`; every scope when none is named."""
    roles_install()
    owner = service_account_open(login=name, units=list(units), actor=ACTOR)
    return api_token_create(
        owner=owner,
        scopes=scopes or tuple(SCOPES),
        expires_at=timezone.now() + timedelta(days=days),
        actor=ACTOR,
        **values,
    )


def client_of(issued: IssuedToken | str) -> Client:
    """A client that presents this token with each call."""
    text = issued if isinstance(issued, str) else issued.text
    return Client(headers={"authorization": f"Bearer {text}"})


def caller(*scopes: str, units: Iterable[Unit] = (), name: str = "logiciel") -> Client:
    """A client with a new token."""
    return client_of(issue(*scopes, units=units, name=name))


def post(client: Client, path: str, body: Any = None, **options: Any) -> Any:
    """A JSON call."""
    return client.post(path, body or {}, content_type="application/json", **options)


def problem_of(answer: Any, status: int) -> dict[str, Any]:
    """The problem of an answer, in the form that every problem has."""
    assert answer.status_code == status, answer.content[:2000]
    assert answer["Content-Type"].partition(";")[0] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["type"] == f"urn:problem-type:dpi:{found['code']}"
    assert found["title"] and found["detail"]
    assert found["reference"] == answer["X-Correlation-ID"]
    return found


def actor_is(trace: Any, token: ApiToken) -> bool:
    """Whether a trace names the service account and its token."""
    return bool(
        (trace.actor_login, trace.actor_role, trace.assurance)
        == (token.owner.login, "service", f"token:{token.prefix}")
        and trace.actor_uid == token.owner.uid
    )
