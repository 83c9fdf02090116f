"""Writes of the accounts room, each traced (security 8.2; psc 7, 19; SC.SSI/IAM.91, IE.31 to 33)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.enums import (
    AccountKind,
    AttributeSource,
    LinkMethod,
    ProviderKind,
    RequestState,
    RoleCode,
)
from accounts.errors import AccountError
from accounts.login_sessions import user_sessions_end
from accounts.models import (
    AccessRequest,
    Assignment,
    ExternalIdentity,
    FormerPassword,
    IdentityProvider,
    Role,
    User,
)
from accounts.roles import DEFAULT_ROLES, refreshed
from accounts.rules import GrantCase, GrantRefusal, grant_refusal, rpps_is_valid
from audit.context import Actor, system_actor
from audit.enums import Action, Outcome
from audit.services import trace_write
from establishment.models import Unit

INSTALLER = system_actor("installation")
"""Actor of what the installation itself does, before any account exists."""

MANDATE = "accounts.habilitation"
PSC_DEFAULTS: dict[str, Any] = {
    "label": "Pro Santé Connect",
    "hint": "e-CPS ou carte CPS",
    "scopes": "openid scope_all",
    "acr_values": "eidas1",
    "accepted_acr": ["eidas1", "eidas2", "eidas3"],
}
"""The request of Pro Santé Connect's own deployments, and the levels they answer (psc 4.1, 4.4)."""
IDENTITY_ATTRIBUTES = ("family_name", "given_name", "title", "rpps", "profession", "specialty", "email")


# --- Roles ------------------------------------------------------------------------------------


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


# --- Accounts ---------------------------------------------------------------------------------


@transaction.atomic
def user_create(
    *,
    login: str,
    family_name: str,
    given_name: str,
    actor: Actor,
    kind: AccountKind = AccountKind.NOMINATIVE,
    title: str = "",
    rpps: str = "",
    profession: str = "",
    specialty: str = "",
    email: str = "",
    may_use_password: bool = False,
    password: str | None = None,
    source: AttributeSource = AttributeSource.ADMIN,
    shared_rpps_reason: str = "",
) -> User:
    """Open an account, without any right: those come from `assignment_give`.

    The RPPS counts as verified by `source` (SC.SSI/IE.31). Raises AccountError when the login is
    taken, the RPPS has a wrong key, or another active account holds it and no reason says why a
    person needs two. A password that the policy refuses raises AccountError too.
    """
    if User.objects.filter(login=login).exists():
        raise AccountError("Cet identifiant de connexion existe déjà : il n’est jamais réattribué.")
    _check_rpps(rpps, shared_reason=shared_rpps_reason)
    user = User(
        login=login,
        family_name=family_name,
        given_name=given_name,
        title=title,
        kind=kind,
        rpps=rpps,
        rpps_source=source if rpps else AttributeSource.UNVERIFIED,
        rpps_verified_at=timezone.now() if rpps else None,
        profession=profession,
        specialty=specialty,
        email=email,
        may_use_password=may_use_password,
    )
    user.set_unusable_password()
    user.save()
    trace_write(
        type="account.create",
        action=Action.CREATE,
        actor=actor,
        object_type="user",
        object_uid=user.uid,
        reason=shared_rpps_reason,
        detail={"login": login, "kind": kind, "rpps": rpps, "source": source if rpps else ""},
    )
    if password is not None:
        password_set(user=user, password=password, actor=actor)
    return user


@transaction.atomic
def user_update(
    *,
    user: User,
    actor: Actor,
    reason: str = "",
    source: AttributeSource = AttributeSource.ADMIN,
    **attributes: str,
) -> User:
    """Change identity attributes of an account, old and new values traced (SC.SSI/IE.32).

    A change of RPPS needs a reason, withdraws the links with national identities, and ends the
    open sessions (security 4.4). Nobody changes his own. Raises AccountError.
    """
    unknown = set(attributes) - set(IDENTITY_ATTRIBUTES)
    if unknown:
        raise TypeError(f"not an identity attribute: {sorted(unknown)}")
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if actor.uid == user.uid:
        raise AccountError("Vous ne pouvez pas modifier vous-même votre identité professionnelle.")
    changes = {
        name: (getattr(user, name), value)
        for name, value in attributes.items()
        if getattr(user, name) != value
    }
    if "rpps" in changes:
        _change_rpps(user, attributes["rpps"], actor=actor, reason=reason, source=source)
    for name, (old, new) in changes.items():
        setattr(user, name, new)
        trace_write(
            type="attribute.change",
            action=Action.UPDATE,
            actor=actor,
            object_type="user",
            object_uid=user.uid,
            reason=reason,
            detail={"name": name, "old": old, "new": new},
        )
    user.save()
    return user


def _change_rpps(user: User, rpps: str, *, actor: Actor, reason: str, source: AttributeSource) -> None:
    if not reason:
        raise AccountError("Un changement de RPPS doit être justifié.")
    _check_rpps(rpps, shared_reason="", excluding=user)
    user.rpps_source = source if rpps else AttributeSource.UNVERIFIED
    user.rpps_verified_at = timezone.now() if rpps else None
    for identity in user.external_identities.filter(revoked_at__isnull=True):
        external_identity_unlink(identity=identity, actor=actor, reason=reason)
    user_sessions_end(user=user, actor=actor)


def _check_rpps(rpps: str, *, shared_reason: str, excluding: User | None = None) -> None:
    if not rpps:
        return
    if not rpps_is_valid(rpps):
        raise AccountError("Ce numéro RPPS n’est pas valable : 11 chiffres et une clé juste sont attendus.")
    others = User.objects.filter(rpps=rpps, is_active=True)
    if excluding is not None:
        others = others.exclude(pk=excluding.pk)
    if others.exists() and not shared_reason:
        raise AccountError(
            "Un compte actif porte déjà ce RPPS : dites pourquoi cette personne a besoin d’un second compte."
        )


@transaction.atomic
def user_suspend(*, user: User, actor: Actor, reason: str = "") -> User:
    """Suspend an account: its sessions end at once (security 4.2)."""
    return _set_active(user, actor=actor, active=False, event="account.disable", reason=reason)


@transaction.atomic
def user_enable(*, user: User, actor: Actor, reason: str = "") -> User:
    """Open a suspended account again; a closed one stays closed. Raises AccountError."""
    return _set_active(user, actor=actor, active=True, event="account.enable", reason=reason)


@transaction.atomic
def user_close(*, user: User, actor: Actor, reason: str = "") -> User:
    """Close an account for good. It is kept, and its login is never given again (security 4.2)."""
    user = _set_active(user, actor=actor, active=False, event="account.close", reason=reason)
    user.closed_at = timezone.now()
    user.save(update_fields=["closed_at"])
    return user


def _set_active(user: User, *, actor: Actor, active: bool, event: str, reason: str) -> User:
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if user.closed_at is not None:
        raise AccountError("Ce compte est clos : il ne peut plus être modifié.")
    if actor.uid == user.uid:
        raise AccountError("Vous ne pouvez pas changer l’état de votre propre compte.")
    user.is_active = active
    user.save(update_fields=["is_active"])
    trace_write(
        type=event,
        action=Action.UPDATE,
        actor=actor,
        object_type="user",
        object_uid=user.uid,
        reason=reason,
    )
    if not active:
        user_sessions_end(user=user, actor=actor)
    return user


@transaction.atomic
def password_set(*, user: User, password: str, actor: Actor, keep_session: str = "") -> User:
    """Give an account a local password that the policy accepts (security 4.1).

    The former one joins the history, and the sessions of the account end, but that of the key
    `keep_session` (the person who changes the password goes on).
    Raises AccountError with every fault found; the failure is traced by `password_refused`.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise AccountError(" ".join(error.messages)) from error
    if user.has_usable_password():
        FormerPassword.objects.create(user=user, digest=user.password)
    user.set_password(password)
    user.password_changed_at = timezone.now()
    user.save(update_fields=["password", "password_changed_at"])
    trace_write(
        type="password.change.success",
        action=Action.UPDATE,
        actor=actor,
        object_type="user",
        object_uid=user.uid,
    )
    user_sessions_end(user=user, actor=actor, except_key=keep_session)
    return user


def password_was_used(*, user: User, password: str, last: int) -> bool:
    """Whether the password is the present one or one of the `last` former ones (security 4.1)."""
    digests = [user.password] if user.has_usable_password() else []
    digests += user.former_passwords.values_list("digest", flat=True)[:last]
    return any(check_password(password, digest) for digest in digests)


# --- Habilitations ----------------------------------------------------------------------------


@transaction.atomic
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

    `giver` is None for the installation alone. Raises AccountError; a refusal is traced by the
    caller's `privilege_refuse`, outside this transaction, so that it survives.
    """
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    row = Role.objects.get(code=role)
    begin = since or timezone.now()
    held = user.assignments.exclude(until__lte=begin)
    if until is not None:
        held = held.filter(since__lt=until)
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
        user=user, role=row, family=row.family, unit=unit, since=begin, until=until, given_by=giver
    )
    _trace_grant("role.grant", assignment, actor=actor)
    return assignment


class GrantRefused(AccountError):
    """A habilitation was refused by a rule."""

    def __init__(self, refusal: GrantRefusal) -> None:
        super().__init__(refusal.value, code=refusal.name.lower())
        self.refusal = refusal


def privilege_refuse(*, user: User, role: RoleCode, refusal: GrantRefusal, actor: Actor) -> None:
    """Trace an attempt to give a right that the rules refuse (security 8.2)."""
    trace_write(
        type="privilege.escalation.refused",
        action=Action.EXECUTE,
        outcome=Outcome.REFUSED,
        actor=actor,
        object_type="user",
        object_uid=user.uid,
        reason=refusal.name.lower(),
        detail={"role": role},
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


# --- National identities ----------------------------------------------------------------------


@transaction.atomic
def external_identity_link(
    *,
    user: User,
    provider: IdentityProvider,
    subject: str,
    method: LinkMethod,
    actor: Actor,
    sub: str = "",
    linked_by: User | None = None,
) -> ExternalIdentity:
    """Bind an identity of a provider to an account (psc 7). Raises AccountError.

    Generic and administration accounts are never bound; an account bound to another person of the
    same provider is a conflict (psc 7.5, 7.6).
    """
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if user.kind != AccountKind.NOMINATIVE or user.is_privileged or not user.is_active:
        raise AccountError("Ce compte ne peut pas être rattaché à une identité nationale.")
    live = user.external_identities.filter(
        provider=provider.slug, issuer=provider.issuer, revoked_at__isnull=True
    )
    known = live.filter(subject=subject).first()
    if known is not None:
        return known
    if live.exists():
        raise AccountError("Ce compte est déjà rattaché à une autre identité de ce fournisseur.")
    identity = ExternalIdentity.objects.create(
        user=user,
        provider=provider.slug,
        issuer=provider.issuer,
        subject=subject,
        sub=sub,
        method=method,
        linked_by=linked_by,
    )
    _trace_link(f"{provider.event_prefix}.link.created", identity, actor=actor, reason=method)
    return identity


@transaction.atomic
def external_identity_unlink(*, identity: ExternalIdentity, actor: Actor, reason: str = "") -> None:
    """Withdraw a link; the row stays, revoked (psc 7.8)."""
    identity.revoked_at = timezone.now()
    identity.save(update_fields=["revoked_at"])
    _trace_link("federated.unlink", identity, actor=actor, reason=reason)


def _trace_link(event: str, identity: ExternalIdentity, *, actor: Actor, reason: str) -> None:
    trace_write(
        type=event,
        action=Action.UPDATE,
        actor=actor,
        object_type="user",
        object_uid=identity.user.uid,
        reason=reason,
        detail={"provider": identity.provider, "issuer": identity.issuer, "subject": identity.subject},
    )


# --- Providers --------------------------------------------------------------------------------


@transaction.atomic
def provider_set(*, slug: str, actor: Actor = INSTALLER, **values: Any) -> IdentityProvider:
    """Create or change a provider; a call that changes nothing writes nothing (psc 9, 19).

    A new Pro Santé Connect row starts with what that service asks for and answers. Raises
    django's ValidationError for a value that the model refuses.
    """
    row = IdentityProvider.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    created = row is None
    if row is None:
        row = IdentityProvider(slug=slug)
        values = (PSC_DEFAULTS | values) if values.get("kind") == ProviderKind.PSC else values
    changes = sorted(name for name, value in values.items() if getattr(row, name) != value)
    if not created and not changes:
        return row
    for name in changes:
        setattr(row, name, values[name])
    row.full_clean()
    row.save()
    event = "created" if created else ("changed" if row.is_enabled else "disabled")
    trace_write(
        type=f"oidc.provider.{event}",
        action=Action.CREATE if created else Action.UPDATE,
        actor=actor,
        object_type="provider",
        detail={"provider": slug, "issuer": row.issuer, "changed": changes},
    )
    return row


# --- Requests for access ----------------------------------------------------------------------


@transaction.atomic
def access_request_decide(
    *, request: AccessRequest, state: RequestState, decider: User, actor: Actor, account: User | None = None
) -> AccessRequest:
    """Accept (and link the account given) or refuse a request. Raises AccountError."""
    request = AccessRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    if request.state != RequestState.PENDING:
        raise AccountError("Cette demande a déjà été traitée.")
    if not decider.has_perm(MANDATE):
        raise AccountError("Votre compte n’a pas le droit de rattacher une identité.")
    if state == RequestState.ACCEPTED:
        target = account or request.account
        if target is None:
            raise AccountError("Désignez le compte à rattacher.")
        external_identity_link(
            user=target,
            provider=IdentityProvider.objects.get(slug=request.provider),
            subject=request.subject,
            sub=request.sub,
            method=LinkMethod.ADMIN,
            actor=actor,
            linked_by=decider,
        )
    request.state, request.decided_at, request.decided_by = state, timezone.now(), decider
    request.save(update_fields=["state", "decided_at", "decided_by"])
    trace_write(
        type="access_request.decide",
        action=Action.UPDATE,
        actor=actor,
        object_type="access_request",
        object_uid=request.uid,
        detail={"state": state, "subject": request.subject},
    )
    return request
