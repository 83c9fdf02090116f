"""Telling the people of a unit what arrived, and remembering that they saw it (SC.MSS/UX.38, UX.40)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.rows import rows_insert
from audit.services import trace_write
from documents.enums import Intake, NoticeKind, Origin, ReceiptOutcome
from documents.models import Reception, ReceptionNotice

KINDS: Final[Mapping[str, NoticeKind]] = {
    ReceiptOutcome.INTEGRATED: NoticeKind.NEW,
    ReceiptOutcome.REPLACED: NoticeKind.REPLACED,
    ReceiptOutcome.DELETED: NoticeKind.DELETED,
}
SILENT: Final = frozenset({ReceiptOutcome.DUPLICATE})


def notice_open(reception: Reception) -> ReceptionNotice | None:
    """Tell of an arrival that no person brought; a hand that files a document answers its rejections.

    Which arrivals are told is a setting (F-PV-25); a rejection always is, since somebody must act.
    """
    if reception.intake == Intake.MANUAL:
        _answer_rejections(reception)
        return None
    if reception.origin != Origin.MSSANTE or reception.outcome in SILENT:
        return None
    kind = KINDS.get(reception.outcome, NoticeKind.REJECTED)
    if kind != NoticeKind.REJECTED and kind not in settings.RECEPTION_NOTICE_KINDS:
        return None
    notice = ReceptionNotice(
        reception=reception,
        kind=kind,
        unit=reception.unit,
        patient=reception.patient,
        recipient=reception.recipient,
    )
    rows_insert(notice)
    return notice


@transaction.atomic
def notices_see(
    *, notices: Iterable[ReceptionNotice], user: User, actor: Actor, at: datetime
) -> list[ReceptionNotice]:
    """Mark as seen those that nobody saw yet; each is traced, and those marked are returned.

    Who sees the news of a document sees its older news too: a version that was replaced is old.
    """
    wanted = [notice.pk for notice in notices]
    documents = ReceptionNotice.objects.filter(pk__in=wanted, reception__document__isnull=False)
    unseen = ReceptionNotice.objects.select_for_update(of=("self",)).filter(
        Q(pk__in=wanted) | Q(reception__document__in=documents.values("reception__document")),
        seen_at__isnull=True,
    )
    marked = list(unseen.select_related("reception__patient"))
    ReceptionNotice.objects.filter(pk__in=[notice.pk for notice in marked]).update(seen_at=at, seen_by=user)
    for notice in marked:
        _trace(notice, "handled" if notice.kind == NoticeKind.REJECTED else "seen", actor)
    return marked


@transaction.atomic
def notices_unsee(*, user: User, actor: Actor, at: datetime) -> int:
    """Take back what this person marked at that instant: « Annuler » in the toast. Returns how many."""
    marked = ReceptionNotice.objects.select_for_update(of=("self",)).filter(seen_by=user, seen_at=at)
    taken_back = list(marked.select_related("reception__patient"))
    ReceptionNotice.objects.filter(pk__in=[notice.pk for notice in taken_back]).update(
        seen_at=None, seen_by=None
    )
    for notice in taken_back:
        _trace(notice, "unseen", actor)
    return len(taken_back)


@transaction.atomic
def notice_report(*, notice: ReceptionNotice, user: User, actor: Actor) -> bool:
    """Ask the identity cell to look at a rejection; false when it was asked before (workflows 5.5)."""
    asked = ReceptionNotice.objects.filter(
        pk=notice.pk, kind=NoticeKind.REJECTED, reported_at__isnull=True
    ).update(reported_at=timezone.now(), reported_by=user)
    if asked:
        _trace(notice, "reported", actor)
    return bool(asked)


@transaction.atomic
def report_answer(*, notice: ReceptionNotice, user: User, actor: Actor) -> bool:
    """The identity cell has dealt with a report; false when it was closed before."""
    closed = ReceptionNotice.objects.filter(
        pk=notice.pk, reported_at__isnull=False, answered_at__isnull=True
    ).update(answered_at=timezone.now(), answered_by=user)
    if closed:
        _trace(notice, "answered", actor)
    return bool(closed)


def _answer_rejections(reception: Reception) -> None:
    """The document was filed by hand: nobody has to act on its rejections any more (SC.MSS/UX.39)."""
    is_filed = reception.outcome in KINDS or reception.outcome in SILENT
    if not (is_filed and reception.unique_id and reception.actor_uid):
        return
    user = User.objects.filter(uid=reception.actor_uid).first()
    ReceptionNotice.objects.filter(
        kind=NoticeKind.REJECTED, reception__unique_id=reception.unique_id, seen_at__isnull=True
    ).update(seen_at=reception.at, seen_by=user)


def _trace(notice: ReceptionNotice, done: str, actor: Actor) -> None:
    reception = notice.reception
    trace_write(
        type=f"mssante.{done}",
        action=Action.UPDATE,
        actor=actor,
        patient_uid=reception.patient.uid if reception.patient else None,
        object_type="reception",
        object_uid=reception.uid,
        detail={"kind": notice.kind, "code": reception.code, "source_id": reception.source_id},
    )


@transaction.atomic
def reception_view(*, reception: Reception, actor: Actor) -> None:
    """Trace that somebody read the traits of a document that found no record."""
    trace_write(
        type="mssante.view",
        action=Action.READ,
        actor=actor,
        patient_uid=reception.candidate.uid if reception.candidate else None,
        object_type="reception",
        object_uid=reception.uid,
        detail={"code": reception.code, "source_id": reception.source_id},
    )
