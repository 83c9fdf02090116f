"""Thin tasks of the patients room."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from patients.services.insi import insi_do

logger = logging.getLogger(__name__)


@shared_task(name="patients.tasks.insi_search", expires=60)
def insi_search(query_id: int) -> None:
    """Ask INSi what was asked for."""
    insi_do(query_id=query_id)


def insi_after_commit(query_id: int) -> None:
    """Have a worker ask INSi once the question is committed; without a broker it waits, and says so."""
    transaction.on_commit(lambda: _ask(query_id), robust=True)


def _ask(query_id: int) -> None:
    try:
        insi_search.apply_async(args=(query_id,), retry=False)
    except OperationalError:
        logger.warning("patients.insi.not_woken")
