"""Celery tasks of the sending room: the rows wait in PostgreSQL, tasks only wake a worker."""

from __future__ import annotations

import os
import socket
import time

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from exchange.turns import turn
from sending.services import orders_flag_silent, orders_reconsider_waiting, orders_relaunch
from sending.worker import orders_drain

# A drain ends well before the time limit of tasks; the next one goes on.
DRAIN_SECONDS = 120.0


@shared_task(name="sending.tasks.drain", expires=30)
def drain() -> int:
    """Send every order that is due; periodic, and asked for after a validation.

    One drain at once: a PFI that does not answer must not hold every worker.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}"
    ends_at = time.monotonic() + DRAIN_SECONDS
    total = 0
    with turn("sending.drain") as is_ours:
        while is_ours and time.monotonic() < ends_at and (taken := orders_drain(worker=worker)):
            total += taken
    return total


@shared_task(name="sending.tasks.reconsider", expires=300)
def reconsider() -> int:
    """Ask the rules again for the orders that wait for an identity or a choice."""
    moved = orders_reconsider_waiting()
    if moved:
        drain.apply_async(retry=False)
    return moved


@shared_task(name="sending.tasks.flag_silent", expires=3600)
def flag_silent() -> int:
    """Flag the orders that the PFI accepted and never acknowledged."""
    return orders_flag_silent(now=timezone.now())


@shared_task(name="sending.tasks.relaunch", expires=3600)
def relaunch() -> int:
    """Send again, once, what failed for want of an open DMP long enough ago."""
    relaunched = orders_relaunch(now=timezone.now())
    if relaunched:
        drain.apply_async(retry=False)
    return relaunched


def wake_after_commit() -> None:
    """Ask a worker to look now; without a broker the periodic task will, and nobody waits for it."""
    transaction.on_commit(lambda: drain.apply_async(retry=False), robust=True)
