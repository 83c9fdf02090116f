"""The authentication backend of every provider (psc 4, 9.1).

mozilla-django-oidc keeps the state and drives the callback; what it leaves open is closed here: issuer,
audience, party, level and age of the token, one row per provider, no account by e-mail and none created.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import absolutify

from accounts.enums import LoginRefusal
from accounts.errors import LoginRefused
from accounts.models import IdentityProvider, User
from accounts.oidc.claims import person_of
from accounts.oidc.client import ProviderClient
from accounts.oidc.matching import account_resolve
from accounts.oidc.proof import Identity, Proof, assurance_of
from accounts.oidc.tokens import Expectation, id_token_claims, signed_claims
from accounts.oidc.urls import callback_path

BACKEND = f"{__name__}.ProviderBackend"


class ProviderBackend(OIDCAuthenticationBackend):
    """Turns an authorization code into a local account, or a LoginRefused that says why not.

    The view leaves the provider's row in `request.oidc_provider`; the proof comes back in
    `request.oidc_proof`, whatever becomes of the account.
    """

    def __init__(self) -> None:
        # The library reads one provider from the settings here; ours comes with the request.
        self.UserModel = User

    def authenticate(
        self, request: HttpRequest | None, nonce: str = "", code_verifier: str = ""
    ) -> User | None:
        provider: IdentityProvider | None = getattr(request, "oidc_provider", None)
        if request is None or provider is None or not nonce or not code_verifier:
            return None
        self.provider, self.client = provider, ProviderClient(provider)
        tokens = self.client.exchange(
            code=request.GET["code"],
            redirect_uri=absolutify(request, callback_path(provider.slug)),
            verifier=code_verifier,
        )
        access, token = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(access, str) or not isinstance(token, str):
            raise LoginRefused(LoginRefusal.TOKEN, "token: no id_token or no access_token")
        claims = self.verify_token(token, nonce=nonce, access_token=access)
        userinfo = self.get_userinfo(access, token, claims)
        person = person_of(provider, claims, userinfo)
        if not person.subject:
            raise LoginRefused(LoginRefusal.TOKEN, "userinfo: no identity")
        proof = Proof(
            provider=provider,
            identity=Identity.of(person, provider),
            assurance=assurance_of(provider, claims, person.auth_mode),
            acr=str(claims.get("acr", "")),
            auth_mode=person.auth_mode,
            sid=str(claims.get("sid", tokens.get("session_state", "")))[:200],
            tokens=_kept(tokens),
        )
        request.oidc_proof = proof  # type: ignore[attr-defined]  # read by the callback view
        return account_resolve(proof, claims_agree=person.claims_agree)

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """The claims of a valid ID token; LoginRefused otherwise (psc 4.4)."""
        expected = Expectation(
            issuer=self.provider.issuer,
            client_id=self.provider.client_id,
            nonce=kwargs["nonce"],
            algorithms=self.provider.algorithms,
            accepted_acr=self.provider.accepted_acr,
        )
        return id_token_claims(
            token,
            expected,
            keys=lambda reload: self.client.keys(reload=reload),
            now=timezone.now(),
            access_token=kwargs["access_token"],
        )

    def get_userinfo(self, access_token: str, id_token: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The userinfo claims, signed or not, of the same person as the ID token (psc 4.4.5, 4.5)."""
        answer = self.client.userinfo(access_token)
        if answer.headers.get("content-type", "").lower().startswith("application/jwt"):
            claims = signed_claims(
                answer.text,
                keys=lambda reload: self.client.keys(reload=reload),
                algorithms=self.provider.algorithms,
                issuer=self.provider.issuer,
                audience=self.provider.client_id,
                required=("sub", "iss", "aud"),
            )[1]
        else:
            claims = _json_object(answer)
        if claims.get("sub") != payload["sub"]:
            raise LoginRefused(LoginRefusal.TOKEN, "userinfo: sub differs from the id_token's")
        return claims

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, while the account is active (the library forgets to look)."""
        user = ModelBackend.get_user(self, user_id)
        return user if isinstance(user, User) else None

    def user_can_authenticate(self, user: User) -> bool:
        return user.is_active


def _kept(tokens: dict[str, Any]) -> dict[str, str]:
    """What logout needs of the tokens: the hint, and the refresh token to give back (psc 11)."""
    kept = {"id": tokens.get("id_token"), "refresh": tokens.get("refresh_token")}
    return {name: value for name, value in kept.items() if isinstance(value, str)}


def _json_object(answer: Any) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError as error:
        raise LoginRefused(LoginRefusal.TOKEN, "userinfo: not JSON") from error
    if not isinstance(document, dict):
        raise LoginRefused(LoginRefusal.TOKEN, "userinfo: not an object")
    return document
