"""Event types and outcomes of the trace (spec security 8.2, 8.3; psc 19)."""

from django.db import models


class Action(models.TextChoices):
    """CRUDE codes of IHE ATNA."""

    CREATE = "C", "Création"
    READ = "R", "Lecture"
    UPDATE = "U", "Modification"
    DELETE = "D", "Suppression"
    EXECUTE = "E", "Exécution"


class Outcome(models.TextChoices):
    SUCCESS = "success", "Succès"
    REFUSED = "refused", "Refusé"
    FAILURE = "failure", "Échec"
