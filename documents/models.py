"""Clinical documents and their versions (spec cda 2; design, sections 2 and 3).

A document is the lineage (one setId); a version is one text. A draft is a version without
identifiers nor bytes; validation freezes a snapshot and files the CDA and the PDF made from it.
A version received from elsewhere has the bytes of its sender, no snapshot and no account as author.
Bytes live in the content-addressed store (`documents.store`), by SHA-256.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from documents.enums import (
    DeletionMotive,
    Intake,
    NoticeKind,
    Origin,
    ReceiptOutcome,
    ReceiptRequest,
    Structure,
    VersionState,
)
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

    @property
    def is_produced(self) -> bool:
        """Written here: what came from elsewhere is never edited."""
        return Origin.PRODUCED in self.origins


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
    author_organization = models.CharField(
        "structure de l'auteur (document reçu)", max_length=200, blank=True, db_default=""
    )
    author_keys = ArrayField(
        models.CharField(max_length=200),
        verbose_name="auteurs et structures (document reçu)",
        default=list,
        db_default=[],
        blank=True,
        help_text="Qui peut demander son remplacement ou sa suppression.",
    )
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
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="supprimé par",
    )
    deletion_motive = models.CharField(
        "motif de suppression", max_length=16, choices=DeletionMotive, blank=True, default="", db_default=""
    )

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


class Reception(models.Model):
    """One document that arrived, filed or refused: append-only, the database refuses any change.

    `patient`, `document` and `version` are those of the record where it went; a refusal has none, but
    may name a `candidate`, the nearest identity. `code` is ERR-5 (hl7v2 3.4). `reason` is a French
    sentence without any trait. The bytes stay in the store: `cda_sha256`, and `raw_sha256` for the
    archive or mail that held the document.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField("reçu le", default=timezone.now)
    origin = models.CharField("provenance", max_length=10, choices=Origin)
    intake = models.CharField("entrée", max_length=9, choices=Intake)
    request = models.CharField("demande", max_length=8, choices=ReceiptRequest)
    outcome = models.CharField("issue", max_length=16, choices=ReceiptOutcome)
    code = models.CharField("code", max_length=40, blank=True)
    reason = models.CharField("motif", max_length=300, blank=True)

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, null=True, blank=True, related_name="receptions"
    )
    candidate = models.ForeignKey(
        Patient,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="identité la plus proche",
    )
    document = models.ForeignKey(
        Document, on_delete=models.PROTECT, null=True, blank=True, related_name="receptions"
    )
    version = models.ForeignKey(
        Version, on_delete=models.PROTECT, null=True, blank=True, related_name="receptions"
    )
    unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="receptions",
        verbose_name="unité destinataire",
    )
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="professionnel destinataire",
    )
    actor_login = models.CharField("par", max_length=150)
    actor_uid = models.UUIDField("utilisateur", null=True, blank=True)

    title = models.CharField("titre", max_length=200, blank=True)
    type_code = models.CharField("type", max_length=20, blank=True)
    act_at = models.DateTimeField("date de l'acte", null=True, blank=True)
    author_label = models.CharField("auteur", max_length=200, blank=True)
    author_organization = models.CharField("structure de l'auteur", max_length=200, blank=True)
    unique_id = models.CharField("identifiant unique", max_length=128, blank=True)
    set_id = models.CharField("setId", max_length=128, blank=True)
    number = models.PositiveIntegerField("version", null=True, blank=True)

    source_label = models.CharField("émetteur", max_length=200, blank=True)
    source_address = models.CharField("adresse de l'émetteur", max_length=320, blank=True)
    recipient_address = models.CharField("adresse du destinataire", max_length=320, blank=True)
    source_id = models.CharField("Message-ID ou entryUUID", max_length=255, blank=True)
    message_uid = models.UUIDField("message HL7", null=True, blank=True)
    is_visibility_change = models.BooleanField("seule la visibilité change", default=False)
    is_cda = models.BooleanField("document CDA", default=True, db_default=True)
    differing = ArrayField(
        models.CharField(max_length=30), verbose_name="traits différents ou absents", default=list, blank=True
    )
    extra = models.JSONField("identifiants du dépôt", default=dict, blank=True)
    cda_sha256 = models.CharField("empreinte du CDA", max_length=64, blank=True)
    cda_size = models.PositiveIntegerField("taille du CDA (octets)", null=True, blank=True)
    raw_sha256 = models.CharField("empreinte du fichier reçu", max_length=64, blank=True)
    raw_name = models.CharField("nom du fichier reçu", max_length=200, blank=True)

    class Meta:
        verbose_name = "réception"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["unit", "-at"], name="documents_reception_unit"),
            models.Index(fields=["patient", "-at"], name="documents_reception_patient"),
            models.Index(fields=["origin", "-at"], name="documents_reception_at"),
            models.Index(
                fields=["unique_id"], condition=~Q(unique_id=""), name="documents_reception_unique_id"
            ),
            models.Index(fields=["document"], name="documents_reception_document"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {self.uid}"


class ReceptionNotice(models.Model):
    """What the people of a unit still have to look at: one for each arrival that is told (mssante 2.7).

    Seen once for the whole unit, by a person who is named. A rejection is seen when somebody says that
    it is dealt with, or imports the document by hand; it may be reported to the identity cell.
    """

    reception = models.OneToOneField(Reception, on_delete=models.PROTECT, related_name="notice")
    kind = models.CharField("nature", max_length=8, choices=NoticeKind)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    seen_at = models.DateTimeField("vu le", null=True, blank=True)
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reported_at = models.DateTimeField("signalé à l'identitovigilance le", null=True, blank=True)
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField("signalement clos le", null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = "avis d'arrivée"
        verbose_name_plural = "avis d'arrivée"
        ordering = ["-reception_id"]
        indexes = [
            models.Index(fields=["unit"], condition=Q(seen_at__isnull=True), name="documents_notice_unit"),
            models.Index(
                fields=["patient"], condition=Q(seen_at__isnull=True), name="documents_notice_patient"
            ),
            models.Index(
                fields=["reported_at"],
                condition=Q(reported_at__isnull=False, answered_at__isnull=True),
                name="documents_notice_reported",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.reception_id}"


class HandImport(models.Model):
    """A file that a person dropped, between the drop and the filing; its bytes stay in the store.

    `patient` is set when the import was begun from a record.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    raw_sha256 = models.CharField("empreinte du fichier", max_length=64)
    raw_name = models.CharField("nom du fichier", max_length=200, blank=True)
    at = models.DateTimeField("déposé le", default=timezone.now)
    done_at = models.DateTimeField("classé le", null=True, blank=True)

    class Meta:
        verbose_name = "import à la main"
        verbose_name_plural = "imports à la main"

    def __str__(self) -> str:
        return f"import {self.uid}"
