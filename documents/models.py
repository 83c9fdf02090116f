"""Clinical documents and their versions (spec cda 2; design, sections 2 and 3).

A document is the lineage (one setId); a version is one text. A draft is a version without
identifiers nor bytes; validation freezes a snapshot and files the CDA and the PDF made from it.
Bytes live in the content-addressed store (`documents.store`), by SHA-256.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from documents.enums import Origin, Structure, VersionState
from establishment.models import Unit
from patients.models import Episode, Patient


class Document(models.Model):
    """One document through all its versions."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="documents")
    episode = models.ForeignKey(
        Episode,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="documents",
    )
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="documents")
    model = models.CharField("modèle de saisie", max_length=40, blank=True)
    type_code = models.CharField("type (JDV_J07)", max_length=20)
    title = models.CharField("titre", max_length=200)
    set_id = models.CharField("setId", max_length=128, blank=True)
    origins = ArrayField(models.CharField(max_length=10, choices=Origin), verbose_name="provenances")
    created_at = models.DateTimeField("créé le", default=timezone.now)

    class Meta:
        verbose_name = "document"
        constraints = [
            models.UniqueConstraint(
                fields=["set_id"],
                condition=~Q(set_id=""),
                name="documents_set_id_unique",
            ),
        ]
        indexes = [models.Index(fields=["patient", "-created_at"], name="documents_patient_created")]

    def __str__(self) -> str:
        return f"{self.title} ({self.uid})"


class Version(models.Model):
    """One version: `body` is what the writer typed, `snapshot` what was frozen at validation."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField("version", default=1)
    state = models.CharField("état", max_length=8, choices=VersionState, default=VersionState.DRAFT)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    author_label = models.CharField("auteur", max_length=200, blank=True)
    act_at = models.DateTimeField("date de l'acte", null=True, blank=True)

    body = models.JSONField("saisie", default=dict, blank=True)
    revision = models.PositiveIntegerField("révision de la saisie", default=0)
    edited_at = models.DateTimeField("modifié le", default=timezone.now)

    unique_id = models.CharField("identifiant unique (OID)", max_length=128, blank=True)
    structure = models.CharField("structure", max_length=2, choices=Structure, blank=True)
    snapshot = models.JSONField("contenu figé", null=True, blank=True)
    identity_stamp = models.PositiveIntegerField("version de l'identité employée", null=True, blank=True)
    has_ins = models.BooleanField("porte l'INS qualifiée", default=False)
    cda_sha256 = models.CharField("empreinte du CDA", max_length=64, blank=True)
    cda_size = models.PositiveIntegerField("taille du CDA (octets)", null=True, blank=True)
    pdf_sha256 = models.CharField("empreinte du PDF", max_length=64, blank=True)
    pdf_size = models.PositiveIntegerField("taille du PDF (octets)", null=True, blank=True)
    validated_at = models.DateTimeField("validé le", null=True, blank=True)
    validated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    replaced_at = models.DateTimeField("remplacé le", null=True, blank=True)
    deleted_at = models.DateTimeField("supprimé le", null=True, blank=True)

    is_masque_ps = models.BooleanField("masqué aux professionnels", default=False)
    is_invisible_patient = models.BooleanField("invisible au patient", default=False)
    is_invisible_rep_legaux = models.BooleanField("invisible aux représentants légaux", default=False)
    is_connexion_secrete = models.BooleanField("connexion secrète", default=False)

    class Meta:
        verbose_name = "version de document"
        verbose_name_plural = "versions de document"
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="documents_version_number_unique"),
            models.UniqueConstraint(
                fields=["document"],
                condition=Q(state=VersionState.DRAFT),
                name="documents_one_draft",
            ),
            models.UniqueConstraint(
                fields=["document"],
                condition=Q(state=VersionState.CURRENT),
                name="documents_one_current",
            ),
            models.UniqueConstraint(
                fields=["unique_id"],
                condition=~Q(unique_id=""),
                name="documents_unique_id_unique",
            ),
            models.CheckConstraint(
                condition=Q(
                    state=VersionState.DRAFT,
                    unique_id="",
                    cda_sha256="",
                    validated_at__isnull=True,
                )
                | (~Q(state=VersionState.DRAFT) & ~Q(unique_id="")),
                name="documents_draft_has_no_bytes",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="documents_version_from_one"),
        ]
        indexes = [
            models.Index(fields=["state", "edited_at"], name="documents_version_drafts"),
        ]

    def __str__(self) -> str:
        return f"{self.document} v{self.number}"
