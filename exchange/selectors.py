"""Reads of the exchange room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from exchange.enums import Direction, MessageState, Transport
from exchange.models import MAX_ATTEMPTS, TROUBLED_STATES, Message, Partner
from exchange.rules import DEVELOPMENT_PARTNER

PAGE: Final = 50
COUNTED: Final = 10_000
"""A list is counted up to here: a larger number is said to be larger."""
UNANSWERED_STATES = (MessageState.QUEUED, MessageState.SENT, MessageState.DEFERRED, MessageState.STORED)
"""Messages that still wait: for an answer of the partner, or for their effect here."""
_ACKNOWLEDGEMENTS_READ: Final = 100


def partner_by_code(code: str) -> Partner:
    """An active partner; Partner.DoesNotExist otherwise."""
    return Partner.objects.get(code=code, is_active=True)


def partners_listening(*, sandbox: bool) -> list[Partner]:
    """Partners that have a port of ours; the development partner only with the sandbox."""
    partners = Partner.objects.filter(is_active=True, transport=Transport.MLLP, listen_port__isnull=False)
    if not sandbox:
        partners = partners.exclude(code=DEVELOPMENT_PARTNER)
    return list(partners.order_by("listen_port"))


def integration_work_list() -> QuerySet[Message]:
    """Incoming messages that a person should look at, newest first.

    Refused, in conflict or unreadable ones, those held back by a defect, and those applied with a
    warning; `raw` is left out.
    """
    return (
        Message.objects.filter(direction=Direction.INCOMING)
        .filter(
            Q(state__in=[MessageState.REFUSED, MessageState.CONFLICT, MessageState.UNREADABLE])
            | Q(state=MessageState.STORED, attempts__gt=1)
            | ~Q(warning="")
        )
        .select_related("partner")
        .defer("raw", "ack")
        .order_by("-id")
    )


def messages_stuck() -> QuerySet[Message]:
    """Incoming messages whose attempts are at their end: nothing takes them up any more."""
    return Message.objects.filter(
        direction=Direction.INCOMING, state=MessageState.STORED, attempts__gte=MAX_ATTEMPTS
    ).defer("raw", "ack")


# --- The journal (ui reference 6.20) --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JournalFilters:
    """What the journal is narrowed to; empty means all. `types` are MSH-9.1.

    `text` is the beginning of MSH-10; for a reader of the content also of the patient's identifier, which
    names the lineage of an admission.
    """

    since: datetime | None = None
    directions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.directions or self.types or self.partners or self.states or self.text)


def journal(filters: JournalFilters, *, searches_patients: bool = False) -> QuerySet[Message]:
    """Messages, newest first, without their bytes."""
    found = _kept(filters, searches_patients)
    return found.select_related("partner").defer("raw", "ack").order_by("-id")


def journal_count(filters: JournalFilters, *, searches_patients: bool = False) -> int:
    """How many messages the filters keep, counted up to `COUNTED` + 1. 1 query."""
    return _kept(filters, searches_patients).order_by()[: COUNTED + 1].count()


def _kept(filters: JournalFilters, searches_patients: bool) -> QuerySet[Message]:
    found = Message.objects.all()
    if filters.since is not None:
        found = found.filter(created_at__gte=filters.since)
    if filters.directions:
        found = found.filter(direction__in=filters.directions)
    if filters.types:
        kinds = Q()
        for kind in filters.types:
            kinds |= Q(type__startswith=kind)
        found = found.filter(kinds)
    if filters.partners:
        found = found.filter(partner__in=Partner.objects.filter(code__in=filters.partners))
    if filters.states:
        found = found.filter(state__in=filters.states)
    if filters.text:
        wanted = Q(control_id__istartswith=filters.text)
        if searches_patients:
            wanted |= Q(lineage__istartswith=filters.text)
        found = found.filter(wanted)
    return found


@dataclass(frozen=True, slots=True)
class Troubles:
    """What waits for a person or for an answer since a moment, each counted up to `COUNTED` + 1."""

    failed: int
    unanswered: int


def journal_troubles(since: datetime) -> Troubles:
    """Messages in trouble, and messages that still wait. 2 queries on partial indexes."""
    recent = Message.objects.filter(created_at__gte=since).order_by()
    return Troubles(
        failed=recent.filter(state__in=TROUBLED_STATES)[: COUNTED + 1].count(),
        unanswered=recent.filter(state__in=UNANSWERED_STATES)[: COUNTED + 1].count(),
    )


def message_by_uid(uid: UUID) -> Message | None:
    """One message with its bytes and its partner."""
    return Message.objects.select_related("partner").filter(uid=uid).first()


def acknowledgements_around(message: Message) -> Sequence[Message]:
    """Business acknowledgements of the same patient, the other way, later than a message, oldest first.

    Whether one answers this very message is in its bytes (OBX-4). Messages of no known patient have none.
    """
    if message.patient_uid is None or message.type.startswith("ZAM"):
        return ()
    other = Direction.INCOMING if message.direction == Direction.OUTGOING else Direction.OUTGOING
    found = Message.objects.filter(
        patient_uid=message.patient_uid,
        created_at__gte=message.created_at,
        direction=other,
        partner_id=message.partner_id,
        type__startswith="ZAM",
    )
    return list(found.select_related("partner").order_by("created_at")[:_ACKNOWLEDGEMENTS_READ])


def partners_of_journal() -> list[Partner]:
    """Partners, active or not: the journal keeps what they sent."""
    return list(Partner.objects.order_by("name"))
