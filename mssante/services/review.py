"""What a person does with a mail that the reading left aside: read it again, or put it away (mssante 2.1)."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from mssante.enums import IncomingState
from mssante.errors import MailNotReviewable
from mssante.models import IncomingMail
from mssante.rules import REASON_LENGTH, may_reread, may_set_aside


@transaction.atomic
def incoming_reread(*, mail: IncomingMail, actor: Actor) -> IncomingMail:
    """Give a mail back to the reading, as if it had just come: its bytes are those that were kept.

    Raises:
        MailNotReviewable: it was answered, was set aside, or only its headers are here.
    """
    row = _locked(mail)
    refusal = may_reread(state=row.state, code=row.code)
    if refusal:
        raise MailNotReviewable(refusal)
    former = row.code
    row.state, row.code, row.text = IncomingState.RECEIVED, "", ""
    row.attempts, row.not_before, row.done_at = 0, None, None
    row.save(update_fields=["state", "code", "text", "attempts", "not_before", "done_at"])
    _trace(row, actor, "reread", former)
    return row


@transaction.atomic
def incoming_set_aside(*, mail: IncomingMail, reason: str, actor: Actor) -> IncomingMail:
    """Take a mail off the list, with the reason of the person; it is kept, and nobody is told.

    Raises:
        MailNotReviewable: it does not wait for a person, or no reason was given.
    """
    row = _locked(mail)
    words = " ".join(reason.replace("\x00", "").split())
    refusal = may_set_aside(state=row.state)
    if not refusal and len(words) < REASON_LENGTH:
        refusal = f"Écrivez pourquoi ce courriel est écarté ({REASON_LENGTH} caractères au moins)."
    if refusal:
        raise MailNotReviewable(refusal)
    row.state = IncomingState.SET_ASIDE
    row.set_aside_by, row.set_aside_reason = actor.login[:150], words[:300]
    row.set_aside_at = timezone.now()
    row.save(update_fields=["state", "set_aside_by", "set_aside_reason", "set_aside_at"])
    _trace(row, actor, "set_aside", row.code)
    return row


def incoming_read_trace(*, mail: IncomingMail, actor: Actor, reason: str) -> None:
    """A person read what names a patient in the headers of a mail, and said why."""
    _trace(mail, actor, "headers", mail.code, reason=reason[:300])


def incoming_text_trace(
    *, mail: IncomingMail, actor: Actor, reason: str, matricule: str = "", patient_uid: UUID | None = None
) -> None:
    """A person read the text of a mail, and said why; of a usager, the trace is about that patient too."""
    _trace(
        mail, actor, "text", mail.code, reason=reason[:300], patient_ins=matricule, patient_uid=patient_uid
    )


def _locked(mail: IncomingMail) -> IncomingMail:
    rows = IncomingMail.objects.select_for_update(of=("self",)).defer("raw", "answer_raw")
    return rows.select_related("mailbox").get(pk=mail.pk)


def _trace(
    mail: IncomingMail,
    actor: Actor,
    step: str,
    code: str,
    *,
    reason: str = "",
    patient_ins: str = "",
    patient_uid: UUID | None = None,
) -> None:
    trace_write(
        type=f"mssante.incoming.{step}",
        action=Action.READ if step in ("headers", "text") else Action.UPDATE,
        actor=actor,
        patient_uid=patient_uid,
        patient_ins=patient_ins,
        object_type="mssante.incoming",
        object_uid=mail.uid,
        reason=reason or (mail.set_aside_reason if step == "set_aside" else ""),
        detail={"mailbox": mail.mailbox.address, "message_id": mail.message_id, "code": code},
    )
