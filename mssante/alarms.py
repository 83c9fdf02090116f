"""What an administrator must know of the mailboxes before mails are refused (mssante 2.1.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import F

from establishment.enums import NationalService
from exchange.alarms import Alarm
from mssante.models import Mailbox
from ui.french import file_size, full_moment, percent

FULL: Final = "MAILBOX_FULL"
ALARM_PERCENT: Final = 80


def mailbox_alarms(_now: datetime) -> list[Alarm]:
    """One alarm for each mailbox in service whose room was last seen taken at 80 % or more. 1 query."""
    rows = Mailbox.objects.filter(
        is_active=True, quota_limit__gt=0, quota_used__gte=F("quota_limit") * ALARM_PERCENT / 100
    )
    return [Alarm(NationalService.MSSANTE, FULL, _words(row)) for row in rows.order_by("address")]


def _words(row: Mailbox) -> str:
    used, limit = row.quota_used or 0, row.quota_limit or 1
    return (
        f"Boîte {row.address} pleine à {percent(100 * used / limit, 0)} ({file_size(used)} sur "
        f"{file_size(limit)}, {full_moment(row.quota_at)})\u202f: videz ses dossiers chez l’opérateur, "
        "qui refusera les courriels d’une boîte pleine."
    )
