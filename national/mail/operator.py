"""What both lines to the operator share: addresses, certificate, time-outs, and the sense of their failures.

Sources: mssante.md 1.2 (STARTTLS or TLS, client certificate of the structure, IGC-Santé alone trusted);
house-style, section 6 (three errors, and no other).
"""

from __future__ import annotations

import os
import select
import ssl
import threading
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable
from national.transport import (
    CERTIFICATE_REFUSED,
    CERTIFICATE_UNREADABLE,
    CLIENT_REFUSED_ALERTS,
    SERVER_NOT_TRUSTED,
    TlsFiles,
    build_tls_context,
    tls_reason,
)

LABEL: Final = "L’opérateur MSSanté"
TLS_NOT_OFFERED: Final = "TLS_NOT_OFFERED"
_SETTLE_SECONDS: Final = 1.0
_CLOSED_AT_ONCE: Final = "ACCESS_DENIED: the line was closed once our certificate was shown"
# Scheme to (port, TLS from the first byte). Without it STARTTLS is required, never optional.
_SCHEMES: Final = {
    "smtp": (587, False),
    "smtps": (465, True),
    "imap": (143, False),
    "imaps": (993, True),
}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where a server listens; `is_tls` speaks TLS from the first byte, else STARTTLS is required."""

    host: str
    port: int
    is_tls: bool

    @classmethod
    def of_url(cls, url: str, *, protocol: str) -> MailServer:
        """Read `smtp://host:587`, `smtps://host:465`, and the same for imap.

        Raises:
            ValueError: it is no such address.
        """
        parts = urlsplit(url)
        if parts.scheme not in (protocol, f"{protocol}s") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"an address of {protocol} reads {protocol}://host:port")
        usual, is_tls = _SCHEMES[parts.scheme]
        return cls(parts.hostname, parts.port or usual, is_tls)


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """One operator of one environment. Times in seconds, sizes in bytes.

    `client_name` is what EHLO says of this machine; `structure` and `actor_label` go to the trace of calls.
    """

    smtp: MailServer
    imap: MailServer
    tls: TlsFiles
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    max_mail_bytes: int = 30 * 2**20
    client_name: str = "dpi"
    structure: str = ""
    actor_label: str = "pfi"


class _SettledSocket(ssl.SSLSocket):
    """A TLS line on which we speak first, after STARTTLS.

    In TLS 1.3 a server refuses the certificate of its client once the handshake is over for the client: that
    word is awaited here, for what we say meanwhile could make it unreadable. Some only close the line.
    """

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        if self.version() != "TLSv1.3" or not select.select([self], [], [], _SETTLE_SECONDS)[0]:
            return
        timeout = self.gettimeout()
        self.settimeout(0)
        try:
            said = self.recv(1)
        except ssl.SSLWantReadError:
            return  # session tickets: the certificate was accepted
        except ConnectionError:
            said = b""
        finally:
            self.settimeout(timeout)
        raise ssl.SSLError("the server spoke out of turn" if said else _CLOSED_AT_ONCE)


class ClientTls:
    """The TLS context of the certificates as they are: built again when a file changes, or after a fork.

    `is_starttls` is for lines on which the client speaks first.
    """

    def __init__(self, files: TlsFiles, *, is_starttls: bool) -> None:
        self._files = files
        self._is_starttls = is_starttls
        self._lock = threading.Lock()
        self._current: tuple[object, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context.

        Raises:
            Rejected: of kind CONFIGURATION, a file is missing or unreadable.
        """
        try:
            stamp = (os.getpid(), *self._files.stamp())
            with self._lock:
                if self._current is None or self._current[0] != stamp:
                    self._current = stamp, self._built()
                return self._current[1]
        except (OSError, ssl.SSLError) as error:
            raise Rejected(
                CERTIFICATE_UNREADABLE,
                str(error),
                kind=RejectionKind.CONFIGURATION,
                message=f"{LABEL} ne peut pas être joint : les certificats de la structure sont illisibles.",
            ) from error

    def _built(self) -> ssl.SSLContext:
        context = build_tls_context(self._files)
        if self._is_starttls:
            context.sslsocket_class = _SettledSocket
        return context


def line_failure(error: BaseException) -> NationalServiceError:
    """What a line that cannot be had, or that broke before any effect, means."""
    reason = tls_reason(error)
    if any(alert in reason for alert in CLIENT_REFUSED_ALERTS):
        return Rejected(
            CERTIFICATE_REFUSED,
            reason,
            kind=RejectionKind.CONFIGURATION,
            message=f"{LABEL} refuse le certificat d’authentification de la structure.",
        )
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return Unavailable(
            f"{LABEL} présente un certificat qui n’est pas reconnu.", code=SERVER_NOT_TRUSTED, text=reason
        )
    return Unavailable(f"{LABEL} ne répond pas.", code=type(error).__name__, text=str(error))


def tls_not_offered() -> Unavailable:
    """A server, or somebody on the way, that would have us speak in clear: nothing is said."""
    return Unavailable(f"{LABEL} ne propose pas de connexion chiffrée.", code=TLS_NOT_OFFERED)
