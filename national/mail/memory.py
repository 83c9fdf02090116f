"""An operator in memory: both ports without the wire, for unit tests of what stands on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from national.errors import NationalServiceError, Rejected
from national.mail.ports import MAIL_GONE, MAIL_TOO_LARGE, Accepted, Mail, Quota, Waiting


@dataclass(slots=True)
class MailSenderMemory:
    """Keeps what was sent. `failures` are raised by the next mails, before the operator has them;
    `failures_after` once it has: the reply was lost.
    """

    sent: list[Mail] = field(default_factory=list)
    limit: int | None = 10 * 2**20
    notice_offered: bool = True
    failures: deque[NationalServiceError] = field(default_factory=deque)
    failures_after: deque[NationalServiceError] = field(default_factory=deque)

    def send(self, mail: Mail) -> Accepted:
        if self.failures:
            raise self.failures.popleft()
        if self.limit is not None and len(mail.raw) > self.limit:
            raise Rejected("552", "5.3.4 Message size exceeds fixed limit")
        self.sent.append(mail)
        if self.failures_after:
            raise self.failures_after.popleft()
        return Accepted(250, f"2.0.0 Ok: queued as {len(self.sent)}", self.notice_offered)

    def size_limit(self) -> int | None:
        return self.limit

    def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class MailReaderMemory:
    """One mailbox: `inbox` by uid, `folders` what was processed. `failures` are raised by the next calls."""

    inbox: dict[int, bytes] = field(default_factory=dict)
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    uid_validity: int = 1
    max_bytes: int = 30 * 2**20
    space: Quota | None = None
    failures: deque[NationalServiceError] = field(default_factory=deque)
    _next_uid: int = 1

    def deliver(self, raw: bytes) -> int:
        """Put a mail in the inbox; returns its uid."""
        uid = self._next_uid
        self._next_uid += 1
        self.inbox[uid] = raw
        return uid

    def waiting(self, limit: int) -> Sequence[Waiting]:
        self._fail()
        return [Waiting(uid, self.uid_validity, len(self.inbox[uid])) for uid in sorted(self.inbox)[:limit]]

    def fetch(self, uid: int) -> bytes:
        self._fail()
        if uid not in self.inbox:
            raise Rejected(MAIL_GONE)
        if len(self.inbox[uid]) > self.max_bytes:
            raise Rejected(MAIL_TOO_LARGE)
        return self.inbox[uid]

    def fetch_headers(self, uid: int) -> bytes:
        self._fail()
        if uid not in self.inbox:
            raise Rejected(MAIL_GONE)
        head, mark, _ = self.inbox[uid].partition(b"\r\n\r\n")
        return head + mark

    def done(self, uids: Sequence[int], folder: str) -> None:
        self._fail()
        for uid in uids:
            raw = self.inbox.pop(uid, None)
            if raw is not None:
                self.folders.setdefault(folder, []).append(raw)

    def quota(self) -> Quota | None:
        self._fail()
        return self.space

    def close(self) -> None:
        """Nothing is open."""

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()
