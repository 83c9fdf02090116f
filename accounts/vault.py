"""Tokens of a provider, encrypted where they rest (psc 5, security 6).

The key comes from SECRET_KEY, outside the database; SECRET_KEY_FALLBACKS lets it be renewed.
"""

from __future__ import annotations

import base64
import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"accounts.vault.tokens"


def seal_tokens(tokens: dict[str, str]) -> str:
    """Tokens as one encrypted text."""
    return _fernet().encrypt(json.dumps(tokens).encode()).decode()


def open_tokens(text: str) -> dict[str, str]:
    """The tokens again; none when the text is empty or its key has gone."""
    if not text:
        return {}
    try:
        tokens: dict[str, str] = json.loads(_fernet().decrypt(text.encode()))
    except InvalidToken:
        return {}
    return tokens


def _fernet() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@lru_cache(maxsize=8)
def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
