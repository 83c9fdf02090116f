"""What the PFI answers to a mail it read: notice of processing, or mail of error (mssante.md 4.4).

Source: hl7v2.md 3.6. The samples printed in the volet are no valid MIME: their content is kept, not their
form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from interop.mail import codes
from interop.mail.codes import MdnFlavour
from interop.mail.errors import MailRefused
from interop.mail.opening import MailPart, OpenedMail
from interop.mail.wording import one_line, to_ascii
from interop.mail.writing import (
    CRLF,
    Address,
    address_header,
    check_address,
    check_message_id,
    date_header,
    file_part,
    header,
    ids_header,
    message_part,
    multipart,
    text_part,
)

_MAX_LABEL = 200
_SYSTEM_1_1_3 = "applicationErrorCondition"
# What SMTP carries in no line (RFC 5321, 4.5.3.1.6), and a server may refuse.
_LINE_MAX = 998
_HEADERS_MAX = 100_000
_HEADERS_ALONE = "Le courriel d’origine est trop volumineux pour être joint : ses en-têtes seuls le sont."


@dataclass(frozen=True, slots=True)
class IntegrationFault:
    """Why the DPI did not integrate: one of 900 to 906, with its label."""

    code: str
    label: str


class _Joined(IntEnum):
    """How much of the mail received is joined, from the most to the least."""

    WITH_FILES = 0
    ONCE = 1
    HEADERS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one mail.

    `original` are the bytes received and `opened` what was read of them, None where they could not be opened.
    `mailbox` is the application mailbox that received and now answers; `recipient` the one that is told.
    `text` is for a person; `fault` None says that everything was integrated. Above `max_bytes` (0: no limit)
    less of the original is joined, so that who sent it is told in any case.
    """

    message_id: str
    mailbox: Address
    recipient: str
    sent_at: datetime
    text: str = field(repr=False)
    original: bytes = field(repr=False)
    opened: OpenedMail | None
    product_reference: str
    reporting_agent: str
    fault: IntegrationFault | None = None
    flavour: MdnFlavour = MdnFlavour.V1_1
    max_bytes: int = 0


def answer_subject(answer: Answer) -> str:
    """Subject of an answer: `[KO Intégration système !][902] XDM/1.0/DDM+…`, or that of the mail."""
    mail = answer.opened
    rest = mail.document_subject if mail else None
    subject = f"{codes.SUBJECT_MARKER}{rest}" if rest is not None else (mail.subject if mail else "")
    if answer.fault is None:
        return subject
    return f"{codes.ERROR_PREFIX}[{answer.fault.code}] {subject}".strip()


def build_mdn(answer: Answer) -> bytes:
    """Return a notice of processing (RFC 8098), success or error, in the flavour asked for.

    Raises:
        MailRefused: an address or an identifier is unusable.
    """
    content_type = f"multipart/report; report-type={codes.REPORT_DISPOSITION}"
    headers, notification = _headers(answer), _notification(answer)

    def built(joined: _Joined) -> bytes:
        text, original = _told(answer, joined)
        parts = [text_part(text), notification, original or _original(answer)]
        if answer.fault is not None:
            parts += _attachments(answer, joined)
        return multipart(headers, content_type, parts, seed=answer.message_id)

    return _within_limit(answer, built)


def build_error_mail(answer: Answer) -> bytes:
    """Return a "courriel standard": the error told to a mailbox that asked for no notice.

    Raises:
        MailRefused: an address or an identifier is unusable. ValueError: nothing went wrong.
    """
    if answer.fault is None:
        raise ValueError("a mail of error tells an error")
    headers = _headers(answer)

    def built(joined: _Joined) -> bytes:
        text, original = _told(answer, joined)
        parts = [text_part(text), original or _original(answer, codes.ORIGINAL_NAME)]
        parts += _attachments(answer, joined)
        return multipart(headers, "multipart/mixed", parts, seed=answer.message_id)

    return _within_limit(answer, built)


def _within_limit(answer: Answer, built: Callable[[_Joined], bytes]) -> bytes:
    """The fullest answer that the operator takes."""
    for joined in _Joined:
        raw = built(joined)
        if not answer.max_bytes or len(raw) <= answer.max_bytes:
            return raw
    return raw


def _told(answer: Answer, joined: _Joined) -> tuple[str, bytes]:
    """The text for a person, and the headers alone of the original where it is not joined whole."""
    if joined is not _Joined.HEADERS:
        return answer.text, b""
    head = re.split(rb"\r?\n\r?\n", answer.original[:_HEADERS_MAX], maxsplit=1)[0]
    return f"{answer.text}\n\n{_HEADERS_ALONE}", file_part(head, codes.TYPE_HEADERS, codes.HEADERS_NAME)


def _original(answer: Answer, file_name: str = "") -> bytes:
    """The mail received, whole; a file of bytes where we could not open it, or no mail could carry its lines.

    What made us stop would make other software stop: it is not put among the parts of the answer.
    """
    if answer.opened is None or not _is_carried(answer.original):
        return file_part(answer.original, codes.TYPE_BYTES, codes.ORIGINAL_NAME)
    return message_part(answer.original, file_name)


def _headers(answer: Answer) -> str:
    original_id = _original_id(answer)
    lines = [
        date_header(answer.sent_at),
        address_header("From", answer.mailbox),
        address_header("To", Address(answer.recipient)),
        header("Subject", answer_subject(answer)),
        f"Message-ID: {check_message_id(answer.message_id, 'Message-ID')}{CRLF}",
        *(ids_header(name, [original_id]) for name in ("In-Reply-To", "References") if original_id),
        header("Auto-Submitted", "auto-replied"),
        header(codes.HEADER_PRODUCT, answer.product_reference),
    ]
    return "".join(lines)


def _notification(answer: Answer) -> bytes:
    """Part 2. `Original-Message-ID` is required by the volet: left out only where the mail had none."""
    mailbox = check_address(answer.mailbox.email, "Final-Recipient")
    original_id = _original_id(answer)
    lines = [
        "Content-Type: message/disposition-notification",
        "",
        f"Reporting-UA: {to_ascii(one_line(answer.reporting_agent, 'Reporting-UA'))}",
        f"Original-Recipient: rfc822;{_original_recipient(answer, mailbox)}",
        f"Final-Recipient: rfc822;{mailbox}",
        *([f"Original-Message-ID: {original_id}"] if original_id else []),
        *_disposition(answer),
    ]
    return "".join(f"{line}{CRLF}" for line in lines).encode("ascii")


def _original_id(answer: Answer) -> str:
    """The identifier of the mail received; one that no header may hold counts for none."""
    try:
        return check_message_id(answer.opened.message_id, "Message-ID") if answer.opened else ""
    except MailRefused:
        return ""


def _original_recipient(answer: Answer, mailbox: str) -> str:
    named = answer.opened.header("Original-Recipient").partition(";")[2].strip() if answer.opened else ""
    try:
        return check_address(named, "Original-Recipient")
    except MailRefused:
        return mailbox


def _disposition(answer: Answer) -> list[str]:
    done = "Disposition: automatic-action/MDN-sent-automatically; processed"
    fault = answer.fault
    if fault is None:
        return [done]
    # A label with accents would have to be encoded there, and no reader expects that: part 1 has it whole.
    stated = (
        f"{one_line(fault.code, 'Disposition')}^{to_ascii(one_line(fault.label, 'Disposition'))[:_MAX_LABEL]}"
    )
    if answer.flavour is MdnFlavour.V1_1:
        return [f"{done}/Error: {stated}"]
    return [f"{done}/error", f"Error: {stated}^{_SYSTEM_1_1_3}"]


def _is_carried(raw: bytes) -> bool:
    return b"\x00" not in raw and max(map(len, raw.split(b"\n"))) <= _LINE_MAX + 1


def _attachments(answer: Answer, joined: _Joined) -> list[bytes]:
    """The archive and the PDF copies again, as attachments of the answer (form 1.1)."""
    if answer.opened is None or answer.flavour is not MdnFlavour.V1_1 or joined is not _Joined.WITH_FILES:
        return []
    kept: list[tuple[MailPart, str]] = [(part, codes.TYPE_ZIP) for part in answer.opened.archives]
    kept += [(part, codes.TYPE_PDF) for part in answer.opened.pdfs]
    return [
        file_part(part.content, kind, _safe_name(part.file_name) or _DEFAULT_NAMES[kind])
        for part, kind in kept
    ]


_DEFAULT_NAMES = {codes.TYPE_ZIP: codes.ARCHIVE_NAME, codes.TYPE_PDF: "document.pdf"}


def _safe_name(name: str) -> str:
    """A received file name without what no header may hold."""
    return "".join(character for character in name if character.isprintable())
