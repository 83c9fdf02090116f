"""The handler of ADT messages (spec hl7v2 4.2; IHE ITI-30, ITI-31; F-DPI-07)."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from exchange.registry import Outcome, Reception
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.pam.model import AdtMessage
from interop.hl7v2.pam.parse import parse_adt
from patients import services
from patients.events import choices_without_episode, episode_received
from patients.models import Patient

IDENTITY_EVENTS: Final = frozenset({"A28", "A31"})
VISIT_EVENTS: Final = frozenset({"A08"})
MOVEMENT_EVENTS: Final = frozenset(
    "A01 A02 A03 A04 A05 A06 A07 A11 A12 A13 A21 A22 A38 A52 A53 A54 A55 Z99".split()
)
OPTIONAL_EVENTS: Final = frozenset("A09 A10 A14 A15 A16 A24 A25 A26 A27 A32 A33 A37".split())
"""Events of options that this software does not claim: pending events, tracking, links."""


def adt_handle(reception: Reception) -> Outcome:
    """Apply one ADT message: identity, then stay, then what other rooms read of it."""
    adt = parse_adt(
        reception.parsed,
        processing_ids=frozenset(reception.partner.processing_ids),
        untrusted=frozenset(settings.PAM_UNTRUSTED_CODES),
    )
    if adt.event in OPTIONAL_EVENTS:
        return _optional(adt)
    if adt.event not in IDENTITY_EVENTS | VISIT_EVENTS | MOVEMENT_EVENTS:
        raise Hl7Error(
            codes.ERROR_EVENT,
            "MSH^1^9^1^2",
            f"{adt.event} : fusion et déplacement de dossiers à faire par la cellule d'identitovigilance",
        )
    received = services.identity_receive(adt=adt, message=reception.message, actor=reception.actor)
    warnings = [*adt.warnings, *received.warnings]
    if adt.event in MOVEMENT_EVENTS or (adt.event in VISIT_EVENTS and adt.visit is not None):
        warnings += _stay(reception, adt, received.patient)
    elif adt.choices is not None:
        choices_without_episode.send(
            sender=Patient, patient=received.patient, parsed=adt, message=reception.message
        )
    return Outcome(warnings=tuple(warnings), patient_uid=received.patient.uid)


def _stay(reception: Reception, adt: AdtMessage, patient: Patient) -> tuple[str, ...]:
    receive = services.movement_receive if adt.movement else services.visit_update_receive
    result = receive(adt=adt, patient=patient, message=reception.message, actor=reception.actor)
    if result.episode is not None:
        episode_received.send(
            sender=Patient,
            episode=result.episode,
            parsed=adt,
            message=reception.message,
            is_new_episode=result.is_new,
        )
    elif adt.choices is not None:
        # Choices are those of one stay: what was said in a stay unknown here holds in no other.
        return (*result.warnings, "Venue inconnue : choix du patient non enregistrés")
    return result.warnings


def _optional(adt: AdtMessage) -> Outcome:
    """An option that we do not claim: ignored on a shared feed, or refused as IHE says (hl7v2 4.2)."""
    if settings.PAM_OPTIONAL_EVENTS == "refuse":
        raise Hl7Error(codes.ERROR_EVENT, "MSH^1^9^1^2", "Événement non pris en charge", ack=codes.AckCode.AR)
    return Outcome(warnings=(*adt.warnings, f"{adt.event} non pris en charge : message ignoré"))
