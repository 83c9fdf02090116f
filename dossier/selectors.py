"""Reads of this room's own table."""

from __future__ import annotations

from accounts.models import User
from dossier.enums import ListPage
from dossier.models import ListPreference


def list_preference(user: User, page: ListPage) -> str:
    """The query string kept for a list; empty when nothing is. 1 query."""
    kept = ListPreference.objects.filter(user=user, page=page).values_list("query", flat=True)
    return kept.first() or ""
