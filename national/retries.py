"""When a national service that did not answer is tried again (spec README decision 10, dmp 9.4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

RETRIES: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=60),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""One wait after each try that ended without an answer; after the last one, the work failed."""
