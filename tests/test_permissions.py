"""Default deny, proved on the URL map itself: every address, every role (security 9, A01; 3.1).

A new address needs nothing here: it is found, and fails until its view says who may open it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.access import AccessRule, access_rule_of, is_api
from accounts.api.views import ApiView
from accounts.enums import RoleCode
from accounts.models import Role, User
from accounts.permissions import PERMISSIONS
from accounts.roles import DEFAULT_ROLES
from accounts.scopes import SCOPES
from accounts.services import assignment_give, roles_install, user_create
from audit.context import system_actor
from audit.models import Trace
from tests.calling import actor_is, client_of, issue, problem_of
from tests.signing_in import sign_in

SAMPLES: dict[str, Any] = {
    "UUIDConverter": uuid.UUID("00000000-0000-4000-8000-000000000000"),
    "IntConverter": 1,
    "SlugConverter": "absent",
    "StringConverter": "absent",
    "PathConverter": "absent",
}


@dataclass(frozen=True)
class Address:
    """One line of the URL map."""

    name: str
    view: Callable[..., Any]
    arguments: tuple[tuple[str, Any], ...]

    @property
    def path(self) -> str:
        return reverse(self.name, kwargs=dict(self.arguments))

    @property
    def rule(self) -> AccessRule | None:
        return access_rule_of(self.view)


def addresses(
    patterns: list[URLPattern | URLResolver], namespace: str = "", converters: dict[str, Any] | None = None
) -> Iterator[Address]:
    for pattern in patterns:
        known = (converters or {}) | getattr(pattern.pattern, "converters", {})
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern.url_patterns, inner, known)
        else:
            assert pattern.name, f"the address {pattern.pattern} has no name"
            values = tuple((name, SAMPLES[type(kind).__name__]) for name, kind in known.items())
            yield Address(namespace + pattern.name, pattern.callback, values)


ADDRESSES = tuple(addresses(get_resolver(settings.ROOT_URLCONF).url_patterns))
GUARDED = tuple(address for address in ADDRESSES if address.rule and not address.rule.anonymous)
PAGES = tuple(address for address in GUARDED if not is_api(address.view))
ENDPOINTS = tuple(address for address in ADDRESSES if is_api(address.view))
RESTRICTED = tuple(address for address in GUARDED if address.rule and address.rule.permissions)

PUBLIC = frozenset(
    {
        "health-live", "health-ready", "ui:theme", "ui:shortcuts", "ui:guide", "accounts:login",
        "accounts:login_local", "accounts:choose", "accounts:no_account", "accounts:logged_out",
        "accounts:logout_provider", "accounts:oidc_start", "accounts:oidc_callback",
        "accounts:logout_response", "accounts:oidc_backchannel_logout",
    }
)  # fmt: skip
"""The whole list of what opens without login: an addition here is a reviewed decision."""


def ids(address: Address) -> str:
    return address.name


@pytest.fixture
def people(db: None) -> dict[RoleCode, User]:
    """One person for each role that may log in."""
    roles_install()
    actor = system_actor("tests")
    people = {}
    for code in RoleCode:
        if code == RoleCode.SERVICE:
            continue
        user = user_create(login=f"test-{code}", family_name="ESSAI", given_name=code, actor=actor)
        assignment_give(user=user, role=code, giver=None, actor=actor)
        people[code] = user
    return people


@pytest.mark.parametrize("address", ADDRESSES, ids=ids)
def test_every_address_declares_who_may_open_it(address: Address) -> None:
    assert address.rule is not None, f"{address.name}: decorate its view with requires(...)"


def test_what_opens_without_login_is_a_closed_list() -> None:
    assert {address.name for address in ADDRESSES if address.rule and address.rule.anonymous} <= PUBLIC


@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES, ids=ids)
@pytest.mark.requirement("SC.SSI/GEN.18")
def test_nobody_opens_it_without_login(address: Address, client: Client) -> None:
    page = client.get(address.path)
    fragment = client.get(address.path, headers={"hx-request": "true"})
    call = client.get(address.path, headers={"accept": "application/json"})
    write = client.post(address.path)

    assert page.status_code == 302
    assert page["Location"].startswith(f"{reverse('accounts:login')}?next=")
    assert [answer.status_code for answer in (fragment, call, write)] == [401, 401, 401]
    assert fragment["HX-Redirect"] == reverse("accounts:login")


METHODS = ("get", "post", "put", "patch", "delete", "options")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ENDPOINTS, ids=ids)
@pytest.mark.requirement("SC.SSI/GEN.18")
def test_nobody_calls_it_without_token_or_session(address: Address, client: Client) -> None:
    for method in METHODS:
        answer = getattr(client, method)(address.path)
        assert problem_of(answer, 401)["code"] == "not_authenticated", method


@pytest.mark.parametrize("address", ENDPOINTS, ids=ids)
def test_every_endpoint_stands_on_the_base_that_denies(address: Address) -> None:
    view = address.view.cls  # type: ignore[attr-defined]  # given by the framework
    assert issubclass(view, ApiView)
    for name in ("authentication_classes", "permission_classes", "throttle_classes", "initial", "dispatch"):
        assert getattr(view, name) is getattr(ApiView, name), name
    for method in METHODS:
        own = access_rule_of(getattr(view, method, None) or view)
        assert address.rule is not None
        assert own is None or set(address.rule.permissions) <= set(own.permissions), method


@pytest.mark.django_db
@pytest.mark.parametrize("address", ENDPOINTS, ids=ids)
@pytest.mark.requirement("SC.SSI/GEN.18")
def test_a_token_calls_it_only_with_a_scope_that_gives_the_permissions(address: Address) -> None:
    """Each scope alone, each method; a refusal is traced, and an opened address answers something else."""
    view = address.view.cls  # type: ignore[attr-defined]  # given by the framework
    methods = [method for method in ("get", "post") if hasattr(view, method)]
    for scope, given in SCOPES.items():
        issued = issue(scope, name="essai")
        for method in methods:
            rule = access_rule_of(getattr(view, method)) or address.rule
            assert rule is not None
            answer = getattr(client_of(issued), method)(address.path)
            missing = [name for name in rule.permissions if name not in given.permissions]
            if not missing:
                assert answer.status_code not in (401, 403), (scope, method, answer.content)
                continue
            assert problem_of(answer, 403)["code"] == "permission", (scope, method)
            refused = Trace.objects.filter(type="access.refused").latest("id")
            assert refused.detail == {"permissions": missing, "view": address.name}
            assert actor_is(refused, issued.token)


@pytest.mark.slow  # each role at each address
@pytest.mark.parametrize("address", RESTRICTED, ids=ids)
@pytest.mark.requirement("SC.SSI/GEN.18")
def test_each_role_opens_it_only_with_the_permission(address: Address, people: dict[RoleCode, User]) -> None:
    assert address.rule is not None
    wanted = set(address.rule.permissions)
    for code, user in people.items():
        client = sign_in(Client(), user)
        status = client.get(address.path, headers={"accept": "text/html"}).status_code
        if wanted <= set(DEFAULT_ROLES[code].permissions):
            assert status not in (401, 403), f"{code} may open {address.name}, and got {status}"
        else:
            assert status == 403, f"{code} may not open {address.name}, and got {status}"
            refused = Trace.objects.filter(type="access.refused", actor_uid=user.uid).last()
            assert refused is not None
            assert refused.detail["view"] == address.name


@pytest.mark.slow  # each role at each address
@pytest.mark.parametrize("address", RESTRICTED, ids=ids)
def test_a_write_without_the_permission_is_refused_too(
    address: Address, people: dict[RoleCode, User]
) -> None:
    assert address.rule is not None
    for code, user in people.items():
        if not set(address.rule.permissions) <= set(DEFAULT_ROLES[code].permissions):
            assert sign_in(Client(), user).post(address.path).status_code == 403, code


@pytest.mark.parametrize("address", GUARDED, ids=ids)
@pytest.mark.django_db
def test_a_right_held_by_name_opens_it(address: Address) -> None:
    """Whatever the matrix says: a role made of exactly the permissions asked is enough."""
    assert address.rule is not None
    roles_install()
    actor = system_actor("tests")
    user = user_create(login="exact", family_name="ESSAI", given_name="Exact", actor=actor)
    Role.objects.filter(code=RoleCode.SOCIAL).update(permissions=sorted(address.rule.permissions))
    assignment_give(user=user, role=RoleCode.SOCIAL, giver=None, actor=actor)

    status = sign_in(Client(), user).get(address.path, headers={"accept": "text/html"}).status_code

    assert status not in (401, 403, 500)


def test_every_permission_asked_or_given_is_in_the_registry() -> None:
    asked = {name for address in ADDRESSES if address.rule for name in address.rule.permissions}
    given = {name for role in DEFAULT_ROLES.values() for name in role.permissions}

    assert asked | given <= set(PERMISSIONS)
