"""What one professional saw of one DMP; nothing here is ever shared between users (EX_AIR-085)."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from dmp.enums import AccessState, DocumentStatus
from dmp.rules.documents import was_deposited_by_patient
from documents.models import Version
from interop.xds import codes
from patients.models import Patient


class DmpStatus(models.Model):
    """Existence and authorisation as the DMP told them to one user, for one structure.

    A cache of `settings.DMP_STATUS_MINUTES`, for the session that asked (spec README, decision 16):
    `checked_at` is emptied when it must not serve any more. `called_at` is T0, the beginning of the
    last search of news that succeeded whole; `seen_at` the last time that the list was opened.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    structure = models.CharField("structure", max_length=20)
    state = models.CharField("état", max_length=20, choices=AccessState, default=AccessState.CHECKING)
    closed_on = models.CharField("fermé le", max_length=14, blank=True)
    closing_reason = models.CharField("motif de fermeture", max_length=200, blank=True)
    checked_at = models.DateTimeField("vérifié le", null=True, blank=True)
    session = models.CharField("session (empreinte)", max_length=64, blank=True)
    asked_at = models.DateTimeField("autorisation demandée le", null=True, blank=True)
    refused_at = models.DateTimeField("autorisation refusée le", null=True, blank=True)
    called_at = models.DateTimeField("nouveautés cherchées le", null=True, blank=True)
    seen_at = models.DateTimeField("liste ouverte le", null=True, blank=True)

    class Meta:
        verbose_name = "état d'un DMP pour un professionnel"
        verbose_name_plural = "états de DMP par professionnel"
        constraints = [
            models.UniqueConstraint(fields=["patient", "user", "structure"], name="dmp_status_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.state} ({self.structure})"


class RemoteDocumentQuerySet(models.QuerySet["RemoteDocument"]):
    def seen_by(self, user: User, patient_ids: Collection[int]) -> RemoteDocumentQuerySet:
        """What one user saw of the DMP of these patients; there is no other way to ask."""
        return self.filter(user=user, patient_id__in=patient_ids)

    def not_here(self) -> RemoteDocumentQuerySet:
        """Documents that the record does not hold, in any version."""
        here = Version.objects.filter(document__patient=OuterRef("patient"), unique_id=OuterRef("unique_id"))
        return self.filter(~Exists(here))

    def listed(self) -> RemoteDocumentQuerySet:
        """Documents in force that third parties deposited and that the record has not (dmp 6.3)."""
        in_force = Q(status__in=[DocumentStatus.APPROVED, DocumentStatus.ARCHIVED], replaced_by="")
        return self.not_here().filter(in_force, is_ours=False)

    def unseen(self) -> RemoteDocumentQuerySet:
        """What this user was not shown yet: what the counter counts (SC.DMP/UX.15)."""
        return self.listed().filter(seen_at__isnull=True)


class RemoteDocument(models.Model):
    """Metadata of one document of the DMP, as one user received them. Its content is never kept here.

    `unique_id` names the document, `entry_uuid` this version of its metadata, `logical_id` all of them
    (spec dmp 0, fact 7). `replaces` and `replaced_by` are uniqueIds of neighbours in the chain.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    unique_id = models.CharField("identifiant unique", max_length=128)
    entry_uuid = models.CharField("entrée", max_length=64)
    logical_id = models.CharField("identifiant logique", max_length=64, blank=True)
    repository_unique_id = models.CharField("entrepôt", max_length=64, blank=True)
    version = models.PositiveIntegerField("version des métadonnées", default=1)
    status = models.CharField("statut", max_length=10, choices=DocumentStatus)
    replaces = models.CharField("remplace", max_length=128, blank=True)
    replaced_by = models.CharField("remplacé par", max_length=128, blank=True)

    title = models.CharField("titre", max_length=300, blank=True)
    type_code = models.CharField("type", max_length=40, blank=True)
    type_label = models.CharField("libellé du type", max_length=200, blank=True)
    class_code = models.CharField("classe", max_length=40, blank=True)
    class_label = models.CharField("libellé de la classe", max_length=200, blank=True)
    format_code = models.CharField("format", max_length=120, blank=True)
    practice_setting = models.CharField("cadre d'exercice", max_length=200, blank=True)
    facility_type = models.CharField("secteur d'activité", max_length=200, blank=True)
    event_codes = ArrayField(models.CharField(max_length=200), verbose_name="actes", default=list, blank=True)
    author = models.CharField("auteur", max_length=200, blank=True)
    specialty = models.CharField("spécialité", max_length=200, blank=True)
    institution = models.CharField("structure", max_length=200, blank=True)
    institution_ids = ArrayField(
        models.CharField(max_length=40), verbose_name="structures (identifiants)", default=list, blank=True
    )
    is_ours = models.BooleanField("déposé par notre établissement", default=False)
    act_at = models.DateTimeField("date de l'acte", null=True, blank=True)
    created_at = models.DateTimeField("date de création", null=True, blank=True)
    deposited_at = models.DateTimeField("déposé le", null=True, blank=True)
    mime_type = models.CharField("type MIME", max_length=80, blank=True)
    sha1 = models.CharField("empreinte (SHA-1)", max_length=40, blank=True)
    size = models.BigIntegerField("taille (octets)", default=-1)
    confidentiality = ArrayField(
        models.CharField(max_length=40), verbose_name="confidentialité", default=list, blank=True
    )

    found_at = models.DateTimeField("trouvé le", default=timezone.now)
    checked_at = models.DateTimeField("vérifié le", default=timezone.now)
    seen_at = models.DateTimeField("vu le", null=True, blank=True)

    objects = RemoteDocumentQuerySet.as_manager()

    class Meta:
        verbose_name = "document du DMP vu par un professionnel"
        verbose_name_plural = "documents du DMP vus par professionnel"
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "user", "unique_id"], name="dmp_remote_document_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "patient", "-act_at"], name="dmp_remote_document_list"),
        ]

    def __str__(self) -> str:
        return f"document {self.unique_id} du DMP"

    @property
    def is_invisible_patient(self) -> bool:
        return codes.VISIBILITY_HIDDEN_PATIENT in self.confidentiality

    @property
    def is_invisible_rep_legaux(self) -> bool:
        return codes.VISIBILITY_HIDDEN_GUARDIANS in self.confidentiality

    @property
    def is_masque_ps(self) -> bool:
        return codes.VISIBILITY_MASKED in self.confidentiality

    @property
    def is_of_patient(self) -> bool:
        """Written or deposited by the patient (EX_3.1-1040)."""
        return was_deposited_by_patient(self.class_code, self.type_code)

    @property
    def at(self) -> datetime:
        """The date to sort and show by: that of the act, else of the document, else when it was found."""
        return self.act_at or self.created_at or self.found_at


class NoticeAcceptance(models.Model):
    """A professional confirmed having read that accesses are traced and shown (SC.DMP/CONF.11).

    One row each time, never changed; `text_sha256` names the words that were shown.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField("confirmé le", default=timezone.now)
    text_sha256 = models.CharField("empreinte du texte", max_length=64)

    class Meta:
        verbose_name = "information du professionnel confirmée"
        verbose_name_plural = "informations du professionnel confirmées"
        ordering = ["id"]
        indexes = [models.Index(fields=["user", "-accepted_at"], name="dmp_notice_user")]

    def __str__(self) -> str:
        return f"{self.user} {self.accepted_at:%Y-%m-%d}"


class SearchPreset(models.Model):
    """Criteria of a search in the DMP that a person keeps (SC.DMP/UX.17, UX.27).

    The one that is `is_for_counter` decides what the counter and the synthetic list hold for this person.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField("nom", max_length=60)
    query = models.CharField("critères", max_length=1000, blank=True)
    is_for_counter = models.BooleanField("pour le compteur", default=False)
    changed_at = models.DateTimeField("changé le", default=timezone.now)

    class Meta:
        verbose_name = "recherche gardée"
        verbose_name_plural = "recherches gardées"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="dmp_preset_name_unique"),
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_for_counter=True), name="dmp_one_counter_preset"
            ),
        ]

    def __str__(self) -> str:
        return self.name
