"""An identity that a provider has proved, while it is not yet a session (psc 7)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from accounts.acting import Activity, activities_read
from accounts.assurance import Assurance
from accounts.enums import ProviderKind
from accounts.models import IdentityProvider
from accounts.oidc.claims import Person
from accounts.rules import Match
from accounts.selectors import provider_offered
from accounts.vault import open_tokens, seal_tokens
from audit.context import Actor
from establishment.selectors import establishment_finess

ENTRY = "pending_login"
PENDING_LIFE = timedelta(minutes=10)
"""How long a person may take to choose an account or prove one (psc 7.4)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What is kept of a person between the callback and the session.

    `activities` are those in this establishment, named by Pro Santé Connect alone (psc 6.4).
    """

    subject: str
    sub: str
    rpps: str
    family_name: str
    given_name: str
    profession: str
    specialty: str
    activities: tuple[Activity, ...] = ()

    @classmethod
    def of(cls, person: Person, provider: IdentityProvider) -> Identity:
        is_psc = provider.kind == ProviderKind.PSC
        return cls(
            subject=person.subject,
            sub=person.sub,
            rpps=person.rpps,
            family_name=person.family_name,
            given_name=person.given_name,
            profession=person.profession,
            specialty=person.specialty,
            activities=person.activities_at(establishment_finess()) if is_psc else (),
        )

    @classmethod
    def from_session(cls, entry: dict[str, Any]) -> Identity:
        """The identity again, from what the session kept of it."""
        return cls(**entry | {"activities": activities_read(entry["activities"])})


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified identity with what its provider said of the authentication."""

    provider: IdentityProvider
    identity: Identity
    assurance: Assurance
    acr: str
    auth_mode: str
    sid: str
    tokens: dict[str, str]

    def as_actor(self) -> Actor:
        """The person, before any account is known."""
        subject = self.identity.subject
        national = subject if self.provider.kind == ProviderKind.PSC else ""
        return Actor(
            login=subject[:150] or "inconnu",
            subject_name_id=national[:64],
            assurance=self.assurance.level,
        )

    def detail(self) -> dict[str, Any]:
        """Common fields of a trace (psc 19): never a token, a code or a secret."""
        return {
            "provider": self.provider.slug,
            "issuer": self.provider.issuer,
            "acr": self.acr,
            "auth_mode": self.auth_mode,
        }


def assurance_of(provider: IdentityProvider, claims: dict[str, Any], auth_mode: str) -> Assurance:
    """psc 12, 18: level and strength of an authentication.

    Pro Santé Connect is two-factor at every level it is accepted at; another provider when its acr or
    one of its amr is among the values that the hospital declared.
    """
    acr = str(claims.get("acr", ""))
    methods = claims.get("amr") if isinstance(claims.get("amr"), list) else []
    if provider.kind == ProviderKind.PSC:
        level, strong = f"psc:{acr}:{auth_mode}", True
    else:
        level = f"oidc:{provider.slug}:{acr}"
        strong = bool({acr, *map(str, methods or ())} & set(provider.second_factor))
    seconds = claims.get("auth_time", claims["iat"])
    return Assurance(
        provider=provider.slug,
        level=level[:60],
        auth_time=datetime.fromtimestamp(seconds, UTC),
        two_factor=strong,
    )


@dataclass(frozen=True, slots=True)
class Pending:
    """A proof that waits for the person to choose or prove an account, kept in the anonymous session."""

    proof: Proof
    outcome: Match
    accounts: tuple[int, ...]
    next_url: str


def pending_write(session: SessionBase, pending: Pending) -> None:
    proof = pending.proof
    session[ENTRY] = {
        "at": timezone.now().timestamp(),
        "provider": proof.provider.slug,
        "identity": asdict(proof.identity),
        "level": proof.assurance.level,
        "auth_time": proof.assurance.auth_time.timestamp(),
        "two_factor": proof.assurance.two_factor,
        "acr": proof.acr,
        "auth_mode": proof.auth_mode,
        "sid": proof.sid,
        "tokens": seal_tokens(proof.tokens),
        "outcome": pending.outcome.value,
        "accounts": list(pending.accounts),
        "next": pending.next_url,
    }


def pending_read(session: SessionBase) -> Pending | None:
    """The waiting proof, or None when there is none or it waited too long."""
    entry = session.get(ENTRY)
    if not isinstance(entry, dict):
        return None
    age = timezone.now() - datetime.fromtimestamp(entry["at"], UTC)
    provider = provider_offered(entry["provider"])
    if age > PENDING_LIFE or provider is None:
        pending_drop(session)
        return None
    return Pending(
        proof=Proof(
            provider=provider,
            identity=Identity.from_session(entry["identity"]),
            assurance=Assurance(
                provider=provider.slug,
                level=entry["level"],
                auth_time=datetime.fromtimestamp(entry["auth_time"], UTC),
                two_factor=entry["two_factor"],
            ),
            acr=entry["acr"],
            auth_mode=entry["auth_mode"],
            sid=entry["sid"],
            tokens=open_tokens(entry["tokens"]),
        ),
        outcome=Match(entry["outcome"]),
        accounts=tuple(entry["accounts"]),
        next_url=entry["next"],
    )


def pending_drop(session: SessionBase) -> None:
    session.pop(ENTRY, None)
