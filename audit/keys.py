"""The key of the chain: held by the sealer and by the verification alone (spec security 6, 8.5)."""

from __future__ import annotations

from django.conf import settings

from audit.errors import ApplicationError

MINIMUM_BYTES = 16
"""An HMAC key has 128 bits or more (security 6)."""


class AuditKeyMissing(ApplicationError):
    """The process has no usable key: it must not write or judge seals."""


def audit_key() -> bytes:
    """The HMAC key, from DPI_AUDIT_KEY. Raises AuditKeyMissing."""
    value = getattr(settings, "DPI_AUDIT_KEY", "") or ""
    key = value if isinstance(value, bytes) else value.encode()
    if len(key) < MINIMUM_BYTES:
        raise AuditKeyMissing(
            "La clé de scellement des traces est absente ou trop courte : "
            f"renseignez DPI_AUDIT_KEY ({MINIMUM_BYTES} octets au moins)."
        )
    return key
