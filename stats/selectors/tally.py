"""All figures of a period: frozen counters of closed months, counters of the others, rates of all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from accounts.enums import AccountKind
from accounts.models import User
from establishment.models import Site
from stats.models import MonthlyFigure
from stats.rules.consulting import user_ratios
from stats.rules.figures import ALL, Grid, Key, Ratio, Tally
from stats.rules.months import Month, Period, default_period, month_of_day
from stats.rules.stays import stay_counts, stay_ratios
from stats.selectors.consulting import accounts, consultings, integration_ratios
from stats.selectors.counting import counts_of
from stats.selectors.sources import Reading, options_now
from stats.selectors.stays import stay_facts


def reading_now(*, period: Period | None = None, by_service: bool = False) -> Reading:
    """A reading of the period (by default the previous and the current year) as of now."""
    return reading_at(timezone.now(), period=period, by_service=by_service)


def reading_at(at: datetime, *, period: Period | None = None, by_service: bool = False) -> Reading:
    """The same, with the moment of extraction given."""
    options = options_now(by_service=by_service)
    return Reading(period or default_period(at.astimezone(options.zone).date()), at, options)


def tally_of(reading: Reading) -> Tally:
    """Every figure above zero: counters, and rates with their members."""
    closed = closed_months(reading.period)
    tally = Tally(counts=_frozen(closed, by_service=reading.options.by_service))
    if still_open := [month for month in reading.period if month not in closed]:
        span = replace(reading, period=Period(still_open[0], still_open[-1]))
        found = counts_of(span)
        tally.counts |= {key: value for key, value in found.items() if key.month not in closed}
    tally.ratios = ratios_of_stays(reading) | user_ratios(
        consultings(reading), accounts(), reading.period, reading.options.zone
    )
    return tally


def ratios_of_stays(reading: Reading) -> dict[Key, Ratio]:
    """Rates of stays, consultations, patients and correspondents. 2 queries."""
    facts = stay_facts(reading)
    integrated = integration_ratios(reading, stay_counts(facts.groups))
    return stay_ratios(facts.groups) | facts.ratios | integrated


def closed_months(period: Period) -> set[Month]:
    """Months of the period whose counters are frozen. 1 query."""
    rows = MonthlyFigure.objects.filter(month__gte=period.first.first_day, month__lte=period.last.first_day)
    return {month_of_day(day) for day in rows.values_list("month", flat=True).distinct()}


def grid_now() -> Grid:
    """What is written for every month: each site, all, and the professions that have accounts. 2 queries."""
    professions = User.objects.filter(kind=AccountKind.NOMINATIVE).exclude(profession="")
    return Grid(
        finess=(*Site.objects.order_by("finess").values_list("finess", flat=True), ALL),
        professions=tuple(professions.order_by("profession").values_list("profession", flat=True).distinct()),
    )


def _frozen(months: Collection[Month], *, by_service: bool) -> dict[Key, int]:
    rows = MonthlyFigure.objects.filter(month__in=[month.first_day for month in months])
    if not by_service:
        rows = rows.filter(service="")
    columns = ("finess", "month", "indicator", "doc_type", "profession", "service", "document_year", "value")
    return {
        Key(
            finess,
            month_of_day(first),
            indicator,
            doc_type=doc_type,
            profession=profession,
            service=service,
            document_year=document_year,
        ): value
        for finess, first, indicator, doc_type, profession, service, document_year, value in rows.values_list(
            *columns
        )
    }
