"""Outcomes of a call to a national service (house-style, section 6)."""

from django.db import models


class CallOutcome(models.TextChoices):
    SUCCESS = "success", "Succès"
    REJECTED = "rejected", "Refusé par le service"
    UNAVAILABLE = "unavailable", "Service indisponible"
    UNCERTAIN = "uncertain", "Sans réponse : issue inconnue"


class TrialState(models.TextChoices):
    """What became of the trial of a service."""

    PENDING = "pending", "En attente"
    PASSED = "passed", "Réussi"
    FAILED = "failed", "Échec"
