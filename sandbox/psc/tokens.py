"""Keys and signed tokens of a provider (RS256, as Pro Santé Connect)."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.psc.switches import Switches
from sandbox.storage import write_private


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The RSA key of a provider and its identifier (thumbprint of RFC 7638)."""

    private: rsa.RSAPrivateKey
    kid: str

    @classmethod
    def generate(cls) -> Self:
        return cls.of(rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @classmethod
    def of(cls, private: rsa.RSAPrivateKey) -> Self:
        canonical = json.dumps(_public_numbers(private), sort_keys=True, separators=(",", ":")).encode()
        return cls(private, base64url(hashlib.sha256(canonical).digest()))

    @classmethod
    def load_or_make(cls, path: Path) -> Self:
        """The key of the file, made at first use."""
        if path.exists():
            key = serialization.load_pem_private_key(
                path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
            )
            if not isinstance(key, rsa.RSAPrivateKey):
                raise ValueError(f"{path.name} is not an RSA key")
            return cls.of(key)
        made = cls.generate()
        write_private(
            path,
            made.private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        return made

    def public_jwk(self) -> dict[str, str]:
        return {"kid": self.kid, "use": "sig", "alg": "RS256", **_public_numbers(self.private)}

    def sign(self, claims: dict[str, Any], *, typ: str = "JWT") -> str:
        return jwt.encode(claims, self.private, algorithm="RS256", headers={"kid": self.kid, "typ": typ})

    def read(self, token: str) -> dict[str, Any]:
        """Claims of a token of ours, whatever its age and audience. jwt.InvalidTokenError when it is not
        ours.
        """
        claims: dict[str, Any] = jwt.decode(
            token,
            self.private.public_key(),
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_aud": False, "verify_iat": False},
        )
        return claims


def _public_numbers(private: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = private.public_key().public_numbers()
    return {
        "e": base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
        "kty": "RSA",
        "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
    }


def access_token_hash(access_token: str) -> str:
    """`at_hash` of OpenID Connect Core 3.1.3.6."""
    return base64url(hashlib.sha256(access_token.encode("ascii")).digest()[:16])


def sign_id_token(claims: dict[str, Any], key: SigningKey, client_secret: str, switches: Switches) -> str:
    """Sign an id token, honestly or as the switches ask."""
    spoilt = _spoil(claims, switches)
    if switches.alg_none:
        return jwt.encode(spoilt, "", algorithm="none", headers={"kid": key.kid})
    if switches.hs256:
        return jwt.encode(spoilt, client_secret, algorithm="HS256", headers={"kid": key.kid})
    if switches.bad_signature:
        return SigningKey(SigningKey.generate().private, key.kid).sign(spoilt)
    if switches.wrong_kid:
        return SigningKey.generate().sign(spoilt)
    return key.sign(spoilt)


def _spoil(claims: dict[str, Any], switches: Switches) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if switches.expired:
        changes |= {"iat": claims["iat"] - 7200, "exp": claims["iat"] - 3600}
    if switches.issued_in_future:
        changes |= {"iat": claims["iat"] + 3600, "exp": claims["iat"] + 7200}
    if switches.wrong_nonce:
        changes["nonce"] = "another-nonce"
    if switches.wrong_audience:
        changes |= {"aud": "another-client", "azp": "another-client"}
    if switches.wrong_authorized_party:
        changes["azp"] = "another-client"
    if switches.wrong_issuer:
        changes["iss"] = claims["iss"] + "-impostor"
    if switches.wrong_access_hash:
        changes["at_hash"] = base64url(bytes(16))
    if switches.acr:
        changes["acr"] = switches.acr
    return claims | changes
