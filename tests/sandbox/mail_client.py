"""Lines of the product towards the operator of the sandbox: the real adapters, the sandbox's certificates."""

from __future__ import annotations

from dataclasses import dataclass, field

from national.mail.imap import ImapReader
from national.mail.operator import MailServer, OperatorSettings
from national.mail.ports import Accepted, Mail
from national.mail.smtp import SmtpSender
from national.transport import TlsFiles
from sandbox.authority import Credential
from sandbox.mail.boxes import APPLICATION_BOX
from sandbox.mail.store import StoredMail
from sandbox.runtime import Sandbox
from tests.national.mail_lines import Kept

DOCTOR = "bernard.petit@medecin.mssante.test"
OPEN_PATIENT = "279035121518989@patient.mssante.test"
RAW = b"From: pfi@ch.test\r\nMessage-ID: <1@x>\r\nSubject: x\r\n\r\nbonjour\r\n.point\r\n"


@dataclass
class MailClient:
    """A hospital that sends and reads; `kept` are the traces of its exchanges."""

    box: Sandbox
    kept: Kept = field(default_factory=Kept)
    _open: list[SmtpSender | ImapReader] = field(default_factory=list)

    def settings(self, credential: Credential | None = None) -> OperatorSettings:
        shown = credential or self.box.certificates.client
        addresses = self.box.addresses.mail
        return OperatorSettings(
            smtp=MailServer.of_url(addresses.smtp_url, protocol="smtp"),
            imap=MailServer.of_url(addresses.imap_url, protocol="imap"),
            tls=TlsFiles(self.box.certificates.ca, shown.certificate, shown.key),
            read_timeout=5,
        )

    def sender(self, credential: Credential | None = None) -> SmtpSender:
        sender = SmtpSender(self.settings(credential), record=self.kept)
        self._open.append(sender)
        return sender

    def reader(self, mailbox: str = APPLICATION_BOX, credential: Credential | None = None) -> ImapReader:
        reader = ImapReader(self.settings(credential), mailbox, record=self.kept)
        self._open.append(reader)
        return reader

    def send(self, recipient: str = DOCTOR, raw: bytes = RAW, **values: object) -> Accepted:
        options: dict[str, object] = {
            "sender": APPLICATION_BOX,
            "envelope_id": "mss+1",
            "wants_delivery_notice": True,
        }
        return self.sender().send(Mail(raw, recipient=recipient, **(options | values)))

    def mails(self, mailbox: str = APPLICATION_BOX) -> list[bytes]:
        """What a mailbox holds, the oldest first."""
        store = self.box.mail.store
        return [store.content(mail) for mail in reversed(store.all_mails(mailbox))]

    def stored(self, mailbox: str = APPLICATION_BOX) -> list[StoredMail]:
        return list(reversed(self.box.mail.store.all_mails(mailbox)))

    def close(self) -> None:
        while self._open:
            self._open.pop().close()
