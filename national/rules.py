"""Rules on the national services, as pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def is_silent(
    *, last_success: datetime | None, first_call: datetime | None, now: datetime, limit: timedelta
) -> bool:
    """F-PFI-20, F-PV-42: whether a service that was called has gone without a success for too long.

    A service that never succeeded counts from its first call; one that was never called is not silent.
    """
    since = last_success or first_call
    return since is not None and now - since > limit


def drift_of(date: str, *, sent_at: datetime, received_at: datetime) -> timedelta | None:
    """How far a service is ahead of us by the Date of its answer (RFC 9110), negative when it is behind.

    The answer was dated between the two instants, to the second: what that explains is no drift. None
    without a date that can be read.
    """
    try:
        dated = parsedate_to_datetime(date)
    except ValueError:
        return None
    if dated.tzinfo is None:
        dated = dated.replace(tzinfo=UTC)
    if dated > received_at:
        return dated - received_at
    return min(dated + timedelta(seconds=1) - sent_at, timedelta())
