"""Counters of the months that ended, frozen, and files that are prepared (spec stats C11, C12, 4)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from exchange.leases import Leased, LeasedQuerySet
from stats.enums import DocType, ExportState


class MonthlyFigure(models.Model):
    """One counter of a month that ended: written once, never changed (the database refuses).

    Rates are not here: they are recomputed. Empty axes are « sans objet »; a month is closed when it
    has rows, and a counter without row is zero.
    """

    month = models.DateField("mois (premier jour)")
    indicator = models.CharField("indicateur", max_length=24)
    finess = models.CharField("FINESS géographique", max_length=9)
    doc_type = models.CharField("type de document", max_length=8, choices=DocType, blank=True)
    profession = models.CharField("profession", max_length=10, blank=True)
    service = models.CharField("service", max_length=20, blank=True)
    document_year = models.CharField("année du document", max_length=4, blank=True)
    value = models.PositiveBigIntegerField("valeur")
    closed_at = models.DateTimeField("arrêté le", default=timezone.now)

    class Meta:
        verbose_name = "compteur mensuel"
        verbose_name_plural = "compteurs mensuels"
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "month", "indicator", "finess", "doc_type", "profession", "service", "document_year",
                ],
                name="stats_monthly_figure_once",
            ),
            models.CheckConstraint(condition=models.Q(month__day=1), name="stats_month_by_its_first_day"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.indicator} {self.month:%Y-%m} {self.finess}"


class ExportQuerySet(LeasedQuerySet["Export"]):
    """Rows that wait for a worker, claimed by lease."""


ExportManager = models.Manager.from_queryset(ExportQuerySet)


class Export(Leased):
    """A file asked for that takes a while, or the monthly one; its link lasts until `expires_at`.

    `first_month` and `last_month` are first days; an empty `finess` is every site and their union.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_scheduled = models.BooleanField("export mensuel", default=False)
    first_month = models.DateField("premier mois")
    last_month = models.DateField("dernier mois")
    finess = models.CharField("FINESS géographique", max_length=9, blank=True)
    by_service = models.BooleanField("détail par service", default=False)
    state = models.CharField("état", max_length=8, choices=ExportState, default=ExportState.PENDING)
    file_name = models.CharField("nom du fichier", max_length=100, blank=True)
    folder = models.CharField("dossier", max_length=300, blank=True)
    content = models.BinaryField("contenu", null=True, blank=True)
    size = models.PositiveBigIntegerField("taille (octets)", null=True, blank=True)
    created_at = models.DateTimeField("demandé le", default=timezone.now)
    ready_at = models.DateTimeField("prêt le", null=True, blank=True)
    expires_at = models.DateTimeField("lien valable jusqu'au", null=True, blank=True)

    objects: ClassVar[ExportManager] = ExportManager()

    class Meta:
        verbose_name = "export des indicateurs"
        verbose_name_plural = "exports des indicateurs"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=ExportState.READY) | Q(content__isnull=False, expires_at__isnull=False),
                name="stats_ready_export_has_a_file",
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=Q(state=ExportState.PENDING),
                name="stats_export_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name or f"export {self.uid}"
