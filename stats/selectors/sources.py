"""What every reading of the indicators shares: the options of the hospital, the moment of extraction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from stats.document_types import types_by_code
from stats.enums import DocType
from stats.rules.months import Period


@dataclass(frozen=True, slots=True)
class Options:
    """Decisions that a hospital may change (spec stats 1, 2, 5; journeys, settings)."""

    zone: tzinfo
    zone_name: str
    types_by_code: Mapping[str, DocType]
    stay_kinds: tuple[str, ...]
    consultation_kinds: tuple[str, ...]
    count_versions: bool
    internal_domains: tuple[str, ...]
    dmp_tolerance_days: int
    by_service: bool = False


def options_now(*, by_service: bool = False) -> Options:
    """The options in force."""
    return Options(
        zone=ZoneInfo(settings.TIME_ZONE),
        zone_name=settings.TIME_ZONE,
        types_by_code=types_by_code(settings.STATS_TYPE_CODES),
        stay_kinds=tuple(settings.STATS_STAY_KINDS),
        consultation_kinds=tuple(settings.STATS_CONSULTATION_KINDS),
        count_versions=settings.STATS_COUNT_VERSIONS,
        internal_domains=tuple(domain.lower() for domain in settings.MSS_INTERNAL_DOMAINS),
        dmp_tolerance_days=settings.STATS_DMP_TOLERANCE_DAYS,
        by_service=by_service,
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: of which months, as known at which moment, with which options."""

    period: Period
    at: datetime
    options: Options

    @property
    def since(self) -> datetime:
        """The first moment of the months read."""
        return self.period.first.starts_at(self.options.zone)

    @property
    def until(self) -> datetime:
        """The end of the months read, or the extraction when it comes first."""
        return min(self.period.last.ends_at(self.options.zone), self.at)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values that the statements of this room name."""
        return {
            "since": self.since,
            "until": self.until,
            "at": self.at,
            "zone": self.options.zone_name,
            "stay_kinds": list(self.options.stay_kinds),
            "consultation_kinds": list(self.options.consultation_kinds),
            "internal_domains": list(self.options.internal_domains),
        }


# A statement over two years sorts and joins in memory instead of on disk; for its own length only.
WORK_MEMORY = "64MB"


def rows_of(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Every row of one statement of this room."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEMORY])
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
