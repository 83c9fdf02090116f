"""Reads of the exchange room."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from exchange.enums import Direction, MessageState, Transport
from exchange.models import MAX_ATTEMPTS, Message, Partner
from exchange.rules import DEVELOPMENT_PARTNER


def partner_by_code(code: str) -> Partner:
    """An active partner; Partner.DoesNotExist otherwise."""
    return Partner.objects.get(code=code, is_active=True)


def partners_listening(*, sandbox: bool) -> list[Partner]:
    """Partners that have a port of ours; the development partner only with the sandbox."""
    partners = Partner.objects.filter(is_active=True, transport=Transport.MLLP, listen_port__isnull=False)
    if not sandbox:
        partners = partners.exclude(code=DEVELOPMENT_PARTNER)
    return list(partners.order_by("listen_port"))


def integration_work_list() -> QuerySet[Message]:
    """Incoming messages that a person should look at, newest first.

    Refused, in conflict or unreadable ones, those held back by a defect, and those applied with a
    warning; `raw` is left out.
    """
    return (
        Message.objects.filter(direction=Direction.INCOMING)
        .filter(
            Q(state__in=[MessageState.REFUSED, MessageState.CONFLICT, MessageState.UNREADABLE])
            | Q(state=MessageState.STORED, attempts__gt=1)
            | ~Q(warning="")
        )
        .select_related("partner")
        .defer("raw", "ack")
        .order_by("-id")
    )


def messages_stuck() -> QuerySet[Message]:
    """Incoming messages whose attempts are at their end: nothing takes them up any more."""
    return Message.objects.filter(
        direction=Direction.INCOMING, state=MessageState.STORED, attempts__gte=MAX_ATTEMPTS
    ).defer("raw", "ack")
