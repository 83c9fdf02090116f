"""The provider itself: authorization code flow with PKCE, refresh, userinfo, introspection, end of session.

Sources: OpenID Connect Core, RFC 6749, RFC 7636 (PKCE), RFC 7009, RFC 7662, RFC 9207, and what is observed
of Pro Santé Connect: client authentication, life of tokens, content of the answers.
"""

import base64
import hashlib
import hmac
import http.client
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography import x509

from sandbox.demo import PROFESSIONALS, Professional
from sandbox.psc.model import (
    AuthorizationRequest,
    Client,
    ProtocolError,
    Session,
    UnsafeRequestError,
    Urls,
)
from sandbox.psc.profiles import Profile
from sandbox.psc.switches import Switches
from sandbox.psc.tokens import SigningKey, access_token_hash, base64url, sign_id_token
from sandbox.storage import Journal

MIN_RANDOM_CHARACTERS: Final = 22
"""128 bits in base64url: the least that `state` and `nonce` may hold."""
PENDING_SECONDS: Final = 600
PENDING_LIMIT: Final = 1000
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_SECONDS: Final = 120
TELL_SECONDS: Final = 5
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class _Code:
    session: Session
    request: AuthorizationRequest
    expires: float


class Provider:
    """One provider with one registered client. All methods may be called from several threads."""

    def __init__(
        self,
        profile: Profile,
        client: Client,
        folder: Path,
        *,
        people: Sequence[Professional] = PROFESSIONALS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.profile = profile
        self.client = client
        self.people = tuple(people)
        self.switches = Switches()
        self.urls = Urls("", "")
        self._clock = clock
        self._lock = threading.RLock()
        self._key = SigningKey.load_or_make(folder / f"{profile.slug}.key.pem")
        self._journal = Journal(folder / f"{profile.slug}-sessions.jsonl")
        self._pending: dict[str, AuthorizationRequest] = {}
        self._codes: dict[str, _Code] = {}
        self._used_codes: dict[str, str] = {}
        self._sessions: dict[str, Session] = {}
        self._load()

    def close(self) -> None:
        self._journal.close()

    # State over a restart

    def _load(self) -> None:
        people = {person.key: person for person in self.people}
        for entry in self._journal.entries():
            if entry["event"] == "opened" and entry["person"] in people:
                self._sessions[entry["sid"]] = Session(
                    entry["sid"], people[entry["person"]], entry["means"], entry["acr"], entry["auth_time"],
                    entry["nonce"],
                )  # fmt: skip
            elif (session := self._sessions.get(entry["sid"])) is not None:
                session.refresh_id = entry.get("refresh_id", session.refresh_id)
                session.ended = entry["event"] == "ended"

    def _record(self, event: str, session: Session) -> None:
        self._journal.append(
            {
                "event": event, "sid": session.sid, "person": session.person.key, "means": session.means,
                "acr": session.acr, "auth_time": session.auth_time, "nonce": session.nonce,
                "refresh_id": session.refresh_id,
            }
        )  # fmt: skip

    # Metadata

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.urls.issuer,
            **self.urls.endpoints,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": sorted({*self.profile.required_scopes, "profile", "email"}),
            "acr_values_supported": sorted(self.profile.acr_values),
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic", "client_secret_post", "tls_client_auth",
            ],
            "authorization_response_iss_parameter_supported": True,
            "tls_client_certificate_bound_access_tokens": False,
            "frontchannel_logout_supported": False,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
        }  # fmt: skip

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self._key.public_jwk()]}

    # Authorization

    def begin(self, parameters: Mapping[str, str]) -> AuthorizationRequest | str:
        """Check an authorization request.

        Returns the request that waits for a choice, or the address to which an error must be sent back.
        UnsafeRequestError when nobody may be trusted with an answer.
        """
        redirect_uri = parameters.get("redirect_uri", "")
        if parameters.get("client_id") != self.client.client_id:
            raise UnsafeRequestError("client_id inconnu")
        if redirect_uri not in self.client.redirect_uris:
            raise UnsafeRequestError("redirect_uri non déclarée pour ce client")
        state = parameters.get("state", "")
        try:
            self._check_authorization(parameters)
        except ProtocolError as error:
            return self._callback(
                redirect_uri, {"error": error.code, "error_description": error.description, "state": state}
            )
        request = AuthorizationRequest(
            request_id=secrets.token_urlsafe(24),
            redirect_uri=redirect_uri,
            state=state,
            nonce=parameters["nonce"],
            challenge=parameters["code_challenge"],
            prompt=frozenset(parameters.get("prompt", "").split()),
            created=self._clock(),
        )
        with self._lock:
            self._forget_old_requests()
            self._pending[request.request_id] = request
        return request

    def _check_authorization(self, parameters: Mapping[str, str]) -> None:
        if parameters.get("response_type") != "code":
            raise ProtocolError("unsupported_response_type", "response_type must be code")
        scopes = set(parameters.get("scope", "").split())
        if missing := self.profile.required_scopes - scopes:
            raise ProtocolError("invalid_scope", f"missing scope: {' '.join(sorted(missing))}")
        for name in ("state", "nonce"):
            if len(parameters.get(name, "")) < MIN_RANDOM_CHARACTERS:
                raise ProtocolError("invalid_request", f"{name} must hold at least 128 bits")
        if parameters.get("code_challenge_method") != "S256":
            raise ProtocolError("invalid_request", "code_challenge_method must be S256")
        if not _CHALLENGE.fullmatch(parameters.get("code_challenge", "")):
            raise ProtocolError("invalid_request", "code_challenge must be a SHA-256 in base64url")
        if self.profile.acr_values and not (
            set(parameters.get("acr_values", "").split()) & self.profile.acr_values
        ):
            raise ProtocolError("invalid_request", "acr_values must name a known level")
        if parameters.get("response_mode", "query") != "query":
            raise ProtocolError("invalid_request", "response_mode must be query")

    def _forget_old_requests(self) -> None:
        limit = self._clock() - PENDING_SECONDS
        kept = [request for request in self._pending.values() if request.created > limit]
        self._pending = {request.request_id: request for request in kept[-PENDING_LIMIT:]}

    def take_pending(self, request_id: str) -> AuthorizationRequest:
        """Take a waiting request out: it is answered once. ProtocolError when it is unknown or too old."""
        with self._lock:
            self._forget_old_requests()
            request = self._pending.pop(request_id, None)
        if request is None:
            raise ProtocolError("invalid_request", "demande inconnue, déjà traitée ou expirée")
        return request

    def grant(
        self, request: AuthorizationRequest, person_key: str, means_code: str, session: Session | None = None
    ) -> tuple[Session, str]:
        """A person has chosen: open (or go on with) a session. Returns it with the callback address."""
        person = next((candidate for candidate in self.people if candidate.key == person_key), None)
        if person is None:
            raise ProtocolError("invalid_request", "professionnel inconnu")
        with self._lock:
            if session is None or session.person is not person:
                session = self._open(person, means_code, request.nonce)
            code = secrets.token_urlsafe(32)
            self._codes[code] = _Code(session, request, self._clock() + self.profile.code_seconds)
        issuer = self.urls.issuer + ("-impostor" if self.switches.wrong_response_issuer else "")
        parameters = {
            "state": request.state, "session_state": session.sid, "iss": issuer, "code": code,
        }  # fmt: skip
        return session, self._callback(request.redirect_uri, parameters, issuer=False)

    def _open(self, person: Professional, means_code: str, nonce: str) -> Session:
        try:
            means = self.profile.means_by_code(means_code)
        except KeyError as error:
            raise ProtocolError("invalid_request", "moyen d'identification inconnu") from error
        session = Session(
            sid=secrets.token_hex(16),
            person=person,
            means=means.code,
            acr=means.acr,
            auth_time=int(self._clock()),
            nonce=nonce,
        )
        self._sessions[session.sid] = session
        self._record("opened", session)
        return session

    def deny(self, request: AuthorizationRequest, code: str = "access_denied") -> str:
        """Callback address of a refusal."""
        return self._callback(request.redirect_uri, {"error": code, "state": request.state})

    def _callback(self, redirect_uri: str, parameters: dict[str, str], *, issuer: bool = True) -> str:
        separator = "&" if urlsplit(redirect_uri).query else "?"
        return (
            redirect_uri + separator + urlencode(parameters | ({"iss": self.urls.issuer} if issuer else {}))
        )

    def sign_in(self, authorization_url: str, person_key: str, means_code: str | None = None) -> str:
        """Play the browser and the person at once: the callback address of that authorization address."""
        begun = self.begin(dict(parse_qsl(urlsplit(authorization_url).query)))
        if isinstance(begun, str):
            return begun
        request = self.take_pending(begun.request_id)
        return self.grant(request, person_key, means_code or self.profile.means[0].code)[1]

    def live_session(self, sid: str | None) -> Session | None:
        """The session of a browser, if it lives."""
        with self._lock:
            session = self._sessions.get(sid or "")
            return session if session is not None and self._is_live(session) else None

    def _is_live(self, session: Session) -> bool:
        return not session.ended and self._clock() < session.auth_time + self.profile.session_seconds

    # Tokens

    def authenticate_client(
        self, authorization: str, form: Mapping[str, str], certificate: bytes | None
    ) -> None:
        """Check the client: Basic, secret in the body, or certificate (tls_client_auth). ProtocolError
        otherwise.
        """
        client_id, secret = form.get("client_id", ""), form.get("client_secret")
        if authorization.lower().startswith("basic "):
            if secret is not None:
                raise ProtocolError("invalid_request", "two client authentications")
            client_id, secret = _read_basic(authorization)
        if client_id != self.client.client_id:
            raise ProtocolError("invalid_client", "unknown client", HTTPStatus.UNAUTHORIZED)
        if secret is not None:
            if hmac.compare_digest(secret.encode(), self.client.secret.encode()):
                return
        elif certificate is not None and self.client.certificate_subject is not None:
            subject = x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
            if subject == self.client.certificate_subject:
                return
        raise ProtocolError("invalid_client", "client authentication failed", HTTPStatus.UNAUTHORIZED)

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer of the token endpoint to an authenticated client."""
        match form.get("grant_type"):
            case "authorization_code":
                return self._exchange(form)
            case "refresh_token":
                return self._refresh(form.get("refresh_token", ""))
            case _:
                raise ProtocolError("unsupported_grant_type", "authorization_code or refresh_token")

    def _exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        value = form.get("code", "")
        with self._lock:
            if value in self._used_codes:
                # RFC 6749 4.1.2: a code used twice may have been stolen; what it gave is withdrawn.
                self._end(self._sessions[self._used_codes[value]])
                raise ProtocolError("invalid_grant", "code already used")
            code = self._codes.pop(value, None)
            if code is None:
                raise ProtocolError("invalid_grant", "unknown code")
            self._used_codes[value] = code.session.sid
            if self._clock() > code.expires:
                raise ProtocolError("invalid_grant", "code expired")
            if form.get("redirect_uri") != code.request.redirect_uri:
                raise ProtocolError("invalid_grant", "redirect_uri differs from the request")
            verifier = form.get("code_verifier", "")
            digest = base64url(hashlib.sha256(verifier.encode()).digest())
            if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(digest, code.request.challenge):
                raise ProtocolError("invalid_grant", "code_verifier does not match")
            return self._issue(code.session, code.request.nonce)

    def _refresh(self, token: str) -> dict[str, Any]:
        try:
            claims = self._key.read(token)
        except jwt.InvalidTokenError as error:
            raise ProtocolError("invalid_grant", "not a refresh token") from error
        with self._lock:
            session = self._sessions.get(claims.get("sid", ""))
            if (
                self.switches.refresh_refused
                or session is None
                or claims.get("typ") != "Refresh"
                or claims["exp"] <= self._clock()
                or claims["jti"] != session.refresh_id
                or not self._is_live(session)
            ):
                raise ProtocolError("invalid_grant", "refresh token expired, already used or session ended")
            return self._issue(session, session.nonce)

    def _issue(self, session: Session, nonce: str) -> dict[str, Any]:
        now = int(self._clock())
        profile = self.profile
        base = {
            "iat": now, "auth_time": session.auth_time, "iss": self.urls.issuer,
            "sub": profile.subject(session.person), "azp": self.client.client_id,
            "session_state": session.sid, "sid": session.sid, "acr": session.acr,
            **profile.token_claims(session.person, session.means),
        }  # fmt: skip
        access = self._key.sign(
            base | {"exp": now + profile.access_seconds, "jti": secrets.token_hex(16), "typ": "Bearer",
                    "nonce": "", "scope": profile.granted_scope}
        )  # fmt: skip
        session.refresh_id = secrets.token_hex(16)
        refresh = self._key.sign(
            {"exp": now + profile.refresh_seconds, "iat": now, "iss": self.urls.issuer, "typ": "Refresh",
             "jti": session.refresh_id, "sid": session.sid, "azp": self.client.client_id}
        )  # fmt: skip
        identity = base | {
            "exp": now + profile.access_seconds, "jti": secrets.token_hex(16), "typ": "ID",
            "aud": self.client.client_id, "nonce": nonce, "at_hash": access_token_hash(access),
        }  # fmt: skip
        self._record("refreshed", session)
        return {
            "access_token": access, "expires_in": profile.access_seconds,
            "refresh_token": refresh, "refresh_expires_in": profile.refresh_seconds,
            "token_type": "Bearer", "not-before-policy": 0, "session_state": session.sid,
            "id_token": sign_id_token(identity, self._key, self.client.secret, self.switches),
            "scope": profile.granted_scope,
        }  # fmt: skip

    # What a token gives

    def userinfo(self, access_token: str) -> dict[str, Any] | str:
        """Claims of the bearer, or the same as a signed JWT. ProtocolError 401 when the token is not good."""
        session = self._bearer(access_token)
        if session is None or self.switches.userinfo_refused:
            raise ProtocolError("invalid_token", "token invalid or expired", HTTPStatus.UNAUTHORIZED)
        subject = self.profile.subject(session.person) + ("0" if self.switches.other_subject else "")
        claims = {"sub": subject, **self.profile.userinfo(session.person, session.means)}
        if self.switches.userinfo_jwt:
            return self._key.sign(claims | {"iss": self.urls.issuer, "aud": self.client.client_id})
        return claims

    def _bearer(self, token: str) -> Session | None:
        try:
            claims = self._key.read(token)
        except jwt.InvalidTokenError:
            return None
        if claims.get("typ") != "Bearer" or claims["exp"] <= self._clock():
            return None
        return self.live_session(claims["sid"])

    def introspect(self, token: str) -> dict[str, Any]:
        session = self._bearer(token)
        if session is None:
            return {"active": False}
        claims = self._key.read(token)
        claims |= {
            "active": True,
            "client_id": self.client.client_id,
            "username": claims["preferred_username"],
        }
        return claims

    def revoke(self, token: str) -> None:
        """End the session of a token; an unknown token is no error (RFC 7009)."""
        try:
            claims = self._key.read(token)
        except jwt.InvalidTokenError:
            return
        with self._lock:
            session = self._sessions.get(claims.get("sid", ""))
            if session is not None:
                self._end(session)

    def _end(self, session: Session) -> None:
        if not session.ended:
            session.ended = True
            self._record("ended", session)

    def end_session(self, parameters: Mapping[str, str], sid: str | None) -> str | None:
        """Close the session of the hint, or of the browser. Returns the address to go back to, if one was
        asked.

        UnsafeRequestError when the hint is not ours or the address is not registered.
        """
        hint = parameters.get("id_token_hint")
        if hint is not None:
            try:
                claims = self._key.read(hint)
            except jwt.InvalidTokenError as error:
                raise UnsafeRequestError("id_token_hint invalide") from error
            if claims.get("aud") != self.client.client_id:
                raise UnsafeRequestError("id_token_hint d'un autre client")
            sid = claims.get("sid", sid)
        target = parameters.get("post_logout_redirect_uri")
        if target is not None:
            if hint is None and parameters.get("client_id") != self.client.client_id:
                raise UnsafeRequestError("id_token_hint ou client_id attendu")
            if target not in self.client.post_logout_redirect_uris:
                raise UnsafeRequestError("post_logout_redirect_uri non déclarée pour ce client")
        with self._lock:
            session = self._sessions.get(sid or "")
            if session is not None:
                self._end(session)
        if session is not None:
            self.tell_logout(session)
        if target is None:
            return None
        state = parameters.get("state")
        separator = "&" if urlsplit(target).query else "?"
        return target + (separator + urlencode({"state": state}) if state else "")

    # Back-channel logout

    def logout_token(self, session: Session, **changes: Any) -> str:
        """The logout token of a session (Back-Channel Logout 2.4); `changes` spoil it, None takes out."""
        now = int(self._clock())
        claims = {
            "iss": self.urls.issuer, "aud": self.client.client_id, "iat": now, "exp": now + LOGOUT_SECONDS,
            "jti": secrets.token_hex(16), "sid": session.sid, "sub": self.profile.subject(session.person),
            "typ": "Logout", "events": {LOGOUT_EVENT: {}},
        }  # fmt: skip
        spoilt = {name: value for name, value in (claims | changes).items() if value is not None}
        return self._key.sign(spoilt, typ="logout+jwt")

    def tell_logout(self, session: Session) -> int:
        """Send the logout token to the client, where one is registered; its HTTP status, 0 without answer."""
        address = self.client.backchannel_logout_uri
        if not address:
            return 0
        body = urlencode({"logout_token": self.logout_token(session)}).encode()
        parts = urlsplit(address)
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TELL_SECONDS)
        try:
            line.request("POST", parts.path, body, {"Content-Type": "application/x-www-form-urlencoded"})
            return line.getresponse().status
        except OSError:
            return 0
        finally:
            line.close()

    def log_out(self, person_key: str = "") -> list[int]:
        """End the live sessions of a person, or of everybody, as their own decision elsewhere would.

        Returns what the client answered to each token.
        """
        with self._lock:
            ended = [
                session
                for session in self._sessions.values()
                if self._is_live(session) and person_key in ("", session.person.key)
            ]
            for session in ended:
                self._end(session)
        return [self.tell_logout(session) for session in ended]


def _read_basic(authorization: str) -> tuple[str, str]:
    """Client identifier and secret of a Basic header, each url-encoded (RFC 6749 2.3.1)."""
    try:
        decoded = base64.b64decode(authorization[6:].strip(), validate=True).decode()
    except ValueError as error:
        raise ProtocolError("invalid_client", "bad Basic header", HTTPStatus.UNAUTHORIZED) from error
    client_id, _, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
