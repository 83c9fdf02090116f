"""How a person likes to read the lists: nothing here is about a patient."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from dossier.enums import ListPage


class ListPreference(models.Model):
    """Sort and filters of one list, kept for one person (SC.CDA/INT.04; ui reference 6.6).

    `query` is the part of the query string that is kept, without what was typed: a name typed in a
    search field must not wait in a table.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    page = models.CharField("liste", max_length=10, choices=ListPage)
    query = models.CharField("tri et filtres", max_length=500, blank=True)
    changed_at = models.DateTimeField("changé le", default=timezone.now)

    class Meta:
        verbose_name = "préférence de liste"
        verbose_name_plural = "préférences de liste"
        constraints = [
            models.UniqueConstraint(fields=["user", "page"], name="dossier_list_preference_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.page} {self.query}"
