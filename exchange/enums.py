"""States of HL7 messages (spec README, vocabulary)."""

from django.db import models


class Direction(models.TextChoices):
    INCOMING = "in", "Entrant"
    OUTGOING = "out", "Sortant"


class MessageState(models.TextChoices):
    QUEUED = "queued", "À émettre"
    SENT = "sent", "Émis"
    ACKED = "acked", "Accepté"
    REJECTED = "rejected", "Rejeté"
    DEFERRED = "deferred", "Différé"
    STORED = "stored", "Reçu"
    APPLIED = "applied", "Appliqué"
    REFUSED = "refused", "Refusé"
    CONFLICT = "conflict", "Conflit"
    UNREADABLE = "unreadable", "Illisible"


class PamAck(models.TextChoices):
    """When an ADT is acknowledged (spec README, decision 9)."""

    APPLIED = "applied", "Après l'effet métier"
    STORED = "stored", "Après l'enregistrement"


class Transport(models.TextChoices):
    MLLP = "mllp", "MLLP"
    INTEGRATED = "integrated", "Dans le même logiciel"


class DocumentProfile(models.TextChoices):
    """Version of the volet of document transmission that a partner sends to the PFI (F-PFI-11)."""

    V21 = "2.1", "Volet 2.1 (vague 2)"
    V20 = "2.0", "Volet 2.0 (vague 1)"
    V12 = "1.2", "Volet 1.2 (vague 1, OUL compris)"
