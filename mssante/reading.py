"""A received mail, for the person who reads it: its text, what is attached, who wrote (mssante 1.7, 2.1).

The bytes are a stranger's. Text only: a page is reduced to its words, nothing is fetched, run or opened, and
what is shown is bounded. The name that a sender gives itself is shown and never believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from interop.ins.key import MatriculeFault, matricule_fault, normalize_matricule
from interop.mail.errors import MailRefused
from interop.mail.opening import MailLimits, MailPart, OpenedMail, open_mail
from mssante.rules import is_patient_address

LONGEST_TEXT: Final = 20_000
MOST_ATTACHMENTS: Final = 50
_LONGEST_NAME: Final = 150
# Controls, and marks that turn the direction of writing: a text must not show other words than its own.
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_FORM: Final = re.compile(r"[0-9]{5}[0-9AB]{2}[0-9]{8}|[0-9]{6}[AB][0-9]{8}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a mail holds beside its text: name, or kind where it has none, and decoded size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail as read. `matricule` is that of the usager's mailbox, empty for another sender.

    `fault` tells that this matricule cannot be one. `unreadable` is a sentence where the mail does not open.
    """

    subject: str = ""
    sender_name: str = ""
    sender: str = ""
    matricule: str = ""
    fault: MatriculeFault | None = None
    text: str = ""
    is_cut: bool = False
    was_html: bool = False
    attachments: tuple[Attachment, ...] = ()
    unreadable: str = ""


def mail_text(raw: bytes, *, patient_domain: str, limits: MailLimits) -> MailText:
    """Open a mail to be read. Never fails."""
    try:
        opened = open_mail(raw, limits=limits)
    except MailRefused as refused:
        return MailText(unreadable=refused.text)
    sender = opened.sender
    address = sender.email if sender else ""
    matricule = usager_of(address, patient_domain=patient_domain)
    text = shown_text(opened.text)
    return MailText(
        subject=one_line(opened.shown_subject),
        sender_name=one_line(sender.name if sender else ""),
        sender=one_line(address),
        matricule=matricule,
        fault=matricule_fault(matricule) if matricule else None,
        text=text[:LONGEST_TEXT],
        is_cut=len(text) > LONGEST_TEXT,
        was_html=bool(text) and not _plain_of(opened),
        attachments=tuple(map(_attachment, _attached(opened)[:MOST_ATTACHMENTS])),
    )


def usager_of(address: str, *, patient_domain: str) -> str:
    """The matricule of the usager whose mailbox this is; empty for any other address.

    The domain of Mon espace santé has other mailboxes, such as the robot of its reports.
    """
    if not is_patient_address(address, patient_domain):
        return ""
    local = normalize_matricule(address.partition("@")[0])
    return local if _FORM.fullmatch(local) else ""


def shown_text(text: str) -> str:
    """A text as it may be shown: no control, no turned writing, no desert of empty lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _BLANK_LINES.sub("\n\n", _UNSEEN.sub("", lines)).strip()


def one_line(text: str) -> str:
    return " ".join(_UNSEEN.sub("", text).split())[:_LONGEST_NAME]


def _plain_of(opened: OpenedMail) -> bool:
    return any(part.content_type == "text/plain" and not part.is_attachment for part in opened.parts)


def _attached(opened: OpenedMail) -> list[MailPart]:
    """Every part but the texts of the body: those that say they are files, and those that are no text."""
    return [
        part
        for part in opened.parts
        if part.is_attachment or part.content_type not in ("text/plain", "text/html")
    ]


def _attachment(part: MailPart) -> Attachment:
    return Attachment(one_line(part.file_name) or part.content_type[:_LONGEST_NAME], len(part.content))
