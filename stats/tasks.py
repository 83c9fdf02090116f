"""Periodic work of the indicators: the rows wait in PostgreSQL, tasks only wake a worker."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

import structlog
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from exchange.turns import turn
from stats import services
from stats.enums import ExportState
from stats.models import Export

logger = structlog.get_logger(__name__)

# Longer than the time limit of a task: nobody takes over a file that is being written.
LEASE = timedelta(minutes=15)


@shared_task(name="stats.tasks.exports", expires=60)
def exports() -> int:
    """Prepare the files that people asked for, one after the other, and empty those that expired."""
    services.exports_expire(now=timezone.now())
    worker = f"{socket.gethostname()}:{os.getpid()}"
    done = 0
    with turn("stats.exports") as is_ours:
        while is_ours and (
            claimed := Export.objects.filter(state=ExportState.PENDING).claim(
                worker=worker, limit=1, lease=LEASE
            )
        ):
            services.export_build(export=claimed[0], now=timezone.now())
            done += 1
    return done


@shared_task(name="stats.tasks.monthly", expires=1800)
def monthly() -> None:
    """Close the months that ended, then write the file of the month when its time has come."""
    now = timezone.now()
    services.months_close(now=now)
    try:
        services.export_monthly(now=now)
    except OSError as error:
        logger.error("stats.monthly.not_written", reason=error.strerror or type(error).__name__)


def wake_after_commit() -> None:
    """Ask a worker to look now; without a broker the periodic task will, and nobody waits for it."""
    transaction.on_commit(lambda: exports.apply_async(retry=False), robust=True)
