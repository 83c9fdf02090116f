"""An application mailbox read over IMAP (RFC 9051, 4422 EXTERNAL, 6851 MOVE; mssante.md 1.2, 2.1).

Every command may be repeated: nothing here is ever uncertain. Nothing marks a mail as read before the caller
says that it was processed.
"""

from __future__ import annotations

import contextlib
import imaplib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from establishment.enums import NationalService
from interop.mail.codes import KEYWORD_PROCESSED
from interop.mail.opening import MAIL_LIMITS
from national.calls import Call, CallNotes, Recorder, recorded
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable
from national.mail.operator import LABEL, ClientTls, OperatorSettings, line_failure, tls_not_offered
from national.mail.ports import MAIL_GONE, MAIL_TOO_LARGE, Quota, Waiting

MAILBOX_REFUSED: Final = "MAILBOX_REFUSED"
LIST: Final = "IMAP.LIST"
FETCH: Final = "IMAP.FETCH"
MOVE: Final = "IMAP.MOVE"
QUOTA: Final = "IMAP.QUOTA"
_INBOX: Final = "INBOX"
_SIZE: Final = b"RFC822.SIZE"
_KEYWORD: Final = KEYWORD_PROCESSED.encode("ascii")
_KIBIBYTE: Final = 1024
_PASSING: Final = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN")
"""Codes of RFC 5530 with which a login is refused for now only."""


class ImapReader:
    """Implements `MailReader` for one mailbox; one command at a time, over one line kept open."""

    def __init__(
        self,
        settings: OperatorSettings,
        mailbox: str,
        *,
        record: Recorder,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._mailbox = mailbox
        self._record = record
        self._now = now
        self._tls = ClientTls(settings.tls, is_starttls=not settings.imap.is_tls)
        self._lock = threading.Lock()
        self._line: IMAPClient | None = None
        self._uid_validity = 0
        self._keeps_keywords = False
        self._folders: set[str] = set()

    def waiting(self, limit: int) -> Sequence[Waiting]:
        """Mails of the inbox that carry neither `\\Deleted` nor our keyword, the oldest first."""
        with self._command(LIST) as line:
            self._select(line)
            criteria = ["UNDELETED", "NOT", "KEYWORD", KEYWORD_PROCESSED]
            uids = sorted(line.search(criteria if self._keeps_keywords else criteria[:1]))[:limit]
            sizes: dict[int, dict[bytes, Any]] = line.fetch(uids, [_SIZE]) if uids else {}
            return [
                Waiting(uid, self._uid_validity, int(sizes[uid].get(_SIZE, 0)))
                for uid in uids
                if uid in sizes
            ]

    def fetch(self, uid: int) -> bytes:
        """The whole mail, by BODY.PEEK; one byte more than the limit is asked for, so that a size that lies
        costs nothing.

        Raises:
            Rejected: MAIL_GONE or MAIL_TOO_LARGE. Unavailable: the line failed.
        """
        limit = self._settings.max_mail_bytes
        with self._command(FETCH, str(uid)) as line:
            raw = self._part(line, uid, f"BODY.PEEK[]<0.{limit + 1}>")
            if len(raw) > limit:
                raise Rejected(
                    MAIL_TOO_LARGE,
                    kind=RejectionKind.DATA,
                    message="Le courriel dépasse la taille acceptée.",
                )
            return raw

    def fetch_headers(self, uid: int) -> bytes:
        """The headers alone, within the limit of headers."""
        with self._command(FETCH, str(uid)) as line:
            return self._part(line, uid, f"BODY.PEEK[HEADER]<0.{MAIL_LIMITS.max_header_bytes}>")

    def done(self, uids: Sequence[int], folder: str) -> None:
        """Mark mails as seen and processed, then move them together; one already gone is no error."""
        with self._command(MOVE, " ".join(map(str, uids))) as line:
            flags = [b"\\Seen", _KEYWORD] if self._keeps_keywords else [b"\\Seen"]
            line.add_flags(uids, flags, silent=True)
            self._ensure_folder(line, folder)
            if line.has_capability("MOVE"):
                line.move(uids, folder)
                return
            line.copy(uids, folder)
            line.delete_messages(uids, silent=True)
            if line.has_capability("UIDPLUS"):
                line.uid_expunge(uids)

    def quota(self) -> Quota | None:
        """Room taken, in bytes, where the operator tells it (RFC 2087)."""
        with self._command(QUOTA) as line:
            if not line.has_capability("QUOTA"):
                return None
            _, quotas = line.get_quota_root(_INBOX)
            for quota in quotas:
                if str(quota.resource).upper() == "STORAGE":
                    return Quota(int(quota.usage) * _KIBIBYTE, int(quota.limit) * _KIBIBYTE)
            return None

    def close(self) -> None:
        """Leave the operator; the next call opens a new line."""
        with self._lock:
            line, self._line = self._line, None
            if line is not None:
                with contextlib.suppress(imaplib.IMAP4.error, OSError):
                    line.logout()

    # The line

    @contextmanager
    def _command(self, transaction: str, reference: str = "") -> Iterator[IMAPClient]:
        """A line for one command, with its trace and the sense of its failure."""
        with self._lock, self._recorded(transaction, reference):
            try:
                yield self._ready()
            except NationalServiceError:
                raise
            except imaplib.IMAP4.abort as error:
                self._drop()
                raise line_failure(error) from error
            except imaplib.IMAP4.error as error:
                # A refused command leaves a line whose state nobody knows: the next one is fresh.
                self._drop()
                raise Unavailable(
                    f"{LABEL} a refusé une opération sur la boîte.", code="IMAP_NO", text=str(error)[:500]
                ) from error
            except (OSError, ValueError, KeyError, IndexError) as error:
                # The library does not guard its reading of an answer: a strange one is no answer.
                self._drop()
                raise line_failure(error) from error

    def _ready(self) -> IMAPClient:
        """An open line that answers: operators cut the ones that stay silent."""
        if self._line is not None:
            try:
                self._line.noop()
                return self._line
            except (imaplib.IMAP4.error, OSError):
                self._drop()
        return self._open()

    def _open(self) -> IMAPClient:
        settings, server = self._settings, self._settings.imap
        context = self._tls.context()
        line = IMAPClient(
            server.host,
            server.port,
            ssl=server.is_tls,
            ssl_context=context if server.is_tls else None,
            timeout=SocketTimeout(connect=settings.connect_timeout, read=settings.read_timeout),
        )
        self._line = line
        if not server.is_tls:
            if not line.has_capability("STARTTLS"):
                self._drop()
                raise tls_not_offered()
            line.starttls(context)
        try:
            line.sasl_login("EXTERNAL", lambda _challenge: self._mailbox.encode("ascii"))
        except LoginError as error:
            self._drop()
            raise _mailbox_refused(error) from error
        self._folders = set()
        self._select(line)
        return line

    def _select(self, line: IMAPClient) -> None:
        state = line.select_folder(_INBOX)
        self._uid_validity = int(state[b"UIDVALIDITY"])
        allowed = {flag.lower() for flag in state.get(b"PERMANENTFLAGS", ())}
        self._keeps_keywords = b"\\*" in allowed or _KEYWORD.lower() in allowed

    def _part(self, line: IMAPClient, uid: int, item: str) -> bytes:
        found = line.fetch([uid], [item]).get(uid)
        content = next((value for key, value in (found or {}).items() if key.startswith(b"BODY[")), None)
        if content is None:
            raise Rejected(
                MAIL_GONE, kind=RejectionKind.DATA, message="Le courriel n’est plus dans la boîte."
            )
        return bytes(content)

    def _ensure_folder(self, line: IMAPClient, folder: str) -> None:
        if folder not in self._folders:
            if not line.folder_exists(folder):
                line.create_folder(folder)
            self._folders.add(folder)

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                line.shutdown()

    def _recorded(self, transaction: str, reference: str) -> AbstractContextManager[CallNotes]:
        call = Call(
            service=NationalService.MSSANTE,
            transaction=transaction,
            message_id=f"{self._mailbox} {reference}".strip()[:80],
            actor_uid=None,
            actor_label=self._settings.actor_label,
            patient_uid=None,
            structure=self._settings.structure,
        )
        return recorded(call, record=self._record, started_at=self._now())


def _mailbox_refused(error: LoginError) -> NationalServiceError:
    """The operator does not open this mailbox to our certificate, or cannot for now (RFC 5530)."""
    text = str(error)[:500]
    if isinstance(error.__context__, imaplib.IMAP4.abort):
        return line_failure(error.__context__)
    if any(f"[{code}]" in text.upper() for code in _PASSING):
        return Unavailable(f"{LABEL} ne peut ouvrir la boîte pour le moment.", code="UNAVAILABLE", text=text)
    return Rejected(
        MAILBOX_REFUSED,
        text,
        kind=RejectionKind.CONFIGURATION,
        message=f"{LABEL} n’ouvre pas cette boîte au certificat de la structure.",
    )
