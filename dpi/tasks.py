"""Tasks of the project itself."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from dpi import health


@shared_task(name="dpi.tasks.heartbeat")
def heartbeat() -> None:
    """Note that a worker of this start took a message from the broker and ran it."""
    health.heartbeat_record(start_id=settings.DPI_START_ID)
