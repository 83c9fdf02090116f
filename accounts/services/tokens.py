"""Application tokens: given, used, revoked (security 3.2, 4.2, 8.2; SC.SSI/GEN.18)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.enums import AccountKind
from accounts.errors import AccountError, TokenRefused
from accounts.models import ApiToken, User
from accounts.scopes import SCOPES
from audit.context import Actor
from audit.enums import Action, Outcome
from audit.services import trace_write

MARK: Final = "dpi"
"""First part of every token: a scan of files and logs finds one that leaked."""
SECRET_BYTES: Final = 32
PREFIX_BYTES: Final = 5
_FORM: Final = re.compile(rf"{MARK}_(?P<prefix>[0-9a-f]{{10}})_(?P<secret>[A-Za-z0-9_-]{{43}})", re.ASCII)
USE_STEP: Final = timedelta(minutes=10)
"""A use is written down at most this often: each read has its own trace, with the token's prefix."""
STRANGER: Final = Actor(login="inconnu")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token with the one text that opens the door; the text exists nowhere else."""

    token: ApiToken
    text: str


@transaction.atomic
def api_token_create(
    *,
    owner: User,
    scopes: Collection[str],
    expires_at: datetime,
    actor: Actor,
    justification: str = "",
) -> IssuedToken:
    """Give a service account a token. Raises AccountError.

    Only service accounts hold tokens, each for a year at most (security 3.2).
    """
    owner = User.objects.select_for_update(of=("self",)).get(pk=owner.pk)
    now = timezone.now()
    if owner.kind != AccountKind.SERVICE or not owner.is_active:
        raise AccountError("Un jeton se donne à un compte de service en activité.")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise AccountError(f"Portée inconnue ou absente : {', '.join(unknown) or 'nommez-en une'}.")
    if not now < expires_at <= now + ApiToken.LONGEST_LIFE:
        raise AccountError("Un jeton vaut un an au plus : choisissez une échéance plus proche.")
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    token = ApiToken.objects.create(
        owner=owner,
        prefix=prefix,
        digest=_digest(secret),
        scopes=sorted(set(scopes)),
        justification=justification,
        created_at=now,
        created_by=actor.login,
        expires_at=expires_at,
    )
    _trace("apikey.create", Action.CREATE, token, actor, scopes=token.scopes, until=expires_at.isoformat())
    return IssuedToken(token, f"{MARK}_{prefix}_{secret}")


@transaction.atomic
def api_token_revoke(*, token: ApiToken, actor: Actor, reason: str = "") -> ApiToken:
    """End a token now; the row stays, for imputability. A second call changes nothing."""
    token = ApiToken.objects.select_for_update(of=("self",)).select_related("owner").get(pk=token.pk)
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        _trace("apikey.revoke", Action.UPDATE, token, actor, reason=reason)
    return token


def api_tokens_revoke(*, owner: User, actor: Actor, reason: str = "") -> int:
    """End every token of an account (security 4.2); return how many."""
    rows = list(owner.api_tokens.filter(revoked_at__isnull=True))
    for row in rows:
        api_token_revoke(token=row, actor=actor, reason=reason)
    return len(rows)


def api_token_authenticate(text: str) -> ApiToken:
    """The token in force whose text this is. Raises TokenRefused, which leaves its trace.

    Whoever does not hold the secret learns nothing of the token; whoever does learns that it is over.
    """
    read = _FORM.fullmatch(text)
    token = ApiToken.objects.select_related("owner").filter(prefix=read["prefix"]).first() if read else None
    if read is None or token is None or not hmac.compare_digest(token.digest, _digest(read["secret"])):
        raise _refused("token_unknown", None)
    if token.revoked_at is not None or not token.owner.is_active:
        raise _refused("token_revoked", token)
    if token.expires_at <= timezone.now():
        raise _refused("token_expired", token)
    _note_use(token)
    return token


def token_actor(token: ApiToken) -> Actor:
    """The service account behind a token; the token itself is named as the means of authentication."""
    units = [row.unit.code for row in token.owner.assignments_now if row.unit is not None]
    service = units[0] if len(units) == 1 else ""
    return token.owner.as_actor(role="service", service=service, assurance=f"token:{token.prefix}")


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_STEP)
    if token.last_used_at is not None and token.last_used_at >= now - USE_STEP:
        return
    with transaction.atomic():
        if ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now):
            _trace("apikey.use", Action.EXECUTE, token, token_actor(token))


def _refused(code: str, token: ApiToken | None) -> TokenRefused:
    trace_write(
        type="apikey.use",
        action=Action.EXECUTE,
        outcome=Outcome.REFUSED,
        actor=token_actor(token) if token else STRANGER,
        object_type="apikey",
        object_uid=token.uid if token else None,
        reason=code,
    )
    return TokenRefused(code)


def _trace(
    event: str, action: Action, token: ApiToken, actor: Actor, *, reason: str = "", **detail: object
) -> None:
    trace_write(
        type=event,
        action=action,
        actor=actor,
        object_type="apikey",
        object_uid=token.uid,
        reason=reason,
        detail={"owner": token.owner.login, "prefix": token.prefix, **detail},
    )


def _digest(secret: str) -> str:
    """SHA-256: the secret has 256 bits of its own, a slow hash would only slow each call."""
    return hashlib.sha256(secret.encode()).hexdigest()
