"""Files of the indicators: at once, prepared in the background, or each month (spec workflows 8).

A file is figures and nobody's data; who takes one is traced all the same.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from accounts.models import User
from audit.context import Actor, system_actor
from audit.enums import Action
from audit.services import trace_write
from stats.enums import ExportState
from stats.errors import ExportExpired, ExportNotReady
from stats.models import Export
from stats.rules.months import Month, Period, month_of, month_of_day
from stats.selectors.exporting import Wanted, csv_lines, file_name
from stats.selectors.tally import reading_at

LINK_LIFE: Final = timedelta(hours=24)
MAX_ATTEMPTS: Final = 3
MONTHLY_ACTOR: Final = system_actor("stats.monthly")


def export_trace(*, wanted: Wanted, actor: Actor) -> None:
    """Trace an extraction of the indicators: who, of what; the figures are nobody's (stats 7)."""
    trace_write(
        type="stats.export",
        action=Action.READ,
        actor=actor,
        object_type="stats.file",
        detail={
            "from": wanted.period.first.text,
            "to": wanted.period.last.text,
            "finess": wanted.finess,
            "by_service": wanted.by_service,
        },
    )


def figures_trace(*, wanted: Wanted, actor: Actor) -> None:
    """Trace the reading of a month of figures by a software (security 8.3)."""
    trace_write(
        type="report.run",
        action=Action.READ,
        actor=actor,
        object_type="stats.month",
        detail={
            "month": wanted.period.first.text,
            "finess": wanted.finess,
            "by_service": wanted.by_service,
        },
    )


@transaction.atomic
def export_request(*, wanted: Wanted, user: User, actor: Actor, now: datetime) -> Export:
    """Ask for a file that takes a while: prepared by a worker, kept for a day."""
    export = Export.objects.create(
        asked_by=user,
        first_month=wanted.period.first.first_day,
        last_month=wanted.period.last.first_day,
        finess=wanted.finess,
        by_service=wanted.by_service,
        created_at=now,
    )
    export_trace(wanted=wanted, actor=actor)
    return export


def export_build(*, export: Export, now: datetime) -> Export:
    """Write the file of a claimed export; its link lasts a day from now.

    One that was begun several times without an end fails: a person asks again.
    """
    if export.attempts > MAX_ATTEMPTS:
        Export.objects.filter(pk=export.pk).update(state=ExportState.FAILED, **export.release())
    else:
        content = "".join(csv_lines(wanted_of(export), now)).encode()
        Export.objects.filter(pk=export.pk, state=ExportState.PENDING).update(
            **_ready(content, now), **export.release()
        )
    export.refresh_from_db()
    return export


@transaction.atomic
def export_open(*, export: Export, actor: Actor, now: datetime) -> bytes:
    """The bytes of a prepared file, its reading traced. Raises ExportExpired, ExportNotReady."""
    if export.state == ExportState.EXPIRED or (export.expires_at and export.expires_at <= now):
        raise ExportExpired()
    if export.state != ExportState.READY or export.content is None:
        raise ExportNotReady()
    trace_write(
        type="stats.download",
        action=Action.READ,
        actor=actor,
        object_type="stats.export",
        object_uid=export.uid,
        detail={"file": export.file_name},
    )
    return bytes(export.content)


def exports_expire(*, now: datetime) -> int:
    """Empty the files whose link is over; the rows stay, as what was asked."""
    return Export.objects.filter(state=ExportState.READY, expires_at__lte=now).update(
        state=ExportState.EXPIRED, content=None
    )


def export_monthly(*, now: datetime) -> Export | None:
    """Write the file of the month in the folder of the hospital, once its day and hour have come.

    None when there is no folder, when it is too early, or when it was written already. A folder that
    cannot be written raises OSError: the next hour tries again.
    """
    zone = ZoneInfo(settings.TIME_ZONE)
    local = now.astimezone(zone)
    folder: Path | None = settings.STATS_EXPORT_FOLDER
    due = local.replace(
        day=settings.STATS_EXPORT_DAY, hour=settings.STATS_EXPORT_HOUR, minute=0, second=0, microsecond=0
    )
    if folder is None or local < due or _is_written(month_of(now, zone)):
        return None
    reading = reading_at(now)
    wanted = Wanted(reading.period)
    content = "".join(csv_lines(wanted, now)).encode()
    name = file_name(now)
    _write(folder / name, content)
    with transaction.atomic():
        export_trace(wanted=wanted, actor=MONTHLY_ACTOR)
        return Export.objects.create(
            is_scheduled=True,
            first_month=wanted.period.first.first_day,
            last_month=wanted.period.last.first_day,
            folder=str(folder)[:300],
            created_at=now,
            **_ready(content, now),
        )


def wanted_of(export: Export) -> Wanted:
    """What an export holds."""
    period = Period(month_of_day(export.first_month), month_of_day(export.last_month))
    return Wanted(period, export.finess, export.by_service)


def _is_written(month: Month) -> bool:
    return Export.objects.filter(is_scheduled=True, last_month=month.first_day).exists()


def _ready(content: bytes, now: datetime) -> dict[str, Any]:
    return {
        "state": ExportState.READY,
        "file_name": file_name(now),
        "content": content,
        "size": len(content),
        "ready_at": now,
        "expires_at": now + LINK_LIFE,
    }


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: whoever watches the folder never reads half a file."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
