"""Room taken in the mailboxes that are read: asked now and then, kept, told in time (mssante 2.1.5)."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from django.utils import timezone

from mssante.models import Mailbox
from national.errors import NationalServiceError
from national.mail.ports import MailReader

logger = logging.getLogger(__name__)

ASKED_EVERY: Final = timedelta(minutes=15)


def mailbox_quota_watch(*, mailbox: Mailbox, reader: MailReader) -> None:
    """Ask the operator, when it was not asked for a while; its silence or refusal stops no reading.

    A failure keeps the last value, and is asked again after the same time.
    """
    now = timezone.now()
    if mailbox.quota_at is not None and now - mailbox.quota_at < ASKED_EVERY:
        return
    found: dict[str, object] = {"quota_at": now}
    try:
        quota = reader.quota()
        found |= {"quota_used": quota.used if quota else None, "quota_limit": quota.limit if quota else None}
    except NationalServiceError as error:
        logger.warning("mssante.quota.not_told", extra={"mailbox": mailbox.pk, "code": error.code})
    Mailbox.objects.filter(pk=mailbox.pk).update(**found)
