"""Accounts, their identity attributes and local passwords (security 4; SC.SSI/IE.31 to 33)."""

from __future__ import annotations

from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.enums import AccountKind, AttributeSource
from accounts.errors import AccountError
from accounts.login_sessions import user_sessions_end
from accounts.models import FormerPassword, User
from accounts.rules import rpps_is_valid
from accounts.services.identities import external_identity_unlink
from accounts.services.tokens import api_tokens_revoke
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write

IDENTITY_ATTRIBUTES = ("family_name", "given_name", "title", "rpps", "profession", "specialty", "email")


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
    """Suspend an account: its sessions and its tokens end at once (security 4.2)."""
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
        api_tokens_revoke(owner=user, actor=actor, reason=event)
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
