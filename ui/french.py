"""French writing of dates, ages, names and figures (ui reference, section 8). Pure functions.

Moments are aware datetimes, written in the time zone that is current for the request; dates of
care are plain dates. The clock is always an argument.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from django.utils import timezone

NARROW_SPACE: Final = "\u202f"
NO_BREAK_SPACE: Final = "\u00a0"
DASH: Final = "—"

# Numéro d'inscription: sex, year, month, department, commune, order, then the key (spec/ins.md 13).
_MATRICULE: Final = re.compile(r"^(\w)(\w\w)(\w\w)(\w\w)(\w{3})(\w{3})(\d\d)$")


def care_date(day: date | None) -> str:
    """`28/03/1979`, always full."""
    return f"{day:%d/%m/%Y}" if day else DASH


def dense_date(day: date | None) -> str:
    """`08/03/25`, for narrow columns."""
    return f"{day:%d/%m/%y}" if day else DASH


def hour(moment: datetime | None) -> str:
    """`14:32`, local."""
    return f"{timezone.localtime(moment):%H:%M}" if moment else DASH


def when(moment: datetime | None, now: datetime) -> str:
    """`14:32` today, `08/03 14:36` this year, `08/03/2024 14:36` before; local."""
    if moment is None:
        return DASH
    local, here = timezone.localtime(moment), timezone.localtime(now)
    if local.date() == here.date():
        return f"{local:%H:%M}"
    if local.year == here.year:
        return f"{local:%d/%m %H:%M}"
    return f"{local:%d/%m/%Y %H:%M}"


def moment(value: datetime | None, now: datetime) -> str:
    """As `when`, but never an hour without its day: `08/03 14:36`."""
    if value is None:
        return DASH
    local, here = timezone.localtime(value), timezone.localtime(now)
    return f"{local:%d/%m %H:%M}" if local.year == here.year else f"{local:%d/%m/%Y %H:%M}"


def full_moment(value: datetime | None) -> str:
    """`06/03/2025 11:02`, for histories and traces."""
    return f"{timezone.localtime(value):%d/%m/%Y %H:%M}" if value else DASH


def traced(value: datetime | None) -> str:
    """`06/03/2025 11:02:31 +01:00`: a local time that leaves no doubt, for a trace (mssante 1.11)."""
    if value is None:
        return DASH
    local = timezone.localtime(value)
    return f"{local:%d/%m/%Y %H:%M:%S} {local.isoformat()[-6:]}"


def departure(value: datetime | None, now: datetime) -> str:
    """The time of a planned departure, in words: `aujourd’hui 22:00`, `demain 08:00`, `08/03 22:00`."""
    if value is None:
        return DASH
    local, today = timezone.localtime(value), timezone.localtime(now).date()
    if local.date() == today:
        return f"aujourd’hui {local:%H:%M}"
    if local.date() == today + timedelta(days=1):
        return f"demain {local:%H:%M}"
    return moment(value, now)


def scheduled(value: datetime | None, now: datetime) -> str:
    """The detail of the pill `Programmé`: `22:00` today, `(08/03 22:00)` another day."""
    written = when(value, now)
    return written if value is None or "/" not in written else f"({written})"


def age(birth: date | None, on: date) -> str:
    """Age in years from 2 years, in months from 2 months, then in days."""
    if birth is None or birth > on:
        return DASH
    months = (on.year - birth.year) * 12 + on.month - birth.month - (on.day < birth.day)
    if months >= 24:
        return f"{months // 12} ans"
    if months >= 2:
        return f"{months} mois"
    days = (on - birth).days
    return f"{days} jours" if days > 1 else f"{days} jour"


def stay_day(entry: datetime | None, now: datetime) -> str:
    """`J0` on the day of entry, `J2` two days later; local days."""
    if entry is None:
        return ""
    return f"J{(timezone.localtime(now).date() - timezone.localtime(entry).date()).days}"


def given_name(name: str | None) -> str:
    """`DOMINIQUE` as `Dominique`, `JEAN-LUC` as `Jean-Luc`; letters are never changed for others."""
    return re.sub(r"[^\W\d_]+", lambda part: part[0][0].upper() + part[0][1:].lower(), name or "")


def matricule(value: str | None) -> str:
    """`2 79 03 51 215 189 89`; anything that has not 15 characters is returned as it is."""
    found = _MATRICULE.match(value or "")
    return NO_BREAK_SPACE.join(found.groups()) if found else (value or "")


def whole(value: int | None) -> str:
    """`1 270`, with narrow no-break spaces; an absent figure is a dash."""
    return DASH if value is None else f"{value:,}".replace(",", NARROW_SPACE)


def and_list(parts: Sequence[str]) -> str:
    """`A`, `A et B`, `A, B et C`; empty without any."""
    *first, last = parts or [""]
    return f"{', '.join(first)} et {last}" if first else last


def percent(value: float | None, digits: int = 1) -> str:
    """`81,4 %` for 81.4; an empty denominator (`None`) is a dash."""
    return DASH if value is None else f"{value:.{digits}f}".replace(".", ",") + f"{NARROW_SPACE}%"


_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
    "novembre", "décembre",
)  # fmt: skip
_SHORT_MONTHS: Final = (
    "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
)  # fmt: skip


def month_words(day: date, *, short: bool = False, year: bool = True) -> str:
    """`février 2025`, or `févr. 2025`; without the year, `février`."""
    word = (_SHORT_MONTHS if short else _MONTHS)[day.month - 1]
    return f"{word}{NO_BREAK_SPACE}{day.year}" if year else word


def file_size(size: int | None) -> str:
    """`184 Ko`, `1,2 Mo`, from a number of bytes."""
    if size is None:
        return DASH
    if size < 1024:
        return f"{size}{NO_BREAK_SPACE}o"
    if size < 1024 * 1024:
        return f"{round(size / 1024)}{NO_BREAK_SPACE}Ko"
    return f"{size / 1024 / 1024:.1f}".replace(".", ",") + f"{NO_BREAK_SPACE}Mo"
