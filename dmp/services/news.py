"""What third parties deposited since this person last looked (dmp 6.3; SC.DMP/UX.15).

First access: a search over two years. Then the lots deposited since T0, which is written only after the
whole search succeeded: a failure in the middle loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from dmp.asking import asking
from dmp.consultation import Consultation
from dmp.criteria import SearchCriteria, criteria_of_query
from dmp.enums import CounterEvent, DocumentStatus
from dmp.line import BUSY, Line
from dmp.models import DmpStatus, RemoteDocument
from dmp.rules.documents import (
    OVERLAP,
    batches,
    counted_since,
    deposits_of,
    newest_of,
    replacements_of,
    window_start,
)
from dmp.selectors import News, counter_preset, integrated_at, news_for_patients, previous_visit_end
from dmp.services.storing import entries_keep
from interop.xds.iti18 import SetCriteria
from interop.xds.metadata import Association, DocumentEntry, SubmissionSet
from interop.xds.times import instant_from_dtm
from national.errors import NationalServiceError

QUESTION: Final = "news"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the counter says. `failed` when the DMP did not answer: then it tells what was known before.

    `since` is what the count is about: the last time the list was opened, or the beginning of the search.
    `waits` tells to come again in a moment, as `checking` does for the status.
    """

    news: News
    since: datetime
    failed: bool = False
    waits: bool = False
    sentence: str = ""


def news_refresh(consultation: Consultation, *, now: datetime, line: Line | None = None) -> Counted:
    """Ask the DMP what is new, keep it, and count what this person has not seen."""
    with asking(consultation, QUESTION) as is_first:
        status = _status(consultation)
        if not is_first:
            return _counted(consultation, status, now=now, waits=True)
        return _asked(consultation, status, line or Line(consultation), now=now)


def _asked(consultation: Consultation, status: DmpStatus, line: Line, *, now: datetime) -> Counted:
    try:
        if status.called_at is None:
            _first_search(consultation, line, now=now)
        else:
            _since(consultation, line, status.called_at, now=now)
    except NationalServiceError as error:
        if error.code == BUSY:
            return _counted(consultation, status, now=now, waits=True)
        return _counted(consultation, status, now=now, failed=True, sentence=error.message)
    DmpStatus.objects.filter(pk=status.pk).update(called_at=now)
    _leave_out_the_old(consultation, status, now=now)
    return _counted(consultation, status, now=now)


def _counted(
    consultation: Consultation,
    status: DmpStatus,
    *,
    now: datetime,
    failed: bool = False,
    waits: bool = False,
    sentence: str = "",
) -> Counted:
    since = status.seen_at or window_start(now, settings.DMP_FIRST_WINDOW_DAYS)
    return Counted(news_known(consultation), since, failed=failed, waits=waits, sentence=sentence)


def news_known(consultation: Consultation) -> News:
    """The counter from what is stored, without any call. 1 query."""
    patient_id = consultation.patient.pk
    return news_for_patients(consultation.user, [patient_id]).get(patient_id, News())


def news_seen(consultation: Consultation, *, now: datetime) -> int:
    """The person opened the list, or marked everything as seen: nothing is new any more."""
    seen = (
        RemoteDocument.objects.seen_by(consultation.user, [consultation.patient.pk])
        .filter(seen_at__isnull=True)
        .update(seen_at=now)
    )
    DmpStatus.objects.filter(
        patient=consultation.patient, user=consultation.user, structure=consultation.structure
    ).update(seen_at=now)
    return seen


def _status(consultation: Consultation) -> DmpStatus:
    status, _ = DmpStatus.objects.get_or_create(
        patient=consultation.patient, user=consultation.user, structure=consultation.structure
    )
    return status


def _first_search(consultation: Consultation, line: Line, *, now: datetime) -> None:
    """Two years of acts in force, of the types that the person chose (dmp 3.4)."""
    preset = counter_preset(consultation.user)
    criteria = criteria_of_query(preset.query) if preset else SearchCriteria()
    found = line.search(
        criteria.asked(
            consultation.patient_id, since=window_start(now, settings.DMP_FIRST_WINDOW_DAYS), now=now
        )
    )
    entries = [entry for entry in found.entries if criteria.keeps(entry)]
    entries_keep(consultation, entries, now=now)


def _since(consultation: Consultation, line: Line, called_at: datetime, *, now: datetime) -> None:
    """Lots deposited since T0, then what they hold, twenty documents at a time."""
    lots = line.submission_sets(
        SetCriteria(patient_id=consultation.patient_id, submitted_from=called_at - OVERLAP)
    )
    if not lots:
        return
    links = line.associations([lot.entry_id for lot in lots])
    deposits = deposits_of(links)
    preset = counter_preset(consultation.user)
    criteria = criteria_of_query(preset.query) if preset else SearchCriteria()
    for batch in batches(deposits.members):
        found = line.documents(entry_uuids=batch)
        kept = [entry for entry in found.entries if criteria.keeps(entry) or _is_known(consultation, entry)]
        names = _names_of_replaced(consultation, line, found.entries, found.associations)
        entries_keep(
            consultation,
            kept,
            now=now,
            replaces=names,
            deposited=_deposit_times(lots, links, found.entries),
        )
        _mark_replaced(consultation, found.entries, found.associations)
    for entry_uuid, status in deposits.statuses.items():
        RemoteDocument.objects.filter(
            user=consultation.user, patient=consultation.patient, entry_uuid=entry_uuid
        ).update(status=status, checked_at=now)


def _is_known(consultation: Consultation, entry: DocumentEntry) -> bool:
    """Case B of dmp 6.3: the metadata of a document that this person saw changed."""
    return RemoteDocument.objects.filter(
        user=consultation.user, patient=consultation.patient, unique_id=entry.unique_id
    ).exists()


def _names_of_replaced(
    consultation: Consultation,
    line: Line,
    entries: Sequence[DocumentEntry],
    links: Sequence[Association],
) -> dict[str, str]:
    """uniqueId of what each of these documents replaces (case A of dmp 6.3).

    The registry names the replaced one by its entryUUID: known here, returned beside, or asked for.
    """
    newer = {entry.entry_id: entry.unique_id for entry in entries}
    replaced = {old: newer[new] for old, new in replacements_of(links).items() if new in newer}
    if not replaced:
        return {}
    names = newer | dict(
        RemoteDocument.objects.filter(
            user=consultation.user, patient=consultation.patient, entry_uuid__in=replaced
        ).values_list("entry_uuid", "unique_id")
    )
    unknown = [uuid for uuid in replaced if uuid not in names]
    if unknown:
        found = line.documents(entry_uuids=unknown)
        names |= {entry.entry_id: entry.unique_id for entry in found.entries}
    return {new: names[old] for old, new in replaced.items() if old in names}


def _mark_replaced(
    consultation: Consultation, entries: Sequence[DocumentEntry], links: Sequence[Association]
) -> None:
    """Tell the older documents that this person saw which one to read now: the end of the chain."""
    names = {entry.entry_id: entry.unique_id for entry in entries}
    replacements = replacements_of(links)
    for old in replacements:
        newest = names.get(newest_of(old, replacements))
        if newest:
            RemoteDocument.objects.filter(
                user=consultation.user, patient=consultation.patient, entry_uuid=old
            ).update(replaced_by=newest, status=DocumentStatus.DEPRECATED)


def _deposit_times(
    lots: Sequence[SubmissionSet], links: Sequence[Association], entries: Sequence[DocumentEntry]
) -> dict[str, datetime]:
    """When each document was deposited, by its uniqueId: the time of its lot."""
    times: dict[str, datetime] = {}
    for lot in lots:
        try:
            times[lot.entry_id] = instant_from_dtm(lot.submission_time)
        except ValueError:
            continue
    names = {entry.entry_id: entry.unique_id for entry in entries}
    return {
        names[link.target]: times[link.source]
        for link in links
        if link.target in names and link.source in times
    }


def _leave_out_the_old(consultation: Consultation, status: DmpStatus, *, now: datetime) -> None:
    """What is older than the event that the hospital chose is listed, and not counted as new."""
    event = CounterEvent(settings.DMP_COUNTER_EVENT)
    since = counted_since(
        event,
        now=now,
        days=settings.DMP_COUNTER_DAYS,
        seen_at=status.seen_at,
        visit_ended_at=previous_visit_end(consultation) if event == CounterEvent.LAST_VISIT else None,
        integrated_at=integrated_at(consultation) if event == CounterEvent.LAST_INTEGRATION else None,
    )
    if event == CounterEvent.LAST_SEEN or since is None:
        return
    came = Coalesce(F("deposited_at"), F("created_at"), F("act_at"), F("found_at"))
    RemoteDocument.objects.seen_by(consultation.user, [consultation.patient.pk]).filter(
        Q(seen_at__isnull=True)
    ).annotate(came=came).filter(came__lt=since).update(seen_at=now)
