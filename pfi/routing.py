"""To whom a mail is answered, as a pure rule (spec mssante 2.4; RFC 8098, 3).

A forwarder is believed only when it is a mailbox of the hospital: the answer carries the whole document, and
a header of a stranger must not choose who gets it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from interop.mail.codes import HEADER_FORWARDER
from interop.mail.opening import OpenedMail, read_addresses


class AnswerForm(StrEnum):
    NONE = "none"
    NOTICE = "notice"
    PLAIN_MAIL = "plain_mail"


@dataclass(frozen=True, slots=True)
class Route:
    """The form of the answer and its recipient; a plain mail tells errors only."""

    form: AnswerForm
    to: str = ""


def route_of(mail: OpenedMail, *, own_domains: Collection[str], error_address: str) -> Route:
    """Where the answer to a mail goes.

    Never to a report, an automatic mail or one without sender. A forwarder of ours is told, and the external
    sender learns nothing of it; a notice goes only to the Return-Path itself.
    """
    if mail.is_automatic:
        return Route(AnswerForm.NONE)
    forwarder = _forwarder(mail, own_domains)
    asked = mail.notice_to.lower()
    if forwarder:
        return Route(AnswerForm.NOTICE if asked == forwarder else AnswerForm.PLAIN_MAIL, forwarder)
    if asked and asked == (mail.return_path or "").lower():
        return Route(AnswerForm.NOTICE, mail.notice_to)
    return Route(AnswerForm.PLAIN_MAIL, error_address) if error_address else Route(AnswerForm.NONE)


def _forwarder(mail: OpenedMail, own_domains: Collection[str]) -> str:
    delivered = list(mail.all_headers("Delivered-To"))
    named = [
        mail.header(HEADER_FORWARDER),
        mail.header("Resent-From"),
        delivered[1] if len(delivered) > 1 else "",
        mail.sender.email if mail.sender else "",
    ]
    for value in named:
        for address in read_addresses([value]):
            email = address.email.lower()
            if email.rpartition("@")[2] in own_domains:
                return email
    return ""
