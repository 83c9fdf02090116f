"""The scheduler of periodic tasks: exactly one beat works, whatever is started (dependencies 1)."""

from __future__ import annotations

from typing import Any

import structlog
from celery.beat import Scheduler
from django.db import DatabaseError, connection

logger = structlog.get_logger(__name__)

LOCK_KEY = 0x6470695F626561  # "dpi_bea" in ASCII: the key of our advisory lock
STANDBY_SECONDS = 5.0


class SingleScheduler(Scheduler):
    """Schedules only while it holds the advisory lock of the database; a second beat stands by.

    The lock belongs to the database session: it falls with the process or the connection, and
    the one that stood by takes over within `STANDBY_SECONDS`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._working = False
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if not self._holds_lock():
            return STANDBY_SECONDS
        return float(super().tick(*args, **kwargs))

    def _holds_lock(self) -> bool:
        try:
            with connection.cursor() as cursor:
                if self._working:
                    cursor.execute("SELECT 1")
                    return True
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
                row = cursor.fetchone()
        except DatabaseError:
            logger.warning("dpi.beat.database_lost")
            connection.close()
            self._working = False
            return False
        self._working = bool(row and row[0])
        if self._working:
            logger.info("dpi.beat.working")
        return self._working
