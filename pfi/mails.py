"""The mails of a job: written with it, then followed to its end (spec hl7v2 2.8, mssante 1.10).

A job of a mail channel is not claimed: its mails are. It tells what became of them together, and
each recipient has its own acknowledgements, ZAM^Z02 and Z03.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.enums import Action, Outcome
from audit.rows import rows_insert
from audit.services import trace_write
from exchange.identifiers import new_control_id
from exchange.models import Message
from exchange.services import message_queue
from exchange.tasks import hand_over
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import Authority
from interop.hl7v2.header import Endpoint
from interop.hl7v2.mdm import MdmDocument
from interop.hl7v2.zam import Zam, build_zam, zam_fault, zam_header
from mssante.enums import MailAction, MailState
from mssante.headers import traced_headers
from mssante.models import Mailbox, MailEvent, OutgoingMail
from mssante.rules import smtp_error_code
from mssante.services import mail_create, mail_withdraw
from mssante.services.mails import Recipient
from pfi.enums import JobAction, JobChannel, JobState
from pfi.identifiers import UNIQUE_ID_LENGTH
from pfi.models import Job, JobEvent
from pfi.services import OPPOSITION, WORKER_ACTOR, zam_version
from pfi.stays import refuses_messages

MAILED: Final = frozenset({JobChannel.MSSANTE_PRO, JobChannel.MSSANTE_PATIENT})
ACTIONS: Final = {
    JobAction.INITIAL: MailAction.INITIAL,
    JobAction.REPLACE: MailAction.REPLACE,
    JobAction.DELETE: MailAction.DELETE,
}
ENDED: Final = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
ARRIVED: Final = (MailState.DELIVERED, MailState.READ)
# What is traced of a mail: every flow until its final treatment (SC.MSS/UX.37).
TRACED: Final = {
    "attempt": Outcome.SUCCESS,
    "sent": Outcome.SUCCESS,
    "delivered": Outcome.SUCCESS,
    "presumed": Outcome.SUCCESS,
    "read": Outcome.SUCCESS,
    "unavailable": Outcome.FAILURE,
    "uncertain": Outcome.FAILURE,
    "left_behind": Outcome.FAILURE,
    "configuration": Outcome.FAILURE,
    "rejected": Outcome.FAILURE,
    "retries_ended": Outcome.FAILURE,
    "bounced": Outcome.FAILURE,
    "late_bounce": Outcome.FAILURE,
    "not_treated": Outcome.FAILURE,
    "opposition": Outcome.REFUSED,
}
OPPOSED: Final = "opposition"
"""Event of a mail that the patient's refusal of messages ended (MSS/va1.20)."""
OPPOSED_TEXT: Final = "Patient opposé aux messages de l’établissement"


def mails_create(
    *, job: Job, order: MdmDocument, sender: Mailbox, recipients: Sequence[Recipient]
) -> list[OutgoingMail]:
    """One mail for each recipient of a job, in the transaction that accepts the order."""
    return [
        mail_create(
            order=job.message,
            job_uid=job.uid,
            action=ACTIONS[JobAction(job.action)],
            lineage=job.lineage,
            sender=sender,
            recipient=recipient,
            wants_delivery=order.flags.ack_reception,
            wants_reading=order.flags.ack_reading,
        )
        for recipient in recipients
    ]


@transaction.atomic
def mails_oppose(*, patient_uid: UUID) -> int:
    """The patient refuses messages: what has not left ends, and its creator is told (README decision 7).

    A deletion goes on. Returns how many mails were ended.
    """
    waiting = OutgoingMail.objects.filter(
        order__patient_uid=patient_uid, is_to_patient=True, state=MailState.TO_SEND
    )
    mails = list(waiting.exclude(action=MailAction.DELETE).defer("raw").order_by("id"))
    return sum(mail_withdraw(mail=mail, code=OPPOSITION, text=OPPOSED_TEXT, kind=OPPOSED) for mail in mails)


def is_refused(mail: OutgoingMail) -> bool:
    """Whether the patient to whom a mail is about to leave refuses it now."""
    if not mail.is_to_patient or mail.action == MailAction.DELETE:
        return False
    order = Message.objects.filter(pk=mail.order_id).values_list("patient_uid", flat=True)
    return refuses_messages(order.first())


def mail_follow(*, mail: OutgoingMail, event: MailEvent) -> None:
    """What a change of a mail brings: the state of its job, the trace, the answers to the creator.

    In the transaction of the change; a mail that no job of ours carries concerns nobody here.
    """
    if event.kind == "created":
        return
    jobs = Job.objects.select_for_update(of=("self",)).select_related("message__partner")
    job = jobs.defer("message__raw", "message__ack").filter(uid=mail.job_uid).first()
    if job is None:
        return
    message = job.message
    _job_follow(job, mail, event)
    if event.kind in TRACED:
        _trace(mail, event, message, job)
    for zam in _answers(mail, event, message):
        queued = message_queue(
            partner=message.partner,
            raw=build_zam(zam),
            lineage=f"zam:{mail.lineage}"[:UNIQUE_ID_LENGTH],
            patient_uid=message.patient_uid,
        )
        _hand_over_after_commit(queued.pk)


def _hand_over_after_commit(message_id: int) -> None:
    transaction.on_commit(lambda: hand_over.apply_async((message_id,), retry=False), robust=True)


def _job_follow(job: Job, mail: OutgoingMail, event: MailEvent) -> None:
    state = _state_of(job, mail, event)
    if state == job.state:
        return
    from_state, job.state = job.state, state
    if state in ENDED:
        job.done_at = timezone.now()
        job.error_code = mail.error_code if state != JobState.DONE else ""
        job.error_text = mail.error_text if state != JobState.DONE else ""
    job.save(update_fields=["state", "done_at", "error_code", "error_text"])
    rows_insert(
        JobEvent(
            job=job,
            kind=event.kind,
            from_state=from_state,
            to_state=state,
            code=event.code,
            detail=job.error_text,
        )
    )


def _state_of(job: Job, mail: OutgoingMail, event: MailEvent) -> JobState:
    """A job is done when none of its mails is still to send, and failed when all of them did."""
    if event.kind == OPPOSED:
        return JobState.CANCELLED
    states = {mail.state}
    if mail.state != MailState.TO_SEND:
        states.update(OutgoingMail.objects.filter(job_uid=job.uid).values_list("state", flat=True))
    if MailState.TO_SEND not in states:
        return JobState.FAILED if states == {MailState.FAILED} else JobState.DONE
    if event.kind == "attempt":
        return JobState.RUNNING
    return JobState.RETRYING if event.to_state == MailState.TO_SEND else JobState(job.state)


def _answers(mail: OutgoingMail, event: MailEvent, message: Message) -> list[Zam]:
    """The acknowledgements that a change brings: at most one of delivery and one of reading."""
    zams = []
    has_arrived = event.to_state in ARRIVED and event.from_state not in ARRIVED
    has_failed = event.kind == "late_bounce" or (
        event.to_state == MailState.FAILED and event.from_state != MailState.FAILED
    )
    if mail.wants_delivery and (has_arrived or has_failed):
        code = _failure_code(event) if has_failed else ""
        zams.append(_zam(codes.ZamKind.MSS_DELIVERY, mail, event, message, code))
    is_reading = event.kind == "read" or event.kind == "not_treated"
    if mail.wants_reading and is_reading:
        code = event.code if event.kind == "not_treated" else ""
        zams.append(_zam(codes.ZamKind.MSS_READING, mail, event, message, code))
    return zams


def _failure_code(event: MailEvent) -> str:
    """An opposition is said as for the DMP, so that the order waits for it to be lifted; else SMTP."""
    return OPPOSITION if event.kind == OPPOSED else smtp_error_code(event.code, event.detail)


def _zam(kind: codes.ZamKind, mail: OutgoingMail, event: MailEvent, message: Message, code: str) -> Zam:
    """`code` is that of a failure, empty for a success."""
    return Zam(
        header=zam_header(
            sender=Endpoint(Authority(settings.HL7_PFI_APPLICATION), Authority(settings.HL7_FACILITY)),
            receiver=Endpoint(Authority(message.sending_application), Authority(message.sending_facility)),
            control_id=new_control_id(),
            sent_at=timezone.now(),
            kind=kind,
            processing_id=settings.HL7_PROCESSING_ID,
            profile_version=zam_version(message.partner),
        ),
        kind=kind,
        event_at=event.at,
        acknowledged_id=message.control_id,
        success=not code,
        address=mail.recipient,
        person_id=mail.recipient_id,
        fault=zam_fault(kind, code, mail.error_text) if code else None,
    )


def _trace(mail: OutgoingMail, event: MailEvent, message: Message, job: Job) -> None:
    """One row for each request to the operator, each reply and each report about a mail (mssante 1.11)."""
    trace_write(
        type="mssante.send" if event.kind not in ("delivered", "presumed", "read") else "mssante.report",
        action=Action.EXECUTE,
        actor=WORKER_ACTOR,
        outcome=TRACED[event.kind],
        patient_uid=message.patient_uid,
        patient_ins=job.patient_ins,
        object_type="mssante.mail",
        object_uid=mail.uid,
        detail={
            "event": event.kind,
            "message_id": mail.message_id,
            "from": mail.sender,
            "to": mail.recipient,
            "action": mail.action,
            "document_set": mail.lineage,
            "unique_id": job.document_unique_id,
            "requester": job.requester,
            "order": message.control_id,
            "code": event.code,
            "reply": event.detail,
        }
        | _sent_facts(mail, event),
    )


def _sent_facts(mail: OutgoingMail, event: MailEvent) -> dict[str, object]:
    """What the first attempt alone knows, its bytes in hand: subject, type, INS, size and digest."""
    raw = mail.__dict__.get("raw") if event.kind == "attempt" else None
    if not raw:
        return {}
    facts = traced_headers(bytes(raw))
    kept = {name: facts[name] for name in ("subject", "type", "ins_status")}
    return kept | {"size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
