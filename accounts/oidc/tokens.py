"""What makes an ID token acceptable (psc 4.4; OIDC Core 3.1.3.7). Nothing here trusts the token's header.

The library checks neither issuer nor audience, and an expired token would be a server error: all of
it is done here, and every fault is a refused login.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from accounts.enums import LoginRefusal
from accounts.errors import LoginRefused

CLOCK_SKEW_S = 60
MAX_AGE_S = 300
"""An ID token is read a moment after it was issued; an older one is not the answer to our question."""
ASYMMETRIC = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})

Keys = Callable[[bool], dict[str, Any]]
"""Gives the provider's JWKS; called with True to ask for it again."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the ID token must say. `accepted_acr` empty: any level."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: Sequence[str]
    accepted_acr: Sequence[str] = ()


def id_token_claims(
    token: str, expected: Expectation, *, keys: Keys, now: datetime, access_token: str = ""
) -> dict[str, Any]:
    """The claims of a valid ID token. Raises LoginRefused TOKEN, or ASSURANCE for a level too low."""
    header, claims = signed_claims(
        token,
        keys=keys,
        algorithms=expected.algorithms,
        issuer=expected.issuer,
        audience=expected.client_id,
        required=("exp", "iat", "iss", "aud", "sub"),
    )
    _check_party(claims, expected.client_id)
    age = now.timestamp() - claims["iat"]
    if age > MAX_AGE_S + CLOCK_SKEW_S:
        raise _refused("iat too old")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), expected.nonce.encode()):
        raise _refused("nonce differs")
    if "at_hash" in claims and claims["at_hash"] != access_hash(access_token, header["alg"]):
        raise _refused("at_hash differs")
    if not isinstance(claims.get("auth_time", 0), int):
        raise _refused("auth_time is no number")
    if not claims["sub"] or not isinstance(claims["sub"], str):
        raise _refused("sub is empty")
    if expected.accepted_acr and claims.get("acr") not in expected.accepted_acr:
        raise LoginRefused(LoginRefusal.ASSURANCE, "acr is not accepted")
    return claims


def signed_claims(
    token: str,
    *,
    keys: Keys,
    algorithms: Sequence[str],
    issuer: str,
    audience: str,
    required: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT signed by a key of the provider. Raises LoginRefused TOKEN.

    The algorithm is one of ours, never `none` nor a shared secret; the key is found by its id in the
    provider's own key set, whatever the header says of where keys are.
    """
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg", "")
        if algorithm not in ASYMMETRIC or algorithm not in algorithms:
            raise _refused("algorithm is not accepted")
        key = _key_of(header, keys)
        claims = jwt.decode(
            token,
            key=key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            leeway=CLOCK_SKEW_S,
            options={
                "require": list(required),
                "verify_aud": "aud" in required,
                "verify_iss": "iss" in required,
            },
        )
    except jwt.PyJWTError as error:
        raise _refused(type(error).__name__) from error
    return header, claims


def _key_of(header: dict[str, Any], keys: Keys) -> jwt.PyJWK:
    for reload in (False, True):
        for jwk in keys(reload).get("keys", ()):
            if jwk.get("kid") == header.get("kid") and jwk.get("use", "sig") == "sig":
                if jwk.get("alg", header["alg"]) != header["alg"] or jwk.get("kty") not in ("RSA", "EC"):
                    continue
                return jwt.PyJWK(jwk, algorithm=header["alg"])
    raise _refused("key id is unknown")


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise _refused("azp is not this client")


def access_hash(access_token: str, algorithm: str) -> str:
    """at_hash: left half of the digest of the access token (OIDC Core 3.1.3.6)."""
    digest = hashlib.new(f"sha{algorithm[2:]}", access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _refused(reason: str) -> LoginRefused:
    return LoginRefused(LoginRefusal.TOKEN, f"id_token: {reason}")
