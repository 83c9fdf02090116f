"""Work of the intermediation function (spec README vocabulary)."""

from django.db import models


class JobChannel(models.TextChoices):
    DMP = "dmp", "DMP"
    MSSANTE_PRO = "mssante_pro", "MSSanté professionnels"
    MSSANTE_PATIENT = "mssante_patient", "MSSanté patient"


class JobAction(models.TextChoices):
    INITIAL = "initial", "Envoi"
    REPLACE = "replace", "Remplacement"
    DELETE = "delete", "Suppression"


REPLAYED_EVENT = "replayed"
"""Event of a failed job that a person tries again."""


class JobState(models.TextChoices):
    PENDING = "pending", "En file"
    RUNNING = "running", "En cours"
    RETRYING = "retrying", "À réessayer"
    DONE = "done", "Réussi"
    FAILED = "failed", "Échec définitif"
    CANCELLED = "cancelled", "Annulé"


class DmpOpening(models.TextChoices):
    """What TD0.2 says of a DMP, for the structure."""

    OPEN = "open", "Ouvert"
    CLOSED = "closed", "Fermé"
    NONE = "none", "Aucun"
