"""The Celery application: workers and beat start with `celery -A dpi.celery`.

The rows in PostgreSQL are the truth; a lost message of the broker delays work, never loses it.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dpi.settings.base")

app = Celery("dpi")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Being connected is enough: Celery then leaves the logging configuration alone."""


@worker_ready.connect
def beat_once(**_: object) -> None:
    """Prove at once, through the broker, that this worker consumes (health, readiness)."""
    app.send_task("dpi.tasks.heartbeat")
