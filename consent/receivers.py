"""Answers of the consent room to what the patients room applies."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.dispatch import receiver

from audit.context import system_actor
from consent import services
from exchange.models import Message
from interop.hl7v2.pam.model import AdtMessage
from patients.events import choices_without_episode, episode_received
from patients.models import Episode, Patient


def _accepts(message: Message) -> bool:
    return bool(settings.PAM_CONSENT) and message.partner.accepts_consent


@receiver(episode_received)
def record_choices(
    episode: Episode, parsed: AdtMessage, message: Message, is_new_episode: bool = False, **_: Any
) -> None:
    if _accepts(message):
        services.choices_from_pam(
            episode=episode,
            adt=parsed,
            message_uid=message.uid,
            actor=system_actor(f"hl7.{message.partner.code}"),
            is_new_episode=is_new_episode,
        )


@receiver(choices_without_episode)
def record_choices_of_open_episodes(patient: Patient, parsed: AdtMessage, message: Message, **_: Any) -> None:
    if _accepts(message):
        services.choices_from_pam_without_visit(
            patient=patient,
            adt=parsed,
            message_uid=message.uid,
            actor=system_actor(f"hl7.{message.partner.code}"),
        )
