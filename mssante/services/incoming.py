"""Mails of the application mailboxes: kept first, then settled (spec mssante 1.11, 2.1).

The bytes and the row are committed before anything else is done with a mail, and before it is marked in the
mailbox: a worker that dies in between reads it again, and finds that it is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.context import system_actor
from audit.enums import Action, Outcome
from audit.rows import rows_insert
from audit.services import trace_write, traces_gathered
from mssante.enums import IncomingKind, IncomingState
from mssante.headers import traced_headers
from mssante.models import IncomingMail, Mailbox

READER_ACTOR = system_actor("pfi.mail_reader")


def incoming_digest(raw: bytes, message_id: str) -> str:
    """What two deliveries of one mail share: its Message-ID and all below its headers.

    Operators add headers of their own at each delivery; a mail without Message-ID is only itself.
    """
    body = raw.partition(b"\r\n\r\n")[2] if message_id else raw
    return hashlib.sha256(message_id.encode("utf-8", "replace") + b"\n" + body).hexdigest()


@transaction.atomic
def incoming_store(
    *, mailbox: Mailbox, raw: bytes, size: int, uid: int, uid_validity: int, message_id: str, digest: str
) -> tuple[IncomingMail, bool]:
    """Keep a mail; whether it is new. One delivered again has one more UID, to be put away with the first.

    A mailbox whose UIDs were made again (UIDVALIDITY, RFC 3501 2.3.1.1) leaves only this one.

    Raises:
        IntegrityError: another reader of the mailbox kept it in between (each has its turn).
    """
    where: dict[str, Any] = {"imap_validity": uid_validity, "imap_uid": uid}
    known = IncomingMail.objects.filter(mailbox=mailbox, digest=digest).select_related("mailbox").first()
    if known is None:
        row = IncomingMail(
            mailbox=mailbox, digest=digest, message_id=message_id[:900], raw=raw, size=size, **where
        )
        rows_insert(row)
        facts = traced_headers(raw) | {"size": size, "sha256": hashlib.sha256(raw).hexdigest()}
        incoming_trace(row, "fetch", Outcome.SUCCESS, facts=facts)
        return row, True
    if known.imap_validity == uid_validity:
        where = {"copies": [*known.copies, uid]}
    else:
        where["copies"] = []
    IncomingMail.objects.filter(pk=known.pk).update(cleared_at=None, **where)
    known.refresh_from_db()
    found = {"imap_validity": uid_validity, "imap_uid": uid}
    incoming_trace(known, "fetch_again", Outcome.SUCCESS, facts=found)
    return known, False


@transaction.atomic(savepoint=False)
def incoming_settle(
    *,
    mail: IncomingMail,
    state: IncomingState,
    kind: IncomingKind | None = None,
    code: str = "",
    text: str = "",
    answer_to: str = "",
    answer_id: str = "",
    answer_raw: bytes = b"",
) -> None:
    """Write what became of a mail, and the answer that is to leave; a settled mail is left as it is.

    `mail.sender`, whom its reader found there, is written too.
    """
    rows = IncomingMail.objects.select_for_update(of=("self",)).select_related("mailbox")
    row = rows.defer("raw", "answer_raw").get(pk=mail.pk)
    if row.state not in (IncomingState.RECEIVED, IncomingState.HANDED_OVER):
        return
    row.state = state
    row.kind = kind or row.kind
    row.sender = mail.sender or row.sender
    row.code, row.text = code[:60], text[:500]
    changed = ["state", "kind", "sender", "code", "text", "claimed_by", "claimed_until", "not_before"]
    row.claimed_by, row.claimed_until, row.not_before = "", None, None
    if state != IncomingState.HANDED_OVER:
        row.done_at = timezone.now()
        row.answer_to, row.answer_id, row.answer_raw = answer_to, answer_id, answer_raw
        row.attempts = 0  # from here on, those of the answer
        changed += ["done_at", "attempts", "answer_to", "answer_id", "answer_raw"]
    row.save(update_fields=changed)
    is_error = state in (IncomingState.REFUSED, IncomingState.TO_REVIEW)
    incoming_trace(row, f"state_{state}", Outcome.FAILURE if is_error else Outcome.SUCCESS)


@transaction.atomic
def incoming_clear(*, mails: Sequence[IncomingMail], folder: str) -> None:
    """Note that mails were marked, and moved to a folder of their mailbox."""
    IncomingMail.objects.filter(pk__in=[mail.pk for mail in mails]).update(
        cleared_at=timezone.now(), copies=[]
    )
    with traces_gathered():
        for mail in mails:
            incoming_trace(mail, "move", Outcome.SUCCESS, facts={"folder": folder})


def incoming_trace(
    mail: IncomingMail, step: str, outcome: Outcome, *, facts: Mapping[str, Any] | None = None
) -> None:
    """One row for each treatment of a mail received (SC.MSS/UX.37): never its content.

    `facts` are what this step alone knows: the headers and the digest of the bytes, the folder.
    """
    trace_write(
        type="mssante.incoming",
        action=Action.EXECUTE,
        actor=READER_ACTOR,
        outcome=outcome,
        object_type="mssante.incoming",
        object_uid=mail.uid,
        detail={
            "step": step,
            "mailbox": mail.mailbox.address,
            "message_id": mail.message_id,
            "imap_validity": mail.imap_validity,
            "imap_uid": mail.imap_uid,
            "from": mail.sender,
            "kind": mail.kind,
            "state": mail.state,
            "code": mail.code,
            "text": mail.text,
            "answer_to": mail.answer_to,
            "answer_id": mail.answer_id,
        }
        | dict(facts or {}),
    )
