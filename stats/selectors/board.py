"""The figures of the screen: counted once, kept a quarter of an hour, with the moment when it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from stats.rules.figures import ALL, NOTHING, Key, Ratio, Tally
from stats.rules.months import Month, Period
from stats.selectors.tally import reading_at, tally_of

MONTHS_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every figure of two years as of one moment."""

    at: datetime
    period: Period
    tally: Tally

    @property
    def sites_found(self) -> set[str]:
        """FINESS, known or not, that have a figure."""
        return {key.finess for key in (*self.tally.counts, *self.tally.ratios)}


class Axes(NamedTuple):
    """What a line is broken down by, beside site, month and service; empty is « sans objet »."""

    doc_type: str = ""
    type_code: str = ""
    profession: str = ""
    volet: str = ""


NO_AXES: Final = Axes()


@dataclass(frozen=True, slots=True)
class Board:
    """The figures of one site (or all, or one service of it) around one month."""

    snapshot: Snapshot
    month: Month
    finess: str
    service: str = ""

    @property
    def months(self) -> list[Month]:
        """The twelve months that end with this one, those that were counted."""
        months = [self.month.back(count) for count in reversed(range(MONTHS_SHOWN))]
        return [month for month in months if month in self.snapshot.period]

    def count(self, indicator: str, axes: Axes = NO_AXES, *, month: Month | None = None) -> int:
        return self.snapshot.tally.counts.get(self._key(indicator, axes, month), 0)

    def ratio(self, indicator: str, axes: Axes = NO_AXES, *, month: Month | None = None) -> Ratio:
        return self.snapshot.tally.ratios.get(self._key(indicator, axes, month), NOTHING)

    def rates(self, indicator: str, axes: Axes = NO_AXES) -> list[Decimal | None]:
        """The rate of each of the twelve months."""
        return [self.ratio(indicator, axes, month=month).rate for month in self.months]

    def change(self, indicator: str, axes: Axes = NO_AXES) -> Decimal | None:
        """Points gained or lost in one month; None when one of the two has no rate."""
        now = self.ratio(indicator, axes).rate
        before = self.ratio(indicator, axes, month=self.month.previous).rate
        return None if now is None or before is None else now - before

    def codes(self, indicator: str) -> list[str]:
        """Types of the DMP that this site met in the month."""
        place = self._key(indicator, NO_AXES, None)
        return sorted(
            key.type_code
            for key in self.snapshot.tally.ratios
            if key.type_code and key._replace(type_code="") == place
        )

    def professions(self, indicator: str) -> list[str]:
        """Professions that this site has in the month."""
        place = self._key(indicator, NO_AXES, None)
        return sorted(
            key.profession
            for key in self.snapshot.tally.ratios
            if key.profession not in ("", ALL) and key._replace(profession="") == place
        )

    def _key(self, indicator: str, axes: Axes, month: Month | None) -> Key:
        return Key(
            self.finess,
            month or self.month,
            indicator,
            doc_type=axes.doc_type,
            type_code=axes.type_code,
            profession=axes.profession,
            service=self.service,
            volet=axes.volet,
        )


def snapshot_shown(*, by_service: bool, again: bool = False) -> Snapshot:
    """The figures kept, or counted now when there are none, when they are old, or when asked `again`.

    Without the cache, each page counts.
    """
    name = f"stats:board:{'services' if by_service else 'sites'}"
    try:
        kept = None if again else cache.get(name)
    except RedisError:
        kept = None
    if isinstance(kept, Snapshot):
        return kept
    found = _counted(by_service=by_service)
    try:
        cache.set(name, found, timeout=settings.STATS_SCREEN_MINUTES * 60)
    except RedisError:
        pass
    return found


def _counted(*, by_service: bool) -> Snapshot:
    reading = reading_at(timezone.now(), by_service=by_service)
    return Snapshot(reading.at, reading.period, tally_of(reading))
