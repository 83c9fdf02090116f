"""Writes of the indicators: closing the months that ended (spec stats C11, C12)."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from audit.context import system_actor
from audit.enums import Action
from audit.services import trace_write
from stats.definitions import INDICATORS
from stats.enums import Axis, DocType, Measure
from stats.models import MonthlyFigure
from stats.rules.figures import ALL, Key
from stats.rules.months import Month, Period, default_period, is_over
from stats.selectors.counting import counts_of
from stats.selectors.tally import closed_months, reading_at

CLOSING_ACTOR = system_actor("stats.closing")


def months_close(*, now: datetime) -> list[Month]:
    """Freeze the counters of every month that ended and is not closed yet, oldest first.

    What ended before the previous year was never asked for. A month is closed by one transaction, so
    that a second call, or another worker, finds it closed or not begun.
    """
    zone = reading_at(now).options.zone
    period = default_period(now.astimezone(zone).date())
    closed = closed_months(period)
    waiting = [month for month in period if month not in closed and is_over(month, now, zone)]
    return [month for month in waiting if month_close(month=month, now=now)]


@transaction.atomic
def month_close(*, month: Month, now: datetime) -> bool:
    """Freeze the counters of one month; False when it already was."""
    if not _is_first_to_close(month):
        return False
    reading = reading_at(now, period=Period(month, month), by_service=True)
    counts = counts_of(reading)
    MonthlyFigure.objects.bulk_create(
        [_row(key, value, now) for key, value in (_zeros(month) | counts).items()]
    )
    trace_write(
        type="stats.close",
        action=Action.EXECUTE,
        actor=CLOSING_ACTOR,
        object_type="stats.month",
        detail={"month": month.text, "figures": len(counts)},
    )
    return True


def _is_first_to_close(month: Month) -> bool:
    """Whether nobody closed this month; whoever else would do it waits until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"stats.close {month.text}"])
    return not closed_months(Period(month, month))


def _zeros(month: Month) -> dict[Key, int]:
    """One row for each counter, so that a month without any event is closed too."""
    return {
        Key(
            ALL,
            month,
            indicator.code,
            doc_type=DocType.TOUS if indicator.axis == Axis.TYPES else "",
            profession=ALL if indicator.axis == Axis.PROFESSIONS else "",
        ): 0
        for indicator in INDICATORS
        if indicator.measure == Measure.COUNT
    }


def _row(key: Key, value: int, now: datetime) -> MonthlyFigure:
    return MonthlyFigure(
        month=key.month.first_day,
        indicator=key.indicator,
        finess=key.finess,
        doc_type=key.doc_type,
        profession=key.profession,
        service=key.service,
        document_year=key.document_year,
        value=value,
        closed_at=now,
    )
