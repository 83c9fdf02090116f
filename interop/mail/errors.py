"""Why a mail cannot be built or read."""

from __future__ import annotations

from enum import StrEnum


class MailRefusal(StrEnum):
    """Stable codes, for programs and for the list of mails in error."""

    EMPTY = "mail_empty"
    TOO_LARGE = "mail_too_large"
    HEADERS_TOO_LARGE = "headers_too_large"
    TOO_MANY_HEADERS = "too_many_headers"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_DEEP = "parts_too_deep"
    BOUNDARY = "boundary_unusable"
    HEADER_INJECTION = "header_injection"
    ADDRESS = "address_unusable"
    MESSAGE_ID = "message_id_unusable"


class MailRefused(ValueError):
    """A mail that we neither send nor open.

    `code` is stable; `place` names the header or the part ("Subject", "1.2"); `text` is French and may be
    shown. No content of the mail is repeated: it may name a patient.
    """

    def __init__(self, code: MailRefusal, place: str, text: str) -> None:
        super().__init__(f"{text} ({place})" if place else text)
        self.code = code
        self.place = place
        self.text = text

    @property
    def full_code(self) -> str:
        """What a person or a trace needs: `mail:parts_too_deep`."""
        return f"mail:{self.code}"
