"""The two providers: what differs between Pro Santé Connect and a hospital's own OpenID Connect service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sandbox.demo import Professional
from sandbox.psc import identities


@dataclass(frozen=True, slots=True)
class Means:
    """A way to authenticate offered by the provider, and the level that it gives."""

    code: str
    label: str
    acr: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A provider. Durations are in seconds; `required_scopes` must all be asked."""

    slug: str
    title: str
    realm: str
    discovery: str
    required_scopes: frozenset[str]
    granted_scope: str
    acr_values: frozenset[str]
    means: tuple[Means, ...]
    subject: Callable[[Professional], str]
    token_claims: Callable[[Professional, str], dict[str, Any]]
    userinfo: Callable[[Professional, str], dict[str, Any]]
    code_seconds: int = 60
    access_seconds: int = 120
    refresh_seconds: int = 350
    session_seconds: int = 4 * 3600

    def means_by_code(self, code: str) -> Means:
        """The means of that code; KeyError when there is none."""
        for candidate in self.means:
            if candidate.code == code:
                return candidate
        raise KeyError(code)


PRO_SANTE_CONNECT: Final = Profile(
    slug="psc",
    title="Pro Santé Connect",
    realm="esante-wallet",
    discovery="wallet-openid-configuration",
    required_scopes=frozenset({"openid", "scope_all"}),
    granted_scope="openid profile scope_all identity",
    acr_values=frozenset({"eidas1", "eidas2", "eidas3"}),
    means=(
        # Observed on the test environment: eidas3 with the card, although eidas1 was asked.
        Means("CARD", "Carte CPS", "eidas3"),
        Means("MOBILE", "e-CPS", "eidas1"),
    ),
    subject=identities.psc_subject,
    token_claims=identities.psc_token_claims,
    userinfo=identities.psc_userinfo,
)

ESTABLISHMENT: Final = Profile(
    slug="etablissement",
    title="Compte du centre hospitalier",
    realm="etablissement",
    discovery="openid-configuration",
    required_scopes=frozenset({"openid"}),
    granted_scope="openid profile email",
    acr_values=frozenset(),
    means=(Means("OTP", "Mot de passe et code à usage unique", "2"), Means("PWD", "Mot de passe seul", "1")),
    subject=identities.generic_subject,
    token_claims=identities.generic_token_claims,
    userinfo=identities.generic_userinfo,
    access_seconds=300,
    refresh_seconds=1800,
)
