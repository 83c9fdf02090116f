"""Subjects, values and sources of the patient's choices (spec README; requirements 2)."""

from django.db import models


class Subject(models.TextChoices):
    ALIMENTATION = "alimentation", "Alimentation"
    CONSULTATION = "consultation", "Consultation"


class ChoiceValue(models.TextChoices):
    NOT_COLLECTED = "not_collected", "Non recueillie"
    NOT_OPPOSED = "not_opposed", "Informé - non opposé"
    OPPOSED = "opposed", "Informé - opposé"


class ChoiceSource(models.TextChoices):
    SCREEN = "screen", "Écran"
    PAM = "pam", "PAM"
    API = "api", "Logiciel (API)"


class MessageChoiceValue(models.TextChoices):
    """Whether a patient accepts the hospital's messages in Mon espace santé (MSS/va1.20)."""

    NOT_OPPOSED = "not_opposed", "Accepte les messages"
    OPPOSED = "opposed", "Refuse les messages"
