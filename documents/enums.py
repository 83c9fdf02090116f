"""Origins, version states, flags of a document (spec README vocabulary)."""

from django.db import models


class Origin(models.TextChoices):
    PRODUCED = "produced", "Produit"
    DMP = "dmp", "DMP"
    MSSANTE = "mssante", "MSSanté"
    INTERNAL = "internal", "SIH (SGL, RIS)"
    UPLOAD = "upload", "Ajouté"


class VersionState(models.TextChoices):
    DRAFT = "draft", "Brouillon"
    CURRENT = "current", "En vigueur"
    REPLACED = "replaced", "Remplacé"
    DELETED = "deleted", "Supprimé"


class Structure(models.TextChoices):
    """Body of the CDA: unstructured with the PDF, or structured with the PDF inside."""

    N1 = "N1", "CDA R2 niveau 1"
    N3 = "N3", "CDA R2 niveau 3"
