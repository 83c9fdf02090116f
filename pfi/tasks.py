"""Celery tasks of the PFI: jobs wait in PostgreSQL, tasks only wake a worker."""

from __future__ import annotations

import os
import socket

from celery import shared_task

from pfi.worker import jobs_drain


@shared_task(name="pfi.tasks.drain", expires=30)
def drain() -> int:
    """Carry every job that is due; periodic, and asked for at each accepted order."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    total = 0
    while taken := jobs_drain(worker=worker):
        total += taken
    return total
