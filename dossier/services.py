"""The only write of this room: how a person likes to read a list."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import User
from dossier.enums import ListPage
from dossier.models import ListPreference


def list_preference_set(*, user: User, page: ListPage, query: str) -> ListPreference:
    """Keep the sort and the filters of a list for its reader.

    Not traced: it says nothing of a patient, and gives no right.
    """
    preference, _ = ListPreference.objects.update_or_create(
        user=user, page=page, defaults={"query": query, "changed_at": timezone.now()}
    )
    return preference
