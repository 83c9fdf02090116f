"""Application mailboxes read by the PFI: kept, handed over, answered, put away (spec mssante 2.1 to 2.4).

Each step is a commit of its own, and begins again where the last one ended: a worker that dies loses nothing.
One worker reads a mailbox at a time; a mail is treated by who holds its lease.
"""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.rows import rows_insert
from establishment.enums import Switch
from establishment.selectors import switch_is_on
from exchange.models import Message, Partner
from exchange.services import message_hand_over, message_queue
from exchange.turns import turn
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.mail.codes import FOLDER_DONE, FOLDER_ERROR, BounceReason
from interop.mail.errors import MailRefused
from interop.mail.opening import MailLimits, OpenedMail, open_mail
from interop.mail.reports import BOUNCE_WORDS, DeliveryReport, ReadReport, report_of
from interop.xdm.errors import XdmRefused
from interop.xdm.opening import OpenedDocument, OpenedXdm, open_xdm
from mssante.enums import IncomingKind, IncomingState, MailboxKind
from mssante.models import IncomingDocument, IncomingMail, Mailbox
from mssante.rules import is_patient_address
from mssante.selectors import uids_known
from mssante.services import (
    incoming_clear,
    incoming_digest,
    incoming_settle,
    incoming_store,
    mailbox_quota_watch,
    report_apply,
)
from national.errors import NationalServiceError, Rejected
from national.mail.opening import mail_reader
from national.mail.ports import MAIL_GONE, MAIL_TOO_LARGE, MailReader
from pfi.addressed import recipients_of_mail
from pfi.identifiers import received_key, received_lineage
from pfi.mail_answers import answer_of, conclude, send_answers
from pfi.received_mail import event_of, message_of

logger = logging.getLogger(__name__)

READ_AT_ONCE: Final = 50
LISTED: Final = 500
MAX_ATTEMPTS: Final = 10
DEFECT_DELAY: Final = timedelta(minutes=5)
_SAYS_OTHERWISE: Final = re.compile(
    r"demande de suppression|doit être supprimé|annule et remplace", re.IGNORECASE
)
PENDING: Final = Q(state=IncomingState.RECEIVED)


def mailboxes_read(*, worker: str) -> int:
    """Read every application mailbox once, then treat what is there; returns the mails taken in.

    A hospital that receives by another platform still reads the mailboxes that it sends from: the
    notices of delivery come there.
    """
    mailboxes = Mailbox.objects.filter(kind=MailboxKind.APP, is_active=True).order_by("id")
    if not switch_is_on(Switch.PFI_MSS_IN):
        if not switch_is_on(Switch.PFI_MSS_OUT):
            return 0
        mailboxes = mailboxes.filter(is_sender=True)
    new = 0
    for mailbox in mailboxes:
        with turn(f"pfi.mailbox {mailbox.pk}") as is_ours:
            if not is_ours:
                continue
            try:
                reader = mail_reader(mailbox.address)
                new += mailbox_read(mailbox=mailbox, reader=reader)
                mailbox_quota_watch(mailbox=mailbox, reader=reader)
            except NationalServiceError as error:
                logger.warning("pfi.mailbox.unread", extra={"mailbox": mailbox.pk, "code": error.code})
    mails_treat(worker=worker)
    for mailbox in mailboxes:
        with turn(f"pfi.mailbox {mailbox.pk}") as is_ours:
            if is_ours:
                _put_away(mailbox)
    return new


def mailbox_read(*, mailbox: Mailbox, reader: MailReader) -> int:
    """Take in the mails of one mailbox that are not known yet; returns how many are new."""
    waiting = list(reader.waiting(LISTED))
    if not waiting:
        return 0
    known = uids_known(mailbox=mailbox, validity=waiting[0].uid_validity, uids=[one.uid for one in waiting])
    new = 0
    for one in [one for one in waiting if one.uid not in known][:READ_AT_ONCE]:
        fetched = _fetched(reader, one.uid, one.size)
        if fetched is None:
            continue
        raw, size = fetched
        is_whole = size <= settings.MSS_MAX_MAIL_BYTES
        message_id = _message_id(raw)
        _, is_new = incoming_store(
            mailbox=mailbox,
            raw=raw,
            size=size,
            uid=one.uid,
            uid_validity=one.uid_validity,
            message_id=message_id,
            digest=incoming_digest(raw, message_id if is_whole else ""),
        )
        new += is_new
    return new


def mails_treat(*, worker: str) -> int:
    """Treat the mails that wait: new ones, those whose documents were answered, answers to send."""
    done = 0
    waiting = IncomingMail.objects.filter(PENDING).select_related("mailbox__unit__site")
    while claimed := waiting.claim(worker=worker, limit=1, without=("answer_raw",)):
        incoming_treat(mail=claimed[0], worker=worker)
        done += 1
    unanswered = IncomingMail.objects.filter(state=IncomingState.HANDED_OVER).defer("raw", "answer_raw")
    for mail in unanswered.order_by("id")[:LISTED]:
        conclude(mail=mail)
    send_answers(worker=worker)
    return done


def incoming_treat(*, mail: IncomingMail, worker: str) -> None:
    """Read one claimed mail and do what it asks; a defect of ours leaves it for later, then for a person."""
    if mail.attempts > MAX_ATTEMPTS:
        incoming_settle(
            mail=mail,
            state=IncomingState.TO_REVIEW,
            code="WORKER_LOST",
            text="Traitement interrompu trop souvent.",
        )
        return
    try:
        _treat(mail, worker)
    except (MailRefused, XdmRefused) as refused:
        _refuse(mail, refused.full_code, str(refused))
    except Exception:  # a defect of ours: the mail is kept, and the others go on
        logger.exception("pfi.mail.defect", extra={"mail": str(mail.uid)})
        IncomingMail.objects.filter(pk=mail.pk).update(
            not_before=timezone.now() + DEFECT_DELAY, **mail.release()
        )


def _treat(mail: IncomingMail, worker: str) -> None:
    raw = bytes(mail.raw)
    if mail.size > settings.MSS_MAX_MAIL_BYTES:
        incoming_settle(
            mail=mail,
            state=IncomingState.TO_REVIEW,
            code=MAIL_TOO_LARGE,
            text="Courriel plus grand que la limite : resté dans la boîte de l’opérateur.",
        )
        return
    opened = open_mail(raw, limits=MailLimits(max_bytes=settings.MSS_MAX_MAIL_BYTES))
    mail.sender = (opened.sender.email if opened.sender else "")[:254]
    report = report_of(opened, bounce_words=_bounce_words())
    if report is not None:
        _report(mail, report)
    elif (opened.archives or opened.document_subject is not None) and switch_is_on(Switch.PFI_MSS_IN):
        _documents(mail, opened, worker)
    else:
        sender = opened.sender.email if opened.sender else ""
        is_patient = is_patient_address(sender, settings.MSS_PATIENT_DOMAIN)
        incoming_settle(
            mail=mail,
            state=IncomingState.TO_REVIEW,
            kind=IncomingKind.PATIENT if is_patient else IncomingKind.OTHER,
            text="Courriel sans document, à lire par une personne.",
        )


def _bounce_words() -> dict[str, BounceReason]:
    """The words of a bounce: those of the hospital first, then ours (mssante 1.10)."""
    own = {
        " ".join(word.lower().split()): BounceReason(reason)
        for word, reason in settings.MSS_BOUNCE_WORDS.items()
    }
    return own | {word: reason for word, reason in BOUNCE_WORDS.items() if word not in own}


def _report(mail: IncomingMail, report: DeliveryReport | ReadReport) -> None:
    kind = IncomingKind.READING if isinstance(report, ReadReport) else IncomingKind.DELIVERY
    with transaction.atomic():
        known = report_apply(report=report, at=timezone.now())
        incoming_settle(
            mail=mail,
            state=IncomingState.DONE if known else IncomingState.TO_REVIEW,
            kind=kind,
            code="" if known else "UNCORRELATED",
            text="" if known else "Aucun courriel envoyé d’ici ne correspond à cet avis.",
        )


def _documents(mail: IncomingMail, opened: OpenedMail, worker: str) -> None:
    """Queue one message a document; the mail is settled when the DPI has answered them all."""
    if not opened.archives:
        _refuse(mail, "NO_ARCHIVE", "Le courriel annonce un document et n’a pas d’archive IHE_XDM.")
        return
    if not opened.message_id or opened.sender is None:
        _refuse(mail, "NO_MESSAGE_ID", "Le courriel n’a pas d’identifiant ou pas d’expéditeur.")
        return
    archives = [open_xdm(part.content, action_slot=settings.XDM_ACTION_SLOT) for part in opened.archives]
    if len({archive.patient_id for archive in archives}) > 1:
        _refuse(mail, "SEVERAL_PATIENTS", "Le courriel parle de plusieurs patients.")
        return
    inside = [one.place for archive in archives for one in archive.documents if one.cda.is_self_presenting]
    if inside:  # the volet carries a document, not a style sheet (hl7v2 2.4)
        text = (
            f"Le document est dans une feuille de style : il ne peut être transmis au dossier ({inside[0]})."
        )
        _refuse(mail, "SELF_PRESENTING", text)
        return
    doubt = _doubt(opened, archives)
    if doubt:
        incoming_settle(
            mail=mail, state=IncomingState.TO_REVIEW, kind=IncomingKind.DOCUMENT, code="ACTION", text=doubt
        )
        return
    try:
        queued = _queue(mail, opened, [one for archive in archives for one in archive.documents])
    except Hl7Error as error:
        _refuse(mail, "NOT_CARRIED", f"Le document ne peut être transmis au dossier : {error.text}.")
        return
    except ValueError:
        logger.exception("pfi.mail.not_carried", extra={"mail": str(mail.uid)})
        _refuse(
            mail,
            "NOT_CARRIED",
            "Le document ne peut être transmis au dossier : son en-tête ne permet pas d’écrire le message.",
        )
        return
    for message in queued:
        message_hand_over(message_id=message.pk, worker=worker)
    conclude(mail=mail, opened=opened)


@transaction.atomic
def _queue(mail: IncomingMail, opened: OpenedMail, documents: list[OpenedDocument]) -> list[Message]:
    partner = Partner.objects.get(code=settings.PFI_DPI_PARTNER)
    recipients = recipients_of_mail(opened, mail.mailbox)
    carried = []
    for document in documents:
        action = event_of(document) or codes.Action.INITIAL
        cda = document.cda
        lineage = received_lineage(
            cda.id, set_id=cda.set_id, replaced=cda.replaced.id if cda.replaced else None
        )
        message = message_queue(
            partner=partner, raw=message_of(document, action, opened, recipients), lineage=lineage
        )
        carried.append(
            IncomingDocument(
                mail=mail,
                message=message,
                unique_id=received_key(cda.id),
                title=cda.title[:300],
            )
        )
    rows_insert(*carried)
    incoming_settle(mail=mail, state=IncomingState.HANDED_OVER, kind=IncomingKind.DOCUMENT)
    return [row.message for row in carried]


def _doubt(opened: OpenedMail, archives: list[OpenedXdm]) -> str:
    """Why a person must look before anything is filed (2.4, choice of the event; hl7v2 3.1, masked)."""
    documents = [document for archive in archives for document in archive.documents]
    actions = {event_of(document) for document in documents}
    if None in actions:
        return "Remplacement demandé sans document à remplacer."
    if actions == {codes.Action.INITIAL} and _SAYS_OTHERWISE.search(
        f"{opened.subject}\n{opened.text[:5000]}"
    ):
        return "Le texte parle de remplacement ou de suppression, les métadonnées non."
    masked = any("MASQUE_PS" in document.entry.visibility for document in documents)
    if masked and settings.PFI_BLOCK_MASKED_INBOUND:
        return "Document masqué aux professionnels : non transmis, par réglage."
    return ""


def _refuse(mail: IncomingMail, code: str, text: str) -> None:
    """A mail that cannot be integrated: 906, told to who sent or forwarded it."""
    answer = answer_of(mail, fault_code=codes.APPLICATION_OTHER, told=[text])
    incoming_settle(
        mail=mail, state=IncomingState.REFUSED, kind=IncomingKind.DOCUMENT, code=code, text=text, **answer
    )


def _fetched(reader: MailReader, uid: int, size: int) -> tuple[bytes, int] | None:
    """The mail and its size, or its headers when it is too large; None when it is gone.

    An operator that says less than the size it sends must not stop the mailbox: that mail too is too large.
    """
    limit: int = settings.MSS_MAX_MAIL_BYTES
    try:
        if size <= limit:
            try:
                return reader.fetch(uid), size
            except Rejected as error:
                if error.code != MAIL_TOO_LARGE:
                    raise
        return reader.fetch_headers(uid), max(size, limit + 1)
    except Rejected as error:
        if error.code == MAIL_GONE:
            return None
        raise


def _message_id(raw: bytes) -> str:
    """Message-ID of a mail, or nothing where it cannot be opened."""
    try:
        return open_mail(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\nx").message_id
    except MailRefused:
        return ""


def _put_away(mailbox: Mailbox) -> None:
    """Mark and move in the mailbox the mails whose treatment ended; a mail too large stays where it is."""
    ended = IncomingMail.objects.filter(
        mailbox=mailbox,
        cleared_at__isnull=True,
        state__in=[IncomingState.DONE, IncomingState.REFUSED, IncomingState.TO_REVIEW],
    ).exclude(code=MAIL_TOO_LARGE)
    folders: dict[str, list[IncomingMail]] = {FOLDER_DONE: [], FOLDER_ERROR: []}
    for mail in ended.select_related("mailbox").defer("raw", "answer_raw").order_by("id")[:LISTED]:
        folders[FOLDER_DONE if mail.state == IncomingState.DONE else FOLDER_ERROR].append(mail)
    try:
        for folder, mails in folders.items():
            if mails:
                mail_reader(mailbox.address).done(
                    [uid for mail in mails for uid in (mail.imap_uid, *mail.copies)], folder
                )
                incoming_clear(mails=mails, folder=folder)
    except NationalServiceError as error:
        logger.warning("pfi.mailbox.not_cleared", extra={"mailbox": mailbox.pk, "code": error.code})
