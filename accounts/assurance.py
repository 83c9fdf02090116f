"""How surely the person of a session is known (psc 12, 18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LOCAL_PROVIDER = "local"
PASSWORD_LEVEL = "pwd"  # noqa: S105 - the name of a level, not a secret
SECOND_FACTOR_AGE = timedelta(hours=4)
"""Sensitive actions ask for two factors proved less than this ago (spec README, decision 19)."""


@dataclass(frozen=True, slots=True)
class Assurance:
    """`level` is `pwd`, `psc:<acr>:<authMode>` or `oidc:<slug>:<acr>`; `auth_time` is the provider's."""

    provider: str
    level: str
    auth_time: datetime
    two_factor: bool

    def is_strong(self, now: datetime) -> bool:
        """Whether two factors were proved recently enough for a sensitive action (psc 18)."""
        return self.two_factor and now - self.auth_time < SECOND_FACTOR_AGE
