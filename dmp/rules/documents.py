"""What the metadata of the DMP mean for the reader: new, ours, hidden, replaced, already in the record.

Sources: spec dmp 6.3 (counter), 6.5 (duplicates), 3.4 (rules of display), 5.3 (visibility).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from dmp.enums import CounterEvent, DocumentStatus
from interop.xds import codes
from interop.xds.metadata import Association, Code, DocumentEntry

BATCH: Final = 20
"""Documents asked for at a time (dmp 3.4)."""
OVERLAP: Final = timedelta(minutes=10)
"""A deposit is dated by the clock of its sender: what is asked again is known by its identifier."""
CHAIN_LENGTH: Final = 20
"""How many replacements are followed; a longer chain would be a loop."""

STATUSES: Final = {
    codes.STATUS_APPROVED: DocumentStatus.APPROVED,
    codes.STATUS_ARCHIVED: DocumentStatus.ARCHIVED,
    codes.STATUS_DEPRECATED: DocumentStatus.DEPRECATED,
    codes.STATUS_DELETED: DocumentStatus.DELETED,
}

_Item = TypeVar("_Item")


def batches(items: Iterable[_Item], size: int = BATCH) -> Iterator[list[_Item]]:
    """Cut into lists of `size` at most."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def status_of(entry: DocumentEntry) -> DocumentStatus:
    """Status of an entry; one that the DMP does not name is in force."""
    return STATUSES.get(entry.status, DocumentStatus.APPROVED)


def is_signature(entry: DocumentEntry) -> bool:
    """Signatures of lots are no documents for a reader (dmp 3.4)."""
    return entry.type_code.code == codes.SIGNATURE_TYPE


def is_of_patient(entry: DocumentEntry) -> bool:
    """Whether the patient wrote or deposited the document (EX_3.1-1040)."""
    return was_deposited_by_patient(entry.class_code.code, entry.type_code.code)


def was_deposited_by_patient(class_code: str, type_code: str) -> bool:
    """By its class, or by the types that patients alone deposit: wishes, directives, own documents."""
    return class_code == codes.CLASS_OF_PATIENT or type_code.startswith(codes.TYPES_OF_PATIENT)


def institutions_of(entry: DocumentEntry) -> frozenset[str]:
    """National identifiers of the structures of the authors."""
    return frozenset(
        place.identifier for author in entry.authors for place in author.institutions if place.identifier
    )


def is_of_others(entry: DocumentEntry, own_structures: Collection[str]) -> bool:
    """Whether a document comes from elsewhere: the counter counts these alone (SC.DMP/UX.15)."""
    return not institutions_of(entry) & set(own_structures)


@dataclass(frozen=True, slots=True)
class Deposits:
    """What happened in the lots of a period.

    `members` are entryUUIDs of documents that came or whose metadata changed; `statuses` give the new
    status of those that were archived, taken back or deleted.
    """

    members: tuple[str, ...]
    statuses: Mapping[str, DocumentStatus]


def deposits_of(associations: Iterable[Association]) -> Deposits:
    """Read the associations of lots (dmp 6.3: HasMember; 3.6 c, d: change of status)."""
    members: dict[str, None] = {}
    statuses: dict[str, DocumentStatus] = {}
    for link in associations:
        if link.kind == codes.ASSOCIATION_HAS_MEMBER:
            members[link.target] = None
        elif link.kind == codes.ASSOCIATION_UPDATE_STATUS:
            status = STATUSES.get(link.slot(codes.SLOT_NEW_STATUS))
            if status is not None:
                statuses[link.target] = status
    return Deposits(tuple(members), statuses)


def replacements_of(associations: Iterable[Association]) -> dict[str, str]:
    """entryUUID of the newer document for each entryUUID that was replaced (RPLC)."""
    return {link.target: link.source for link in associations if link.kind == codes.ASSOCIATION_REPLACE}


def newest_of(entry_uuid: str, replacements: Mapping[str, str]) -> str:
    """The end of a chain of replacements; the entry itself when nothing replaced it."""
    for _ in range(CHAIN_LENGTH):
        if entry_uuid not in replacements:
            return entry_uuid
        entry_uuid = replacements[entry_uuid]
    return entry_uuid


def window_start(now: datetime, days: int) -> datetime:
    """From when acts are asked for on the first access: two years by default (dmp 3.4)."""
    return now - timedelta(days=days)


def counted_since(
    event: CounterEvent,
    *,
    now: datetime,
    days: int,
    seen_at: datetime | None,
    visit_ended_at: datetime | None,
    integrated_at: datetime | None,
) -> datetime | None:
    """From when deposits count as new; None without such an event: everything found counts."""
    return {
        CounterEvent.LAST_SEEN: seen_at,
        CounterEvent.LAST_VISIT: visit_ended_at,
        CounterEvent.LAST_INTEGRATION: integrated_at,
        CounterEvent.PERIOD: now - timedelta(days=days),
    }[event]


def visible_after(
    confidentiality: Sequence[Code], *, to_patient: bool, to_guardians: bool
) -> tuple[Code, ...]:
    """The confidentiality of a document made visible: the same without what hid it, `N` kept (dmp 3.6)."""
    lifted = set()
    if to_patient:
        lifted.add(codes.VISIBILITY_HIDDEN_PATIENT)
    if to_guardians:
        lifted.add(codes.VISIBILITY_HIDDEN_GUARDIANS)
    return tuple(code for code in confidentiality if code.code not in lifted)
