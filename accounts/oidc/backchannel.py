"""The provider ends a session from behind (psc 11.4; OpenID Connect Back-Channel Logout 1.0, 2.4 to 2.8).

No browser and no cookie come with this call: the signed logout token is all that is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

import redis
import structlog
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from accounts.access import public
from accounts.enums import LoginRefusal, SessionEnd
from accounts.errors import LoginRefused
from accounts.login_sessions import login_session_end
from accounts.models import ExternalIdentity, IdentityProvider, LoginSession
from accounts.oidc.client import ProviderClient
from accounts.oidc.tokens import CLOCK_SKEW_S, Keys, signed_claims
from accounts.selectors import provider_offered
from audit.context import system_actor
from audit.enums import Action, Outcome
from audit.middleware import client_ip
from audit.services import trace_write

log = structlog.get_logger(__name__)

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_TYPES = frozenset({"", "jwt", "logout+jwt", "application/logout+jwt"})
MAX_AGE_S = 120
REPLAY_S = 2 * (MAX_AGE_S + CLOCK_SKEW_S)
"""A `jti` is remembered longer than its token could be accepted."""
MAX_TOKEN_CHARACTERS = 16_384
CALLS_PER_MINUTE = 60
PROVIDER = system_actor("accounts.oidc.backchannel")


@dataclass(frozen=True, slots=True)
class Ended:
    """Whose session ended at the provider: that of `sid`, or every one of `sub` when `sid` is empty."""

    jti: str
    sid: str
    sub: str


def logout_claims(token: str, provider: IdentityProvider, *, keys: Keys, now: datetime) -> Ended:
    """What a valid logout token says. Raises LoginRefused TOKEN; the reason goes to the trace alone."""
    header, claims = signed_claims(
        token,
        keys=keys,
        algorithms=provider.algorithms,
        issuer=provider.issuer,
        audience=provider.client_id,
        required=("iss", "aud", "iat", "jti", "events"),
    )
    if str(header.get("typ", "")).lower() not in TOKEN_TYPES:
        raise _refused("typ is not that of a logout token")
    if now.timestamp() - claims["iat"] > MAX_AGE_S:
        raise _refused("iat too old")
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise _refused("events names no logout")
    if "nonce" in claims:
        raise _refused("nonce is forbidden")
    ended = Ended(jti=_text(claims, "jti"), sid=_text(claims, "sid"), sub=_text(claims, "sub"))
    if not ended.jti:
        raise _refused("jti is empty")
    if not ended.sid and not ended.sub:
        raise _refused("neither sid nor sub")
    return ended


@transaction.atomic
def provider_sessions_end(provider: IdentityProvider, ended: Ended) -> int:
    """End the sessions that the provider names; return how many. None left is no error (2.7)."""
    rows = LoginSession.objects.filter(ended_at__isnull=True, provider=provider.slug)
    if ended.sid:
        rows = rows.filter(sid=ended.sid)
    if ended.sub:
        people = ExternalIdentity.objects.filter(
            provider=provider.slug, issuer=provider.issuer, sub=ended.sub
        )
        rows = rows.filter(user__in=people.values("user"))
    found = list(rows.select_related("user"))
    for row in found:
        login_session_end(
            session=row,
            end=SessionEnd.PROVIDER,
            actor=PROVIDER,
            event=f"{provider.event_prefix}.logout.backchannel",
        )
    return len(found)


@public
@method_decorator(csrf_exempt, name="dispatch")
class BackchannelLogoutView(View):
    """POST of the provider: 200 once done, 400 for a token that is not believed (2.8).

    Absent, as any unknown address, while the provider's row does not allow it.
    """

    http_method_names = ["post"]

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        provider = provider_offered(slug)
        if provider is None or not provider.backchannel_logout:
            return _answer("not_found", 404)
        if _counted(provider, client_ip(request)) > CALLS_PER_MINUTE:
            return _answer("slow_down", 429)
        token = request.POST.get("logout_token", "")
        client = ProviderClient(provider)
        try:
            if not 0 < len(token) <= MAX_TOKEN_CHARACTERS:
                raise _refused("no token, or too long")
            ended = logout_claims(
                token, provider, keys=lambda reload: client.keys(reload=reload), now=timezone.now()
            )
            if not _is_first(provider, ended.jti):
                raise _refused("jti was used already")
        except LoginRefused as refused:
            _trace_refused(provider, refused)
            return _answer("invalid_request", 400)
        count = provider_sessions_end(provider, ended)
        log.info("oidc.backchannel_logout", provider=provider.slug, sessions=count)
        response = HttpResponse(status=200)
        response["Cache-Control"] = "no-store"
        return response


def _answer(error: str, status: int) -> HttpResponse:
    response = JsonResponse({"error": error}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _is_first(provider: IdentityProvider, jti: str) -> bool:
    """Whether this token comes for the first time.

    Without Redis it is believed: the worst that a replay does is to log somebody out again.
    """
    name = f"oidc:{provider.slug}:logout:{crc32(provider.issuer.encode())}:{jti[:200]}"
    try:
        return bool(cache.add(name, True, REPLAY_S))
    except redis.RedisError:
        log.warning("oidc.cache_unreachable")
        return True


def _counted(provider: IdentityProvider, ip: str | None) -> int:
    """Calls of an address in this minute; 0 when the cache cannot be reached."""
    name = f"oidc:{provider.slug}:logout-calls:{ip}:{int(timezone.now().timestamp() // 60)}"
    try:
        cache.add(name, 0, 120)
        return int(cache.incr(name))
    except (redis.RedisError, ValueError):
        log.warning("oidc.cache_unreachable")
        return 0


def _trace_refused(provider: IdentityProvider, refused: LoginRefused) -> None:
    trace_write(
        type=f"{provider.event_prefix}.logout.backchannel",
        action=Action.EXECUTE,
        outcome=Outcome.REFUSED,
        actor=PROVIDER,
        reason=refused.reason.replace("id_token", "logout_token", 1),
        detail={"provider": provider.slug, "issuer": provider.issuer},
    )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) and "\0" not in value else ""


def _refused(reason: str) -> LoginRefused:
    return LoginRefused(LoginRefusal.TOKEN, f"logout_token: {reason}")
