"""Chapters, document types, axes of the indicators (spec stats 2, 3, 4)."""

from django.db import models


class Chapter(models.TextChoices):
    ALI = "ALI", "Alimentation du DMP"
    CON = "CON", "Consultation du DMP"
    MSSPRO = "MSSPRO", "Envoi par MSSanté aux professionnels"
    MSSPAT = "MSSPAT", "Envoi par MSSanté au patient"
    MSSREC = "MSSREC", "Intégration des documents reçus par MSSanté"
    INFO = "INFO", "Information du patient"
    X = "X", "Suivi de l'établissement"


class DocType(models.TextChoices):
    """Document types of the statistics (stats 2); `TOUS` is the union, `AUTRE` the rest of JDV_J07."""

    LDL = "LDL", "Lettre de liaison à la sortie d'un établissement de soins"
    CRO = "CRO", "CR opératoire"
    PRESC = "PRESC", "Prescription (toutes)"
    CRCONS = "CRCONS", "CR ou fiche de consultation ou de visite"
    AUTRE = "AUTRE", "Autres documents"
    TOUS = "TOUS", "Tous les documents"


class Measure(models.TextChoices):
    """Column « Unité »: a count, or a rate with its numerator and denominator."""

    COUNT = "NB", "Nombre"
    RATE = "PCT", "Taux"


class Volet(models.TextChoices):
    """What the patient was informed of; GLOBAL is the official row (stats 3 F)."""

    GLOBAL = "GLOBAL", "Global"
    ALIMENTATION = "ALIMENTATION", "Alimentation"
    CONSULTATION = "CONSULTATION", "Consultation"


class Axis(models.TextChoices):
    """Along what an indicator is broken down, beside FINESS and month."""

    NONE = "", "Aucun"
    TYPES = "types", "Types de document, autres et tous"
    BASES = "bases", "Types de document qui ont une assiette"
    CODES = "codes", "Types de document du DMP rencontrés"
    PROFESSIONS = "professions", "Professions"
    VOLETS = "volets", "Volets de l'information"


class ExportState(models.TextChoices):
    PENDING = "pending", "En préparation"
    READY = "ready", "Prêt"
    FAILED = "failed", "Échec"
    EXPIRED = "expired", "Lien expiré"
