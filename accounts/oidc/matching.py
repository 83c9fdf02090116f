"""Finding the local account of a proved identity (psc 7; SC.PSC.08). No account is made on the way."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.enums import LinkMethod, LoginRefusal
from accounts.errors import AccountError, LoginRefused
from accounts.models import AccessRequest, ExternalIdentity, User
from accounts.oidc.proof import Proof
from accounts.rules import Match, match_accounts
from accounts.selectors import actor_of, link_was_withdrawn, linked_candidates, rpps_candidates
from accounts.services import external_identity_link
from audit.enums import Action, Outcome
from audit.services import trace_write


class AccountUnresolved(LoginRefused):
    """The identity is good, and the person has something to do: choose, prove, or ask for access."""

    def __init__(self, outcome: Match, accounts: tuple[int, ...]) -> None:
        super().__init__(LoginRefusal.NO_ACCOUNT, outcome.value)
        self.outcome = outcome
        self.accounts = accounts


def account_resolve(proof: Proof, *, claims_agree: bool) -> User:
    """The account that the identity opens, linked now if the RPPS says so.

    Raises AccountUnresolved when the person must act, LoginRefused ACCOUNT when no action helps.
    """
    identity = proof.identity
    matching = match_accounts(
        linked_candidates(proof.provider, identity.subject),
        rpps_candidates(proof.provider, identity.subject, identity.rpps),
        autolink=proof.provider.autolink and not link_was_withdrawn(proof.provider, identity.subject),
        claims_agree=claims_agree,
    )
    match matching.outcome:
        case Match.LOGIN:
            return User.objects.get(pk=matching.accounts[0])
        case Match.LINK:
            return account_link(proof, User.objects.get(pk=matching.accounts[0]), LinkMethod.RPPS)
        case Match.CHOOSE | Match.PROVE | Match.NONE:
            raise AccountUnresolved(matching.outcome, matching.accounts)
        case _:
            _trace_refused_link(proof, matching.outcome)
            raise LoginRefused(LoginRefusal.ACCOUNT, matching.outcome.value)


def account_link(proof: Proof, user: User, method: LinkMethod) -> User:
    """Bind the identity to an account. Raises LoginRefused ACCOUNT when the account may not be bound."""
    try:
        external_identity_link(
            user=user,
            provider=proof.provider,
            subject=proof.identity.subject,
            sub=proof.identity.sub,
            method=method,
            actor=actor_of(user, assurance=proof.assurance.level),
        )
    except AccountError as error:
        _trace_refused_link(proof, Match.CONFLICT, user)
        raise LoginRefused(LoginRefusal.ACCOUNT, "link refused") from error
    return user


def _trace_refused_link(proof: Proof, outcome: Match, user: User | None = None) -> None:
    trace_write(
        type=f"{proof.provider.event_prefix}.link.refused",
        action=Action.EXECUTE,
        outcome=Outcome.REFUSED,
        actor=proof.as_actor(),
        object_type="user",
        object_uid=user.uid if user else None,
        reason=outcome.value,
        detail=proof.detail(),
    )


@transaction.atomic
def identity_used(proof: Proof, user: User) -> ExternalIdentity | None:
    """Note a login on the link; return the link when this is its first use.

    What the provider now says otherwise than the account is traced. Names and profession are never
    changed silently: an administrator decides (SC.SSI/IE.31 to 33).
    """
    identity = proof.identity
    link = (
        ExternalIdentity.objects.select_for_update(of=("self",))
        .filter(
            user=user,
            provider=proof.provider.slug,
            issuer=proof.provider.issuer,
            subject=identity.subject,
            revoked_at__isnull=True,
        )
        .first()
    )
    is_first = link is not None and link.last_login_at is None
    if link is not None:
        link.last_login_at, link.sub = timezone.now(), identity.sub
        link.save(update_fields=["last_login_at", "sub"])
    for name in ("family_name", "given_name", "profession", "specialty"):
        old, new = getattr(user, name), getattr(identity, name)
        if new and old.casefold() != new.casefold():
            trace_write(
                type=f"{proof.provider.event_prefix}.claims.changed",
                action=Action.READ,
                actor=actor_of(user, assurance=proof.assurance.level),
                object_type="user",
                object_uid=user.uid,
                detail={"name": name, "old": old, "new": new},
            )
    return link if is_first else None


@transaction.atomic
def access_request_create(proof: Proof, *, message: str, account: User | None = None) -> AccessRequest:
    """Keep a request for access or for a link; one waits at a time for an identity (psc 7.4)."""
    identity = proof.identity
    key = {
        "provider": proof.provider.slug,
        "issuer": proof.provider.issuer,
        "subject": identity.subject,
    }
    request, created = AccessRequest.objects.pending().get_or_create(
        **key,
        defaults={
            "sub": identity.sub,
            "rpps": identity.rpps,
            "family_name": identity.family_name[:100],
            "given_name": identity.given_name[:100],
            "profession": identity.profession[:10],
            "account": account,
            "message": message[:500],
        },
    )
    if not created:
        return request
    trace_write(
        type="access_request.create",
        action=Action.CREATE,
        actor=proof.as_actor(),
        object_type="access_request",
        object_uid=request.uid,
        detail=proof.detail(),
    )
    return request
