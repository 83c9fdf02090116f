"""Rules of accounts and sessions, as pure functions (security 3 to 5, psc 4 and 7)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from accounts.enums import PRIVILEGED_FAMILIES, AccountKind, RoleFamily, SessionEnd

RPPS_DIGITS = 11
NATIONAL_RPPS_PREFIX = "8"
"""First character of a SubjectNameID that holds an RPPS (psc 6.2)."""


# --- Sessions (security 5; spec README, decision 19) ------------------------------------------


class Phase(Enum):
    """Where a session stands."""

    OPEN = "open"
    LOCKED = "locked"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session may stay unused, locked, and open in all."""

    idle: timedelta
    locked: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """`locked_at` is set by the person who locks the screen; inactivity needs no mark."""

    opened_at: datetime
    active_at: datetime
    locked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionVerdict:
    phase: Phase
    end: SessionEnd | None = None


def session_verdict(times: SessionTimes, limits: SessionLimits, now: datetime) -> SessionVerdict:
    """Security 5: locked after inactivity, closed after too long locked or at the absolute limit."""
    if now >= times.opened_at + limits.absolute:
        return SessionVerdict(Phase.ENDED, SessionEnd.EXPIRED)
    locked_at = times.locked_at or times.active_at + limits.idle
    if now >= locked_at + limits.locked:
        return SessionVerdict(Phase.ENDED, SessionEnd.ABANDONED)
    if now >= locked_at:
        return SessionVerdict(Phase.LOCKED)
    return SessionVerdict(Phase.OPEN)


# --- RPPS (security 4.4) ----------------------------------------------------------------------


def rpps_is_valid(rpps: str) -> bool:
    """Security 4.4: 11 digits whose last is the Luhn key of the others."""
    if len(rpps) != RPPS_DIGITS or not rpps.isascii() or not rpps.isdigit():
        return False
    total = 0
    for rank, digit in enumerate(reversed(rpps)):
        value = int(digit) * (2 if rank % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def rpps_of_national_id(subject_name_id: str) -> str:
    """psc 6.2: `8` and 11 digits is an RPPS; every other national id gives an empty string."""
    rpps = subject_name_id[1:]
    if subject_name_id.startswith(NATIONAL_RPPS_PREFIX) and len(rpps) == RPPS_DIGITS and rpps.isdigit():
        return rpps
    return ""


# --- Password login (issue: local administrators alone; security 3.1, 4.1) --------------------


def may_log_in_by_password(*, flag: bool, kind: str, families: Collection[str]) -> bool:
    """security 4.1, psc 1: the local password serves local administrators only.

    The account must be allowed to, be nominative, and hold an administration role today.
    """
    return flag and kind == AccountKind.NOMINATIVE and bool(PRIVILEGED_FAMILIES & set(families))


def password_delay(failures: int) -> timedelta:
    """security 4.1: progressive delay from the third failure, before the lock of the fifth."""
    if failures < 3:
        return timedelta(0)
    return timedelta(seconds=5 * 2 ** (failures - 3))


def password_has_expired(changed_at: datetime | None, now: datetime, months: int) -> bool:
    """security 4.1: the password of a privileged account is renewed, 12 months by default.

    A month counts as 365/12 days. A password of unknown age has expired.
    """
    return changed_at is None or now - changed_at > timedelta(days=months * 365 / 12)


# --- Habilitations (security 3.1) -------------------------------------------------------------


class GrantRefusal(Enum):
    """Why a role may not be given."""

    TO_ONESELF = "Vous ne pouvez pas vous donner une habilitation à vous-même."
    NO_MANDATE = "Votre compte n’a pas le droit de donner des habilitations."
    OTHER_FAMILY = (
        "Ce compte a déjà un rôle d’une autre famille : les fonctions séparées demandent des comptes séparés."
    )
    SERVICE_KIND = "Ce rôle est réservé aux comptes de service, et un compte de service n’a que celui-là."
    INACTIVE = "Ce compte est suspendu ou clos."


@dataclass(frozen=True, slots=True)
class GrantCase:
    """What is known when a role is about to be given."""

    role_family: str
    held_families: frozenset[str]
    account_kind: str
    account_active: bool
    to_oneself: bool
    giver_has_mandate: bool


def grant_refusal(case: GrantCase) -> GrantRefusal | None:
    """security 3.1: nobody gives himself a right, one account one family, service accounts apart."""
    if case.to_oneself:
        return GrantRefusal.TO_ONESELF
    if not case.giver_has_mandate:
        return GrantRefusal.NO_MANDATE
    if not case.account_active:
        return GrantRefusal.INACTIVE
    if (case.role_family == RoleFamily.SERVICE) != (case.account_kind == AccountKind.SERVICE):
        return GrantRefusal.SERVICE_KIND
    if case.held_families - {case.role_family}:
        return GrantRefusal.OTHER_FAMILY
    return None


# --- Matching of a provider's identity with accounts (psc 7) ----------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account as matching sees it. `linked_elsewhere`: bound to another identity of this provider."""

    id: int
    is_active: bool
    kind: str
    privileged: bool
    linked_elsewhere: bool = False

    @property
    def may_be_linked(self) -> bool:
        """psc 7.6: generic and administration accounts are never matched."""
        return self.is_active and self.kind == AccountKind.NOMINATIVE and not self.privileged


class Match(Enum):
    """Outcomes of psc 7."""

    LOGIN = "login"
    CHOOSE = "choose"
    LINK = "link"
    PROVE = "prove"
    NONE = "none"
    INACTIVE = "inactive"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Matching:
    outcome: Match
    accounts: tuple[int, ...] = ()


def match_accounts(
    linked: Collection[Candidate], by_rpps: Collection[Candidate], *, autolink: bool, claims_agree: bool
) -> Matching:
    """psc 7: which local account a verified identity opens.

    `linked` are accounts with a live link to this identity; `by_rpps` those whose verified RPPS is
    the identity's. Never an e-mail, never a name, never an account made on the way.
    """
    if not claims_agree:
        return Matching(Match.CONFLICT)
    if linked:
        usable = tuple(account.id for account in linked if account.may_be_linked)
        if not usable:
            return Matching(Match.INACTIVE)
        return Matching(Match.LOGIN if len(usable) == 1 else Match.CHOOSE, usable)
    candidates = [account for account in by_rpps if account.may_be_linked]
    if any(account.linked_elsewhere for account in candidates):
        return Matching(Match.CONFLICT)
    if not candidates:
        suspended = any(not account.is_active for account in by_rpps)
        return Matching(Match.INACTIVE if suspended else Match.NONE)
    ids = tuple(account.id for account in candidates)
    if len(ids) == 1 and autolink:
        return Matching(Match.LINK, ids)
    return Matching(Match.PROVE, ids)
