"""The traces of MSSanté, read and handed over: mails and documents to their final treatment (SC.MSS/UX.37).

Nothing here reads the text of a mail; the fields of a trace are those of spec mssante 1.11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from audit.context import Actor
from audit.enums import Action
from audit.models import Trace
from audit.services import trace_write
from documents.mail_trace_columns import COLUMNS, INCOMING, OBJECTS, Direction, mail_trace_rows
from documents.models import Reception
from mssante.models import IncomingMail
from patients.trace_files import (
    CHUNK,
    TraceQuery,
    asked,
    by_professionals,
    national_ids,
    patient_uids,
    within_period,
    written,
)


@dataclass(frozen=True, slots=True)
class MailTraceQuery(TraceQuery):
    """The criteria of every trace and those of mails; `mailbox` is ours or that of a correspondent."""

    mailbox: str = ""
    direction: Direction | None = None


def mail_traces(query: MailTraceQuery) -> QuerySet[Trace]:
    """Every trace of MSSanté that the query asks for, oldest first.

    The mails of a patient are found by the documents that they brought: a mail as it is read names nobody.
    """
    rows = within_period(Trace.objects.filter(type__startswith="mssante."), query)
    if query.professionals:
        ours = by_professionals(query) | Q(detail__requester__in=national_ids(query))
        rows = rows.filter(ours)
    if query.patient:
        rows = rows.filter(_of_patient(query.patient))
    if query.mailbox:
        rows = rows.filter(_of_mailbox(query.mailbox))
    if query.direction:
        rows = rows.filter(object_type__in=[name for name, way in OBJECTS.items() if way is query.direction])
    return rows.select_related("seal").order_by("id")


def mail_traces_export(*, query: MailTraceQuery, form: str, actor: Actor) -> Iterator[str]:
    """The file, piece by piece; that it was asked for is traced first."""
    reading_trace(query=query, actor=actor, step="trace_export", form=form)
    rows = mail_traces(query).iterator(chunk_size=CHUNK)
    return written(mail_trace_rows(rows), COLUMNS, form)


@transaction.atomic
def reading_trace(*, query: MailTraceQuery, actor: Actor, step: str, form: str = "") -> None:
    """That the traces were read, or handed over, with the criteria but the patient's name."""
    trace_write(
        type=f"mssante.{step}",
        action=Action.READ,
        actor=actor,
        object_type="audit.trace",
        detail=asked(query)
        | {"asked_mailbox": query.mailbox, "direction": query.direction or "", "format": form},
    )


def _of_patient(identifier: str) -> Q:
    uids = patient_uids(identifier)
    theirs = Q(patient__uid__in=uids) | Q(candidate__uid__in=uids)
    brought = Reception.objects.filter(theirs).exclude(source_id="").values("source_id")
    mails = IncomingMail.objects.filter(message_id__in=brought).values("uid")
    return Q(patient_uid__in=uids) | Q(patient_ins=identifier) | Q(object_type=INCOMING, object_uid__in=mails)


def _of_mailbox(address: str) -> Q:
    """An address as sender, recipient, mailbox read or destination of an answer."""
    named = Q()
    for key in ("mailbox", "from", "to", "answer_to"):
        named |= Q(**{f"detail__{key}__iexact": address})
    arrived = Reception.objects.filter(recipient_address__iexact=address).values("uid")
    return named | Q(object_type="reception", object_uid__in=arrived)
