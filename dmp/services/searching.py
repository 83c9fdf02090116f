"""The search that a person asks for (TD3.1; SC.DMP/UX.14, UX.27)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from dmp.consultation import Consultation
from dmp.criteria import SearchCriteria
from dmp.line import Line
from dmp.models import RemoteDocument
from dmp.rules.documents import batches, deposits_of, is_signature, window_start
from dmp.services.storing import entries_keep
from interop.xds import codes
from interop.xds.iti18 import SetCriteria
from interop.xds.metadata import DocumentEntry
from interop.xds.times import instant_from_dtm
from national.errors import NationalServiceError

TOO_MANY: Final = (
    "Le DMP a trop de documents pour cette recherche : réduisez la période ou choisissez des types."
)


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found, newest act first.

    `left_out` counts what the registry returned and the criteria compared here dropped; `failed` with its
    sentence when the DMP did not answer: then nothing was found nor lost.
    """

    documents: tuple[RemoteDocument, ...] = ()
    left_out: int = 0
    failed: bool = False
    sentence: str = ""


def documents_search(
    consultation: Consultation, criteria: SearchCriteria, *, now: datetime, line: Line | None = None
) -> Search:
    """Ask the DMP, keep what it returned for this person alone, and give it in order."""
    line = line or Line(consultation)
    try:
        entries, deposited = (
            _by_deposit(consultation, criteria, line)
            if criteria.is_by_deposit
            else (_by_criteria(consultation, criteria, line, now=now), {})
        )
    except NationalServiceError as error:
        sentence = TOO_MANY if error.code == codes.ERROR_TOO_MANY_RESULTS else error.message
        return Search(failed=True, sentence=sentence)
    readable = [entry for entry in entries if not is_signature(entry)]
    wanted = [entry for entry in readable if criteria.keeps(entry)]
    kept = entries_keep(consultation, wanted, now=now, seen=True, deposited=deposited)
    kept.sort(key=lambda row: row.at, reverse=True)
    return Search(tuple(kept), left_out=len(readable) - len(wanted))


def _by_criteria(
    consultation: Consultation, criteria: SearchCriteria, line: Line, *, now: datetime
) -> Sequence[DocumentEntry]:
    since = window_start(now, settings.DMP_FIRST_WINDOW_DAYS)
    return line.search(criteria.asked(consultation.patient_id, since=since, now=now)).entries


def _by_deposit(
    consultation: Consultation, criteria: SearchCriteria, line: Line
) -> tuple[list[DocumentEntry], dict[str, datetime]]:
    """Lots of the period, then the documents in them: the registry has no other filter (dmp 3.4)."""
    begin, end = criteria.deposits
    lots = line.submission_sets(
        SetCriteria(patient_id=consultation.patient_id, submitted_from=begin, submitted_to=end)
    )
    if not lots:
        return [], {}
    links = line.associations([lot.entry_id for lot in lots])
    entries = [
        entry
        for batch in batches(deposits_of(links).members)
        for entry in line.documents(entry_uuids=batch).entries
        if entry.status in criteria.statuses
    ]
    times = {lot.entry_id: lot.submission_time for lot in lots}
    names = {entry.entry_id: entry.unique_id for entry in entries}
    deposited = {
        names[link.target]: instant_from_dtm(times[link.source])
        for link in links
        if link.target in names and times.get(link.source, "").isdigit()
    }
    return entries, deposited
