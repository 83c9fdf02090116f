"""What the PFI answers to a mail once the DPI has spoken (spec mssante 2.4, 4.4; hl7v2 3.6)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypedDict

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.enums import Outcome
from exchange.enums import MessageState
from exchange.models import Message
from interop.hl7v2 import codes
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.errors import Hl7Error
from interop.mail.answers import Answer, IntegrationFault, build_error_mail, build_mdn
from interop.mail.codes import MdnFlavour
from interop.mail.errors import MailRefused
from interop.mail.opening import MailLimits, OpenedMail, open_mail
from interop.mail.writing import Address
from mssante.enums import IncomingState
from mssante.models import IncomingMail, Mailbox
from mssante.services import incoming_settle, incoming_trace
from national.errors import NationalServiceError, Rejected, RejectionKind, Uncertain
from national.mail.opening import mail_sender
from national.mail.ports import Mail
from national.retries import RETRIES
from pfi.addressed import own_domains
from pfi.routing import AnswerForm, Route, route_of

AGENT: Final = "PFI"
ANSWERED_AT_ONCE: Final = 100


class AnswerFields(TypedDict, total=False):
    answer_to: str
    answer_id: str
    answer_raw: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the DPI said of one document: code, label and sentence of its refusal, empty when it was taken."""

    code: str = ""
    label: str = ""
    sentence: str = ""

    @property
    def shown(self) -> str:
        """For our own people: why, in the words of the DPI (ERR-8)."""
        return f"{self.label} : {self.sentence}" if self.sentence else self.label

    @property
    def told(self) -> str:
        """For who sent it: code and label, and what is wrong with the document itself.

        The sentence of an identity that does not match says what the hospital knows of a person: it stays.
        """
        if not self.code:
            return "intégré"
        words = self.shown if self.code == codes.APPLICATION_OTHER else self.label
        return f"{self.code} - {words}"


def conclude(*, mail: IncomingMail, opened: OpenedMail | None = None) -> bool:
    """Settle a mail whose documents were all answered; whether it was. `opened` spares reading it again.

    AE with ERR-5 is told with its code; a technical AE waits for somebody to repair, then is told as 906
    after MSS_TECHNICAL_HOURS; AR and silence are retried by the exchange (hl7v2 3.6).
    """
    rows = list(mail.documents.select_related("message").defer("message__raw"))
    faults: list[Verdict] = []
    told = []
    for row in rows:
        verdict = _verdict(row.message)
        if verdict is None:
            return False
        if verdict.code:
            faults.append(verdict)
        told.append(f"{row.title} : {verdict.told}")
    if not faults:
        incoming_settle(mail=mail, state=IncomingState.DONE, **answer_of(mail, told=told, opened=opened))
        return True
    first = faults[0]
    answer = answer_of(mail, fault_code=first.code, told=told, opened=opened)
    incoming_settle(mail=mail, state=IncomingState.REFUSED, code=first.code, text=first.shown, **answer)
    return True


def _verdict(message: Message) -> Verdict | None:
    """What the DPI said of a document; None: no answer yet."""
    if message.state == MessageState.ACKED:
        return Verdict()
    if message.state != MessageState.REJECTED:
        return None
    for fault in _faults(message):
        if fault.code:
            return fault
    waited = timezone.now() - (message.done_at or message.created_at)
    if waited < timedelta(hours=settings.MSS_TECHNICAL_HOURS):
        return None
    return Verdict(codes.APPLICATION_OTHER, codes.APPLICATION_ERROR_LABELS[codes.APPLICATION_OTHER])


def _faults(message: Message) -> list[Verdict]:
    try:
        ack = parse_ack(bytes(message.ack or b""))
    except Hl7Error:
        return []
    return [Verdict(fault.application_code, fault.application_label, fault.text) for fault in ack.faults]


def answer_of(
    mail: IncomingMail, *, told: Sequence[str], fault_code: str = "", opened: OpenedMail | None = None
) -> AnswerFields:
    """The answer that is due, empty when none is: built once, stored, then sent until it has left."""
    opened = opened or _opened(mail)
    route = _route(mail.mailbox, opened)
    if route.form is AnswerForm.NONE or (route.form is AnswerForm.PLAIN_MAIL and not fault_code):
        return {}
    answer_id = f"<pfi-{uuid.uuid4().hex}@{mail.mailbox.domain}>"
    label = codes.APPLICATION_ERROR_LABELS.get(fault_code, "")
    said = "a été intégré" if not fault_code else f"n’a pas pu être intégré : {fault_code} - {label}"
    answer = Answer(
        message_id=answer_id,
        mailbox=Address(mail.mailbox.address, mail.mailbox.label),
        recipient=route.to,
        sent_at=timezone.localtime(),
        text="\n".join([f"Le message ci-dessous {said}.", "", *told]),
        original=bytes(mail.raw),
        opened=opened,
        product_reference=settings.MSS_NIL,
        reporting_agent=f"{mail.mailbox.domain}; {AGENT}",
        fault=IntegrationFault(fault_code, label) if fault_code else None,
        flavour=MdnFlavour(settings.MSS_MDN_FLAVOUR),
        max_bytes=settings.MSS_MAX_MESSAGE_BYTES,
    )
    build = build_mdn if route.form is AnswerForm.NOTICE else build_error_mail
    try:
        return {"answer_to": route.to, "answer_id": answer_id, "answer_raw": build(answer)}
    except MailRefused:  # an address that nothing can be sent to
        return {}


def send_answers(*, worker: str) -> int:
    """Send the answers that wait.

    A notice leaves without sender (RFC 8098, 3), so that no report ever tells what became of it: one whose
    outcome is unknown leaves again, the same bytes under the same Message-ID, and the trace says so.
    """
    sent = 0
    due = IncomingMail.objects.filter(~Q(answer_to=""), answered_at__isnull=True)
    while claimed := due.select_related("mailbox").claim(worker=worker, limit=1, without=("raw",)):
        mail = claimed[0]
        _send(mail)
        sent += 1
        if sent >= ANSWERED_AT_ONCE:
            break
    return sent


def _send(mail: IncomingMail) -> None:
    is_notice = b"report-type=disposition-notification" in bytes(mail.answer_raw)[:4000]
    if mail.answer_attempt_at is not None:
        incoming_trace(mail, "answer_again", Outcome.SUCCESS)
    IncomingMail.objects.filter(pk=mail.pk).update(answer_attempt_at=timezone.now())
    try:
        mail_sender().send(
            Mail(
                raw=bytes(mail.answer_raw),
                # A notice leaves without a sender, so that nothing answers it (RFC 8098, 3).
                sender="" if is_notice else mail.mailbox.address,
                recipient=mail.answer_to,
                envelope_id=mail.answer_id.strip("<>"),
                wants_delivery_notice=False,
                message_id=mail.answer_id,
            )
        )
    except NationalServiceError as error:
        _not_sent(mail, error)
        return
    with transaction.atomic():
        IncomingMail.objects.filter(pk=mail.pk).update(
            answered_at=timezone.now(), answer_attempt_at=None, **mail.release()
        )
        incoming_trace(mail, "mdn_out" if is_notice else "error_mail_out", Outcome.SUCCESS)


def _not_sent(mail: IncomingMail, error: NationalServiceError) -> None:
    """Later, or never when it was refused for good: a person then sees the mail among the refused ones."""
    incoming_trace(mail, "answer_failed", Outcome.FAILURE)
    changes: dict[str, object] = dict(mail.release())
    if not isinstance(error, Uncertain):
        changes["answer_attempt_at"] = None
    is_final = isinstance(error, Rejected) and error.kind != RejectionKind.CONFIGURATION
    if is_final or (mail.attempts > len(RETRIES) and not isinstance(error, Uncertain)):
        changes |= {"answered_at": timezone.now(), "text": f"Réponse non remise : {error.code}"[:500]}
    else:
        changes["not_before"] = timezone.now() + RETRIES[min(mail.attempts, len(RETRIES)) - 1]
    IncomingMail.objects.filter(pk=mail.pk).update(**changes)


def _route(mailbox: Mailbox, opened: OpenedMail | None) -> Route:
    if opened is None:
        has_address = bool(mailbox.error_address)
        return Route(AnswerForm.PLAIN_MAIL if has_address else AnswerForm.NONE, mailbox.error_address)
    return route_of(opened, own_domains=own_domains(mailbox), error_address=mailbox.error_address)


def _opened(mail: IncomingMail) -> OpenedMail | None:
    try:
        return open_mail(bytes(mail.raw), limits=MailLimits(max_bytes=settings.MSS_MAX_MAIL_BYTES))
    except MailRefused:
        return None
