"""What a provider knows: its addresses, its client, requests, sessions, and how it refuses."""

from dataclasses import dataclass, field
from http import HTTPStatus

from sandbox.demo import Professional


class ProtocolError(Exception):
    """An error answer of OAuth: code, description, HTTP status."""

    def __init__(self, code: str, description: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status


class UnsafeRequestError(Exception):
    """A request that must not be answered by a redirection: unknown client or address."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Addresses of a provider: browser pages are plain HTTP on loopback, the rest is TLS."""

    issuer: str
    browser: str

    @property
    def endpoints(self) -> dict[str, str]:
        protocol = f"{self.issuer}/protocol/openid-connect"
        return {
            "authorization_endpoint": f"{self.browser}/auth",
            "end_session_endpoint": f"{self.browser}/logout",
            "token_endpoint": f"{protocol}/token",
            "userinfo_endpoint": f"{protocol}/userinfo",
            "jwks_uri": f"{protocol}/certs",
            "introspection_endpoint": f"{protocol}/token/introspect",
            "revocation_endpoint": f"{protocol}/revoke",
        }


@dataclass(slots=True)
class Client:
    """The registered application. Redirection addresses are compared character by character."""

    client_id: str
    secret: str
    redirect_uris: list[str] = field(default_factory=list)
    post_logout_redirect_uris: list[str] = field(default_factory=list)
    certificate_subject: str | None = None
    backchannel_logout_uri: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A checked authorization request that waits for the choice of a person."""

    request_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    prompt: frozenset[str]
    created: float


@dataclass(slots=True)
class Session:
    """A session of a person with the provider. `refresh_id` is the only refresh token still good."""

    sid: str
    person: Professional
    means: str
    acr: str
    auth_time: int
    nonce: str
    refresh_id: str = ""
    ended: bool = False
