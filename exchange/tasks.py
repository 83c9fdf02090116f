"""Thin tasks: wake up, call one service."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from exchange import services
from exchange.alarms import alarms_watch

logger = logging.getLogger(__name__)


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task(name="exchange.tasks.sweep")
def sweep() -> None:
    """Apply stored messages that nobody applied, send those that are due (beat, every 15 s)."""
    worker = _worker()
    services.messages_apply_waiting(worker=worker, limit=500)
    services.messages_hand_over_due(worker=worker)


@shared_task(name="exchange.tasks.hand_over")
def hand_over(message_id: int) -> None:
    """Send one message that was just queued."""
    services.message_hand_over(message_id=message_id, worker=_worker())


@shared_task(name="exchange.tasks.watch")
def watch() -> int:
    """Look at the national services and their certificates; each alarm is logged (beat, every 5 min)."""
    return len(alarms_watch())


def hand_over_after_commit(message_id: int) -> None:
    """Send a message as soon as it is committed; without a broker, the sweep does it."""
    transaction.on_commit(lambda: _send_soon(message_id), robust=True)


def _send_soon(message_id: int) -> None:
    try:
        hand_over.apply_async(args=(message_id,), retry=False)
    except OperationalError:
        logger.info("hl7.hand_over.not_woken")


class SweepWaker:
    """Wakes the sweep when rows wait, at most once a second; without a broker, beat does it later."""

    def __init__(self, every_seconds: float = 1.0) -> None:
        self._every_seconds = every_seconds
        self._last = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self._last >= self._every_seconds:
            self._last = now
            threading.Thread(target=_wake, daemon=True).start()


def _wake() -> None:
    try:
        sweep.apply_async(expires=60, retry=False)
    except OperationalError:
        logger.info("hl7.sweep.not_woken")
