"""Mails handed to the operator over SMTP (RFC 5321, 3207, 3461, 1870; mssante.md 1.2, 1.4, 1.5, 1.10).

One line, kept open between mails; one transaction per recipient. The reply to the last dot decides: before it
nothing was taken, and the mail may simply be sent again; a line cut after it leaves the outcome unknown.
"""

from __future__ import annotations

import re
import smtplib
import socket
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final, NoReturn

from establishment.enums import NationalService
from interop.mail.errors import MailRefused
from interop.mail.writing import check_address, wire_lines
from national.calls import Call, CallNotes, Recorder, recorded
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.mail.operator import LABEL, ClientTls, OperatorSettings, line_failure, tls_not_offered
from national.mail.ports import Accepted, Mail

SEND: Final = "SMTP.SEND"
SIZE: Final = "SMTP.SIZE"
_READY: Final = 250
_START: Final = 354
_CLOSING: Final = 421
_TOO_BIG: Final = "552"
# Refusals that concern the structure, not this mail: nothing of ours will pass (mssante.md 5, results).
_STRUCTURE_REFUSED: Final = frozenset({530, 534, 535, 538})
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_XTEXT = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x7e]")
_MAX_TEXT: Final = 500


class SmtpSender:
    """Implements `MailSender`. Safe to share between threads: one transaction at a time."""

    def __init__(
        self,
        settings: OperatorSettings,
        *,
        record: Recorder,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._record = record
        self._now = now
        self._tls = ClientTls(settings.tls, is_starttls=not settings.smtp.is_tls)
        self._lock = threading.Lock()
        self._line: smtplib.SMTP | None = None
        self._identity = ""

    def send(self, mail: Mail) -> Accepted:
        """Hand one mail to the operator.

        Raises:
            Rejected: 5xx, by its code; of kind CONFIGURATION where the structure itself is refused.
            Unavailable: 4xx, or no line; nothing was taken.
            Uncertain: the whole mail had left and no reply came.
        """
        with self._lock, self._recorded(SEND, mail.message_id or mail.envelope_id):
            return self._transaction(mail)

    def size_limit(self) -> int | None:
        """The size that the operator announces in EHLO, in bytes; None where it says nothing."""
        with self._lock:
            if self._line is None:
                with self._recorded(SIZE, ""):
                    self._open("")
            return self._announced_size()

    def close(self) -> None:
        """Leave the operator; the next mail opens a new line."""
        with self._lock:
            self._drop(quit_first=True)

    # One transaction

    def _transaction(self, mail: Mail) -> Accepted:
        sender, recipient = _addresses(mail)
        raw = wire_lines(mail.raw)
        line = self._ready(sender)
        limit = self._announced_size()
        if limit and len(raw) > limit:
            raise Rejected(
                _TOO_BIG,
                f"5.3.4 {len(raw)} bytes, the server takes {limit}",
                kind=RejectionKind.DATA,
                message="Le courriel dépasse la taille acceptée par l’opérateur.",
            )
        offers_dsn = line.has_extn("dsn")
        self._command(line.mail, sender, _mail_options(line, mail, raw))
        self._command(line.rcpt, recipient, _recipient_options(mail, recipient) if offers_dsn else ())
        self._begin_data(line)
        code, text = self._hand_over(line, raw)
        if code != _READY:
            self._refused(code, text)
        return Accepted(code, text, offers_dsn)

    def _begin_data(self, line: smtplib.SMTP) -> None:
        try:
            code, reply = line.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            self._broken(error)
        if code != _START:
            self._refused(code, _text(reply))

    def _hand_over(self, line: smtplib.SMTP, raw: bytes) -> tuple[int, str]:
        """Send the mail, then the dot that ends it: only from there may the operator have taken it."""
        body = _LEADING_DOT.sub(b"..", raw) if raw.startswith(b".") or b"\n." in raw else raw
        try:
            line.send(body if body.endswith(b"\r\n") else body + b"\r\n")
        except (OSError, smtplib.SMTPException) as error:
            self._broken(error)
        try:
            line.send(b".\r\n")
            code, reply = line.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Uncertain(
                f"{LABEL} n’a pas répondu après la remise du courriel ; son issue sera vérifiée.",
                code=type(error).__name__,
                text=str(error)[:_MAX_TEXT],
            ) from error
        return code, _text(reply)

    def _command(self, command: Callable[..., tuple[int, bytes]], *arguments: object) -> None:
        try:
            code, reply = command(*arguments)
        except (OSError, smtplib.SMTPException) as error:
            self._broken(error)
        if code // 100 != 2:
            self._refused(code, _text(reply))

    # The line

    def _ready(self, sender: str) -> smtplib.SMTP:
        """An open line that answers, in the name of this mailbox where the operator wants one."""
        line = self._line
        if line is not None and self._identity not in ("", sender):
            self._drop(quit_first=True)
        elif line is not None:
            if self._answers(line):
                return line
            self._drop()
        return self._open(sender)

    def _answers(self, line: smtplib.SMTP) -> bool:
        try:
            return line.noop()[0] == _READY
        except (OSError, smtplib.SMTPException):
            return False

    def _open(self, sender: str) -> smtplib.SMTP:
        settings, server = self._settings, self._settings.smtp
        context = self._tls.context()
        try:
            if server.is_tls:
                line: smtplib.SMTP = smtplib.SMTP_SSL(
                    server.host,
                    server.port,
                    settings.client_name,
                    timeout=settings.connect_timeout,
                    context=context,
                )
            else:
                line = smtplib.SMTP(
                    server.host, server.port, settings.client_name, timeout=settings.connect_timeout
                )
        except smtplib.SMTPConnectError as error:
            self._refused(error.smtp_code, _text(error.smtp_error))
        except (OSError, smtplib.SMTPException) as error:
            raise line_failure(error) from error
        self._line = line
        try:
            self._greet(line, sender, secure=not server.is_tls)
        except NationalServiceError:
            self._drop()
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._broken(error)
        return line

    def _greet(self, line: smtplib.SMTP, sender: str, *, secure: bool) -> None:
        """EHLO, STARTTLS, EHLO; then AUTH EXTERNAL where the operator asks for a mailbox (mssante.md 1.2)."""
        if line.sock is not None:
            line.sock.settimeout(self._settings.read_timeout)
            # The last dot does not wait for the acknowledgement of what precedes it (RFC 896).
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._command(line.ehlo)
        if secure:
            if not line.has_extn("starttls"):
                raise tls_not_offered()
            code, reply = line.starttls(context=self._tls.context())
            if code != 220:
                self._refused(code, _text(reply))
            self._command(line.ehlo)
        if sender and "EXTERNAL" in line.esmtp_features.get("auth", "").upper().split():
            name = b64encode(sender.encode("ascii")).decode("ascii")
            code, reply = line.docmd("AUTH", f"EXTERNAL {name}")
            if code != 235:
                self._refused(code, _text(reply))
            self._identity = sender

    def _announced_size(self) -> int | None:
        told = self._line.esmtp_features.get("size", "") if self._line is not None else ""
        return int(told) or None if told.isdecimal() else None

    def _refused(self, code: int, text: str) -> NoReturn:
        """Raise what a reply means, and leave the line ready for another mail, or closed."""
        if code == _CLOSING or code < 200:
            self._drop()
        else:
            self._reset()
        if code // 100 == 4 or code < 200:
            raise Unavailable(f"{LABEL} remet le courriel à plus tard.", code=str(code), text=text)
        if code in _STRUCTURE_REFUSED:
            raise Rejected(
                str(code),
                text,
                kind=RejectionKind.CONFIGURATION,
                message=f"{LABEL} refuse les courriels de la structure.",
            )
        raise Rejected(
            str(code),
            text,
            kind=RejectionKind.DATA,
            message=f"{LABEL} a refusé le courriel ({code}).",
        )

    def _broken(self, error: Exception) -> NoReturn:
        """The line broke before the mail was whole: nothing was taken."""
        self._drop()
        raise line_failure(error) from error

    def _reset(self) -> None:
        if self._line is None:
            return
        try:
            self._line.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self, *, quit_first: bool = False) -> None:
        line, self._line, self._identity = self._line, None, ""
        if line is None:
            return
        try:
            if quit_first:
                line.quit()
        except (OSError, smtplib.SMTPException):
            pass  # the other side was faster
        finally:
            line.close()

    def _recorded(self, transaction: str, message_id: str) -> AbstractContextManager[CallNotes]:
        call = Call(
            service=NationalService.MSSANTE,
            transaction=transaction,
            message_id=message_id.strip("<>")[:80],
            actor_uid=None,
            actor_label=self._settings.actor_label,
            patient_uid=None,
            structure=self._settings.structure,
        )
        return recorded(call, record=self._record, started_at=self._now())


def _addresses(mail: Mail) -> tuple[str, str]:
    try:
        # A report leaves without a sender, so that nothing answers it (RFC 8098, 3; RFC 3464, 2).
        sender = check_address(mail.sender, "MAIL FROM") if mail.sender else ""
        return sender, check_address(mail.recipient, "RCPT TO")
    except MailRefused as refused:
        raise Rejected("553", str(refused), kind=RejectionKind.DATA, message=refused.text) from refused


def _mail_options(line: smtplib.SMTP, mail: Mail, raw: bytes) -> list[str]:
    """SIZE, 8BITMIME, and of RFC 3461 the envelope id and headers alone in a report."""
    options = [f"SIZE={len(raw)}"] if line.has_extn("size") else []
    if not raw.isascii() and line.has_extn("8bitmime"):
        options.append("BODY=8BITMIME")
    if line.has_extn("dsn"):
        options += ["RET=HDRS", f"ENVID={_xtext(mail.envelope_id)}"]
    return options


def _recipient_options(mail: Mail, recipient: str) -> list[str]:
    """Reports asked for: of success too when the sender wants it (ACK_RECEPTION=Y)."""
    wanted = "SUCCESS,FAILURE,DELAY" if mail.wants_delivery_notice else "FAILURE"
    return [f"NOTIFY={wanted}", f"ORCPT=rfc822;{_xtext(recipient)}"]


def _xtext(value: str) -> str:
    """RFC 3461, 4: what may not stand in a parameter is written in hexadecimal."""
    return _XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", value)


def _text(reply: bytes | str) -> str:
    text = reply if isinstance(reply, str) else reply.decode("utf-8", "replace")
    return " ".join(text.split())[:_MAX_TEXT]
