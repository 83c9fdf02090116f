"""Choices of the establishment room."""

from django.db import models


class Switch(models.TextChoices):
    """The five installation switches (F-DPI-13): who carries what in this hospital."""

    PSC = "psc", "Connexion par Pro Santé Connect"
    PFI_DMP = "pfi_dmp", "PFI intégrée : alimentation du DMP"
    PFI_MSS_OUT = "pfi_mss_out", "PFI intégrée : envoi MSSanté"
    PFI_MSS_IN = "pfi_mss_in", "PFI intégrée : réception MSSanté"
    IDENTITY_REPOSITORY = "ri", "Référentiel d'identités externe"


class NationalService(models.TextChoices):
    INSI = "insi", "Téléservice INSi"
    DMP = "dmp", "DMP / Mon espace santé"
    MSSANTE = "mssante", "MSSanté"
    ANNUAIRE = "annuaire", "Annuaire santé"
    PSC = "psc", "Pro Santé Connect"


class SectorCode(models.TextChoices):
    """Hospital rows of JDV_J02 (spec cda 5.4): healthcareFacilityTypeCode of a site."""

    PUBLIC = "SA01", "Etablissement public de santé"
    MILITARY = "SA02", "Hôpital militaire"
    PRIVATE_PSPH = "SA03", "Etablissement privé PSPH"
    PRIVATE = "SA04", "Etablissement privé non PSPH"
