"""The PFI at work on its mails: claimed one by one, sent, and never in doubt twice without a notice.

Source: spec mssante 1.4, 1.10; dmp 9.4 (retries). Each mail is written once, its bytes are kept, and
the attempt is committed before anything leaves: a worker that dies leaves a doubt, not a second mail.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from exchange.leases import LEASE
from interop.cda.refusals import CdaRefused
from interop.hl7v2.errors import Hl7Error
from interop.mail.errors import MailRefused
from interop.xds.metadata import MetadataError
from interop.xml import XmlRefused
from mssante.enums import MailState
from mssante.models import OutgoingMail
from mssante.rules import ABANDONED, NOT_WRITTEN, TOO_BIG, size_limit, too_big_words
from mssante.services import (
    mail_accepted,
    mail_attempt,
    mail_fail,
    mail_postpone,
    mail_retry_later,
    mails_pause,
)
from national.errors import NationalServiceError, Rejected, RejectionKind, Uncertain
from national.mail.opening import mail_sender
from national.mail.ports import Mail, MailSender
from pfi.mailing import mail_build
from pfi.mails import OPPOSED, OPPOSED_TEXT, is_refused
from pfi.models import Job
from pfi.orders import order_of
from pfi.services import OPPOSITION

logger = logging.getLogger(__name__)

BATCH: Final = 20
LINEAGE_WAIT: Final = timedelta(seconds=5)
# A mail taken so often without an end kills its worker: a person must look.
MAX_ATTEMPTS: Final = 40
DEFECT: Final = "DEFAUT"


def mails_drain(*, worker: str, limit: int = BATCH, lease: timedelta = LEASE) -> int:
    """Send the mails that are due, one at a time; returns how many were taken, 0 when none waits.

    A worker holds one mail only: if it dies, the others do not wait for its lease.
    """
    waiting = OutgoingMail.objects.filter(state=MailState.TO_SEND)
    taken = 0
    while taken < limit:
        claimed = waiting.claim(worker=worker, limit=1, lease=lease, without=("raw",))
        if not claimed:
            break
        mail_run(mail=claimed[0], worker=worker, lease=lease)
        taken += 1
    return taken


def mail_run(*, mail: OutgoingMail, worker: str, lease: timedelta = LEASE) -> None:
    """One attempt of one claimed mail."""
    if _waits_for_an_older_one(mail):
        mail_postpone(mail=mail, until=timezone.now() + LINEAGE_WAIT)
        return
    if mail.attempts > MAX_ATTEMPTS:
        mail_fail(mail=mail, worker=worker, code=ABANDONED, text="Envoi interrompu trop souvent.")
        return
    if mail.attempt_at is None and is_refused(mail):
        mail_fail(mail=mail, worker=worker, code=OPPOSITION, text=OPPOSED_TEXT, kind=OPPOSED)
        return
    raw = _written(mail, worker)
    if raw is None:
        return
    try:
        sender = mail_sender()
        limit = _limit(mail, sender)
        if len(raw) > limit:
            mail_fail(mail=mail, worker=worker, code=TOO_BIG, text=too_big_words(len(raw), limit))
            return
        started = mail_attempt(mail=mail, worker=worker, raw=raw, lease=lease)
        if started is not None:
            _send(started, raw, sender, worker)
    except NationalServiceError as error:
        _failed(mail, worker, error)


def _send(mail: OutgoingMail, raw: bytes, sender: MailSender, worker: str) -> None:
    try:
        accepted = sender.send(
            Mail(
                raw=raw,
                sender=mail.sender,
                recipient=mail.recipient,
                envelope_id=mail.envelope_id,
                wants_delivery_notice=mail.wants_delivery,
                message_id=mail.message_id,
            )
        )
    except NationalServiceError:
        raise
    except Exception:  # a defect of ours: what was done is unknown, and the other mails go on
        logger.exception("pfi.mail.defect", extra={"mail": str(mail.uid)})
        mail_retry_later(mail=mail, worker=worker, code=DEFECT, text="Défaut du logiciel.", is_uncertain=True)
        return
    mail_accepted(mail=mail, worker=worker, reply=f"{accepted.code} {accepted.text}")


def _failed(mail: OutgoingMail, worker: str, error: NationalServiceError) -> None:
    """What an exchange that did not succeed makes of the mail (house-style, section 6)."""
    text = error.text or error.message
    if not isinstance(error, Rejected):
        is_uncertain = isinstance(error, Uncertain)
        mail_retry_later(mail=mail, worker=worker, code=error.code, text=text, is_uncertain=is_uncertain)
    elif error.kind == RejectionKind.CONFIGURATION:
        mails_pause(mail=mail, worker=worker, code=error.code, text=text)
    else:
        mail_fail(mail=mail, worker=worker, code=error.code, text=text)


def _written(mail: OutgoingMail, worker: str) -> bytes | None:
    """The bytes of the mail: those kept at the first attempt, else written now. None: it failed."""
    if mail.size is not None:
        return bytes(OutgoingMail.objects.values_list("raw", flat=True).get(pk=mail.pk) or b"")
    try:
        job = Job.objects.select_related("message__partner").get(uid=mail.job_uid)
        return mail_build(mail, job, order_of(job))
    except (MailRefused, MetadataError, CdaRefused, XmlRefused, Hl7Error) as error:
        text = f"Le courriel n’a pas pu être écrit : {error}"
    except Exception:  # one mail that cannot be written must not hold back the others
        logger.exception("pfi.mail.not_built", extra={"mail": str(mail.uid)})
        text = "Le courriel n’a pas pu être écrit (défaut)."
    mail_fail(mail=mail, worker=worker, code=NOT_WRITTEN, text=text)
    return None


def _limit(mail: OutgoingMail, sender: MailSender) -> int:
    return size_limit(
        is_to_patient=mail.is_to_patient,
        operator=settings.MSS_MAX_MESSAGE_BYTES,
        patient=settings.MSS_MAX_PATIENT_BYTES,
        announced=sender.size_limit(),
    )


def _waits_for_an_older_one(mail: OutgoingMail) -> bool:
    """A recipient gets version n+1 after version n (hl7v2 1.6)."""
    older = OutgoingMail.objects.filter(
        lineage=mail.lineage, recipient_key=mail.recipient_key, state=MailState.TO_SEND, pk__lt=mail.pk
    )
    return older.exists()
