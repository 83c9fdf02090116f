"""One row for each call to a national service, without clinical content; one for each trial of a service."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from establishment.enums import NationalService
from national.enums import CallOutcome, TrialState


class Call(models.Model):
    """Who called which transaction of which service, for whom, how long, with what outcome."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    service = models.CharField("service", max_length=20, choices=NationalService)
    transaction = models.CharField("transaction", max_length=20)
    message_id = models.CharField("identifiant du message", max_length=80)
    actor_uid = models.UUIDField("utilisateur", null=True, blank=True)
    actor_label = models.CharField("acteur", max_length=150)
    patient_uid = models.UUIDField("patient", null=True, blank=True)
    structure = models.CharField("structure", max_length=20, blank=True)
    started_at = models.DateTimeField("débutée le", default=timezone.now)
    duration_ms = models.PositiveIntegerField("durée (ms)")
    outcome = models.CharField("issue", max_length=12, choices=CallOutcome)
    code = models.CharField("code", max_length=120, blank=True)
    text = models.CharField("message du service", max_length=500, blank=True)

    class Meta:
        verbose_name = "appel national"
        verbose_name_plural = "appels nationaux"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["service", "-started_at"], name="national_call_service"),
            models.Index(fields=["patient_uid", "-started_at"], name="national_call_patient"),
            models.Index(
                fields=["service", "-started_at"],
                condition=Q(outcome__in=[CallOutcome.UNAVAILABLE, CallOutcome.UNCERTAIN]),
                name="national_call_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.transaction} {self.outcome}"


class ServiceTrial(models.Model):
    """A trial asked by an administrator: what was tried, by whom, what came of it."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    target = models.CharField("service essayé", max_length=60)
    asked_by = models.UUIDField("demandé par", null=True, blank=True)
    asked_by_login = models.CharField("compte", max_length=150)
    asked_at = models.DateTimeField("demandé le", default=timezone.now)
    ended_at = models.DateTimeField("terminé le", null=True, blank=True)
    state = models.CharField("état", max_length=10, choices=TrialState, default=TrialState.PENDING)
    code = models.CharField("code", max_length=120, blank=True)
    text = models.CharField("résultat", max_length=500, blank=True)

    class Meta:
        verbose_name = "essai d'un service"
        verbose_name_plural = "essais de services"
        indexes = [models.Index(fields=["target", "-id"], name="national_trial_target")]

    def __str__(self) -> str:
        return f"{self.target} {self.state}"


class ClockReading(models.Model):
    """How far the clock of one of our machines last was from that of a service: written when it is too far,
    and when it no longer is."""

    service = models.CharField("service", max_length=20, choices=NationalService)
    host = models.CharField("machine", max_length=120)
    drift_ms = models.IntegerField("écart (ms)", help_text="Positif : le service est en avance sur nous.")
    measured_at = models.DateTimeField("mesuré le")

    class Meta:
        verbose_name = "écart d'horloge"
        verbose_name_plural = "écarts d'horloge"
        constraints = [
            models.UniqueConstraint(fields=["service", "host"], name="national_clock_once"),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.host} {self.drift_ms} ms"
