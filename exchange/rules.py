"""Rules of the exchange of messages, as pure functions."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Final

from exchange.enums import Transport
from exchange.models import Partner
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.header import Header

HL7_RETRY_DELAYS: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
)
"""Decision 10: 30 s, 2 min, 10 min, 1 h, then hourly; `HL7_RETRY_END` after the first writing, no more."""
HL7_RETRY_END: Final = timedelta(hours=72)

DEVELOPMENT_PARTNER: Final = "dev"
"""Code of the loopback partner of development: any MSH-3 to 6, on a loopback address alone."""


def retry_delay(attempts: int) -> timedelta:
    """Return the wait after attempt number `attempts`, counted from 1 (decision 10)."""
    return HL7_RETRY_DELAYS[min(max(attempts, 1), len(HL7_RETRY_DELAYS)) - 1]


def may_retry(*, created_at: datetime, now: datetime) -> bool:
    """Whether a message that was not accepted is sent, or applied, once more (decision 10)."""
    return now - created_at < HL7_RETRY_END


def is_final(ack_code: str) -> bool:
    """Whether an answer given once is given again to the same message (decision 9).

    AR never is: the message is treated anew.
    """
    return ack_code in (codes.AckCode.AA, codes.AckCode.AE)


def check_admitted(partner: Partner, header: Header) -> Hl7Error | None:
    """Return why a message of this partner may not come in (security 10.5), or None.

    An unknown sender gets AR without detail; a processing id of another environment AE 202. Within
    the same software (integrated) there is no line to guard.
    """
    if partner.transport == Transport.MLLP and not _is_known_sender(partner, header):
        return Hl7Error(codes.ERROR_APPLICATION, "", "Émetteur non admis", ack=codes.AckCode.AR)
    if header.processing_id not in partner.processing_ids or not header.processing_id:
        return Hl7Error(codes.ERROR_PROCESSING, "MSH^1^11", "Mode de traitement non accepté ici")
    return None


def _is_known_sender(partner: Partner, header: Header) -> bool:
    sender = header.sender
    return (not partner.application or sender.application.namespace == partner.application) and (
        not partner.facility or sender.facility.namespace == partner.facility
    )


def is_loopback(host: str) -> bool:
    """Whether an address of a peer is that of this machine."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def may_connect(partner: Partner, *, host: str, allows_plain: bool) -> bool:
    """Whether a peer may open a line to this partner's port (spec hl7v2 1.1).

    Without TLS only from this machine, unless the installation allows plain lines; the development
    partner never from elsewhere.
    """
    if partner.code == DEVELOPMENT_PARTNER:
        return is_loopback(host)
    return partner.uses_tls or allows_plain or is_loopback(host)
