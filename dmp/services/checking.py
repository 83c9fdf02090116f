"""Is what the record holds still what the DMP holds? Asked when a linked document is opened.

SC.CDA/DD.05, VISU.02: a newer version, or a deletion, is told in the viewer; the answer belongs to the
person who opened the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from accounts.models import User
from dmp.consultation import Consultation
from dmp.enums import DocumentStatus
from dmp.line import Line
from dmp.models import RemoteDocument
from dmp.rules.documents import CHAIN_LENGTH, is_signature, newest_of, replacements_of, status_of
from dmp.services.storing import entries_keep
from dmp.services.visibility import local_flags_follow
from documents.enums import Intake, Origin, VersionState
from documents.models import Version
from documents.received import IncomingDeletion
from documents.services import document_delete_received
from interop.xds.metadata import Association, DocumentEntry
from national.errors import NationalServiceError
from patients.models import Patient

CHECKED_AGAIN_AFTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class LocalCheck:
    """What the DMP says of a filed document: a newer version to see, a deletion, or nothing special."""

    newer: RemoteDocument | None = None
    is_deleted: bool = False
    failed: bool = False
    sentence: str = ""


def local_check(
    consultation: Consultation, version: Version, *, now: datetime, line: Line | None = None
) -> LocalCheck:
    """Ask the DMP about the document of this version, once a quarter of an hour for each person."""
    known = _mine(consultation, version.unique_id)
    if known is not None and now - known.checked_at < CHECKED_AGAIN_AFTER:
        return _known(consultation, known)
    line = line or Line(consultation)
    try:
        entries, links = _chain(line, version.unique_id)
    except NationalServiceError as error:
        return LocalCheck(failed=True, sentence=error.message)
    return _kept(consultation, version, entries, links, now=now)


def known_check(user: User, patient: Patient, unique_ids: Sequence[str]) -> dict[str, LocalCheck]:
    """What this person was told before of these filed documents: the marks of the list. 2 queries."""
    mine = RemoteDocument.objects.seen_by(user, [patient.pk])
    rows = list(mine.filter(unique_id__in=unique_ids))
    asked = [row.replaced_by for row in rows if row.replaced_by]
    followers = {row.unique_id: row for row in mine.not_here().filter(unique_id__in=asked)}
    return {
        row.unique_id: LocalCheck(
            newer=followers.get(row.replaced_by), is_deleted=row.status == DocumentStatus.DELETED
        )
        for row in rows
    }


def _mine(consultation: Consultation, unique_id: str) -> RemoteDocument | None:
    return RemoteDocument.objects.filter(
        user=consultation.user, patient=consultation.patient, unique_id=unique_id
    ).first()


def _known(consultation: Consultation, row: RemoteDocument) -> LocalCheck:
    found = known_check(consultation.user, consultation.patient, [row.unique_id])
    return found.get(row.unique_id, LocalCheck())


def _chain(line: Line, unique_id: str) -> tuple[list[DocumentEntry], list[Association]]:
    """The document, and what replaced it, until the end of the chain."""
    found = line.documents([unique_id])
    entries = [entry for entry in found.entries if not is_signature(entry)]
    links = list(found.associations)
    for _ in range(CHAIN_LENGTH):
        names = {entry.entry_id for entry in entries}
        missing = [new for new in replacements_of(links).values() if new not in names]
        if not missing:
            break
        more = line.documents(entry_uuids=missing)
        entries += [entry for entry in more.entries if not is_signature(entry)]
        links += more.associations
        if not more.entries:
            break
    return entries, links


def _kept(
    consultation: Consultation,
    version: Version,
    entries: list[DocumentEntry],
    links: list[Association],
    *,
    now: datetime,
) -> LocalCheck:
    own = [entry for entry in entries if entry.unique_id == version.unique_id]
    current = max(own, key=lambda entry: entry.version, default=None)
    if current is None or status_of(current) is DocumentStatus.DELETED:
        return _deleted(consultation, version, current, now=now)
    rows = {row.unique_id: row for row in entries_keep(consultation, entries, now=now, seen=True)}
    row = rows.get(version.unique_id)
    if row is not None:
        local_flags_follow(consultation, row, now=now)
    names = {entry.entry_id: entry.unique_id for entry in entries}
    newest = names.get(newest_of(current.entry_id, replacements_of(links)), version.unique_id)
    if newest == version.unique_id or row is None:
        return LocalCheck()
    RemoteDocument.objects.filter(pk=row.pk).update(replaced_by=newest)
    RemoteDocument.objects.filter(pk=rows[newest].pk).update(replaces=version.unique_id)
    is_here = Version.objects.filter(document_id=version.document_id, unique_id=newest).exists()
    return LocalCheck(newer=None if is_here else rows[newest])


def _deleted(
    consultation: Consultation, version: Version, entry: DocumentEntry | None, *, now: datetime
) -> LocalCheck:
    """The DMP no longer has it, or no longer shows it: told to this person; the content stays.

    Said deleted by the DMP itself, a document that came from there is marked so for everybody. One that
    is only not found may be masked to this person: nobody else is told anything.
    """
    if entry is not None:
        entries_keep(consultation, [entry], now=now, seen=True)
    RemoteDocument.objects.update_or_create(
        user=consultation.user,
        patient=consultation.patient,
        unique_id=version.unique_id,
        defaults={"status": DocumentStatus.DELETED, "checked_at": now, "seen_at": now},
    )
    is_here_from_there = Origin.DMP in version.document.origins and version.state == VersionState.CURRENT
    if entry is not None and is_here_from_there:
        document_delete_received(
            patient=consultation.patient,
            incoming=IncomingDeletion(
                unique_id=version.unique_id,
                origin=Origin.DMP,
                intake=Intake.AUTOMATIC,
                source_label="DMP",
                source_id=entry.entry_id if entry else "",
            ),
            actor=consultation.actor,
            at=now,
        )
    return LocalCheck(is_deleted=True)
