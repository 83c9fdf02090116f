"""Jobs of the PFI: one per (message, channel); the message is the order it received.

Identifiers that leave (submission set, entry) are chosen before the first attempt and stored, so
that a retry is the same act (design, section 3).
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from exchange.enums import DocumentProfile
from exchange.leases import Leased, LeasedQuerySet
from exchange.models import Message
from pfi.enums import DmpOpening, JobAction, JobChannel, JobState


class JobQuerySet(LeasedQuerySet["Job"]):
    """Rows that wait for a worker, claimed by lease."""


JobManager = models.Manager.from_queryset(JobQuerySet)


class Job(Leased):
    """One submission to carry, with what was derived from the message at reception."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, related_name="+", verbose_name="message HL7"
    )
    channel = models.CharField("canal", max_length=16, choices=JobChannel)
    action = models.CharField("action", max_length=8, choices=JobAction)
    state = models.CharField("état", max_length=10, choices=JobState, default=JobState.PENDING)
    lineage = models.CharField("lignée (setId)", max_length=128)
    document_unique_id = models.CharField("identifiant du document", max_length=128)
    replaced_unique_id = models.CharField("identifiant remplacé", max_length=128, blank=True)
    submission_set_id = models.CharField("identifiant du lot", max_length=128, blank=True)
    patient_ins = models.CharField("matricule INS", max_length=15, blank=True)
    patient_ins_oid = models.CharField("OID du matricule", max_length=64, blank=True)
    requester = models.CharField("demandeur (identifiant national)", max_length=40, blank=True)
    structure = models.CharField("structure (identifiant national)", max_length=40, blank=True)
    visit_number = models.CharField("numéro de venue", max_length=60, blank=True)
    is_uncertain = models.BooleanField("issue incertaine : à vérifier", default=False)
    profile = models.CharField(
        "volet de l'ordre", max_length=3, choices=DocumentProfile, default=DocumentProfile.V21
    )
    wants_reception_ack = models.BooleanField("accusé de réception demandé", default=True)
    error_code = models.CharField("code d'erreur", max_length=120, blank=True)
    error_text = models.CharField("erreur", max_length=500, blank=True)
    created_at = models.DateTimeField("créé le", default=timezone.now)
    done_at = models.DateTimeField("terminé le", null=True, blank=True)

    objects: ClassVar[JobManager] = JobManager()

    class Meta:
        verbose_name = "travail de la PFI"
        verbose_name_plural = "travaux de la PFI"
        constraints = [
            models.UniqueConstraint(fields=["message", "channel"], name="pfi_job_message_channel"),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=Q(state__in=[JobState.PENDING, JobState.RUNNING, JobState.RETRYING]),
                name="pfi_job_waiting",
            ),
            models.Index(
                fields=["channel", "-done_at"], condition=Q(done_at__isnull=False), name="pfi_job_done"
            ),
            models.Index(fields=["lineage", "id"], name="pfi_job_lineage"),
            models.Index(fields=["document_unique_id"], name="pfi_job_document"),
            models.Index(fields=["visit_number"], name="pfi_job_visit"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.get_channel_display()} {self.uid}"


class JobEvent(models.Model):
    """One attempt or change of a job: append-only."""

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField("le", default=timezone.now)
    kind = models.CharField("événement", max_length=30)
    from_state = models.CharField("de", max_length=10, choices=JobState, blank=True)
    to_state = models.CharField("à", max_length=10, choices=JobState)
    code = models.CharField("code", max_length=120, blank=True)
    detail = models.CharField("détail", max_length=500, blank=True)

    class Meta:
        verbose_name = "événement de travail"
        verbose_name_plural = "événements de travail"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.from_state} > {self.to_state}"


class KnownDmp(models.Model):
    """What TD0.2 last said of a patient to the structure (indirect mode): a cache, dropped when old."""

    matricule = models.CharField("matricule INS", max_length=15)
    oid = models.CharField("OID du matricule", max_length=64)
    state = models.CharField("état", max_length=6, choices=DmpOpening)
    checked_at = models.DateTimeField("vérifié le", db_index=True)

    class Meta:
        verbose_name = "DMP connu"
        verbose_name_plural = "DMP connus"
        constraints = [
            models.UniqueConstraint(fields=["matricule", "oid"], name="pfi_known_dmp_once"),
        ]

    def __str__(self) -> str:
        return self.get_state_display()
