"""Who consulted the DMP, and what came back (spec stats 3 B).

A transaction is a search (TD3.1) or a download (TD3.2) that succeeded; tests of existence are none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from stats.enums import DocType
from stats.rules.figures import ALL, Key, Ratio, ratios_of
from stats.rules.months import Month, Period, month_of
from stats.rules.sendings import lines_of


@dataclass(frozen=True, slots=True)
class Consulting:
    """One user who had a transaction in a month, in one site, with the profession of that moment."""

    user: Hashable
    month: Month
    finess: str
    profession: str


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when; None has no end."""

    since: datetime
    until: datetime | None = None

    def meets(self, other: Span) -> bool:
        """Whether both have a moment in common."""
        return (other.until is None or self.since < other.until) and (
            self.until is None or other.since < self.until
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A nominative account with a profession: when it was active, in which sites and when."""

    user: Hashable
    profession: str
    active: Sequence[Span]
    sites: Sequence[tuple[str, Span]]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One document of the DMP that was downloaded or integrated, for one patient."""

    at: datetime
    patient: Hashable
    document: str
    doc_type: DocType
    finess: str
    service: str


def user_counts(consultings: Iterable[Consulting]) -> dict[Key, int]:
    """CON_DMP_NB_UTIL: distinct users, by site and profession, and on their unions."""
    return _distinct("CON_DMP_NB_UTIL", consultings)


def user_ratios(
    consultings: Sequence[Consulting], accounts: Iterable[Account], period: Period, zone: tzinfo
) -> dict[Key, Ratio]:
    """CON_DMP_TX_UTIL: who consulted, over the accounts active one day of the month and attached there.

    Who consulted in a site was there, whatever the habilitations say: no rate passes 100 %.
    """
    spans = [(month, Span(month.starts_at(zone), month.ends_at(zone))) for month in period]
    present = [
        Consulting(account.user, month, finess, account.profession)
        for account in accounts
        for month, finess in _months_and_sites(account, spans)
    ]
    return ratios_of(
        _distinct("CON_DMP_TX_UTIL", consultings), _distinct("CON_DMP_TX_UTIL", [*present, *consultings])
    )


def activity(created_at: datetime, changes: Iterable[tuple[datetime, bool]]) -> list[Span]:
    """When an account was active, from its opening and each later change: `(when, is active)`."""
    spans: list[Span] = []
    since: datetime | None = created_at
    for at, is_active in sorted(changes):
        if since is not None and not is_active:
            spans.append(Span(since, at))
            since = None
        elif since is None and is_active:
            since = at
    if since is not None:
        spans.append(Span(since))
    return spans


def retrieved_counts(documents: Iterable[Retrieved], period: Period, zone: tzinfo) -> dict[Key, int]:
    """CON_DMP_NB_DOC: distinct (patient, document) of each month, at the site of the first time."""
    first: dict[tuple[Month, Hashable, str], Retrieved] = {}
    for one in sorted(documents, key=lambda document: document.at):
        first.setdefault((month_of(one.at, zone), one.patient, one.document), one)
    return lines_of(
        Key(one.finess, month, "CON_DMP_NB_DOC", doc_type=one.doc_type, service=one.service)
        for (month, _, _), one in first.items()
        if month in period
    )


def _months_and_sites(account: Account, spans: Sequence[tuple[Month, Span]]) -> Iterator[tuple[Month, str]]:
    for month, span in spans:
        if any(active.meets(span) for active in account.active):
            yield from {(month, finess) for finess, held in account.sites if held.meets(span)}


def _distinct(indicator: str, members: Iterable[Consulting]) -> dict[Key, int]:
    """Distinct users of each line: by site and profession, and on each union."""
    users: dict[tuple[str, Month, str], set[Hashable]] = defaultdict(set)
    for member in members:
        for finess in (member.finess, ALL):
            for profession in {member.profession or ALL, ALL}:
                users[finess, member.month, profession].add(member.user)
    return {
        Key(finess, month, indicator, profession=profession): len(found)
        for (finess, month, profession), found in users.items()
    }
