"""Lines and bars of the indicators as numbers of an SVG: fixed scale, one hue (ui reference 6.19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from stats.rules.months import Month
from ui.french import month_words, percent

WIDTH: Final = 104
HEIGHT: Final = 36
MARGIN: Final = 4


@dataclass(frozen=True, slots=True)
class Line:
    """Inputs of stats/_line.html: `segments` are runs of months that have a rate, `last` the newest point."""

    segments: tuple[str, ...]
    last: tuple[str, str] | None
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Inputs of stats/_bar.html: widths in hundredths of the whole."""

    width: str
    goal: str


def line_of(months: Sequence[Month], rates: Sequence[Decimal | None]) -> Line:
    """Twelve months on a scale from 0 to 100; a month without rate is a hole, never a zero."""
    step = (WIDTH - 2 * MARGIN) / max(len(months) - 1, 1)
    runs: list[list[str]] = [[]]
    last: tuple[str, str] | None = None
    for place, rate in enumerate(rates):
        if rate is None:
            runs.append([])
            continue
        last = (_number(MARGIN + place * step), _height(rate))
        runs[-1].append(",".join(last))
    return Line(tuple(" ".join(run) for run in runs if len(run) > 1), last, _label(months, rates))


def bar_of(rate: Decimal | None, goal: int | None) -> Bar | None:
    """The share reached, with the mark of the local goal where there is one; None without a rate."""
    return None if rate is None else Bar(f"{rate:.2f}", "" if goal is None else str(goal))


def _label(months: Sequence[Month], rates: Sequence[Decimal | None]) -> str:
    known = [(month, rate) for month, rate in zip(months, rates, strict=True) if rate is not None]
    if not known:
        return "Aucun taux sur les douze derniers mois"
    (first, one), (newest, two) = known[0], known[-1]
    if first == newest:
        return f"{percent(float(two))} en {month_words(newest.first_day)}, seul mois avec un taux"
    return (
        f"De {percent(float(one))} en {month_words(first.first_day)} à {percent(float(two))} en "
        f"{month_words(newest.first_day)}"
    )


def _height(rate: Decimal) -> str:
    return _number(HEIGHT - MARGIN - float(rate) / 100 * (HEIGHT - 2 * MARGIN))


def _number(value: float) -> str:
    return f"{value:.1f}"
