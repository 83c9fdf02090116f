"""Months of the statistics: local time decides (spec stats C1, C7, C12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

HISTORY_YEARS = 5


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month."""

    year: int
    number: int

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return self.next.first_day - timedelta(days=1)

    @property
    def next(self) -> Month:
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def previous(self) -> Month:
        return month_of_day(self.first_day - timedelta(days=1))

    def back(self, count: int) -> Month:
        """The month `count` months before."""
        total = self.year * 12 + self.number - 1 - count
        return Month(total // 12, total % 12 + 1)

    @property
    def text(self) -> str:
        """`2025-03`."""
        return f"{self.year:04d}-{self.number:02d}"

    def starts_at(self, zone: tzinfo) -> datetime:
        """Midnight of the first day, local."""
        return datetime.combine(self.first_day, time(), tzinfo=zone)

    def ends_at(self, zone: tzinfo) -> datetime:
        """Midnight after the last day, local: the first moment of the next month."""
        return self.next.starts_at(zone)


def month_of_day(day: date) -> Month:
    return Month(day.year, day.month)


def month_of(moment: datetime, zone: tzinfo) -> Month:
    """The month of a moment: 23:30 on the 31st belongs to that month, by the local clock (C7)."""
    return month_of_day(moment.astimezone(zone).date())


def month_read(text: str) -> Month | None:
    """`2025-03`, or None for anything else."""
    year, dash, number = text.partition("-")
    if not (dash and year.isascii() and year.isdecimal() and number.isascii() and number.isdecimal()):
        return None
    if len(year) != 4 or len(number) != 2 or not 1 <= int(number) <= 12 or int(year) < 1:
        return None
    return Month(int(year), int(number))


@dataclass(frozen=True, slots=True)
class Period:
    """Consecutive months, ends included."""

    first: Month
    last: Month

    def __iter__(self) -> Iterator[Month]:
        month = self.first
        while month <= self.last:
            yield month
            month = month.next

    def __len__(self) -> int:
        return (self.last.year - self.first.year) * 12 + self.last.number - self.first.number + 1

    def __contains__(self, month: object) -> bool:
        return isinstance(month, Month) and self.first <= month <= self.last


def default_period(today: date) -> Period:
    """Every month of the previous and of the current year, up to the current month (C1)."""
    return Period(Month(today.year - 1, 1), month_of_day(today))


def is_over(month: Month, now: datetime, zone: tzinfo) -> bool:
    """Whether a month has ended: what it counts is known, and may be frozen (C12)."""
    return now >= month.ends_at(zone)


def is_within_history(document_day: date, sent_day: date) -> bool:
    """Whether a document was at most five years old when it was sent (ALI_DMP_HISTO_OK)."""
    try:
        floor = sent_day.replace(year=sent_day.year - HISTORY_YEARS)
    except ValueError:  # 29 February
        floor = sent_day.replace(year=sent_day.year - HISTORY_YEARS, day=28)
    return document_day >= floor
