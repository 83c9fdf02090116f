"""Times of the metadata: UTC, without offset, `YYYY[MM[DD[hh[mm[ss]]]]]`.

Source: spec cda 8.1 (last lines), IHE ITI TF-3 (DTM), EX_3.1-1070 (UTC).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_TS = re.compile(r"([0-9]{4,14})(?:\.[0-9]+)?(?:([+-])([0-9]{2})([0-9]{2}))?")
_DATE_DIGITS = 8
_FORMATS = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def dtm_from_instant(instant: datetime) -> str:
    """Write an instant (with a zone) to the second."""
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def instant_from_dtm(dtm: str) -> datetime:
    """Read a DTM of the metadata as an instant in UTC; what is not written counts from its beginning.

    Raises:
        ValueError: not a DTM.
    """
    padded = dtm + "00000101000000"[len(dtm) :] if len(dtm) in (4, 6, 8, 10, 12, 14) else ""
    return datetime.strptime(padded, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def dtm_from_ts(ts: str, *, zone: tzinfo = UTC) -> str:
    """Convert a CDA time (local, with offset) to UTC, keeping its precision; a date stays a date.

    `zone` is that of a time written without the offset that CI-SIS asks for.

    Raises:
        ValueError: not a time.
    """
    match = _TS.fullmatch(ts)
    if match is None or len(match.group(1)) % 2:
        raise ValueError(f"{ts[:40]!r} is no CDA time")
    digits, sign, hours, minutes = match.groups()
    if len(digits) <= _DATE_DIGITS:
        return digits
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(-offset if sign == "-" else offset)
    local = datetime.strptime(digits, _FORMATS[len(digits)]).replace(tzinfo=zone)
    return local.astimezone(UTC).strftime(_FORMATS[len(digits)])
