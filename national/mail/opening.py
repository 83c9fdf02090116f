"""The operator as this process reaches it: addresses and certificates of the installation.

One line for sending, one for each mailbox read; built once for each process, and again when the endpoint
changes. The certificates are watched by the lines themselves (house-style, section 6).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from establishment.selectors import endpoint_for, legal_entity
from national.errors import Rejected, RejectionKind
from national.mail.imap import ImapReader
from national.mail.operator import MailServer, OperatorSettings
from national.mail.ports import MailReader, MailSender
from national.mail.smtp import SmtpSender
from national.services import call_keep
from national.transport import TlsFiles

NOT_CONFIGURED = "NOT_CONFIGURED"
ADDRESS_UNUSABLE = "ADDRESS_UNUSABLE"


@dataclass(slots=True)
class _Open:
    key: tuple[str, ...]
    settings: OperatorSettings
    sender: SmtpSender
    readers: dict[str, ImapReader] = field(default_factory=dict)

    def close(self) -> None:
        self.sender.close()
        for reader in self.readers.values():
            reader.close()


_lock = threading.Lock()
_open: list[_Open] = []


def mail_sender() -> MailSender:
    """The line on which this process sends.

    Raises:
        Rejected: of kind CONFIGURATION, no operator is configured or its addresses are unusable.
    """
    return _current().sender


def mail_reader(mailbox: str) -> MailReader:
    """The line on which this process reads one application mailbox.

    Raises:
        Rejected: of kind CONFIGURATION, no operator is configured or its addresses are unusable.
    """
    current = _current()
    with _lock:
        if mailbox not in current.readers:
            current.readers[mailbox] = ImapReader(current.settings, mailbox, record=call_keep)
        return current.readers[mailbox]


def lines_close() -> None:
    """Leave the operator; the next call opens new lines."""
    with _lock:
        while _open:
            _open.pop().close()


def _current() -> _Open:
    endpoint = endpoint_for(NationalService.MSSANTE)
    if endpoint is None:
        raise Rejected(
            NOT_CONFIGURED,
            kind=RejectionKind.CONFIGURATION,
            message="L’accès à l’opérateur MSSanté n’est pas configuré ou est arrêté.",
        )
    key = (
        endpoint.base_url,
        endpoint.reading_url,
        endpoint.ca_path,
        endpoint.certificate_path,
        endpoint.key_path,
    )
    with _lock:
        if _open and _open[0].key == key:
            return _open[0]
        operator = _settings(endpoint)
        while _open:
            _open.pop().close()
        _open.append(_Open(key, operator, SmtpSender(operator, record=call_keep)))
        return _open[0]


def _settings(endpoint: ServiceEndpoint) -> OperatorSettings:
    try:
        smtp = MailServer.of_url(endpoint.base_url, protocol="smtp")
        imap = MailServer.of_url(endpoint.reading_url, protocol="imap")
    except ValueError as error:
        raise Rejected(
            ADDRESS_UNUSABLE,
            str(error),
            kind=RejectionKind.CONFIGURATION,
            message="Une adresse de l’opérateur MSSanté est inutilisable : smtp://… et imap://… attendus.",
        ) from error
    return OperatorSettings(
        smtp=smtp,
        imap=imap,
        tls=TlsFiles(
            authorities=Path(endpoint.ca_path),
            certificate=Path(endpoint.certificate_path),
            key=Path(endpoint.key_path),
            revocation=settings.MSS_CRL_PATH,
        ),
        connect_timeout=settings.MSS_CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.MSS_TIMEOUT_SECONDS,
        max_mail_bytes=settings.MSS_MAX_MAIL_BYTES,
        structure=legal_entity().finess,
    )
