"""From a proved identity and its account to a session (psc 7, 18)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from accounts.navigation import arrival_url, home_url
from accounts.oidc.arrival import activity_url, linked_url, new_link_keep
from accounts.oidc.matching import identity_used
from accounts.oidc.proof import Proof
from accounts.rules import Phase
from accounts.selectors import LastLogin, actor_of
from accounts.sessions import Login, ProviderSession, session_open, session_read, session_unlock

BACKEND = "accounts.oidc.backend.ProviderBackend"


def login_finish(
    request: HttpRequest, user: User, proof: Proof, *, wanted: str, is_step_up: bool = False
) -> str:
    """Unlock the session that this person left locked here, or open a new one; return where to go.

    `is_step_up`: the person of an open session proves again who it is, and goes on with it (psc 18).

    Another person's session on this workstation ends: nobody goes on in somebody else's (psc 18).
    Before the page `wanted`, the person reads once that an account was linked (psc 7.2), and chooses
    among several activities (psc 6.4).
    """
    new_link = identity_used(proof, user)
    state = session_read(request.session)
    phase = state.verdict(timezone.now()).phase if state is not None else None
    goes_on = phase is Phase.LOCKED or (phase is Phase.OPEN and is_step_up)
    if state is not None and goes_on and request.user == user:
        prefix = proof.provider.event_prefix
        session_unlock(
            request,
            state,
            proof.assurance,
            actor_of(user, assurance=proof.assurance.level),
            event="session.unlocked" if phase is Phase.LOCKED else f"{prefix}.stepup.success",
            renewal=ProviderSession(proof.identity.subject, proof.sid, proof.tokens),
        )
        target = wanted or home_url()
    else:
        _open(request, user, proof)
        target = arrival_url(wanted)
        if len(proof.identity.activities) > 1:
            target = activity_url(target)
    if new_link is None:
        return target
    new_link_keep(request.session, new_link)
    return linked_url(target)


def _open(request: HttpRequest, user: User, proof: Proof) -> None:
    last = session_open(
        request,
        Login(
            user=user,
            backend=BACKEND,
            assurance=proof.assurance,
            event=f"{proof.provider.event_prefix}.login.success",
            provider=proof.provider,
            subject=proof.identity.subject,
            sid=proof.sid,
            tokens=proof.tokens,
            activities=proof.identity.activities,
            detail=proof.detail(),
        ),
    )
    last_login_tell(request, last)


def last_login_tell(request: HttpRequest, last: LastLogin) -> None:
    """Tell when this account was last opened, and what failed since (security 5)."""
    if last.at is None:
        text = "Première connexion à ce compte."
    else:
        place = f" depuis {last.ip}" if last.ip else ""
        text = f"Dernière connexion le {date_format(timezone.localtime(last.at), 'd/m/Y à H:i')}{place}."
    if last.failures_since:
        messages.warning(request, f"{text} {last.failures_since} tentative(s) échouée(s) depuis.")
    else:
        messages.info(request, text)
