"""Counters of the months that ended, frozen (spec stats C11, C12; design 3)."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from stats.enums import DocType


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
