"""The product as a client of one provider: discovery, keys, tokens, userinfo (psc 2 to 5).

Every address comes from the provider's discovery document. Only the authorities of the provider's
row are trusted, redirections are not followed, answers are small, nothing of the environment counts.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import httpx
import redis
import structlog
from django.core.cache import cache

from accounts.enums import ClientAuthentication, LoginRefusal
from accounts.errors import LoginRefused
from accounts.models import IdentityProvider
from audit.context import current_origin
from establishment.enums import NationalService
from national.enums import CallOutcome
from national.models import Call

log = structlog.get_logger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
MAX_ANSWER_BYTES = 1 << 20
METADATA_SECONDS = 24 * 3600
KEYS_RELOAD_SECONDS = 60
"""An unknown key id reloads the keys, but not more often than this (psc 2, 4.4)."""
DOWN_SECONDS = 60
"""How long the login page says that a provider does not answer after a call that failed."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Addresses of a provider. `authorization` and `end_session` are opened by the browser."""

    issuer: str
    authorization: str
    token: str
    userinfo: str
    jwks: str
    end_session: str = ""
    revocation: str = ""


class ProviderClient:
    """Calls one provider. Raises LoginRefused UNREACHABLE or TOKEN, and nothing else."""

    def __init__(self, provider: IdentityProvider) -> None:
        self.provider = provider

    # --- Metadata and keys ---

    def metadata(self) -> Metadata:
        """The discovery document, kept a day; its issuer must be the one configured."""
        document = self._kept("metadata", lambda: self._get_json(self.provider.discovery_url))
        if document.get("issuer") != self.provider.issuer:
            raise LoginRefused(LoginRefusal.TOKEN, "discovery: issuer is not the configured one")
        try:
            found = Metadata(
                issuer=document["issuer"],
                authorization=document["authorization_endpoint"],
                token=document["token_endpoint"],
                userinfo=document["userinfo_endpoint"],
                jwks=document["jwks_uri"],
                end_session=document.get("end_session_endpoint", ""),
                revocation=document.get("revocation_endpoint", ""),
            )
        except KeyError as error:
            raise LoginRefused(LoginRefusal.TOKEN, f"discovery: {error} missing") from error
        for address in (found.token, found.userinfo, found.jwks, found.revocation):
            if address and not address.startswith("https://"):
                raise LoginRefused(LoginRefusal.TOKEN, "discovery: an address is not https")
        for address in (found.authorization, found.end_session):
            if address and not _may_open_in_browser(address):
                raise LoginRefused(LoginRefusal.TOKEN, "discovery: a page is neither https nor loopback")
        return found

    def keys(self, *, reload: bool = False) -> dict[str, Any]:
        """The provider's JWKS, kept a day; `reload` asks again, once a minute at most."""
        if reload and _cache_add(self._key("reloaded"), KEYS_RELOAD_SECONDS):
            _cache_delete(self._key("keys"))
        return self._kept("keys", lambda: self._get_json(self.metadata().jwks))

    def forget(self) -> None:
        """Forget what is kept of the provider: the next question goes to it."""
        for name in ("metadata", "keys"):
            _cache_delete(self._key(name))

    def _kept(self, name: str, load: Any) -> dict[str, Any]:
        key = self._key(name)
        found: dict[str, Any] | None = _cache_get(key)
        if found is None:
            found = load()
            _cache_set(key, found, METADATA_SECONDS)
        return found

    def _key(self, name: str) -> str:
        # The address is part of the key: a provider moved elsewhere must not answer from the old place.
        return f"oidc:{self.provider.slug}:{crc32(self.provider.discovery_url.encode())}:{name}"

    # --- Calls with the client's proof ---

    def exchange(self, *, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Exchange the code for tokens, once (psc 4.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        answer = self._send("token", "POST", self.metadata().token, data=form, proof=True)
        if answer.status_code != httpx.codes.OK:
            raise LoginRefused(LoginRefusal.TOKEN, f"token: {_error_code(answer)}")
        return _json(answer)

    def userinfo(self, access_token: str) -> httpx.Response:
        """The claims of the bearer: JSON, or a signed JWT (psc 4.5)."""
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = self._send("userinfo", "GET", self.metadata().userinfo, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise LoginRefused(LoginRefusal.TOKEN, f"userinfo: {_error_code(answer)}")
        return answer

    def revoke(self, token: str) -> bool:
        """Give a refresh token back; False when the provider could not be told (psc 11.2)."""
        address = self.metadata().revocation
        if not address:
            return False
        form = {"token": token, "token_type_hint": "refresh_token"}
        return self._send("revoke", "POST", address, data=form, proof=True).status_code == httpx.codes.OK

    # --- Transport ---

    def _get_json(self, address: str) -> dict[str, Any]:
        answer = self._send("discovery", "GET", address)
        if answer.status_code != httpx.codes.OK:
            raise LoginRefused(LoginRefusal.UNREACHABLE, f"discovery: HTTP {answer.status_code}")
        return _json(answer)

    def _send(
        self,
        transaction: str,
        method: str,
        address: str,
        *,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        proof: bool = False,
    ) -> httpx.Response:
        started = time.monotonic()
        outcome, code = CallOutcome.UNAVAILABLE, ""
        try:
            form, auth = self._prove(data or {}) if proof else (data, None)
            with self._http() as http:
                answer = http.request(method, address, data=form, headers=headers, auth=auth)
            code = str(answer.status_code)
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise LoginRefused(LoginRefusal.UNREACHABLE, f"{transaction}: HTTP {answer.status_code}")
            if len(answer.content) > MAX_ANSWER_BYTES:
                raise LoginRefused(LoginRefusal.TOKEN, f"{transaction}: answer too large")
            outcome = CallOutcome.SUCCESS if answer.is_success else CallOutcome.REJECTED
            return answer
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            code = type(error).__name__
            log.warning("oidc.unreachable", provider=self.provider.slug, transaction=transaction, error=code)
            raise LoginRefused(LoginRefusal.UNREACHABLE, f"{transaction}: {code}") from error
        finally:
            self._note(transaction, outcome, code, started)

    def _note(self, transaction: str, outcome: CallOutcome, code: str, started: float) -> None:
        """One Call row, and the mark that the login page reads."""
        down = outcome == CallOutcome.UNAVAILABLE
        if down:
            _cache_set(self._key("down"), True, DOWN_SECONDS)
        elif transaction != "discovery":
            _cache_delete(self._key("down"))
        if self.provider.event_prefix != "psc":
            return
        Call.objects.create(
            service=NationalService.PSC,
            transaction=transaction,
            message_id=current_origin().correlation,
            actor_label="connexion",
            duration_ms=int((time.monotonic() - started) * 1000),
            outcome=outcome,
            code=code,
        )

    def _prove(self, form: dict[str, str]) -> tuple[dict[str, str], httpx.BasicAuth | None]:
        provider = self.provider
        if provider.authentication == ClientAuthentication.TLS:
            return form | {"client_id": provider.client_id}, None
        secret = _secret(provider.client_secret_path)
        if provider.authentication == ClientAuthentication.POST:
            return form | {"client_id": provider.client_id, "client_secret": secret}, None
        return form, httpx.BasicAuth(provider.client_id, secret)

    def _http(self) -> httpx.Client:
        provider = self.provider
        paths = (provider.ca_path, provider.certificate_path, provider.key_path)
        context = _tls(*paths, tuple(_stamp(path) for path in paths))
        return httpx.Client(
            verify=context,
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            proxy=provider.proxy_url or None,
        )

    def seems_down(self) -> bool:
        """Whether the last call of this minute found nobody; asks nothing on the network."""
        return bool(_cache_get(self._key("down")))


def _stamp(path: str) -> int:
    return Path(path).stat().st_mtime_ns if path else 0


@lru_cache(maxsize=16)
def _tls(ca_path: str, certificate: str, key: str, stamps: tuple[int, ...]) -> ssl.SSLContext:
    """A TLS context, built again when a file changes (its stamp is part of the call)."""
    context = ssl.create_default_context(cafile=ca_path or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        context.load_cert_chain(certificate, key or None)
    return context


def _secret(path: str) -> str:
    return Path(path).read_text("utf-8").strip() if path else ""


def _may_open_in_browser(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    )


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError as error:
        raise LoginRefused(LoginRefusal.TOKEN, "answer is not JSON") from error
    if not isinstance(document, dict):
        raise LoginRefused(LoginRefusal.TOKEN, "answer is not an object")
    return document


def _error_code(answer: httpx.Response) -> str:
    """The OAuth error code, never the description: it may repeat what we sent."""
    try:
        code = answer.json().get("error", "")
    except (ValueError, AttributeError):
        code = ""
    return f"HTTP {answer.status_code} {str(code)[:40]}".strip()


# The cache only spares calls: without it, each login asks the provider again.


def _cache_get(key: str) -> Any:
    try:
        return cache.get(key)
    except redis.RedisError:
        return None


def _cache_set(key: str, value: Any, seconds: int) -> None:
    try:
        cache.set(key, value, seconds)
    except redis.RedisError:
        log.warning("oidc.cache_unreachable")


def _cache_add(key: str, seconds: int) -> bool:
    try:
        return bool(cache.add(key, True, seconds))
    except redis.RedisError:
        return True


def _cache_delete(key: str) -> None:
    try:
        cache.delete(key)
    except redis.RedisError:
        log.warning("oidc.cache_unreachable")
