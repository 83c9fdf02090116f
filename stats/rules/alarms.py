"""When a figure deserves that somebody looks (F-PV-42; workflows 8, step 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from stats.rules.figures import Ratio

MONTHS_BEFORE = 3
FEWEST_STAYS = 20
"""Below this many stays, a drop of the rate says nothing."""


class Tone(StrEnum):
    """How pressing: the tones of the interface."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Flow:
    """One channel: its last success, and the oldest attempt since then that has no success yet."""

    name: str
    last_success: datetime | None
    waiting_since: datetime | None


def silence(flow: Flow, *, now: datetime, threshold: timedelta) -> Tone:
    """A channel is silent when something was given to it longer ago than the threshold, and nothing came.

    A channel that nobody used owes nothing: a quiet Sunday is no alarm.
    """
    if flow.waiting_since is None or now - flow.waiting_since < threshold:
        return Tone.OK
    is_fresh = flow.last_success is not None and now - flow.last_success < threshold
    return Tone.OK if is_fresh else Tone.BAD


def drop(current: Ratio, before: Sequence[Ratio]) -> Decimal | None:
    """Points lost against the mean of the three months before; None when there is nothing to compare."""
    rates = [ratio.rate for ratio in before if ratio.rate is not None]
    if current.rate is None or current.denominator < FEWEST_STAYS or not rates:
        return None
    return sum(rates, Decimal(0)) / len(rates) - current.rate
