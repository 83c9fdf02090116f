"""Months of the calendar."""

from calendar import monthrange
from datetime import datetime


def add_months(instant: datetime, months: int) -> datetime:
    """Same day some months later, the last of the month when there is no such day."""
    index = instant.month - 1 + months
    year, month = instant.year + index // 12, index % 12 + 1
    return instant.replace(year=year, month=month, day=min(instant.day, monthrange(year, month)[1]))
