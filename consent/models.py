"""What the patient was told and chose, per episode: append-only (requirements 2, hl7v2 4.6)."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from consent.enums import ChoiceSource, ChoiceValue, MessageChoiceValue, Subject
from patients.models import Episode, Patient


class Choice(models.Model):
    """One recorded choice. The latest effective one counts: `consent.rules.current_choice`.

    There is no field for the patient's reason, by requirement (SC.DMP/CONF.06).
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    episode = models.ForeignKey(Episode, on_delete=models.PROTECT, related_name="choices")
    subject = models.CharField("objet", max_length=12, choices=Subject)
    value = models.CharField("choix", max_length=13, choices=ChoiceValue)
    source = models.CharField("source", max_length=6, choices=ChoiceSource)
    collected_at = models.DateTimeField("recueilli le")
    is_effective = models.BooleanField("pris en compte", default=True)
    by_representative = models.BooleanField("représentant légal informé", default=False)
    author_login = models.CharField("recueilli par", max_length=150)
    author_uid = models.UUIDField("utilisateur", null=True, blank=True)
    message_uid = models.UUIDField("message HL7", null=True, blank=True)
    recorded_at = models.DateTimeField("enregistré le", default=timezone.now)

    class Meta:
        verbose_name = "choix du patient"
        verbose_name_plural = "choix du patient"
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["episode", "subject", "-collected_at"],
                name="consent_choice_latest",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_subject_display()} : {self.get_value_display()}"


class MessageChoice(models.Model):
    """What a patient said about the hospital's messages in Mon espace santé: append-only (MSS/va1.20).

    It holds for the patient, whatever the stay, until another one; the latest counts:
    `consent.rules.current_message_choice`. Nothing recorded allows them.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="message_choices")
    value = models.CharField("choix", max_length=11, choices=MessageChoiceValue)
    source = models.CharField("source", max_length=6, choices=ChoiceSource, default=ChoiceSource.SCREEN)
    collected_at = models.DateTimeField("recueilli le")
    by_representative = models.BooleanField("dit par le représentant légal", default=False)
    author_login = models.CharField("recueilli par", max_length=150)
    author_uid = models.UUIDField("utilisateur", null=True, blank=True)
    recorded_at = models.DateTimeField("enregistré le", default=timezone.now)

    class Meta:
        verbose_name = "choix sur les messages"
        verbose_name_plural = "choix sur les messages"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["patient", "-collected_at"], name="consent_message_choice_latest"),
        ]

    def __str__(self) -> str:
        return self.get_value_display()
