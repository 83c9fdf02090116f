"""Providers, national identities bound to accounts, and requests for access (psc 7 to 9)."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.enums import AccountKind, LinkMethod, ProviderKind, RequestState, SessionEnd
from accounts.errors import AccountError
from accounts.login_sessions import user_sessions_end
from accounts.models import AccessRequest, ExternalIdentity, IdentityProvider, User
from accounts.services.actors import INSTALLER
from accounts.services.habilitations import MANDATE
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write

PSC_DEFAULTS: dict[str, Any] = {
    "label": "Pro Santé Connect",
    "hint": "e-CPS ou carte CPS",
    "scopes": "openid scope_all",
    "acr_values": "eidas1",
    "accepted_acr": ["eidas1", "eidas2", "eidas3"],
}
"""The request of Pro Santé Connect's own deployments, and the levels they answer (psc 4.1, 4.4)."""


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
    """Withdraw a link; the row stays, revoked (psc 7.8). Done once: a link already withdrawn stays as it is.

    The sessions that this provider opened on the account end with the link.
    """
    identity = ExternalIdentity.objects.select_for_update(of=("self",)).get(pk=identity.pk)
    if identity.revoked_at is not None:
        return
    identity.revoked_at = timezone.now()
    identity.save(update_fields=["revoked_at"])
    _trace_link("federated.unlink", identity, actor=actor, reason=reason)
    user_sessions_end(user=identity.user, actor=actor, end=SessionEnd.UNLINKED, provider=identity.provider)


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
