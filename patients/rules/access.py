"""The care relation of a professional and a patient (security 3.3; F-PV-10, F-PV-11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class AccessUnits:
    """Where somebody works: units by their codes, or everywhere in the establishment."""

    codes: frozenset[str]
    everywhere: bool = False

    def cover(self, codes: frozenset[str]) -> bool:
        return self.everywhere or bool(self.codes & codes)


def is_within_relation(
    *, ended_at: datetime | None, now: datetime, days_after: int, is_cancelled: bool = False
) -> bool:
    """Whether a stay still founds a care relation: until it ends, then `days_after` days.

    A planned stay founds one too (security 3.3); a cancelled one never.
    """
    if is_cancelled:
        return False
    return ended_at is None or now < ended_at + timedelta(days=days_after)
