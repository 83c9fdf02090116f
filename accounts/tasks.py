"""Periodic work of the accounts room."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from accounts.login_sessions import expired_sessions_clear, sessions_sweep
from accounts.sessions import longest_session


@shared_task(name="accounts.tasks.sweep")
def sweep() -> None:
    """Close what was left open past its limit, and empty the store of dead sessions."""
    sessions_sweep(opened_before=timezone.now() - longest_session())
    expired_sessions_clear()
