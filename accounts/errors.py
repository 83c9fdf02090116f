"""Refusals of the accounts room, with the sentence that the person reads."""

from __future__ import annotations

from typing import ClassVar

from accounts.enums import LoginRefusal
from audit.errors import ApplicationError


class AccountError(ApplicationError):
    """An account, a right or a link may not be written as asked."""


class LoginRefused(ApplicationError):
    """A login that ends here. The person reads a neutral sentence and a code; `reason` goes to the trace."""

    def __init__(self, refusal: LoginRefusal, reason: str) -> None:
        super().__init__("Connexion impossible.", code=refusal.value)
        self.refusal = refusal
        self.reason = reason


class TokenRefused(ApplicationError):
    """A bearer token that opens nothing: unknown, revoked or expired. The code says which."""

    SENTENCES: ClassVar[dict[str, str]] = {
        "token_unknown": "Ce jeton n’est pas reconnu.",
        "token_revoked": "Ce jeton a été révoqué : demandez-en un autre.",
        "token_expired": "Ce jeton a expiré : demandez-en un autre.",
    }

    def __init__(self, code: str) -> None:
        super().__init__(self.SENTENCES[code], code=code)
