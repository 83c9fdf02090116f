"""Rules of documents received from elsewhere: versions, authors, filing. Pure functions.

Sources: requirements 13 (duplicates), hl7v2 3.5, mssante 2.5 to 2.7, dmp 6.5, README decision 12.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from documents.enums import ReceiptOutcome, ReceiptRequest, VersionState
from interop.hl7v2 import codes

FILING_TOLERANCE: Final = timedelta(days=30)
"""A stay that ended this long ago at most still takes what its unit receives (mssante 2.7)."""

_APPLICATION_CODES: Final = {
    ReceiptOutcome.OLDER: codes.APPLICATION_WRONG_VERSION,
    ReceiptOutcome.UNKNOWN_VERSION: codes.APPLICATION_WRONG_VERSION,
    ReceiptOutcome.REFUSED_AUTHOR: codes.APPLICATION_AUTHOR_NOT_ALLOWED,
    ReceiptOutcome.REFUSED_IDENTITY: codes.APPLICATION_INS_MISMATCH,
    ReceiptOutcome.CONFLICT: codes.APPLICATION_OTHER,
    ReceiptOutcome.DELETED_BEFORE: codes.APPLICATION_OTHER,
    ReceiptOutcome.UNREADABLE: codes.APPLICATION_OTHER,
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """What arrives. `number` is versionNumber; `author_keys` those of its authors (`has_author_right`),
    None where who may replace was checked elsewhere: by the registry of the DMP.

    `refiles`: a person asks, with a motive, for a document that was deleted to be filed again.
    """

    request: ReceiptRequest
    sha256: str
    number: int | None
    author_keys: frozenset[str] | None
    refiles: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A version already in the records; `pk` tells two of them apart.

    `same_patient`: it is in the record where the arrival would be filed. `is_produced`: this
    hospital wrote the document.
    """

    pk: int
    document_pk: int
    same_patient: bool
    sha256: str
    state: VersionState
    number: int
    is_produced: bool
    author_keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is done: `after` is the version that the arrival follows, `again` the deleted one that it is."""

    outcome: ReceiptOutcome
    after: Held | None = None
    again: Held | None = None


def ruling_on(
    arrival: Arrival,
    *,
    same_id: Held | None,
    lineage: Held | None,
    parent: Held | None,
    accepts_orphan: bool = False,
) -> Ruling:
    """Decide on an initial transmission or a replacement (requirements 13, hl7v2 3.5, decision 12).

    `same_id` is the version known under the same id; `lineage` the last version filed under the same
    setId, or of the document of `same_id` where it has none; `parent` the version that
    `relatedDocument` RPLC names. `accepts_orphan` lets a replacement whose parent was never received in,
    as a first version.
    """
    if same_id is not None:
        outcome = _outcome_of_known(arrival, same_id)
        if outcome == ReceiptOutcome.DELETED_BEFORE and arrival.refiles:
            return _ruling_on_return(same_id, lineage)
        return Ruling(outcome)
    if lineage is not None and not lineage.same_patient:
        return Ruling(ReceiptOutcome.CONFLICT)
    if arrival.request == ReceiptRequest.REPLACE:
        return _ruling_on_replacement(arrival, lineage, parent, accepts_orphan=accepts_orphan)
    if lineage is not None:
        return _next_of_lineage(arrival, lineage, parent)
    if parent is not None and parent.same_patient:
        return _next_of_parent(arrival, parent)
    return Ruling(ReceiptOutcome.INTEGRATED)


def ruling_on_deletion(target: Held | None, author_keys: frozenset[str] | None) -> ReceiptOutcome:
    """Decide on a deletion asked by the sender (hl7v2 3.5, mssante 2.6).

    Asked twice, it is done already. `author_keys` None: who asks was checked elsewhere (the DMP).
    """
    if target is None or not target.same_patient:
        return ReceiptOutcome.UNKNOWN_VERSION
    if target.state == VersionState.DELETED:
        return ReceiptOutcome.DUPLICATE
    if target.state != VersionState.CURRENT:
        return ReceiptOutcome.UNKNOWN_VERSION
    if author_keys is not None and not has_author_right(author_keys, target):
        return ReceiptOutcome.REFUSED_AUTHOR
    return ReceiptOutcome.DELETED


def has_author_right(author_keys: frozenset[str], held: Held) -> bool:
    """Whether who sends may replace or delete: an author, or the same organisation (hl7v2 3.3, 901).

    Never a document written here: its recipients hold all its identifiers, and could claim them.
    """
    return not held.is_produced and bool(author_keys & held.author_keys)


def application_code(outcome: ReceiptOutcome) -> str:
    """ERR-5 of a refusal (hl7v2 3.4); empty for what is accepted."""
    return _APPLICATION_CODES.get(outcome, "")


def number_of(number: int | None, taken: Iterable[int]) -> int:
    """The number under which a version is filed: its own when it follows those taken, else the next."""
    last = max(taken, default=0)
    return number if number is not None and number > last else last + 1


def _outcome_of_known(arrival: Arrival, same_id: Held) -> ReceiptOutcome:
    if not same_id.same_patient or same_id.sha256 != arrival.sha256:
        return ReceiptOutcome.CONFLICT
    if same_id.state == VersionState.DELETED:
        return ReceiptOutcome.DELETED_BEFORE
    return ReceiptOutcome.DUPLICATE


def _ruling_on_return(deleted: Held, lineage: Held | None) -> Ruling:
    """A deleted document comes back by a person alone (mssante 2.6), unless a later version took over.

    One written here does not: who deleted it took it back from those who had it, and writes another.
    """
    if deleted.is_produced:
        return Ruling(ReceiptOutcome.DELETED_BEFORE)
    if lineage is not None and lineage.pk != deleted.pk:
        return Ruling(ReceiptOutcome.OLDER)
    return Ruling(ReceiptOutcome.INTEGRATED, again=deleted)


def _ruling_on_replacement(
    arrival: Arrival, lineage: Held | None, parent: Held | None, *, accepts_orphan: bool
) -> Ruling:
    if parent is None and lineage is None and accepts_orphan:
        return Ruling(ReceiptOutcome.INTEGRATED)
    if parent is None or not parent.same_patient or parent.state != VersionState.CURRENT:
        return Ruling(ReceiptOutcome.UNKNOWN_VERSION)
    if lineage is not None and lineage.document_pk != parent.document_pk:
        return Ruling(ReceiptOutcome.CONFLICT)
    if lineage is not None and arrival.number is not None and arrival.number <= parent.number:
        return Ruling(ReceiptOutcome.OLDER)
    return _after(arrival, parent)


def _next_of_lineage(arrival: Arrival, lineage: Held, parent: Held | None) -> Ruling:
    follows = parent is not None and parent.pk == lineage.pk
    is_newer = arrival.number > lineage.number if arrival.number is not None else follows
    return _after(arrival, lineage) if is_newer else Ruling(ReceiptOutcome.OLDER)


def _next_of_parent(arrival: Arrival, parent: Held) -> Ruling:
    """A producer without setId, or that adopted it since: the chain is that of the ids."""
    is_outdated = parent.state == VersionState.REPLACED
    return Ruling(ReceiptOutcome.OLDER) if is_outdated else _after(arrival, parent)


def _after(arrival: Arrival, held: Held) -> Ruling:
    """The arrival follows `held`: it replaces it, or takes the place of one that was deleted."""
    keys = arrival.author_keys
    may_follow = not held.is_produced if keys is None else has_author_right(keys, held)
    if not may_follow:
        return Ruling(ReceiptOutcome.REFUSED_AUTHOR)
    is_replacement = held.state == VersionState.CURRENT
    return Ruling(ReceiptOutcome.REPLACED if is_replacement else ReceiptOutcome.INTEGRATED, held)


@dataclass(frozen=True, slots=True)
class FilingStay:
    """A stay in the unit that receives, by its days; `end` None while it goes on."""

    pk: int
    start: date
    end: date | None


def stay_to_file_in(stays: Sequence[FilingStay], *, act: date | None, today: date) -> FilingStay | None:
    """The stay where a received document is filed (mssante 2.7); None: in the record, out of any stay.

    The one whose days hold the act; else the one that goes on; else the last, ended 30 days ago at
    most. No stay is ever made.
    """
    by_start = sorted(stays, key=lambda stay: stay.start, reverse=True)
    if act is not None:
        for stay in by_start:
            if stay.start <= act and (stay.end is None or act <= stay.end):
                return stay
    for stay in by_start:
        if stay.end is None:
            return stay
    recent = (stay for stay in by_start if stay.end is not None and today - stay.end <= FILING_TOLERANCE)
    return next(recent, None)
