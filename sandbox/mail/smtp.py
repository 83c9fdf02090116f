"""The operator's SMTP: STARTTLS and the client certificate required, SIZE, DSN, refusals (mssante.md 5).

aiosmtpd speaks the protocol. What it does not know is here: the null sender, the parameters of RFC 3461, and
that a structure sends in its own name only.
"""

import asyncio
import re
import ssl
from typing import Any, Final, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.x509.oid import NameOID

SIZE_LIMIT: Final = 30 * 2**20
_BLOCK: Final = 256 * 1024
_LAST_DOT: Final = b"\r\n.\r\n"
_STUFFED = re.compile(rb"(?<=\n)\.")
_LINE_LIMIT: Final = 1000
_HEX = re.compile(r"\+([0-9A-F]{2})")


class Exchange(Protocol):
    """Who takes the mails in."""

    def refusal_of_sender(self, sender: str, structure: str) -> str | None:
        """The reply to MAIL when it is a refusal."""

    def refusal_of_recipient(self, recipient: str) -> str | None:
        """The reply to RCPT when it is a refusal; an effect asked for may be among them."""

    async def take(self, mail: "Submission") -> "Reply":
        """Take a whole mail in charge."""


class Submission:
    """A mail as it was handed over."""

    def __init__(self, envelope: Envelope, options: dict[str, str]) -> None:
        self.sender = str(envelope.mail_from or "")
        self.recipients = [str(recipient) for recipient in envelope.rcpt_tos]
        content = envelope.content or b""
        self.content = content if isinstance(content, bytes) else content.encode()
        self.envelope_id = options.get("ENVID", "")
        self.notify = frozenset(options.get("NOTIFY", "FAILURE").split(","))
        self.original_recipient = options.get("ORCPT", "").partition(";")[2]


class Reply:
    """The reply to the last dot; `cuts` closes the line instead."""

    def __init__(self, text: str, *, cuts: bool = False) -> None:
        self.text = text
        self.cuts = cuts


class _Hooks:
    """What aiosmtpd asks of its handler."""

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # No password here: the certificate is what a client shows.
        kept = [line for line in responses if not line.startswith(("250-AUTH", "250 HELP"))]
        return [*kept, "250 DSN"]

    async def handle_DATA(self, server: "OperatorSmtp", session: Session, envelope: Envelope) -> str:
        return await server.hand_over(envelope)


class OperatorSmtp(SMTP):
    """One connection."""

    def __init__(
        self,
        exchange: Exchange,
        context: ssl.SSLContext,
        loop: asyncio.AbstractEventLoop,
        size_limit: int = SIZE_LIMIT,
    ) -> None:
        self._exchange = exchange
        self._options: dict[str, str] = {}
        super().__init__(
            _Hooks(),
            data_size_limit=size_limit,
            hostname="operateur.mssante.test",
            ident="sandbox",
            tls_context=context,
            require_starttls=True,
            timeout=300,
            loop=loop,
        )

    async def smtp_MAIL(self, arg: str | None) -> None:
        """MAIL with the parameters of RFC 3461, and the null sender of a report."""
        found = re.fullmatch(r"\s*FROM:\s*<([^<>\s]*)>((?:\s+\S+)*)\s*", arg or "", re.IGNORECASE)
        if found is None or self.envelope is None or self.session is None:
            await self.push("501 5.5.4 Syntax: MAIL FROM:<address>")
            return
        options = _parameters(found[2])
        size = options.get("SIZE", "0")
        if not size.isdigit() or int(size) > (self.data_size_limit or 0):
            await self.push("552 5.3.4 Message size exceeds fixed limit")
            return
        refusal = self._exchange.refusal_of_sender(found[1], _structure(self.session))
        if refusal is not None:
            await self.push(refusal)
            return
        self.envelope.mail_from = found[1]
        self._options = options
        await self.push("250 2.1.0 Ok")

    async def smtp_RCPT(self, arg: str | None) -> None:
        """RCPT with the parameters of RFC 3461."""
        found = re.fullmatch(r"\s*TO:\s*<([^<>\s]+@[^<>\s]+)>((?:\s+\S+)*)\s*", arg or "", re.IGNORECASE)
        if found is None or self.envelope is None:
            await self.push("501 5.5.4 Syntax: RCPT TO:<address>")
            return
        if self.envelope.mail_from is None:
            await self.push("503 5.5.1 Error: need MAIL command")
            return
        refusal = self._exchange.refusal_of_recipient(found[1])
        if refusal is not None:
            await self.push(refusal)
            if refusal.startswith("421") and self.transport is not None:
                self.transport.close()
            return
        self.envelope.rcpt_tos.append(found[1])
        self._options |= _parameters(found[2])
        await self.push("250 2.1.5 Ok")

    async def smtp_DATA(self, arg: str | None) -> None:
        """DATA, read by blocks: a mail with attachments has ten thousand lines."""
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = await self._content()
        if content is None:
            reply = "552 5.3.4 Message size exceeds fixed limit"
        elif max(map(len, content.split(b"\n"))) > _LINE_LIMIT:
            reply = "500 5.5.2 Line too long"
        else:
            self.envelope.content = self.envelope.original_content = content
            reply = await self.hand_over(self.envelope)
        self._set_post_data_state()
        await self.push(reply)

    async def _content(self) -> bytes | None:
        """What stands before the last dot; None beyond the limit of size, once all was received."""
        found = bytearray(b"\r\n")
        is_too_large = False
        while not found.endswith(_LAST_DOT):
            block = await self._reader.read(_BLOCK)
            if not block:
                raise asyncio.CancelledError  # the line was cut: nothing was taken
            found += block
            if len(found) > (self.data_size_limit or 0) + _BLOCK:
                is_too_large = True
                del found[: -len(_LAST_DOT)]
        if is_too_large:
            return None
        content = bytes(found[: -len(_LAST_DOT) + 2])
        return (_STUFFED.sub(b"", content) if b"\n." in content else content)[2:]

    async def hand_over(self, envelope: Envelope) -> str:
        """Give a whole mail to the operator; returns the reply."""
        reply = await self._exchange.take(Submission(envelope, self._options))
        if reply.cuts and self.transport is not None:
            self.transport.close()
        return reply.text

    def _set_rset_state(self) -> None:
        super()._set_rset_state()
        self._options = {}


def _parameters(text: str) -> dict[str, str]:
    """Parameters of MAIL or RCPT, their values as they were before RFC 3461 escaped them."""
    found: dict[str, str] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        found[name.upper()] = _HEX.sub(lambda code: chr(int(code[1], 16)), value)
    return found


def _structure(session: Session) -> str:
    """National identifier of the structure whose certificate opened the line; empty without one."""
    facts: dict[str, Any] = session.ssl or {}
    transport = facts.get("ssl_object")
    der = transport.getpeercert(binary_form=True) if transport is not None else None
    return structure_of(der)


def structure_of(certificate: bytes | None) -> str:
    """The OU of an organisation certificate; empty when there is none."""
    if certificate is None:
        return ""
    subject = x509.load_der_x509_certificate(certificate).subject
    units = subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return str(units[0].value) if units else ""
