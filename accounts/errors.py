"""Refusals of the accounts room, with the sentence that the person reads."""

from __future__ import annotations

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
