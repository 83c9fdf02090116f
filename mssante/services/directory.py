"""The national directory as people use it: searched, kept for its silences, picked, checked (mssante 3.4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from interop.ins.traits import comparable
from mssante.enums import AddressSource, MailboxKind
from mssante.errors import NoMailbox
from mssante.models import Correspondent, CorrespondentAddress, DirectoryEntry
from mssante.rules import written_title
from mssante.selectors import addresses_due_for_check, directory_copy, entries_in_order
from mssante.services.book import address_keep, correspondent_keep
from national.annuaire.opening import directory as national_directory
from national.annuaire.ports import DirectoryQuery, DirectoryRow
from national.errors import NationalServiceError

FOUND_SECONDS: Final = 24 * 3600
NOT_FOUND_SECONDS: Final = 3600
CHECK_EVERY: Final = timedelta(hours=24)
_KEY: Final = ("rpps", "finess", "address")
_COPIED: Final = tuple(name for name in DirectoryRow.__slots__)
_CUT: Final = {
    field.name: length
    for field in DirectoryEntry._meta.concrete_fields
    if (length := getattr(field, "max_length", None))
}


@dataclass(frozen=True, slots=True)
class DirectoryFound:
    """What a search gave, in order. `trouble` says, in a sentence, why `entries` come from the copy."""

    entries: Sequence[DirectoryEntry]
    is_cut: bool = False
    trouble: str = ""

    @property
    def oldest(self) -> datetime | None:
        """When the oldest of the entries was read."""
        return min((entry.seen_at for entry in self.entries), default=None)


def directory_search(query: DirectoryQuery, *, actor: Actor) -> DirectoryFound:
    """Search the directory; an answer is kept 24 hours, an empty one an hour. When it is silent, its copy."""
    key = _cache_key(query)
    kept = cache.get(key)
    if kept is not None:
        return DirectoryFound(entries_in_order(kept["entries"]), kept["is_cut"])
    try:
        answer = national_directory().search(query, actor)
    except NationalServiceError as error:
        return DirectoryFound(directory_copy(query), trouble=error.message)
    numbers = _keep(answer.rows, timezone.now())
    seconds = FOUND_SECONDS if numbers else NOT_FOUND_SECONDS
    cache.set(key, {"entries": numbers, "is_cut": answer.is_cut}, seconds)
    return DirectoryFound(entries_in_order(numbers), answer.is_cut)


@transaction.atomic
def directory_pick(*, entry: DirectoryEntry, actor: Actor) -> CorrespondentAddress:
    """Put an entry and its address into the address book, or confirm them.

    Raises NoMailbox for who has no address, AddressRefused for an address that is none.
    """
    if not entry.address:
        raise NoMailbox()
    told = {
        "title": written_title(entry.title),
        "family_name": entry.family,
        "given_name": entry.given,
        "profession": entry.profession,
        "specialty": entry.specialty,
        "structure": entry.structure,
        "postal_code": entry.postal_code,
        "city": entry.city,
    }
    values: dict[str, object] = {name: value for name, value in told.items() if value}
    if entry.dematerialised is not None:
        values["accepts_dematerialised"] = entry.dematerialised
    correspondent: Correspondent = correspondent_keep(
        actor=actor, rpps=entry.rpps, finess=entry.finess, **values
    )
    return address_keep(
        correspondent=correspondent,
        address=entry.address,
        source=AddressSource.DIRECTORY,
        actor=actor,
        kind=_kind(entry),
        label=entry.label,
        verified_at=entry.seen_at,
    )


def addresses_recheck(*, actor: Actor, limit: int) -> int:
    """Ask whether the addresses that came from the directory are still there, those asked longest ago first.

    Returns how many were checked; stops at the first call that fails, the next run goes on.
    """
    checked = 0
    for row in addresses_due_for_check(timezone.now() - CHECK_EVERY, limit):
        try:
            is_known = national_directory().knows(row.address, actor)
        except NationalServiceError:
            break
        address_checked(row=row, is_known=is_known)
        checked += 1
    return checked


@transaction.atomic
def address_checked(*, row: CorrespondentAddress, is_known: bool) -> None:
    """Write what a check found; an absent address is counted, never taken out."""
    locked = CorrespondentAddress.objects.select_for_update(of=("self",)).get(pk=row.pk)
    locked.checked_at = timezone.now()
    if is_known:
        locked.verified_at, locked.missed_checks = locked.checked_at, 0
    else:
        locked.missed_checks = min(locked.missed_checks + 1, 1000)
    locked.save(update_fields=["checked_at", "verified_at", "missed_checks"])


def directory_forget(now: datetime) -> int:
    """Drop the entries of the copy that nobody read again for too long."""
    old = now - timedelta(days=settings.DIRECTORY_COPY_DAYS)
    deleted, _ = DirectoryEntry.objects.filter(seen_at__lt=old).delete()
    return deleted


def _keep(rows: Iterable[DirectoryRow], now: datetime) -> list[int]:
    """Write the rows into the copy; their numbers, in the same order. A row needs an identifier."""
    found: dict[tuple[str, ...], DirectoryEntry] = {}
    for row in rows:
        entry = DirectoryEntry(seen_at=now, **{name: _cut(name, getattr(row, name)) for name in _COPIED})
        entry.search_text = comparable(" ".join((entry.family, entry.given, entry.structure, entry.city)))[
            :700
        ]
        if entry.rpps or entry.finess:
            found.setdefault(tuple(getattr(entry, name) for name in _KEY), entry)
    if not found:
        return []
    # In the order of the key: two searches at once never wait for each other in a circle.
    DirectoryEntry.objects.bulk_create(
        [found[key] for key in sorted(found)],
        update_conflicts=True,
        unique_fields=list(_KEY),
        update_fields=[*(name for name in _COPIED if name not in _KEY), "search_text", "seen_at"],
    )
    return [entry.pk for entry in found.values()]


def _cut(name: str, value: str | bool | None) -> str | bool | None:
    return value[: _CUT[name]] if isinstance(value, str) else value


def _kind(entry: DirectoryEntry) -> MailboxKind:
    if entry.kind in MailboxKind.values:
        return MailboxKind(entry.kind)
    return MailboxKind.PER if entry.family else MailboxKind.ORG


def _cache_key(query: DirectoryQuery) -> str:
    text = json.dumps(asdict(query), sort_keys=True)
    return f"annuaire:{hashlib.sha256(text.encode()).hexdigest()}"
