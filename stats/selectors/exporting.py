"""The CSV of the indicators: what is asked for, its lines, its name (spec stats 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from types import ModuleType
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.exports import BOM
from establishment.models import Site, Unit
from establishment.selectors import legal_entity
from interop.cda.codes import PROFESSION_PREFIX
from interop.cda.value_sets import author_specialties, document_types
from stats.csv_layout import FileFacts
from stats.document_types import types_by_code
from stats.rules.figures import ALL, UNKNOWN_FINESS, Figure, figures_of
from stats.rules.months import Period
from stats.selectors.tally import grid_now, reading_at, tally_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an extraction holds: months, one site (empty: each and all), services or not."""

    period: Period
    finess: str = ""
    by_service: bool = False


def csv_lines(wanted: Wanted, at: datetime) -> Iterator[str]:
    """The file, line by line, as known at `at`. Everything is read from the database at the first line."""
    layout = csv_layout()
    facts = file_facts(at)
    figures = figures_for(wanted, at)
    yield BOM + layout.header()
    for figure in figures:
        yield layout.line_of(figure, facts)


def figures_for(wanted: Wanted, at: datetime) -> Iterator[Figure]:
    """Every line of an extraction, zeros included, in the order of the file."""
    tally = tally_of(reading_at(at, period=wanted.period, by_service=wanted.by_service))
    every = figures_of(tally, grid=grid_now(), period=wanted.period)
    return (figure for figure in every if wanted.finess in ("", figure.key.finess))


def estimated_lines(wanted: Wanted) -> int:
    """How many lines a file would have, before reading anything: is it worth a worker? 3 queries."""
    grid = grid_now()
    sites = 1 if wanted.finess else len(grid.finess)
    services = Unit.objects.filter(is_active=True).count() if wanted.by_service else 0
    by_month = sum(1 for _ in grid.keys(ALL, wanted.period.last))
    return (sites + services) * by_month * len(wanted.period)


def file_name(at: datetime) -> str:
    """`indicateurs_010000001_2025-04-15.csv`, on the local day of the extraction."""
    return f"indicateurs_{legal_entity().finess}_{at.astimezone(ZoneInfo(settings.TIME_ZONE)):%Y-%m-%d}.csv"


def csv_layout() -> ModuleType:
    """The module of the columns that the hospital uses (`STATS_CSV_LAYOUT`)."""
    return import_module(settings.STATS_CSV_LAYOUT)


def file_facts(at: datetime) -> FileFacts:
    """What the lines say of the file and of its codes. 2 queries."""
    entity = legal_entity()
    labels = dict(Site.objects.values_list("finess", "name"))
    return FileFacts(
        extracted_at=at.astimezone(ZoneInfo(settings.TIME_ZONE)),
        finess_ej=entity.finess,
        site_labels=labels | {ALL: entity.name, UNKNOWN_FINESS: "Unité sans FINESS"},
        types_by_code=types_by_code(settings.STATS_TYPE_CODES),
        type_labels={code: entry.display for code, entry in document_types().items()},
        profession_labels=profession_labels(),
        decimal_comma=settings.STATS_DECIMAL_COMMA,
    )


def profession_labels() -> dict[str, str]:
    """TRE_G15 by code: `10` is « Médecin »."""
    return {
        code.removeprefix(PROFESSION_PREFIX): entry.display
        for code, entry in author_specialties().items()
        if code.startswith(PROFESSION_PREFIX) and "/" not in code
    }
