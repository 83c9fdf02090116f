"""The notice to professionals: their accesses are traced, controlled and shown (SC.DMP/CONF.11)."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from dmp.models import NoticeAcceptance


@transaction.atomic
def notice_accept(*, user: User, actor: Actor) -> NoticeAcceptance:
    """The person confirms having read the texts of today; dated, and traced with their fingerprint."""
    words = f"{settings.DMP_NOTICE_TEXT}\n{settings.DMP_NOTICE_WARNING}"
    fingerprint = hashlib.sha256(words.encode()).hexdigest()
    acceptance = NoticeAcceptance.objects.create(
        user=user, accepted_at=timezone.now(), text_sha256=fingerprint
    )
    trace_write(
        type="dmp.notice",
        action=Action.EXECUTE,
        actor=actor,
        object_type="user",
        object_uid=user.uid,
        detail={"text_sha256": fingerprint},
    )
    return acceptance
