"""Rules of the exchange of messages, as pure functions."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from exchange.enums import Direction, MessageState, Transport
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


class ByHand(Enum):
    """What a person may do with a message of the journal."""

    RESEND = "Réémettre"
    REPLAY = "Rejouer"


@dataclass(frozen=True, slots=True)
class HandVerdict:
    """The act that is possible, or the sentence that says why none is."""

    act: ByHand | None = None
    refusal: str = ""


ACCEPTED = "Le partenaire a accepté ce message\u202f: il ne doit pas être réémis."
ON_ITS_WAY = "Ce message part de lui-même\u202f: rien à faire."
DONE = "Ce message est appliqué\u202f: le rejouer n’aurait pas d’effet."
NO_MESSAGE = (
    "Ce message n’a pu être lu ou distingué d’un autre\u202f: son émetteur doit en envoyer un nouveau."
)
SENDER_TOLD = "Le refus a été dit à l’émetteur, qui envoie un message corrigé\u202f: rien n’est rejoué ici."
AUTHOR_TOLD = "Le refus a été dit à l’auteur du courriel\u202f: ce message n’est pas réémis."
_REPLAYED: Final = ("ADT", "ZAM")
"""Refused messages that nobody else will bring again: admissions, and acknowledgements of the PFI."""


def by_hand(*, direction: str, state: str, message_type: str, profile: str, ack_code: str) -> HandVerdict:
    """F-PFI-19, spec hl7v2 1.5 and 1.6: who accepted a message must not get it again; who refused it must be
    corrected; what waits or was given up may be sent, or applied, again.

    A refused document order, or document that came by mail, is for its author: the refusal was told.
    """
    if direction == Direction.OUTGOING:
        if state == MessageState.ACKED:
            return HandVerdict(refusal=ACCEPTED)
        if state in (MessageState.QUEUED, MessageState.SENT):
            return HandVerdict(refusal=ON_ITS_WAY)
        if ack_code == codes.AckCode.AE and codes.PROFILE_LPS in profile:
            return HandVerdict(refusal=AUTHOR_TOLD)
        return HandVerdict(ByHand.RESEND)
    if state == MessageState.APPLIED:
        return HandVerdict(refusal=DONE)
    if state in (MessageState.CONFLICT, MessageState.UNREADABLE):
        return HandVerdict(refusal=NO_MESSAGE)
    if state == MessageState.REFUSED and message_type.partition("^")[0] not in _REPLAYED:
        return HandVerdict(refusal=SENDER_TOLD)
    return HandVerdict(ByHand.REPLAY)
