"""Reports that come back: delivery (RFC 3464), reading or processing (RFC 8098), bounces in plain words.

Source: mssante.md 1.10, 4.4; hl7v2.md 3.6 (parsing of a notice of either generation).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from interop.hl7v2 import codes as hl7
from interop.mail.codes import (
    ACTIONS_OF_SUCCESS,
    REPORT_DELIVERY,
    REPORT_DISPOSITION,
    TYPE_HEADERS,
    BounceReason,
    DeliveryAction,
    DispositionKind,
)
from interop.mail.opening import (
    MAIL_LIMITS,
    MailLimits,
    MailPart,
    OpenedMail,
    open_mail,
    read_addresses,
    read_headers,
)

_MAX_BLOCKS: Final = 100
_MAX_FIELDS_BYTES: Final = 256 * 1024
_BLOCKS = re.compile(rb"(?:\r?\n){2,}")
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
_REPLY_CODE = re.compile(r"(?<![\d.])([245]\d\d)(?![\d.])")
_DISPOSITION = re.compile(
    r"(?P<kind>processed|displayed|deleted|dispatched)\s*(?:/\s*(?P<modifier>[A-Za-z]+))?", re.IGNORECASE
)
_CODE_LABEL = re.compile(r"(?<!\d)(\d{3})\s*\^([^^|]*)")
_CODE_IN_SUBJECT = re.compile(r"\[(9\d\d)\]")
_ERROR_SUBJECT = re.compile(r"\s*\[(?:KO Intégration|Erreur d.intégration)", re.IGNORECASE)
_ACTIONS: Final = frozenset(action.value for action in DeliveryAction)
_ROBOTS: Final = ("mailer-daemon@", "postmaster@", "noreply@", "no-reply@", "ne-pas-repondre@")

BOUNCE_WORDS: Final[Mapping[str, BounceReason]] = {
    "undelivered mail returned to sender": BounceReason.OTHER,
    "delivery status notification (failure)": BounceReason.OTHER,
    "message non distribué": BounceReason.OTHER,
    "boîte fermée": BounceReason.MAILBOX_CLOSED,
    "messagerie fermée": BounceReason.MAILBOX_CLOSED,
    "compte clos": BounceReason.MAILBOX_CLOSED,
    "mailbox disabled": BounceReason.MAILBOX_CLOSED,
    "patient introuvable": BounceReason.PATIENT_UNKNOWN,
    "patient non trouvé": BounceReason.PATIENT_UNKNOWN,
    "utilisateur inconnu": BounceReason.PATIENT_UNKNOWN,
    "user unknown": BounceReason.ADDRESS_INVALID,
    "adresse invalide": BounceReason.ADDRESS_INVALID,
    "message trop volumineux": BounceReason.OVERSIZE,
    "taille maximale": BounceReason.OVERSIZE,
    "message size exceeds": BounceReason.OVERSIZE,
    "message too large": BounceReason.OVERSIZE,
}
"""Words of a bounce, in lower case, and what they mean; the hospital completes them (mssante.md 1.10)."""


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What became of a mail for one recipient. `reply_code` is that of SMTP ("550"), if known."""

    address: str
    action: DeliveryAction
    status: str = ""
    reply_code: str = ""
    diagnostic: str = field(default="", repr=False)
    original_address: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the mail reached its recipient, or the operator after ours."""
        return self.action in ACTIONS_OF_SUCCESS


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A DSN, or a bounce in plain words (`is_formal` False).

    The mail it speaks of is found by `envelope_id`, else `original_message_id`, else the recipient.
    """

    recipients: tuple[RecipientStatus, ...]
    envelope_id: str = ""
    original_message_id: str = ""
    reporting_mta: str = ""
    reason: BounceReason | None = None
    is_formal: bool = True


@dataclass(frozen=True, slots=True)
class ReadReport:
    """An MDN. `code` and `label` are those of a refused integration: 906 where an error gives none."""

    original_message_id: str
    reader: str
    kind: DispositionKind
    is_error: bool = False
    code: str = ""
    label: str = ""
    original_recipient: str = ""

    @property
    def is_read(self) -> bool:
        """Read or integrated; `deleted` and `dispatched` inform only."""
        return not self.is_error and self.kind in (DispositionKind.PROCESSED, DispositionKind.DISPLAYED)


def parse_report(
    raw: bytes,
    *,
    limits: MailLimits = MAIL_LIMITS,
    bounce_words: Mapping[str, BounceReason] = BOUNCE_WORDS,
) -> DeliveryReport | ReadReport | None:
    """Read a mail as a report; None when it is none.

    Raises:
        MailRefused: the mail cannot be opened.
    """
    return report_of(open_mail(raw, limits=limits), bounce_words=bounce_words)


def report_of(
    mail: OpenedMail, *, bounce_words: Mapping[str, BounceReason] = BOUNCE_WORDS
) -> DeliveryReport | ReadReport | None:
    """The report that an opened mail is, or None."""
    if mail.report_type == REPORT_DELIVERY:
        return _delivery(mail, bounce_words)
    if mail.report_type == REPORT_DISPOSITION:
        return _reading(mail)
    return _bounce(mail, bounce_words)


def _delivery(mail: OpenedMail, words: Mapping[str, BounceReason]) -> DeliveryReport | None:
    part = _part(mail, "message/delivery-status")
    blocks = list(_field_blocks(part)) if part else []
    statuses = tuple(filter(None, map(_recipient, blocks)))
    if not statuses:
        return _bounce(mail, words)
    failed = any(status.action is DeliveryAction.FAILED for status in statuses)
    first = blocks[0]
    return DeliveryReport(
        recipients=statuses,
        envelope_id=first.get("Original-Envelope-Id", "").strip(),
        original_message_id=_original_id(mail),
        reporting_mta=_after_type(first.get("Reporting-MTA", "")),
        reason=_reason(mail, statuses, words) if failed else None,
    )


def _recipient(block: Message) -> RecipientStatus | None:
    action = block.get("Action", "").strip().lower()
    final = _after_type(block.get("Final-Recipient", ""))
    if action not in _ACTIONS or not final:
        return None
    diagnostic = _after_type(block.get("Diagnostic-Code", ""))
    code = _REPLY_CODE.search(diagnostic)
    return RecipientStatus(
        address=final.lower(),
        action=DeliveryAction(action),
        status=block.get("Status", "").strip().partition(" ")[0],
        reply_code=code[1] if code else "",
        diagnostic=diagnostic,
        original_address=_after_type(block.get("Original-Recipient", "")).lower(),
    )


def _reading(mail: OpenedMail) -> ReadReport | None:
    part = _part(mail, "message/disposition-notification")
    block = next(_field_blocks(part), None) if part else None
    if block is None:
        return None
    disposition = block.get("Disposition", "")
    stated = disposition.partition(";")[2] or disposition
    found = _DISPOSITION.search(stated)
    if found is None:
        return None
    error_text = block.get("Error", "") or stated[found.end() :]
    is_error = bool(
        block.get("Error")
        or (found["modifier"] or "").lower() in ("error", "failure")
        or _ERROR_SUBJECT.match(mail.subject)
    )
    code, label = _error_code(error_text, mail.subject) if is_error else ("", "")
    return ReadReport(
        original_message_id=block.get("Original-Message-ID", "").strip() or _original_id(mail),
        reader=_after_type(block.get("Final-Recipient", "")).lower()
        or (mail.sender.email if mail.sender else ""),
        kind=DispositionKind(found["kind"].lower()),
        is_error=is_error,
        code=code,
        label=label,
        original_recipient=_after_type(block.get("Original-Recipient", "")).lower(),
    )


def _error_code(text: str, subject: str) -> tuple[str, str]:
    """Code and label of a refusal: those written, else the subject's code, else 906 (hl7v2.md 3.6)."""
    written = _CODE_LABEL.search(text)
    if written:
        code = written[1]
        return code, written[2].strip() or hl7.APPLICATION_ERROR_LABELS.get(code, "")
    in_subject = _CODE_IN_SUBJECT.search(subject)
    code = in_subject[1] if in_subject else hl7.APPLICATION_OTHER
    return code, hl7.APPLICATION_ERROR_LABELS.get(code, "")


def _bounce(mail: OpenedMail, words: Mapping[str, BounceReason]) -> DeliveryReport | None:
    """A mail of a robot that says in words that another was not delivered.

    A person who writes such words is not a robot: the mail must be automatic as well.
    """
    sender = mail.sender.email.lower() if mail.sender else ""
    if not (mail.is_automatic or sender.startswith(_ROBOTS)):
        return None
    reason = _reason(mail, (), words)
    if reason is None:
        return None
    addresses = list(mail.all_headers("X-Failed-Recipients"))
    nested = next((part.message for part in mail.parts if part.message), None)
    if not addresses and nested is not None:
        addresses = [address.email for address in nested.recipients]
    found = read_addresses(addresses)
    diagnostic = mail.text[:2000]
    code = _REPLY_CODE.search(diagnostic)
    status = _STATUS.search(diagnostic)
    return DeliveryReport(
        recipients=tuple(
            RecipientStatus(
                address=address.email.lower(),
                action=DeliveryAction.FAILED,
                status=status[0] if status else "",
                reply_code=code[1] if code else "",
                diagnostic=diagnostic[:500],
            )
            for address in found
        ),
        original_message_id=_original_id(mail),
        reason=reason,
        is_formal=False,
    )


def _reason(
    mail: OpenedMail, statuses: Sequence[RecipientStatus], words: Mapping[str, BounceReason]
) -> BounceReason | None:
    """The most telling of the words found in the subject, the text and the diagnostics."""
    said = " ".join([mail.subject, mail.text[:20_000], *(status.diagnostic for status in statuses)]).lower()
    said = " ".join(said.split())
    found = [reason for word, reason in words.items() if word in said]
    telling = [reason for reason in found if reason is not BounceReason.OTHER]
    if telling:
        return telling[0]
    return BounceReason.OTHER if found or statuses else None


def _original_id(mail: OpenedMail) -> str:
    """Message-ID of the mail that a report returns: nested, or its headers alone, or what is answered."""
    for part in mail.parts:
        if part.message is not None and part.message.message_id:
            return part.message.message_id
        if part.content_type == TYPE_HEADERS:
            found = re.search(
                r"<[^<>\s]+>", read_headers(part.content[:_MAX_FIELDS_BYTES]).get("Message-ID", "")
            )
            if found:
                return found[0]
    return mail.answered_id or (mail.references[-1] if mail.references else "")


def _part(mail: OpenedMail, content_type: str) -> MailPart | None:
    return next((part for part in mail.parts if part.content_type == content_type), None)


def _field_blocks(part: MailPart) -> Iterator[Message]:
    blocks = _BLOCKS.split(part.content[:_MAX_FIELDS_BYTES].strip(), maxsplit=_MAX_BLOCKS)
    return (read_headers(block) for block in blocks[:_MAX_BLOCKS])


def _after_type(value: str) -> str:
    """What follows the type of a field: `rfc822; a@b` gives `a@b`."""
    kind, mark, rest = value.partition(";")
    return rest.strip().strip("<>") if mark else kind.strip().strip("<>")
