"""What is counted under which key, and how it becomes lines without holes (spec stats C13, C14, 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from stats.definitions import BY_CODE, INDICATORS, TYPES_OF_AXIS, Indicator
from stats.enums import Axis, DocType, Measure, Volet
from stats.rules.months import Month, Period

ALL: Final = "TOUS"
UNKNOWN_FINESS: Final = "INCONNU"
"""FINESS of what belongs to no unit: written, never dropped (stats 5)."""


class Key(NamedTuple):
    """What one figure is about: unique in a file (stats 4). Empty text is « sans objet »."""

    finess: str
    month: Month
    indicator: str
    doc_type: str = ""
    type_code: str = ""
    profession: str = ""
    service: str = ""
    volet: str = ""
    document_year: str = ""


class Ratio(NamedTuple):
    """A rate before its division; its members are counted on the union, never summed."""

    numerator: int
    denominator: int

    @property
    def rate(self) -> Decimal | None:
        return rate_of(self.numerator, self.denominator)


NOTHING: Final = Ratio(0, 0)


def rate_of(numerator: int, denominator: int) -> Decimal | None:
    """Percent with two decimals, rounded half up; None for an empty denominator, never 0 (C13)."""
    if not denominator:
        return None
    return (Decimal(100 * numerator) / denominator).quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(slots=True)
class Tally:
    """Counts and rates found, by key; what is absent is zero."""

    counts: dict[Key, int] = field(default_factory=dict)
    ratios: dict[Key, Ratio] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take the figures of another chapter or month; their keys are others."""
        self.counts.update(other.counts)
        self.ratios.update(other.ratios)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: a count, or a rate with its two members."""

    key: Key
    value: int | None = None
    ratio: Ratio | None = None

    @property
    def indicator(self) -> Indicator:
        return BY_CODE[self.key.indicator]

    @property
    def rate(self) -> Decimal | None:
        return self.ratio.rate if self.ratio else None


@dataclass(frozen=True, slots=True)
class Grid:
    """What every month is written for, found or not (C14)."""

    finess: Sequence[str]
    professions: Sequence[str]

    def keys(self, finess: str, month: Month) -> Iterator[Key]:
        """The keys that are always written for one FINESS and one month."""
        for indicator in INDICATORS:
            key = Key(finess, month, indicator.code)
            if indicator.axis in TYPES_OF_AXIS:
                yield from (key._replace(doc_type=one) for one in TYPES_OF_AXIS[indicator.axis])
            elif indicator.axis == Axis.PROFESSIONS:
                yield from (key._replace(profession=one) for one in (*self.professions, ALL))
            elif indicator.axis == Axis.VOLETS:
                yield from (key._replace(volet=one) for one in Volet.values)
            elif indicator.axis == Axis.CODES:
                yield key._replace(doc_type=DocType.TOUS)
            else:
                yield key


def figures_of(tally: Tally, *, grid: Grid, period: Period) -> Iterator[Figure]:
    """Every line of a file, in the order of the file: FINESS, month, then chapter, code, type (stats 4)."""
    found: dict[tuple[str, Month], set[Key]] = defaultdict(set)
    for key in (*tally.counts, *tally.ratios):
        found[key.finess, key.month].add(key)
    for finess in sorted({*grid.finess, *(name for name, _ in found)}):
        for month in period:
            keys = found[finess, month].union(grid.keys(finess, month))
            yield from (figure_at(tally, key) for key in sorted(keys, key=_place))


def figure_at(tally: Tally, key: Key) -> Figure:
    """The figure of one key; zero, or an empty rate, when nothing was found."""
    if BY_CODE[key.indicator].measure == Measure.COUNT:
        return Figure(key, value=tally.counts.get(key, 0))
    return Figure(key, ratio=tally.ratios.get(key, NOTHING))


def _place(key: Key) -> tuple[str, ...]:
    chapter = BY_CODE[key.indicator].chapter
    return (str(chapter), key.indicator, *key[3:])


def ratios_of(numerators: Mapping[Key, int], denominators: Mapping[Key, int]) -> dict[Key, Ratio]:
    """Members put over their base; a base without member gives 0 over it."""
    keys = {*numerators, *denominators}
    return {key: Ratio(numerators.get(key, 0), denominators.get(key, 0)) for key in keys}
