"""Celery tasks of the sending room: the rows wait in PostgreSQL, tasks only wake a worker."""

from __future__ import annotations

import os
import socket

from celery import shared_task
from django.db import transaction

from sending.worker import orders_drain


@shared_task(name="sending.tasks.drain", expires=30)
def drain() -> int:
    """Send every order that is due; periodic, and asked for after a validation."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    total = 0
    while taken := orders_drain(worker=worker):
        total += taken
    return total


def wake_after_commit() -> None:
    """Ask a worker to look now; without a broker the periodic task will, and nobody waits for it."""
    transaction.on_commit(lambda: drain.apply_async(retry=False), robust=True)
