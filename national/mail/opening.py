"""The operator as this process reaches it: addresses and certificates of the installation.

One line for sending, one for each mailbox read; built once for each process, and again when the endpoint
changes. The certificates are watched by the lines themselves (house-style, section 6).
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from establishment.selectors import endpoint_for, legal_entity
from national.errors import Rejected, RejectionKind
from national.kept import Kept
from national.mail.imap import ImapReader
from national.mail.operator import MailServer, OperatorSettings
from national.mail.ports import MailReader, MailSender
from national.mail.smtp import SmtpSender
from national.services import call_keep
from national.transport import TlsFiles

NOT_CONFIGURED = "NOT_CONFIGURED"
ADDRESS_UNUSABLE = "ADDRESS_UNUSABLE"


_senders: Kept[SmtpSender] = Kept()
_readers: Kept[ImapReader] = Kept()


def mail_sender() -> MailSender:
    """The line on which this process sends.

    Raises:
        Rejected: of kind CONFIGURATION, no operator is configured or its addresses are unusable.
    """
    endpoint = _endpoint()
    return _senders.get(_key(endpoint), lambda: SmtpSender(_settings(endpoint), record=call_keep))


def mail_reader(mailbox: str) -> MailReader:
    """The line on which this process reads one application mailbox.

    Raises:
        Rejected: of kind CONFIGURATION, no operator is configured or its addresses are unusable.
    """
    endpoint = _endpoint()
    return _readers.get(
        _key(endpoint), lambda: ImapReader(_settings(endpoint), mailbox, record=call_keep), name=mailbox
    )


def lines_close() -> None:
    """Leave the operator; the next call opens new lines."""
    _senders.close()
    _readers.close()


def _endpoint() -> ServiceEndpoint:
    endpoint = endpoint_for(NationalService.MSSANTE)
    if endpoint is None:
        raise Rejected(
            NOT_CONFIGURED,
            kind=RejectionKind.CONFIGURATION,
            message="L’accès à l’opérateur MSSanté n’est pas configuré ou est arrêté.",
        )
    return endpoint


def _key(endpoint: ServiceEndpoint) -> tuple[str, ...]:
    return (
        endpoint.base_url,
        endpoint.reading_url,
        endpoint.ca_path,
        endpoint.certificate_path,
        endpoint.key_path,
    )


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
