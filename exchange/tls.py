"""TLS of the lines: mutual certificates, subject allow-list (spec hl7v2 1.1; security 10.5)."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from django.conf import settings

from exchange.errors import TlsNotConfigured


def is_expected_peer(subject: str, certificate: bytes | None) -> bool:
    """Whether a DER certificate is that of the subject named for the partner (RFC 4514); any when empty."""
    if not subject:
        return True
    return bool(certificate) and subject == _subject(certificate or b"")


def client_context() -> ssl.SSLContext:
    """TLS of a line we open: the partner's certificate is checked, ours is shown.

    Built once for each state of the files: a renewed certificate serves the next line.

    Raises:
        TlsNotConfigured: the installation has no certificate for its lines.
    """
    files = _files()
    return _context(ssl.Purpose.SERVER_AUTH, *files, _changed_at(*files))


def server_context() -> ssl.SSLContext:
    """TLS of a port of ours: who shows no certificate of that authority does not enter.

    Raises:
        TlsNotConfigured: as `client_context`.
    """
    files = _files()
    return _context(ssl.Purpose.CLIENT_AUTH, *files, _changed_at(*files))


def _files() -> tuple[Path, Path, Path]:
    ca, certificate, key = settings.MLLP_CA_PATH, settings.MLLP_CERTIFICATE_PATH, settings.MLLP_KEY_PATH
    if not (ca and certificate and key):
        raise TlsNotConfigured(
            "MLLP_CA_PATH, MLLP_CERTIFICATE_PATH et MLLP_KEY_PATH sont nécessaires à une ligne TLS."
        )
    return ca, certificate, key


@lru_cache(maxsize=8)
def _context(
    purpose: ssl.Purpose, ca: Path, certificate: Path, key: Path, changed_at: tuple[int, ...]
) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(str(certificate), str(key))
    return context


def _changed_at(*files: Path) -> tuple[int, ...]:
    return tuple(file.stat().st_mtime_ns for file in files)


def _subject(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
