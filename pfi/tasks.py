"""Celery tasks of the PFI: jobs wait in PostgreSQL, tasks only wake a worker."""

from __future__ import annotations

import os
import socket
import time

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exchange.turns import turn
from mssante.services import mails_presume_delivered
from pfi.existence import existences_forget
from pfi.mail_reading import mailboxes_read
from pfi.mail_worker import mails_drain
from pfi.worker import jobs_drain

# A drain ends well before the time limit of tasks; the next one goes on.
DRAIN_SECONDS = 120.0


@shared_task(name="pfi.tasks.drain", expires=30)
def drain() -> int:
    """Carry every job that is due; periodic, and asked for at each accepted order.

    `PFI_PARALLEL_JOBS` drains at once: a DMP that hangs must not hold every worker.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}"
    ends_at = time.monotonic() + DRAIN_SECONDS
    total = 0
    with turn("pfi.drain", places=settings.PFI_PARALLEL_JOBS) as is_ours:
        while is_ours and time.monotonic() < ends_at and (taken := jobs_drain(worker=worker)):
            total += taken
    return total


@shared_task(name="pfi.tasks.drain_mails", expires=30)
def drain_mails() -> int:
    """Send every mail that is due; periodic, and asked for at each accepted order.

    `MSS_PARALLEL_MAILS` drains at once: an operator that hangs must not hold every worker.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}"
    ends_at = time.monotonic() + DRAIN_SECONDS
    total = 0
    with turn("pfi.drain_mails", places=settings.MSS_PARALLEL_MAILS) as is_ours:
        while is_ours and time.monotonic() < ends_at and (taken := mails_drain(worker=worker)):
            total += taken
    return total


@shared_task(name="pfi.tasks.read_mailboxes", expires=30)
def read_mailboxes() -> int:
    """Read the application mailboxes, hand over and answer what is in them; periodic.

    A mailbox that holds more than one reading takes is read again at once: a morning's mails do not wait
    for as many periods. One worker at a time: a full mailbox must not hold them all.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}"
    ends_at = time.monotonic() + DRAIN_SECONDS
    total = 0
    with turn("pfi.read_mailboxes") as is_ours:
        while is_ours and time.monotonic() < ends_at and (taken := mailboxes_read(worker=worker)):
            total += taken
    return total


@shared_task(name="pfi.tasks.presume_delivered", expires=3600)
def presume_delivered() -> int:
    """Hold for delivered the mails about which no notice came in time."""
    return mails_presume_delivered(now=timezone.now())


@shared_task(name="pfi.tasks.forget_existences", expires=3600)
def forget_existences() -> int:
    """Drop what the DMP said of patients too long ago to serve."""
    return existences_forget(now=timezone.now())


def wake_after_commit() -> None:
    """Drain as soon as the transaction is committed; without a broker, the periodic task does it."""
    transaction.on_commit(lambda: drain.apply_async(retry=False), robust=True)
