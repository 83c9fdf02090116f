"""Lists of the record that remember how a person reads them."""

from django.db import models


class ListPage(models.TextChoices):
    PATIENTS = "patients", "Mes patients"
    DOCUMENTS = "documents", "Dossier médical"
    SENDINGS = "envois", "Envois"
    RECEIVED = "mssante", "MSSanté"
