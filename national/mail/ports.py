"""The operator of the espace de confiance, as its clients see it (Référentiel #2; mssante.md 1.2, 1.10, 2.1).

Errors are those of `national.errors`: `Rejected` with the reply code of SMTP ("550"), `Unavailable` for a 4xx
reply or a line that cannot be had, `Uncertain` when the mail had left and no reply came: the same mail, with
its Message-ID, is then sent again and the receiver tells the duplicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

MAIL_GONE: Final = "MAIL_GONE"
MAIL_TOO_LARGE: Final = "MAIL_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one recipient: one SMTP transaction.

    `raw` is the whole mail; `sender` its Return-Path; `envelope_id` (ENVID) comes back in delivery reports;
    `wants_delivery_notice` asks for reports of success as well as of failure (ECO.2.3.1).
    `message_id` is the one in `raw`, for the trace of the call.
    """

    raw: bytes = field(repr=False)
    sender: str
    recipient: str
    envelope_id: str
    wants_delivery_notice: bool
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The operator took the mail in charge; `notice_offered`, that it will report its delivery (RFC 3461)."""

    code: int
    text: str
    notice_offered: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that was not processed; `uid` holds as long as `uid_validity` does. Size in bytes."""

    uid: int
    uid_validity: int
    size: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Room of a mailbox, in bytes."""

    used: int
    limit: int

    @property
    def ratio(self) -> float:
        """Part that is taken, from 0 to 1."""
        return self.used / self.limit if self.limit else 0.0


class MailSender(Protocol):
    """Sends mails as one application mailbox."""

    def send(self, mail: Mail) -> Accepted:
        """Hand one mail to the operator."""

    def size_limit(self) -> int | None:
        """The largest mail that the operator announces (EHLO SIZE), in bytes; None where it says nothing."""

    def close(self) -> None:
        """Leave the operator; the next mail opens a new line."""


class MailReader(Protocol):
    """Reads one application mailbox."""

    def waiting(self, limit: int) -> Sequence[Waiting]:
        """Mails of the inbox that were not processed, the oldest first; at most `limit`."""

    def fetch(self, uid: int) -> bytes:
        """The whole mail, without marking it as read.

        Raises:
            Rejected: MAIL_GONE, it is no longer there; MAIL_TOO_LARGE, beyond the limit of sizes.
        """

    def fetch_headers(self, uid: int) -> bytes:
        """The headers alone: what can be said of a mail too large to be fetched."""

    def done(self, uids: Sequence[int], folder: str) -> None:
        """Mark mails as processed and move them to `folder`, which is made when absent.

        A mail that is no longer there is no error: another worker was faster.
        """

    def quota(self) -> Quota | None:
        """Room taken in the mailbox; None where the operator does not tell."""

    def close(self) -> None:
        """Leave the operator; the next call opens a new line."""
