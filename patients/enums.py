"""Identity statuses, alerts, stays (spec ins 7; hl7v2 4; README vocabulary)."""

from django.db import models


class Sex(models.TextChoices):
    MALE = "M", "Masculin"
    FEMALE = "F", "Féminin"
    UNDETERMINED = "I", "Indéterminé"


class IdentityStatus(models.TextChoices):
    PROV = "PROV", "Identité provisoire"
    RECUP = "RECUP", "Identité récupérée"
    VALI = "VALI", "Identité validée"
    QUAL = "QUAL", "Identité qualifiée"


class IdentityAttribute(models.TextChoices):
    HOMD = "HOMD", "Homonyme détecté"
    HOMA = "HOMA", "Homonyme avéré"
    DOUT = "DOUT", "Identité douteuse"
    FICT = "FICT", "Identité fictive"


class CollectionMethod(models.TextChoices):
    """ZFD-5: how the identity was obtained."""

    MANUAL = "SM", "Saisie manuelle"
    VITALE = "CV", "Carte Vitale"
    INSI = "INSI", "INSi"
    BARCODE = "CB", "Code à barres"
    RFID = "RFID", "RFID"
    APCV = "AV", "Application carte Vitale"


class IdentifierKind(models.TextChoices):
    IPP = "IPP", "IPP"
    INS = "INS", "Matricule INS"
    OTHER = "OTHER", "Autre"


class InsiPurpose(models.TextChoices):
    """Why INSi is asked: to recover an identity, or to check one that was recovered (ins 11.7)."""

    RECOVERY = "recovery", "Recherche de l’INS"
    VERIFICATION = "verification", "Vérification de l’INS"


class InsiState(models.TextChoices):
    """What became of a question to INSi."""

    PENDING = "pending", "En attente"
    ANSWERED = "answered", "Répondue"
    FAILED = "failed", "Sans réponse"
    LOST = "lost", "Abandonnée"


class InsiDecision(models.TextChoices):
    """What a person, or the verification itself, made of an answer."""

    NONE = "", "Aucune"
    ACCEPTED = "accepted", "Identité acceptée"
    REFUSED = "refused", "Identité refusée"
    CONFIRMED = "confirmed", "INS confirmée"
    MISMATCH = "mismatch", "Écart confirmé, INS retirée"


class AlertKind(models.TextChoices):
    ALLERGY = "allergy", "Allergie"
    INFECTION_RISK = "infection_risk", "Risque infectieux"
    OTHER = "other", "Autre alerte"


class AlertState(models.TextChoices):
    """Three states: unknown never reads as none."""

    KNOWN = "known", "Connue"
    NONE_KNOWN = "none_known", "Aucune connue"
    NOT_RECORDED = "not_recorded", "Non renseignée"


class EpisodeKind(models.TextChoices):
    """PV1-2 patient class (table 0004)."""

    INPATIENT = "I", "Hospitalisation complète"
    OUTPATIENT = "O", "Consultation externe"
    EMERGENCY = "E", "Urgences"
    RECURRING = "R", "Séances"
    NONE = "N", "Sans venue"


class EpisodeState(models.TextChoices):
    PLANNED = "planned", "Prévu"
    OPEN = "open", "En cours"
    CLOSED = "closed", "Terminé"
    CANCELLED = "cancelled", "Annulé"


class TeamSource(models.TextChoices):
    UNIT = "unit", "Habilitation dans l'unité"
    PAM = "pam", "Message PAM"
    MANUAL = "manual", "Ajout manuel"
