"""Thin tasks of the mail room."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from audit.context import system_actor
from mssante.services import addresses_recheck, directory_forget

RECHECKED_AT_ONCE = 200


@shared_task(name="mssante.tasks.directory_care")
def directory_care() -> int:
    """Look for the addresses kept from the directory, each once a day, and drop old copies (beat, hourly)."""
    directory_forget(timezone.now())
    return addresses_recheck(actor=system_actor("mssante.directory"), limit=RECHECKED_AT_ONCE)
