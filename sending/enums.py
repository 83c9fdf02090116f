"""Orders to send: channels, actions, states, reasons (spec README vocabulary)."""

from django.db import models


class Channel(models.TextChoices):
    DMP = "dmp", "DMP"
    MSSANTE_PRO = "mssante_pro", "MSSanté professionnels"
    MSSANTE_PATIENT = "mssante_patient", "MSSanté patient"


class Audience(models.TextChoices):
    """Who a mail is written for: the words differ."""

    PROFESSIONAL = "professional", "Professionnel"
    PATIENT = "patient", "Patient"


class OrderAction(models.TextChoices):
    INITIAL = "initial", "Envoi"
    REPLACE = "replace", "Remplacement"
    VISIBILITY = "visibility", "Visibilité"
    DELETE = "delete", "Suppression"


class OrderOrigin(models.TextChoices):
    FLUX = "flux", "Au fil de l'eau"
    HISTORIQUE = "historique", "Reprise d'historique"


class OrderState(models.TextChoices):
    HELD = "held", "Retenu"
    SCHEDULED = "scheduled", "Programmé"
    WAITING_IDENTITY = "waiting_identity", "En attente INS qualifiée"
    BLOCKED = "blocked", "Bloqué"
    SENDING = "sending", "En cours"
    HANDED_OVER = "handed_over", "Transmis PFI"
    RECEIVED_DMP = "received_dmp", "Reçu DMP"
    DELIVERED = "delivered", "Remis MSS"
    READ = "read", "Lu"
    FAILED = "failed", "Échec"
    CANCELLED = "cancelled", "Annulé"
    SUPERSEDED = "superseded", "Remplacé"


class OrderReason(models.TextChoices):
    """Why an order waits or is blocked."""

    NONE = "", ""
    INS_NOT_QUALIFIED = "INS_NOT_QUALIFIED", "INS non qualifiée"
    IDENTITY_DOUBTFUL = "IDENTITY_DOUBTFUL", "Identité douteuse ou fictive"
    IDENTITY_REVIEW = "IDENTITY_REVIEW", "Identité en cours de révision"
    OPPOSITION = "OPPOSITION", "Opposition du patient à l'alimentation"
    OPPOSITION_MES = "OPPOSITION_MES", "Opposition du patient aux messages"
    INVISIBLE_PATIENT = "INVISIBLE_PATIENT", "Document invisible au patient"
