"""Reads of the accounts room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from accounts.assurance import LOCAL_PROVIDER
from accounts.enums import PRIVILEGED_FAMILIES, AccountKind, ProviderKind
from accounts.models import Assignment, ExternalIdentity, IdentityProvider, LoginSession, User
from accounts.rules import Candidate
from audit.context import Actor
from audit.enums import Outcome
from audit.models import Trace
from establishment.enums import Switch
from establishment.models import Unit
from establishment.selectors import switch_is_on

LOGIN_FAILURES = ("login.failure", "psc.login.failure", "oidc.login.failure")
"""Trace events of a login that failed; the account, when it is known, is their object."""


def units_of(user: User) -> tuple[Unit, ...]:
    """Units that the assignments of today name, without repetition."""
    units = {row.unit.pk: row.unit for row in user.assignments_now if row.unit is not None}
    return tuple(units.values())


def serves_every_unit(user: User) -> bool:
    """Whether an assignment of today covers the whole establishment."""
    return any(row.unit_id is None for row in user.assignments_now)


def actor_of(user: User, *, assurance: str = "", permissions: Iterable[str] = ()) -> Actor:
    """The user as actor, in the role that grants the permissions asked (one request, one role)."""
    wanted = frozenset(permissions)
    rows = user.assignments_now
    row = next((row for row in rows if wanted <= frozenset(row.role.permissions)), rows[0] if rows else None)
    if row is None:
        return user.as_actor(assurance=assurance)
    return user.as_actor(role=row.role.code, service=row.unit.code if row.unit else "", assurance=assurance)


def providers_offered() -> list[IdentityProvider]:
    """Providers of the login page; Pro Santé Connect only where the installation uses it (F-DPI-13)."""
    rows = list(IdentityProvider.objects.filter(is_enabled=True))
    if any(row.kind == ProviderKind.PSC for row in rows) and not switch_is_on(Switch.PSC):
        rows = [row for row in rows if row.kind != ProviderKind.PSC]
    return rows


def provider_offered(slug: str) -> IdentityProvider | None:
    """The provider of that name, if the login page offers it."""
    return next((row for row in providers_offered() if row.slug == slug), None)


def _candidates(users: QuerySet[User], elsewhere: QuerySet[ExternalIdentity]) -> tuple[Candidate, ...]:
    privileged = Assignment.objects.in_force().filter(user=OuterRef("pk"), family__in=PRIVILEGED_FAMILIES)
    rows = users.annotate(
        privileged=Exists(privileged), elsewhere=Exists(elsewhere.filter(user=OuterRef("pk")))
    ).values_list("id", "is_active", "kind", "privileged", "elsewhere")
    return tuple(Candidate(*row) for row in rows.order_by("id"))


def linked_candidates(provider: IdentityProvider, subject: str) -> tuple[Candidate, ...]:
    """Accounts with a live link to this identity."""
    links = ExternalIdentity.objects.filter(
        provider=provider.slug, issuer=provider.issuer, subject=subject, revoked_at__isnull=True
    )
    users = User.objects.filter(id__in=links.values("user_id"))
    return _candidates(users, ExternalIdentity.objects.none())


def link_was_withdrawn(provider: IdentityProvider, subject: str) -> bool:
    """Whether somebody once withdrew a link of this identity: no link is then made by itself (psc 7.8)."""
    return ExternalIdentity.objects.filter(
        provider=provider.slug, issuer=provider.issuer, subject=subject, revoked_at__isnull=False
    ).exists()


def identities_of(user: User) -> list[ExternalIdentity]:
    """Identities that open this account, in the order they were linked."""
    return list(user.external_identities.filter(revoked_at__isnull=True).order_by("linked_at", "id"))


def provider_labels() -> dict[str, str]:
    """Words for providers, by slug, those no longer offered included."""
    return dict(IdentityProvider.objects.values_list("slug", "label"))


def rpps_candidates(provider: IdentityProvider, subject: str, rpps: str) -> tuple[Candidate, ...]:
    """Accounts whose RPPS was verified and is that of the identity (psc 7.2)."""
    if not rpps:
        return ()
    elsewhere = ExternalIdentity.objects.filter(
        provider=provider.slug, issuer=provider.issuer, revoked_at__isnull=True
    ).exclude(subject=subject)
    users = User.objects.filter(rpps=rpps, rpps_verified_at__isnull=False, kind=AccountKind.NOMINATIVE)
    return _candidates(users, elsewhere)


@dataclass(frozen=True, slots=True)
class LastLogin:
    """What a person is told after login (security 5)."""

    at: datetime | None
    ip: str | None
    provider: str
    failures_since: int


def last_login_of(user: User) -> LastLogin:
    """The last login and how many attempts failed since."""
    last = LoginSession.objects.filter(user=user).first()
    failures = Trace.objects.filter(
        type__in=LOGIN_FAILURES,
        outcome=Outcome.FAILURE,
        object_uid=user.uid,
    )
    if last is not None:
        failures = failures.filter(time__gt=last.opened_at)
    return LastLogin(
        at=last.opened_at if last else None,
        ip=last.ip if last else None,
        provider=last.provider if last else LOCAL_PROVIDER,
        failures_since=failures.count(),
    )


def open_sessions_of(user: User) -> list[LoginSession]:
    """Sessions of a user that nothing has ended, newest first."""
    return list(LoginSession.objects.filter(user=user, ended_at__isnull=True))
