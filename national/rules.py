"""Rules on the national services, as pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta


def is_silent(
    *, last_success: datetime | None, first_call: datetime | None, now: datetime, limit: timedelta
) -> bool:
    """F-PFI-20, F-PV-42: whether a service that was called has gone without a success for too long.

    A service that never succeeded counts from its first call; one that was never called is not silent.
    """
    since = last_success or first_call
    return since is not None and now - since > limit
