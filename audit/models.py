"""The append-only trace and its seals (spec security 8).

Rows are written by `audit.services.trace_write` inside the transaction of the act. A trigger
refuses UPDATE, DELETE and TRUNCATE; the application's role has no such right either.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from audit.enums import Action, Outcome


class Trace(models.Model):
    """One act: who did or saw what, for whom, when, from where. Never updated."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    time = models.DateTimeField("date et heure", default=timezone.now)
    type = models.CharField("type d'événement", max_length=60)
    action = models.CharField("action", max_length=1, choices=Action)
    outcome = models.CharField("résultat", max_length=10, choices=Outcome, default=Outcome.SUCCESS)
    actor_uid = models.UUIDField("acteur", null=True, blank=True)
    actor_login = models.CharField("compte", max_length=150)
    actor_subject_name_id = models.CharField("identité nationale", max_length=64, blank=True)
    actor_role = models.CharField("rôle", max_length=40, blank=True)
    actor_service = models.CharField("unité", max_length=40, blank=True)
    assurance = models.CharField("moyen d'authentification", max_length=60, blank=True)
    patient_uid = models.UUIDField("patient", null=True, blank=True)
    patient_ins = models.CharField("matricule INS (traces DMP et MSSanté)", max_length=15, blank=True)
    object_type = models.CharField("type d'objet", max_length=40, blank=True)
    object_uid = models.UUIDField("objet", null=True, blank=True)
    object_version = models.CharField("version de l'objet", max_length=20, blank=True)
    reason = models.CharField("motif", max_length=300, blank=True)
    ip = models.GenericIPAddressField("adresse", null=True, blank=True)
    workstation = models.CharField("poste", max_length=80, blank=True)
    session = models.CharField("session (empreinte)", max_length=64, blank=True)
    correlation = models.CharField("corrélation", max_length=64, blank=True)
    app_version = models.CharField("version du logiciel", max_length=40, blank=True)
    detail = models.JSONField("détail", default=dict, blank=True)

    class Meta:
        verbose_name = "trace"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["patient_uid", "-time"], name="audit_trace_patient"),
            models.Index(fields=["actor_uid", "-time"], name="audit_trace_actor"),
            models.Index(fields=["type", "-time"], name="audit_trace_type"),
        ]

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.type} {self.actor_login}"


class Seal(models.Model):
    """One link of the chain over committed traces; written by the sealer alone (security 8.5)."""

    seq = models.BigIntegerField("rang", primary_key=True)
    trace = models.OneToOneField(Trace, on_delete=models.PROTECT, related_name="seal")
    hash = models.CharField("empreinte chaînée", max_length=64)
    sealed_at = models.DateTimeField("scellée le", default=timezone.now)

    class Meta:
        verbose_name = "sceau"
        ordering = ["seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.hash[:12]}"
