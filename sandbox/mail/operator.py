"""The operator as a whole: one loop in one thread, SMTP and IMAP on it, and what becomes of each mail.

A mail of a client goes to a mailbox of its own or of another operator, or to Mon espace santé; a report
follows when one was asked for (mssante.md 1.4, 1.10, 5).
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import compat32
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Self

from sandbox.demo import LEGAL_ENTITY, DmpState, LegalEntity, Patient
from sandbox.mail import notices
from sandbox.mail.boxes import PATIENT_DOMAIN, WHITELIST, Directory, domain_of
from sandbox.mail.faults import MailEffect, MailFaults
from sandbox.mail.imap import OperatorImap
from sandbox.mail.quota import DEFAULT_BYTES, Room
from sandbox.mail.smtp import SIZE_LIMIT, OperatorSmtp, Reply, Submission
from sandbox.mail.store import MailStore, StoredMail

PATIENT_SIZE_LIMIT: Final = 25_000_000
"""Mon espace santé refuses more, whatever the operator takes (mssante.md 1.4)."""
_REFUSALS: Final = {
    "full": "452 4.2.2 Mailbox over quota",
    "greylist": "450 4.2.0 Greylisted, come again",
    "down": "421 4.3.2 Service not available, closing the line",
}
START_SECONDS: Final = 10.0
# The library's own log repeats addresses, and each handshake that a client spoils.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class MailOperator:
    """A running operator. `store` keeps the mails, `directory` the mailboxes, `faults` what goes wrong."""

    def __init__(
        self,
        folder: Path,
        *,
        context: ssl.SSLContext,
        patients: Callable[[], list[Patient]],
        entity: LegalEntity = LEGAL_ENTITY,
        bind: str = "127.0.0.1",
        smtp_port: int = 0,
        imap_port: int = 0,
        size_limit: int = SIZE_LIMIT,
    ) -> None:
        self.store = MailStore(folder)
        self.directory = Directory(patients)
        self.faults = MailFaults()
        self.smtp_port = smtp_port
        self.imap_port = imap_port
        self._context = context
        self._entity = entity
        self._bind = bind
        self._size_limit = size_limit
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="sandbox-mail", daemon=True)
        self.quotas: dict[str, int] = {}
        self._effects: dict[str, MailEffect] = {}
        self._started = threading.Event()
        self._error: OSError | None = None
        self._closing: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> Self:
        """Listen. OSError when a port is taken."""
        self._thread.start()
        self._started.wait(START_SECONDS)
        if self._error is not None:
            raise self._error
        return self

    def stop(self) -> None:
        """Stop listening, close every line, close the files."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self.store.close()

    # What others of the sandbox ask for

    def deposit(self, address: str, content: bytes, *, sender: str) -> StoredMail:
        """Deliver a mail that comes from another operator. KeyError when there is no such mailbox."""
        box = self.directory.box(address)
        if box is None:
            raise KeyError(address)
        head = _trace(sender, box.address)
        return self.store.deliver(box.address, head + content)

    def answer(self, mail: StoredMail, receipt: notices.Receipt) -> bool:
        """Send the receipt of a mail to who asked for it; False when nobody did, or nobody is there."""
        content = self.store.content(mail)
        notice = notices.read_receipt(content, reader=mail.box, receipt=receipt)
        self.store.set_flags(mail.id, lambda flags: flags | {"\\Seen", "$MDNSent"})
        if notice is None:
            return False
        asked = BytesParser(policy=compat32).parsebytes(notice, headersonly=True)
        return self._to_box(str(asked["To"]), notice, sender="") is not None

    def room_of(self, address: str) -> Room:
        """Room taken in a mailbox, and what it may hold: `quotas`, in bytes, else the same for all."""
        return Room(self.store.size_of(address), self.quotas.get(address, DEFAULT_BYTES))

    # Exchange, for SMTP

    def refusal_of_sender(self, sender: str, structure: str) -> str | None:
        if structure != self._entity.struct_idnat:
            return "530 5.7.0 The certificate of a known structure is required"
        if not sender:
            return None  # a report has no sender
        box = self.directory.box(sender)
        if box is None or box.structure != structure:
            return "553 5.7.1 Sender address is not one of this structure"
        return None

    def refusal_of_recipient(self, recipient: str) -> str | None:
        if domain_of(recipient) not in WHITELIST:
            return "550 5.1.2 Domain not in the liste blanche"
        effect = self.faults.of_delivery(recipient)
        if effect is not None and effect.name in _REFUSALS:
            return _REFUSALS[effect.name]
        if effect is not None and effect.name == "refuse":
            return f"{effect.argument} 5.7.1 Refused by the recipient's operator"
        if domain_of(recipient) != PATIENT_DOMAIN and self.directory.box(recipient) is None:
            return "550 5.1.1 Mailbox unknown"
        if effect is not None:
            self._effects[recipient.lower()] = effect
        return None

    async def take(self, mail: Submission) -> Reply:
        """Take a mail in charge: deliver it, and report."""
        if len(mail.content) > self._size_limit:
            return Reply("552 5.3.4 Message size exceeds fixed limit")
        cuts = False
        for recipient in mail.recipients:
            effect = self._effects.pop(recipient.lower(), None)
            if effect is not None and effect.name == "slow":
                await asyncio.sleep(effect.seconds)
            cuts = cuts or (effect is not None and effect.name == "drop")
            # Written before the reply: an accepted mail is never lost.
            await asyncio.to_thread(self._carry, mail, recipient, effect)
        return Reply("250 2.0.0 Ok: queued", cuts=cuts)

    def _carry(self, mail: Submission, recipient: str, effect: MailEffect | None) -> None:
        is_late = effect is not None and effect.name == "late_bounce"
        if is_late:
            self._report(mail, recipient, notices.UNKNOWN_MAILBOX)
            return
        if domain_of(recipient) == PATIENT_DOMAIN:
            reason = self._patient_refusal(mail, recipient)
            if reason is not None:
                self._bounce_of_patient(mail, recipient, reason)
                return
        self._to_box(recipient, mail.content, sender=mail.sender)
        if effect is None or effect.name != "silent":
            self._report(mail, recipient, notices.RELAYED)

    def _patient_refusal(self, mail: Submission, recipient: str) -> str | None:
        """Why Mon espace santé does not deliver: account, address or size."""
        if len(mail.content) > PATIENT_SIZE_LIMIT:
            return "Le message dépasse la taille maximale (25 Mo)."
        person = self.directory.patient(recipient)
        if person is None:
            return "Adresse invalide ou patient introuvable."
        if person.state is DmpState.NONE:
            return "Patient introuvable : aucun compte n'est ouvert à cette adresse."
        if person.state is DmpState.CLOSED:
            return "Boîte fermée : l'usager a clos son compte."
        return None

    def _bounce_of_patient(self, mail: Submission, recipient: str, reason: str) -> None:
        if not mail.sender:
            return
        oversize = len(mail.content) > PATIENT_SIZE_LIMIT
        notice = notices.patient_bounce(
            sender=mail.sender,
            recipient=recipient,
            message_id=_message_id(mail.content),
            reason=reason,
            subject="Undelivered Mail Returned to Sender" if oversize else "Message non distribué",
        )
        self._to_box(mail.sender, notice, sender="")

    def _report(self, mail: Submission, recipient: str, fate: notices.Fate) -> None:
        wanted = "FAILURE" if fate.action == "failed" else "SUCCESS"
        if not mail.sender or wanted not in mail.notify:
            return
        report = notices.delivery_report(
            sender=mail.sender,
            recipient=recipient,
            original=mail.original_recipient,
            envelope_id=mail.envelope_id,
            headers=_headers(mail.content),
            fate=fate,
        )
        self._to_box(mail.sender, report, sender="")

    def _to_box(self, address: str, content: bytes, *, sender: str) -> StoredMail | None:
        box = self.directory.box(address)
        if box is None:
            return None
        return self.store.deliver(box.address, _trace(sender, box.address) + content)

    # The loop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        except OSError as error:
            self._error = error
            self._started.set()
            self._loop.close()
            return
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._leave())
        self._loop.close()

    async def _listen(self) -> None:
        imap = OperatorImap(self._context, self.store, self.directory, self.faults, self.room_of)
        lines: set[OperatorSmtp] = set()

        def connected() -> OperatorSmtp:
            line = OperatorSmtp(self, self._context, self._loop, self._size_limit)
            lines.add(line)
            return line

        smtp_server = await self._loop.create_server(connected, self._bind, self.smtp_port)
        try:
            imap_server = await asyncio.start_server(imap, self._bind, self.imap_port)
        except OSError:
            smtp_server.close()
            raise
        self.smtp_port = int(smtp_server.sockets[0].getsockname()[1])
        self.imap_port = int(imap_server.sockets[0].getsockname()[1])

        def close() -> None:
            smtp_server.close()
            imap_server.close()
            imap.cut()
            for line in lines:
                if line.transport is not None:
                    line.transport.abort()  # type: ignore[attr-defined]

        self._closing.append(close)

    async def _leave(self) -> None:
        for close in self._closing:
            close()
        waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._loop.shutdown_default_executor()


def _trace(sender: str, address: str) -> bytes:
    """What an operator writes above a mail that it delivers."""
    now = format_datetime(datetime.now(UTC))
    return (
        f"Return-Path: <{sender}>\r\nDelivered-To: {address}\r\n"
        f"Received: from client by operateur.mssante.test; {now}\r\n"
    ).encode()


def _headers(content: bytes) -> bytes:
    return content.partition(b"\r\n\r\n")[0] + b"\r\n"


def _message_id(content: bytes) -> str:
    mail = BytesParser(policy=compat32).parsebytes(content, headersonly=True)
    return str(mail.get("Message-ID", "")).strip()
