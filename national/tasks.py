"""Thin tasks of the national room."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from national import services

logger = logging.getLogger(__name__)


@shared_task(name="national.tasks.trial", expires=60)
def trial(trial_id: int) -> None:
    """Try a service out."""
    services.trial_do(trial_id=trial_id)


def trial_after_commit(trial_id: int) -> None:
    """Have a worker do a trial once it is committed; without a broker it stays asked for, and says so."""
    transaction.on_commit(lambda: _ask(trial_id), robust=True)


def _ask(trial_id: int) -> None:
    try:
        trial.apply_async(args=(trial_id,), retry=False)
    except OperationalError:
        logger.warning("national.trial.not_woken")
