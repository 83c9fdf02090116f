"""The hospital: legal entity, sites, units, switches, endpoints of the national services."""

from __future__ import annotations

import uuid

from django.core.validators import RegexValidator
from django.db import models

from establishment.enums import NationalService, SectorCode, Switch

finess_validator = RegexValidator(r"^[0-9][0-9AB][0-9]{7}$", "Un numéro FINESS compte 9 caractères.")
oid_validator = RegexValidator(r"^[0-2](\.(0|[1-9][0-9]*))+$", "Ceci n'est pas un OID.")


class LegalEntity(models.Model):
    """Entité juridique: the owner of the OID root under which identifiers leave the house."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField("raison sociale", max_length=100)
    finess = models.CharField("FINESS juridique", max_length=9, unique=True, validators=[finess_validator])
    oid_root = models.CharField("racine d'OID", max_length=48, unique=True, validators=[oid_validator])
    ipp_oid = models.CharField(
        "OID du domaine d'identification (IPP)",
        max_length=64,
        validators=[oid_validator],
    )

    visit_oid = models.CharField(
        "OID du domaine des venues", max_length=64, blank=True, validators=[oid_validator]
    )

    class Meta:
        verbose_name = "entité juridique"
        verbose_name_plural = "entités juridiques"

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """Site, known outside by its FINESS géographique."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="sites")
    name = models.CharField("nom", max_length=100)
    finess = models.CharField("FINESS géographique", max_length=9, unique=True, validators=[finess_validator])
    sector = models.CharField(
        "secteur d'activité",
        max_length=4,
        choices=SectorCode,
        default=SectorCode.PUBLIC,
    )
    street = models.CharField("voie", max_length=120, blank=True)
    postal_code = models.CharField("code postal", max_length=5, blank=True)
    city = models.CharField("commune", max_length=60, blank=True)
    phone = models.CharField("téléphone", max_length=20, blank=True)

    class Meta:
        verbose_name = "site"

    def __str__(self) -> str:
        return self.name


class Unit(models.Model):
    """Unité fonctionnelle (UF), named in PAM by its code."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="units")
    code = models.CharField("code UF", max_length=20, unique=True)
    name = models.CharField("libellé", max_length=100)
    practice_setting = models.CharField("cadre d'exercice (JDV_J04)", max_length=20, default="ETABLISSEMENT")
    send_delay_minutes = models.PositiveIntegerField(
        "délai avant envoi (min)",
        null=True,
        blank=True,
        help_text="Vide : délai de l'établissement.",
    )
    is_surgical = models.BooleanField(
        "activité chirurgicale",
        default=False,
        help_text="Ses séjours sont dans l’assiette des comptes-rendus opératoires (indicateurs).",
    )
    is_active = models.BooleanField("en service", default=True)

    class Meta:
        verbose_name = "unité"
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class InstallationSwitch(models.Model):
    """One of the five switches of F-DPI-13; absent means off."""

    code = models.CharField("interrupteur", max_length=20, choices=Switch, unique=True)
    is_on = models.BooleanField("actif", default=False)
    changed_at = models.DateTimeField("modifié le", auto_now=True)

    class Meta:
        verbose_name = "interrupteur d'installation"
        verbose_name_plural = "interrupteurs d'installation"

    def __str__(self) -> str:
        return f"{self.get_code_display()} : {'actif' if self.is_on else 'inactif'}"


class ServiceEndpoint(models.Model):
    """Address and certificates of one national service; files by path, never in the database.

    The operator of MSSanté has two: `base_url` sends (`smtp://host:587`, STARTTLS, or `smtps://`),
    `reading_url` reads (`imap://host:143` or `imaps://`).
    """

    service = models.CharField("service", max_length=20, choices=NationalService, unique=True)
    base_url = models.URLField("adresse", max_length=300)
    reading_url = models.CharField("adresse de relève", max_length=300, blank=True, default="", db_default="")
    ca_path = models.CharField("autorités acceptées", max_length=300, blank=True)
    certificate_path = models.CharField("certificat d'authentification", max_length=300, blank=True)
    key_path = models.CharField("clé d'authentification", max_length=300, blank=True)
    signing_certificate_path = models.CharField("certificat cachet", max_length=300, blank=True)
    signing_key_path = models.CharField("clé du cachet", max_length=300, blank=True)
    api_key_path = models.CharField("clé d'accès", max_length=300, blank=True, default="", db_default="")
    is_enabled = models.BooleanField("appels autorisés", default=False)

    class Meta:
        verbose_name = "accès à un service national"
        verbose_name_plural = "accès aux services nationaux"

    def __str__(self) -> str:
        return self.get_service_display()
