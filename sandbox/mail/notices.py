"""What the operator, Mon espace santé and readers write back: reports of delivery, bounces, receipts.

Sources: RFC 3464, RFC 8098; mssante.md 1.10, 5 (`relayed`, ENVID returned), Référentiel #2. Built by the
library of the language: the product's own builders must not approve its own readers.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.parser import BytesParser, HeaderParser
from email.policy import SMTP, compat32
from email.utils import format_datetime, getaddresses
from typing import Final

from sandbox.mail.boxes import PATIENT_DOMAIN

OPERATOR_HOST: Final = "operateur.mssante.test"
ROBOT: Final = f"MAILER-DAEMON@{OPERATOR_HOST}"
MES_ROBOT: Final = f"ne-pas-repondre@{PATIENT_DOMAIN}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mail for one recipient: fields of RFC 3464."""

    action: str
    status: str
    diagnostic: str


RELAYED: Final = Fate("relayed", "2.0.0", "smtp; 250 2.0.0 Ok: queued")
DELAYED: Final = Fate("delayed", "4.4.1", "smtp; 451 4.4.1 no answer from host")
UNKNOWN_MAILBOX: Final = Fate("failed", "5.1.1", "smtp; 550 5.1.1 mailbox unknown")


def delivery_report(
    *, sender: str, recipient: str, original: str, envelope_id: str, headers: bytes, fate: Fate
) -> bytes:
    """A report for the sender. `original` is ORCPT, `headers` those of the mail that it speaks of."""
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    subject = "Undelivered Mail Returned to Sender" if fate.action == "failed" else "Delivery report"
    _address(report, robot=ROBOT, to=sender, subject=subject)
    report.attach(MIMEText(f"{recipient}: {fate.action} ({fate.diagnostic})\n", "plain", "utf-8"))
    status = Message()
    status["Content-Type"] = "message/delivery-status"
    status.attach(_fields(("Reporting-MTA", f"dns; {OPERATOR_HOST}"), ("Original-Envelope-Id", envelope_id)))
    status.attach(
        _fields(
            ("Final-Recipient", f"rfc822; {recipient}"),
            ("Original-Recipient", f"rfc822;{original}" if original else ""),
            ("Action", fate.action),
            ("Status", fate.status),
            ("Diagnostic-Code", fate.diagnostic),
        )
    )
    report.attach(status)
    returned = MIMENonMultipart("text", "rfc822-headers")
    returned.set_payload(headers.decode("utf-8", "replace").replace("\r\n", "\n"))
    report.attach(returned)
    return report.as_bytes(policy=SMTP)


def _fields(*pairs: tuple[str, str]) -> Message:
    """A block of fields; an empty one is left out."""
    block = Message()
    for name, value in pairs:
        if value:
            block[name] = value
    return block


def patient_bounce(*, sender: str, recipient: str, message_id: str, reason: str, subject: str) -> bytes:
    """What Mon espace santé answers in plain words."""
    mail = EmailMessage(policy=SMTP)
    _address(mail, robot=MES_ROBOT, to=sender, subject=subject)
    mail["X-Failed-Recipients"] = recipient
    if message_id:
        mail["In-Reply-To"] = message_id
        mail["References"] = message_id
    mail.set_content(f"Votre message destiné à {recipient} n'a pas été distribué.\n\n{reason}\n")
    return mail.as_bytes()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a reader answers: `kind` processed, displayed or deleted; `error` a refusal, code and label."""

    kind: str
    error: tuple[str, str] | None = None
    is_manual: bool = True


def read_receipt(content: bytes, *, reader: str, receipt: Receipt) -> bytes | None:
    """The notice of a reader for a mail that asked for one; None when it asked for none."""
    mail = BytesParser(policy=compat32).parsebytes(content, headersonly=True)
    asked = getaddresses([str(mail.get("Disposition-Notification-To", ""))])
    if not asked or "@" not in asked[0][1]:
        return None
    report = MIMEMultipart("report")
    report.set_param("report-type", "disposition-notification")
    subject = f"Lu : {mail.get('Subject', '')}"
    if receipt.error is not None:
        subject = f"[KO Intégration système !][{receipt.error[0]}] {mail.get('Subject', '')}"
    _address(report, robot=reader, to=asked[0][1], subject=subject)
    report.attach(MIMEText("Votre message a été lu ou traité.\n", "plain", "utf-8"))
    fields = MIMENonMultipart("message", "disposition-notification")
    mode = "manual-action/MDN-sent-manually" if receipt.is_manual else (
        "automatic-action/MDN-sent-automatically"
    )  # fmt: skip
    stated = f"Disposition: {mode}; {receipt.kind}"
    if receipt.error is not None:
        label = receipt.error[1].encode("ascii", "replace").decode("ascii")
        stated = f"{stated}/Error: {receipt.error[0]}^{label}"
    fields.set_payload(
        f"Reporting-UA: {OPERATOR_HOST}; messagerie de demonstration\n"
        f"Original-Recipient: rfc822;{reader}\nFinal-Recipient: rfc822;{reader}\n"
        f"Original-Message-ID: {str(mail.get('Message-ID', '')).strip()}\n{stated}\n"
    )
    report.attach(fields)
    original = HeaderParser(policy=compat32).parsestr(
        "".join(f"{name}: {value}\n" for name, value in mail.items() if name != "Content-Type")
    )
    report.attach(MIMEMessage(original))
    return report.as_bytes(policy=SMTP)


def plain_mail(*, sender: str, to: str, subject: str, text: str, answered: str = "") -> bytes:
    """A mail that a person writes."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = new_message_id(sender)
    if answered:
        mail["In-Reply-To"] = answered
        mail["References"] = answered
    mail.set_content(text)
    return mail.as_bytes()


def new_message_id(sender: str) -> str:
    return f"<{uuid.uuid4().hex}@{sender.rpartition('@')[2]}>"


def _address(mail: EmailMessage | MIMEMultipart, *, robot: str, to: str, subject: str) -> None:
    mail["From"] = robot
    mail["To"] = to
    line = " ".join(subject.split())
    mail["Subject"] = line if line.isascii() else Header(line, "utf-8").encode()
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = new_message_id(robot)
    mail["Auto-Submitted"] = "auto-replied"
