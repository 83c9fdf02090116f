"""Searches that a person keeps, and the criteria of the counter (SC.DMP/UX.17, UX.27)."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from dmp.criteria import SearchCriteria
from dmp.errors import PresetRefused
from dmp.models import SearchPreset

MOST_PRESETS = 20
NAME_LENGTH = 60
QUERY_LENGTH = 1000


@transaction.atomic
def preset_save(*, user: User, name: str, criteria: SearchCriteria, is_for_counter: bool) -> SearchPreset:
    """Keep criteria under a name; the same name is written over.

    Raises:
        PresetRefused: without a name, too long, or too many already.
    """
    name = " ".join(name.replace("\x00", "").split())
    query = criteria.query
    if not name or len(name) > NAME_LENGTH:
        raise PresetRefused("Donnez un nom de 60 caractères au plus à cette recherche.")
    if len(query) > QUERY_LENGTH:
        raise PresetRefused("Cette recherche a trop de critères pour être gardée.")
    mine = SearchPreset.objects.select_for_update(of=("self",)).filter(user=user)
    if not mine.filter(name=name).exists() and mine.count() >= MOST_PRESETS:
        raise PresetRefused("Vous gardez déjà vingt recherches : supprimez-en une.")
    if is_for_counter:
        mine.filter(is_for_counter=True).exclude(name=name).update(is_for_counter=False)
    preset, _ = SearchPreset.objects.update_or_create(
        user=user,
        name=name,
        defaults={"query": query, "is_for_counter": is_for_counter, "changed_at": timezone.now()},
    )
    return preset


def preset_delete(*, user: User, pk: int) -> None:
    """Forget a kept search; nobody else's."""
    SearchPreset.objects.filter(user=user, pk=pk).delete()
