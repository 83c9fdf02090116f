"""Roles and habilitations (security 3.1; SC.SSI/IAM.91, IAM.92)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.enums import RoleCode
from accounts.errors import AccountError
from accounts.models import Assignment, Role, User
from accounts.roles import DEFAULT_ROLES, refreshed
from accounts.rules import GrantCase, GrantRefusal, grant_refusal
from accounts.services.actors import INSTALLER
from audit.context import Actor
from audit.enums import Action, Outcome
from audit.services import trace_write
from establishment.models import Unit

MANDATE = "accounts.habilitation"
"""The permission of whoever gives rights and binds identities."""


@transaction.atomic
def roles_install(*, actor: Actor = INSTALLER) -> list[Role]:
    """Create the roles and offer them the permissions never offered before; return those that changed.

    May run after every migration: a second call changes nothing.
    """
    existing = {role.code: role for role in Role.objects.select_for_update(of=("self",))}
    changed = []
    for code, default in DEFAULT_ROLES.items():
        role = existing.get(code) or Role(code=code, family=default.family)
        before = frozenset(role.permissions)
        wanted = refreshed(before, frozenset(role.offered), frozenset(default.permissions))
        offered = frozenset(role.offered) | frozenset(default.permissions)
        if role.pk and wanted == before and offered == frozenset(role.offered):
            continue
        role.permissions, role.offered = sorted(wanted), sorted(offered)
        role.save()
        changed.append(role)
        trace_write(
            type="role.definition_change",
            action=Action.UPDATE,
            actor=actor,
            object_type="role",
            detail={"role": code, "added": sorted(wanted - before), "removed": sorted(before - wanted)},
        )
    return changed


def assignment_give(
    *,
    user: User,
    role: RoleCode,
    giver: User | None,
    actor: Actor,
    unit: Unit | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Assignment:
    """Give a role, in a unit or in the whole establishment, for a period (security 3.1).

    `giver` is None for the installation alone. Raises GrantRefused, which leaves its own trace
    (`privilege.escalation.refused`): call this outside a transaction, or that trace goes with it.
    """
    wanted = _Wanted(user=user, role=role, giver=giver, unit=unit, since=since or timezone.now(), until=until)
    try:
        return _give(wanted, actor=actor)
    except GrantRefused as refused:
        _trace_refusal(wanted, refused.refusal, actor=actor)
        raise


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A habilitation that is asked for."""

    user: User
    role: RoleCode
    giver: User | None
    unit: Unit | None
    since: datetime
    until: datetime | None


@transaction.atomic
def _give(wanted: _Wanted, *, actor: Actor) -> Assignment:
    user = User.objects.select_for_update(of=("self",)).get(pk=wanted.user.pk)
    row = Role.objects.get(code=wanted.role)
    held = user.assignments.exclude(until__lte=wanted.since)
    if wanted.until is not None:
        held = held.filter(since__lt=wanted.until)
    giver = wanted.giver
    refusal = grant_refusal(
        GrantCase(
            role_family=row.family,
            held_families=frozenset(held.values_list("family", flat=True)),
            account_kind=user.kind,
            account_active=user.is_active,
            to_oneself=giver is not None and giver.pk == user.pk,
            giver_has_mandate=giver is None or giver.has_perm(MANDATE),
        )
    )
    if refusal is not None:
        raise GrantRefused(refusal)
    assignment = Assignment.objects.create(
        user=user,
        role=row,
        family=row.family,
        unit=wanted.unit,
        since=wanted.since,
        until=wanted.until,
        given_by=giver,
    )
    _trace_grant("role.grant", assignment, actor=actor)
    return assignment


class GrantRefused(AccountError):
    """A habilitation was refused by a rule."""

    def __init__(self, refusal: GrantRefusal) -> None:
        super().__init__(refusal.value, code=refusal.name.lower())
        self.refusal = refusal


def _trace_refusal(wanted: _Wanted, refusal: GrantRefusal, *, actor: Actor) -> None:
    trace_write(
        type="privilege.escalation.refused",
        action=Action.EXECUTE,
        outcome=Outcome.REFUSED,
        actor=actor,
        object_type="user",
        object_uid=wanted.user.uid,
        reason=refusal.name.lower(),
        detail={"role": wanted.role},
    )


@transaction.atomic
def assignment_revoke(*, assignment: Assignment, actor: Actor, reason: str = "") -> Assignment:
    """End a habilitation now; the row stays, for imputability. The right is gone at the next request."""
    assignment = Assignment.objects.select_for_update(of=("self",)).get(pk=assignment.pk)
    now = timezone.now()
    if assignment.until is not None and assignment.until <= now:
        return assignment
    assignment.until = now
    if assignment.since >= now:
        raise AccountError("Cette habilitation n’a pas commencé : changez sa période.")
    assignment.save(update_fields=["until"])
    _trace_grant("role.revoke", assignment, actor=actor, reason=reason)
    return assignment


def _trace_grant(event: str, assignment: Assignment, *, actor: Actor, reason: str = "") -> None:
    trace_write(
        type=event,
        action=Action.UPDATE,
        actor=actor,
        object_type="user",
        object_uid=assignment.user.uid,
        reason=reason,
        detail={
            "role": assignment.role.code,
            "unit": assignment.unit.code if assignment.unit else "",
            "since": assignment.since.isoformat(),
            "until": assignment.until.isoformat() if assignment.until else "",
        },
    )
